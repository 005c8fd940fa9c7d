// The only door out of a room.

import { encode } from "./payload.ts";
import { Rng } from "./rng.ts";
import type {
  ActionEffect,
  Audience as WitAudience,
  Effect,
  KvRequest,
  Level,
  Member,
  MemberId,
  Seat,
  TimerId,
  ViewAudience as WitViewAudience,
} from "./wit.ts";

/** Whom a message reaches: a member, a list of them, all who have a seat, or whom the contract can name. */
export type Audience = MemberId | readonly MemberId[] | Seat | WitAudience;

/** Who sees a view: a member, all who have a seat, or whom the contract can name. */
export type ViewAudience = MemberId | Seat | WitViewAudience;

/** Whether the current event can be answered, and was. */
type Answer = { is: "impossible" } | { is: "open" } | { is: "given"; payload: Uint8Array };

const IMPOSSIBLE: Answer = { is: "impossible" };
const OPEN: Answer = { is: "open" };

/**
 * What a room sees of the world, and the only way it acts on it.
 *
 * What it is told to do takes effect when the event is handled, in the order given. A message to a member who has left is
 * dropped; one to a number that never was a member's is a fault. Every method that takes a value to send throws where the
 * value is none of Parlor's, a NaN for instance: that is a mistake in the plugin, and the error says which field.
 */
export class Ctx {
  /** Room time in milliseconds: it begins with the room, and stands still while the server is down. */
  nowMs = 0;
  /**
   * The number of the tick that this is applied in, which the reply to an input tells its sender: the last one, 0 before the
   * first. Where inputs are delivered on-tick, it is the one that they come with.
   */
  tick = 0;
  /** @internal */
  readonly roster = new Map<MemberId, Member>();
  private rng: Rng | null = null;
  private seed = 0;
  private event = 0;
  /** The place of the current event in its batch; none in `open`. */
  private cause: number | null = null;
  private answer: Answer = IMPOSSIBLE;
  private effects: Effect[] = [];

  /** @internal Only the host's calls make one. */
  constructor(private readonly logLine: (level: Level, line: string) => void) {}

  /** @internal Turns to the next event: `cause` is its place in the batch, `event` its number in the room. */
  turnTo(cause: number | null, seed: number, event: number, isMessage: boolean): void {
    this.cause = cause;
    this.seed = seed;
    this.event = event;
    this.rng = null;
    this.answer = isMessage ? OPEN : IMPOSSIBLE;
  }

  /** @internal */
  takeAnswer(): Uint8Array | null {
    const { answer } = this;
    this.answer = IMPOSSIBLE;
    return answer.is === "given" ? answer.payload : null;
  }

