// From the host's calls to a room's methods. Tests use it too: it is what a test room drives.

import { Config } from "./config.ts";
import { Ctx } from "./ctx.ts";
import { decode } from "./payload.ts";
import { Refusal } from "./refusal.ts";
import type { Room } from "./room.ts";
import type { Shape } from "./shape.ts";
import { loadState, saveState } from "./state.ts";
import { PayloadError } from "./value.ts";
import type { Batch, Config as WitConfig, Effect, Event, Level, Member, Message, Refusal as WitRefusal } from "./wit.ts";

/** What a room is made with. */
export interface Making<State, Input> {
  readonly Room: new () => Room<State, Input>;
  readonly input: Shape<Input>;
  readonly stateSchema: number;
  readonly log: (level: Level, line: string) => void;
}

/** The context of the event that is being handled, for those who are asked without one, such as `Math.random`. */
let current: Ctx | null = null;

/** Random numbers for `Math.random`: those of the event being handled. */
export function currentRandom(): number {
  if (current === null) throw new Error("there is no chance outside of a room's methods; use `room.random()` in one");
  return current.random().unit();
}

/** A room with what the SDK keeps for it. */
export class Instance<State, Input> {
  private constructor(
    private readonly making: Making<State, Input>,
    private readonly room: Room<State, Input>,
    /** What the room acts through. */
    readonly ctx: Ctx,
  ) {}

  /** Begins a room. */
  static open<State, Input>(
    making: Making<State, Input>,
    config: WitConfig,
  ): { instance: Instance<State, Input>; effects: Effect[] } {
    const instance = Instance.blank(making);
    const { room, ctx } = instance;
    ctx.turnTo(null, config.seed, 0, false);
    room.state = during(ctx, () => sync("open", room.open(ctx, new Config(config))));
    return { instance, effects: ctx.takeEffects() };
  }

  /** Goes on with a room that was saved. */
  static load<State, Input>(making: Making<State, Input>, schema: number, bytes: Uint8Array): Instance<State, Input> {
    const instance = Instance.blank(making);
    const { room, ctx } = instance;
    const [members, saved] = readSaved(bytes);
    for (const member of members) ctx.roster.set(member.id, Object.freeze(member));
    room.state = schema === making.stateSchema ? room.load(saved) : room.upgrade(schema, saved);
    return instance;
  }

  private static blank<State, Input>(making: Making<State, Input>): Instance<State, Input> {
    const room = new making.Room();
    const fields = Object.keys(room).filter((field) => field !== "state");
    if (fields.length > 0) {
      throw new Error(`\`${fields[0]}\` is a field of the room and would not be saved; put it into the state`);
    }
    room.state = undefined as State;
    // So that a field that is added later throws where it is added.
    Object.preventExtensions(room);
    return new Instance(making, room, new Ctx(making.log));
  }

  /** Runs one step. */
  step(batch: Batch): Effect[] {
    const { ctx } = this;
    ctx.nowMs = batch.nowMs;
    ctx.tick = batch.tick;
    const { events } = batch;
    current = ctx;
    try {
      for (let cause = 0; cause < events.length; cause++) {
        const event = events[cause] as Event;
        ctx.turnTo(cause, batch.seed, batch.firstEvent + cause, event.tag === "message");
        this.onEvent(event);
      }
    } finally {
      current = null;
    }
    return ctx.takeEffects();
  }

  /** Writes down the whole room. A strict one also refuses what a test can find out. */
  save(isStrict = false): Uint8Array {
    return saveState([this.ctx.members(), saveState(this.room.save(), isStrict)]);
  }

  private onEvent(event: Event): void {
    const { room, ctx } = this;
    switch (event.tag) {
      case "message":
        return this.onMessage(event.val);
      case "tick":
        ctx.tick = event.val.number;
        return sync("tick", room.tick(ctx, event.val));
      case "joined":
        return this.onJoined(Object.freeze(event.val));
      case "left": {
        const member = ctx.roster.get(event.val.member);
        if (member === undefined) return;
        ctx.roster.delete(member.id);
        return sync("leave", room.leave(ctx, member, event.val.reason));
      }
      case "away":
        return sync("away", room.away(ctx, event.val));
      case "back":
        return sync("back", room.back(ctx, event.val));
      case "changed":
        // Somebody whose join was refused may have changed its name right behind it.
        if (!ctx.roster.has(event.val.id)) return;
        ctx.roster.set(event.val.id, Object.freeze(event.val));
        return sync("changed", room.changed(ctx, event.val));
      case "resync":
        return sync("resync", room.resync(ctx, event.val));
      case "timer":
        return sync("timer", room.timer(ctx, event.val));
      case "signal":
        return sync("signal", room.signal(ctx, event.val.name, decode(event.val.payload)));
      case "kv-answer":
        return sync("kvAnswer", room.kvAnswer(ctx, event.val.operation, event.val.outcome));
    }
  }

  private onJoined(member: Member): void {
    const { room, ctx } = this;
    ctx.roster.set(member.id, member);
    try {
      sync("join", room.join(ctx, member));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      ctx.roster.delete(member.id);
      ctx.act({ tag: "reject", val: wit(error) });
    }
  }

  private onMessage(message: Message): void {
    const { room, ctx } = this;
    const from = ctx.roster.get(message.member);
    // The host speaks of members only after it said that they joined.
    if (from === undefined) return;
    try {
      sync("message", room.message(ctx, from, this.read(message.payload)));
      const data = ctx.takeAnswer();
      if (data !== null) ctx.act({ tag: "reply", val: { tag: "ok", val: data } });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      ctx.takeAnswer();
      ctx.act({ tag: "reply", val: { tag: "err", val: wit(error) } });
    }
  }

  private read(payload: Uint8Array): Input {
    const value = decode(payload);
    try {
      return this.making.input(value);
    } catch (error) {
      throw new Refusal("INVALID_PAYLOAD", error instanceof Error ? error.message : String(error));
    }
  }
}

function during<T>(ctx: Ctx, call: () => T): T {
  current = ctx;
  try {
    return call();
  } finally {
    current = null;
  }
}

/** What comes later never comes: the host has what a call gave when it returns. */
function sync<T>(method: string, result: T): T {
  if (result instanceof Promise) throw new Error(`\`${method}\` returned a promise; a room's methods may not be async`);
  return result;
}

function wit(refusal: Refusal): WitRefusal {
  return { code: refusal.code, message: refusal.message };
}

function readSaved(bytes: Uint8Array): [Member[], unknown] {
  try {
    const [members, saved] = loadState(bytes) as [Member[], Uint8Array];
    return [members, loadState(saved)];
  } catch (error) {
    const why = error instanceof PayloadError ? error.message : "it is no saved room of this SDK";
    throw new Refusal(`the saved state cannot be read: ${why}`);
  }
}
