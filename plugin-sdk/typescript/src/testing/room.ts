// What a test does with a room, and what it asks of it.

import { encode } from "../payload.ts";
import type { Plugin } from "../plugin.ts";
import { Refusal } from "../refusal.ts";
import type { KvResult } from "../room.ts";
import { saveState } from "../state.ts";
import type { Value } from "../value.ts";
import type { KvRequest, Level, Member, MemberId, Seat } from "../wit.ts";
import { type Answer, Host, type Sent, type Setup } from "./host.ts";
import { isSame, show } from "./show.ts";
import { type Storage, execute } from "./storage.ts";

/** A room that asks again this often, whatever it is answered, never ends. */
const ROUNDS_MAX = 1000;

/**
 * A room under test, without WebAssembly and without a server.
 *
 * It does what the host does: it keeps the members, the clock, the timers and the views, drops messages to those who left,
 * and throws, with the words of a report, where the host would call the room at fault. After each step it runs the same
 * events again, one by one, on twins that are loaded from the saved state before, and compares what came of it: so a room
 * that forgets part of its state, or uses real time or chance, is found at the step where it happens.
 */
export class TestRoom<State, Input> extends Host<State, Input> {
  /**
   * Opens a room.
   *
   * @throws Refusal when the room refuses.
   */
  static open<State, Input>(plugin: Plugin<State, Input>, setup: Setup = {}): TestRoom<State, Input> {
    return new TestRoom(plugin, setup);
  }

  /**
   * Somebody joins. Who wants to play and finds no seat free, or the room locked, becomes a spectator.
   *
   * @throws Refusal when the room refuses, or is full.
   */
  join(name: string, as: { seat?: Seat; user?: string; roles?: string[] } = {}): MemberId {
    const seat = this.freeSeat(as.seat ?? "player");
    if (seat === undefined) throw new Refusal("ROOM_FULL", "no seat is free");
    this.lastMember += 1;
    const member: Member = { id: this.lastMember, name, seat, user: as.user ?? null, roles: as.roles ?? [] };
    this.present.set(member.id, member);
    this.run([{ tag: "joined", val: { ...member } }]);
    const { rejected } = this;
    this.rejected = null;
    if (rejected !== null) throw rejected;
    return member.id;
  }

  private freeSeat(wanted: Seat): Seat | undefined {
    const isFree = (seat: Seat, max: number): boolean =>
      [...this.present.values()].filter((member) => member.seat === seat).length < max;
    if (wanted === "player" && !this.locked && isFree("player", this.description.playersMax)) return "player";
    return isFree("spectator", this.description.spectatorsMax) ? "spectator" : undefined;
  }

  /** Somebody leaves. */
  leave(member: MemberId): void {
    this.depart(member, "left");
  }

  /** Somebody's connection was lost for too long. */
  disconnect(member: MemberId): void {
    this.depart(member, "disconnected");
  }

  /** A member says something. */
  push(member: MemberId, input: unknown): Answer {
    return this.pushRaw(member, encode(input));
  }

  /** A member sends these bytes, which the host has to take for a payload. */
  pushRaw(member: MemberId, payload: Uint8Array): Answer {
    const message = this.messageFrom(member, payload);
    if (this.description.delivery === "on-tick") {
      this.gathered.push(message);
      return { is: "waiting" };
    }
    this.run([message]);
    return this.lastAnswer(member);
  }

  /** Members say these things at the same moment, so that the room gets them in one batch. */
  pushAll(inputs: readonly (readonly [MemberId, unknown])[]): void {
    this.run(inputs.map(([member, input]) => this.messageFrom(member, encode(input))));
  }

  /** A member falls silent or loses its connection. */
  away(member: MemberId): void {
    this.expectHere(member);
    this.run([{ tag: "away", val: member }]);
  }

  /** A member who was away is back. */
  back(member: MemberId): void {
    this.expectHere(member);
    this.run([{ tag: "back", val: member }]);
  }

  /** A member takes another name. */
  rename(id: MemberId, name: string): void {
    this.expectHere(id);
    const member = { ...(this.present.get(id) as Member), name };
    this.present.set(id, member);
    this.run([{ tag: "changed", val: { ...member } }]);
  }

  /** A member lost its place in the room's history. */
  resync(member: MemberId): void {
    this.expectHere(member);
    this.run([{ tag: "resync", val: member }]);
  }

  /** The operator says something. */
  signal(name: string, data: unknown = null): void {
    this.run([{ tag: "signal", val: { name, payload: encode(data) } }]);
  }