  /** @internal */
  takeEffects(): Effect[] {
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  /** @internal */
  act(action: ActionEffect): void {
    this.effects.push({ cause: this.cause, action });
  }

  /** Sends a message. */
  send(to: Audience, message: unknown): void {
    this.act({ tag: "send", val: { to: audience(to), from: null, payload: encode(message) } });
  }

  /** Sends a message that is shown to be from a member. */
  sendFrom(from: MemberId, to: Audience, message: unknown): void {
    this.act({ tag: "send", val: { to: audience(to), from, payload: encode(message) } });
  }

  /** Sends a message to all members. */
  broadcast(message: unknown): void {
    this.send({ tag: "everyone" }, message);
  }

  /** Sends a message to all members but one. */
  sendExcept(member: MemberId, message: unknown): void {
    this.send({ tag: "except", val: [member] }, message);
  }

  /**
   * Gives the answer to the message being handled. The last one counts, and a `Refusal` overrides it.
   *
   * @throws Error outside `Room.message`, where nobody waits for an answer.
   */
  reply(data: unknown): void {
    if (this.answer.is === "impossible") {
      throw new Error("`reply` answers a message, and none is being handled; use `send`");
    }
    this.answer = { is: "given", payload: encode(data) };
  }

  /** Publishes a view to all members: the latest value wins, and members are sent what changed. */
  state(view: string, value: unknown): void {
    this.stateFor({ tag: "everyone" }, view, value);
  }

  /** Publishes a view to those who have a seat, or to one member. The same name for others is another view. */
  stateFor(to: ViewAudience, view: string, value: unknown): void {
    this.act({ tag: "state", val: { view, audience: viewAudience(to), value: encode(value) } });
  }

  /** Withdraws a view that was published for this audience. */
  dropState(to: ViewAudience, view: string): void {
    this.act({ tag: "drop-state", val: [view, viewAudience(to)] });
  }

  /** All members, in the order of their numbers. */
  members(): Member[] {
    return [...this.roster.values()];
  }

  /** The members who take part. */
  players(): Member[] {
    return this.members().filter((member) => member.seat === "player");
  }

  /** A member, while it is here. */
  member(id: MemberId): Member | undefined {
    return this.roster.get(id);
  }

  /** Removes a member, and tells it why. `Room.leave` follows. */
  kick(member: MemberId, reason: string): void {
    this.act({ tag: "kick", val: { member, reason } });
  }

  /** Moves a member to another seat, whether or not one is free by the description. */
  setSeat(member: MemberId, seat: Seat): void {
    const present = this.roster.get(member);
    if (present !== undefined) this.roster.set(member, { ...present, seat });
    this.act({ tag: "set-seat", val: { member, seat } });
  }

  /** Random numbers that are the same whenever this event is replayed. */
  random(): Rng {
    this.rng ??= new Rng(this.seed, this.event);
    return this.rng;
  }

  /** Calls `Room.timer` after this much room time. A timer of that number that runs is replaced. */
  setTimer(timer: TimerId, afterMs: number): void {
    this.act({ tag: "set-timer", val: { timer: natural("a timer's number", timer), afterMs: natural("afterMs", afterMs) } });
  }

  /** Stops a timer. */
  cancelTimer(timer: TimerId): void {
    this.act({ tag: "cancel-timer", val: natural("a timer's number", timer) });
  }

  /** Lets nobody new join as a player. */
  lock(): void {
    this.act({ tag: "lock", val: true });
  }

  /** Undoes `lock`. */
  unlock(): void {
    this.act({ tag: "lock", val: false });
  }

  /** Sets what listings show of the room: a map. */
  metadata(entries: object): void {
    this.act({ tag: "metadata", val: encode(entries) });
  }

  /** Closes the room, and tells the members why. */
  close(reason: string): void {
    this.act({ tag: "close", val: reason });
  }

  /**
   * Reads a key of the storage that all rooms of the plugin share and that outlives them; `docs/storage.md` has its rules.
   * The answer comes to `Room.kvAnswer` in a later step, with the number that was chosen for the operation.
   */
  kvGet(operation: number, key: string): void {
    this.kv(operation, { tag: "get", val: key });
  }

  /** Writes a key. The answer is `stored`. */
  kvPut(operation: number, key: string, value: Uint8Array): void {
    this.kv(operation, { tag: "put", val: [key, value] });
  }

  /** Deletes a key. The answer is `stored`, also where there was none. */
  kvDelete(operation: number, key: string): void {
    this.kv(operation, { tag: "put", val: [key, null] });
  }

  /** Writes a key if its value still is `expected`: the answer is `stored`, or `conflict` with the value that is there. */
  kvCompareAndPut(operation: number, key: string, expected: Uint8Array | null, value: Uint8Array | null): void {
    this.kv(operation, { tag: "compare-and-put", val: [key, expected, value] });
  }

  /** Reads up to `count` entries whose keys begin with `prefix` and come after `after`. The answer is `entries`. */
  kvList(operation: number, prefix: string, after: string, count: number): void {
    this.kv(operation, { tag: "list", val: [prefix, after, natural("count", count)] });
  }

  /** Logs fine detail. The host adds the plugin's and the room's name to each line, and keeps 64 KiB a second. */
  debug(line: string): void {
    this.logLine("debug", line);
  }

  /** Logs normal life. */
  info(line: string): void {
    this.logLine("info", line);
  }

  /** Logs something to look at. */
  warn(line: string): void {
    this.logLine("warn", line);
  }

  /** Logs that something is broken. */
  error(line: string): void {
    this.logLine("error", line);
  }

  private kv(operation: number, request: KvRequest): void {
    this.act({ tag: "kv", val: { operation: natural("the operation's number", operation), request } });
  }
}

/** What cannot cross the boundary would come out as another number there. */
function natural(what: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${what} is ${value}, and not a whole number`);
  return value;
}

function audience(to: Audience): WitAudience {
  if (typeof to === "number") return { tag: "only", val: [to] };
  if (typeof to === "string") return { tag: "seat", val: to };
  return "tag" in to ? to : { tag: "only", val: [...to] };
}

function viewAudience(to: ViewAudience): WitViewAudience {
  if (typeof to === "number") return { tag: "member", val: to };
  return typeof to === "string" ? { tag: "seat", val: to } : to;
}
