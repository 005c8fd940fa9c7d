// Write Parlor rooms in TypeScript. See docs/typescript.md for what a room is and what it costs.

export { Config } from "./config.ts";
export { type Audience, Ctx, type ViewAudience } from "./ctx.ts";
export * as interest from "./interest.ts";
export { Grid, type Interest, type Position, type Reach, type Sight } from "./interest.ts";
export { decode, encode } from "./payload.ts";
export { type Definition, type Plugin, definePlugin } from "./plugin.ts";
export { Refusal } from "./refusal.ts";
export { Rng } from "./rng.ts";
export { type KvResult, Room } from "./room.ts";
export * as shape from "./shape.ts";
export { type Shape, ShapeError, type ShapeOf } from "./shape.ts";
export { PayloadError, type Value } from "./value.ts";
export type {
  Action,
  Delivery,
  Description,
  Durability,
  KvEntry,
  KvError,
  KvOutcome,
  LeaveReason,
  Level,
  Limits,
  Member,
  MemberId,
  Permission,
  Presence,
  Seat,
  Tick,
  TimerId,
} from "./wit.ts";