  /** Lets this many ticks pass, and the timers that are due before them. */
  tick(count = 1): void {
    if (this.description.tickHz === 0) throw new Error(`\`${this.description.name}\` has no ticks: set tickHz`);
    this.passUntil(this.tickTime(this.lastTick + count));
  }

  /** Lets room time pass: timers and ticks happen as they are due, at the same moment the timers first. */
  advance(ms: number): void {
    this.passUntil(this.now + ms);
  }

  /**
   * Does what the room asked of the storage and was not answered yet, in the order in which it asked, and what it asks for
   * because of that, until nothing is left. Each answer is a step of its own.
   */
  runStorage(): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.answerStorage(next.operation, execute(this.stored, next.request));
    }
    throw new Error(`the room asked the storage ${ROUNDS_MAX} times; does it ask again whatever it is answered?`);
  }

  /** Answers an operation by hand, whatever the storage holds: the first of that number that waits, if one does. */
  kvAnswer(operation: number, result: KvResult): void {
    const place = this.waiting.findIndex((kv) => kv.operation === operation);
    if (place >= 0) this.waiting.splice(place, 1);
    this.answerStorage(operation, result);
  }

  private answerStorage(operation: number, outcome: KvResult): void {
    this.run([{ tag: "kv-answer", val: { operation, outcome } }]);
  }

  /** What a member was sent so far. */
  sentTo(member: MemberId): readonly Sent[] {
    return this.inboxes.get(member) ?? [];
  }

  /** What a member was sent since this was last asked. */
  takeSent(member: MemberId): Value[] {
    const sent = this.sentTo(member).map(({ data }) => data);
    this.inboxes.delete(member);
    return sent;
  }

  /** Throws unless a member was sent this, since `takeSent` was last asked; the error lists what it was sent. */
  assertSent(member: MemberId, expected: unknown): void {
    const sent = this.sentTo(member);
    if (sent.some(({ data }) => isSame(data, expected))) return;
    const list = sent.map(({ data }) => `\n  ${show(data)}`).join("");
    throw new Error(`member ${member} was not sent\n  ${show(expected)}\nbut${list === "" ? " nothing" : list}`);
  }

  /** What a member's last message was answered with. */
  lastAnswer(member: MemberId): Answer {
    const answer = this.answers.get(member);
    if (answer === undefined) throw new Error(`member ${member} has sent nothing`);
    return answer;
  }

  /** A view that is published to all. */
  view(name: string): Value {
    return this.published(name, ({ tag }) => tag === "everyone");
  }

  /** A view that a member is shown, whether it is published to all, to the member's seat, or to the member alone. */
  viewFor(member: MemberId, name: string): Value {
    const seat = this.seat(member);
    return this.published(name, (of) => of.tag === "everyone" || of.val === (of.tag === "seat" ? seat : member));
  }

  private published(name: string, isShown: (audience: (typeof this.views)[number]["audience"]) => boolean): Value {
    const found = this.views.filter((view) => view.name === name && isShown(view.audience)).at(-1);
    if (found !== undefined) return found.value;
    throw new Error(`no view \`${name}\`, only ${show(this.views.map((view) => view.name))}`);
  }

  /** The seat of a member, while it is here. */
  seat(member: MemberId): Seat | undefined {
    return this.present.get(member)?.seat;
  }

  /** Who was removed, and what they were told. */
  get kicked(): readonly (readonly [MemberId, string])[] {
    return this.kicks;
  }

  /** What listings show. */
  get metadata(): Value {
    return this.listed;
  }

  /** Whether new players are kept out. */
  get isLocked(): boolean {
    return this.locked;
  }

  /** Why the room closed itself, if it did. */
  get closed(): string | null {
    return this.closedWith;
  }

  /** What was logged. */
  get logs(): readonly (readonly [Level, string])[] {
    return this.logged;
  }

  /** What is stored. It may be changed, as other rooms of the plugin might. */
  get storage(): Storage {
    return this.stored;
  }

  /** All storage operations that were asked for so far, with their numbers, answered or not. */
  get kvRequests(): readonly (readonly [number, KvRequest])[] {
    return this.requests;
  }

  /** How many effects the last step had. Steps without any cost next to nothing, which is what idle ticks should be. */
  get effectsOfLastStep(): number {
    return this.lastEffects;
  }

  /** Room time. */
  get nowMs(): number {
    return this.now;
  }

  /** The state as the room saves it, for a test of `Room.upgrade`. */
  get saved(): Uint8Array {
    return this.savedState;
  }
}

/** The bytes of a room with this state, as `TestRoom.saved` has them, for a test of `Room.upgrade`. */
export function savedRoom(state: unknown, members: readonly Member[] = []): Uint8Array {
  return saveState([members, saveState(state)]);
}
