// What a plugin's author writes.

import type { Config } from "./config.ts";
import type { Ctx } from "./ctx.ts";
import { Refusal } from "./refusal.ts";
import type { Value } from "./value.ts";
import type { KvError, KvOutcome, LeaveReason, Member, MemberId, Tick, TimerId } from "./wit.ts";

/** What a storage operation came to. */
export type KvResult = { tag: "ok"; val: KvOutcome } | { tag: "err"; val: KvError };

/**
 * A room: `state` is all it remembers, the methods are what happens to it, one event at a time.
 *
 * Only `open` and `message` must be written. Each is done when it returns; there is nothing to wait for in a room, so none
 * may be `async`. The host saves the state between any two events and may go on with another instance that was loaded from
 * it. So whatever the room must remember is in `state`: plain objects, lists, `Map`s, `Set`s, texts, numbers, bigints and
 * bytes. Other fields of the class are refused.
 *
 * To refuse what a member asks for, throw a `Refusal`. Anything else that is thrown is a fault of the plugin: the host
 * reports it and takes the room back to before the event.
 */
export abstract class Room<State, Input = Value> {
  /** The room's state. It may be changed, and replaced. */
  declare state: State;

  /**
   * Begins a room, and says what its state is. Nobody is in it yet. `this.state` is there from the first event on.
   *
   * @throws Refusal to refuse the room; who asked for it is told the message.
   */
  abstract open(room: Ctx, config: Config): State;

  /**
   * A member says something. `Ctx.reply` gives the answer data; without it the answer is that it was done.
   *
   * @throws Refusal to refuse the message; its sender is told.
   */
  abstract message(room: Ctx, from: Member, input: Input): void;

  /**
   * Somebody came in, and is among `Ctx.members` already.
   *
   * @throws Refusal to refuse them; they are told, and never were a member.
   */
  join(_room: Ctx, _member: Member): void {}

  /** Somebody is gone, and no longer among `Ctx.members`. */
  leave(_room: Ctx, _member: Member, _reason: LeaveReason): void {}

  /** The clock ticks, `tickHz` times a second. */
  tick(_room: Ctx, _tick: Tick): void {}

  /** A timer set by `Ctx.setTimer` is due. */
  timer(_room: Ctx, _timer: TimerId): void {}

  /** A member's connection is lost or silent; it keeps its seat. */
  away(_room: Ctx, _member: MemberId): void {}

  /** A member who was away is back. */
  back(_room: Ctx, _member: MemberId): void {}

  /** A member's name, seat, user or roles are others now, and not by this room's doing. */
  changed(_room: Ctx, _member: Member): void {}

  /** A member lost its place in the room's history, and messages with it: send again what it needs. Views come by themselves. */
  resync(_room: Ctx, _member: MemberId): void {}

  /** The operator says something, through the admin API. */
  signal(_room: Ctx, _name: string, _data: Value): void {}

  /** A storage operation asked for by one of `Ctx`'s `kv` methods is done, in a later step, when it is durable. */
  kvAnswer(_room: Ctx, _operation: number, _result: KvResult): void {}

  /** What is saved of the room: the state, unless a room has a shorter form of it. */
  save(): unknown {
    return this.state;
  }

  /** Makes the state of what `save` gave. */
  load(saved: unknown): State {
    return saved as State;
  }

  /**
   * Makes the state of what was saved under another `stateSchema`, most often by an older version. So version 2 goes on
   * where version 1 was.
   *
   * @throws Refusal when this version cannot read it; the host then keeps the version that wrote it.
   */
  upgrade(schema: number, _saved: unknown): State {
    throw new Refusal(`this version cannot read state schema ${schema}; write \`upgrade\` for it`);
  }
}
