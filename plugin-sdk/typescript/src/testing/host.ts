// What a test room does as the host does it: members, clock, timers, views and storage, and the faults it calls out.

import { Instance, type Making } from "../instance.ts";
import { decode, encode } from "../payload.ts";
import type { Plugin } from "../plugin.ts";
import { Refusal } from "../refusal.ts";
import type { Value } from "../value.ts";
import type {
  Batch,
  Description,
  Effect,
  Event,
  Kv,
  KvRequest,
  LeaveReason,
  Level,
  Member,
  MemberId,
  Send,
  TimerId,
  ViewAudience,
} from "../wit.ts";
import { asInTheComponent } from "./globals.ts";
import { show } from "./show.ts";
import type { Storage } from "./storage.ts";
import { compareWithTwin } from "./twin.ts";

/** The host's defaults. */
const PAYLOAD_BYTES = 64 << 10;
const OUTPUT_BYTES = 1 << 20;
const OUTPUT_EFFECTS = 10_000;
const STORAGE_OPERATIONS = 64;

/** A message that a member got. */
export interface Sent {
  /** Whom it is shown to be from. */
  readonly from: MemberId | null;
  /** What it says. */
  readonly data: Value;
}

/** What a message was answered with: done, refused, or not yet since it waits for the tick. */
export type Answer =
  | { readonly is: "done"; readonly data: Value }
  | { readonly is: "refused"; readonly code: string; readonly message: string }
  | { readonly is: "waiting" };

/** What a test room is opened with. */
export interface Setup {
  /** Its name [`test`]. */
  room?: string;
  /** Its seed [1]. */
  seed?: number;
  /** The operator's settings, a map. */
  settings?: object;
  /** The options of the member who makes the room, a map. */
  options?: object;
  /** Goes on from what another room `saved`, under its schema, instead of opening. */
  resumedFrom?: { schema: number; saved: Uint8Array };
}

interface View {
  readonly name: string;
  readonly audience: ViewAudience;
  readonly value: Value;
}

/** The part of a test room that stands for the host. */
export abstract class Host<State, Input> {
  protected readonly description: Description;
  protected readonly logged: [Level, string][] = [];
  protected readonly present = new Map<MemberId, Member>();
  protected readonly inboxes = new Map<MemberId, Sent[]>();
  protected readonly answers = new Map<MemberId, Answer>();
  protected readonly timers = new Map<TimerId, number>();
  protected readonly kicks: [MemberId, string][] = [];
  protected readonly requests: [number, KvRequest][] = [];
  protected readonly waiting: Kv[] = [];
  protected readonly stored: Storage = new Map();
  protected views: View[] = [];
  protected gathered: Event[] = [];
  protected listed: Value = {};
  protected locked = false;
  protected closedWith: string | null = null;
  protected rejected: Refusal | null = null;
  protected lastMember = 0;
  protected now = 0;
  protected lastTick = 0;
  protected lastEffects = 0;
  protected savedState: Uint8Array;
  private readonly making: Making<State, Input>;
  private readonly instance: Instance<State, Input>;
  private readonly seed: number;
  private readonly leaving: MemberId[] = [];
  private stepNumber = 0;
  private event = 0;
  /** What a twin logs was logged already. */
  private isMuted = false;

  protected constructor(plugin: Plugin<State, Input>, setup: Setup) {
    this.description = plugin.description;
    checkDescription(this.description);
    this.seed = setup.seed ?? 1;
    this.making = plugin.making((level, line) => {
      if (!this.isMuted) this.logged.push([level, line]);
    });
    const { instance, effects } = asInTheComponent(0, () => this.begin(setup));
    this.instance = instance;
    for (const member of instance.ctx.members()) {
      this.present.set(member.id, member);
      this.lastMember = member.id;
    }
    this.savedState = instance.save(true);
    this.apply("open", [], effects);
  }

  private begin(setup: Setup): { instance: Instance<State, Input>; effects: Effect[] } {
    const { resumedFrom } = setup;
    if (resumedFrom !== undefined) {
      return { instance: Instance.load(this.making, resumedFrom.schema, resumedFrom.saved), effects: [] };
    }
    const [settings, options] = [encode(setup.settings ?? {}), encode(setup.options ?? {})];
    return Instance.open(this.making, { room: setup.room ?? "test", seed: this.seed, settings, options });
  }

  protected passUntil(end: number): void {
    while (this.closedWith === null) {
      const [timer] = [...this.timers].sort(([a, dueA], [b, dueB]) => dueA - dueB || a - b);
      const tickAt = this.description.tickHz > 0 ? this.tickTime(this.lastTick + 1) : Infinity;
      if (timer !== undefined && timer[1] <= Math.min(end, tickAt)) {
        this.now = timer[1];
        this.timers.delete(timer[0]);
        this.run([{ tag: "timer", val: timer[0] }]);
      } else if (tickAt <= end) {
        this.now = tickAt;
        // What was gathered is applied in this tick, as its answers will say.
        this.lastTick += 1;
        const tick = { number: this.lastTick, dtMs: 1000 / this.description.tickHz };
        this.run([...this.gathered.splice(0), { tag: "tick", val: tick }]);
      } else break;
    }
    this.now = end;
  }

  protected tickTime(tick: number): number {
    return Math.floor((tick * 1000) / this.description.tickHz);
  }

  protected depart(member: MemberId, reason: LeaveReason): void {
    this.expectHere(member);
    this.present.delete(member);
    this.run([{ tag: "left", val: { member, reason } }]);
  }

  protected expectHere(member: MemberId): void {
    if (!this.present.has(member)) throw new Error(`member ${member} is not in the room`);
  }

  /** What the host makes of a member's message. */
  protected messageFrom(member: MemberId, payload: Uint8Array): Event {
    this.expectHere(member);
    decode(payload);
    const max = this.description.limits.payloadBytes ?? PAYLOAD_BYTES;
    if (payload.length > max) {
      const why = `${payload.length} bytes, and the plugin's limits.payloadBytes is ${max}`;
      throw new Error(`the host would refuse this payload: ${why}`);
    }
    return { tag: "message", val: { member, payload, id: this.event + 1 } };
  }

  /** One step, and one for each member whom the room kicks in it. */
  protected run(events: Event[]): void {
    this.runStep(events);
    for (let member = this.leaving.shift(); member !== undefined; member = this.leaving.shift()) {
      if (this.closedWith === null && this.present.delete(member)) {
        this.runStep([{ tag: "left", val: { member, reason: "kicked" } }]);
      }
    }
  }

  private runStep(events: Event[]): void {
    if (this.closedWith !== null) throw new Error(`the room is closed: ${this.closedWith}`);
    this.stepNumber += 1;
    const batch: Batch = {
      step: this.stepNumber,
      firstEvent: this.event + 1,
      tick: this.lastTick,
      nowMs: this.now,
      seed: this.seed,
      events,
    };
    this.event += events.length;
    const name = `step ${batch.step} at ${batch.nowMs} ms (${events.map(nameOf).join(", ")})`;
    const effects = asInTheComponent(this.now, () => this.lived(name, batch));
    for (const event of events) {
      if (event.tag === "message") this.answers.set(event.val.member, { is: "done", data: null });
    }
    this.apply(name, events, effects);
  }

  private lived(name: string, batch: Batch): Effect[] {
    const before = this.savedState;
    const effects = this.instance.step(batch);
    this.savedState = this.instance.save(true);
    this.isMuted = true;
    try {
      compareWithTwin(this.making, name, before, batch, { effects, saved: this.savedState });
    } finally {
      this.isMuted = false;
    }
    return effects;
  }

  private apply(step: string, events: readonly Event[], effects: readonly Effect[]): void {
    this.checkOutput(step, effects);
    this.lastEffects = effects.length;
    for (const { cause, action } of effects) {
      const event = cause === null ? undefined : events[cause];
      switch (action.tag) {
        case "send":
          this.deliver(step, action.val);
          break;
        case "reply": {
          if (event?.tag !== "message") throw fault(step, "a reply to something that is no message");
          const { val: answer } = action;
          this.answers.set(
            event.val.member,
            answer.tag === "ok" ? { is: "done", data: decode(answer.val) } : { is: "refused", ...answer.val },
          );
          break;
        }
        case "reject":
          if (event?.tag !== "joined") throw fault(step, "a rejection of something that is no join");
          this.present.delete(event.val.id);
          this.rejected = new Refusal(action.val.code, action.val.message);
          break;
        case "state": {
          const { view: name, audience, value } = action.val;
          this.dropView(step, name, audience);
          this.views.push({ name, audience, value: decode(value) });
          break;
        }
        case "drop-state":
          this.dropView(step, ...action.val);
          break;
        case "kick":
          if (this.wasGiven(step, action.val.member)) {
            this.leaving.push(action.val.member);
            this.kicks.push([action.val.member, action.val.reason]);
          }
          break;
        case "set-seat": {
          const member = this.wasGiven(step, action.val.member) && this.present.get(action.val.member);
          if (member) this.present.set(member.id, { ...member, seat: action.val.seat });
          break;
        }
        case "set-timer":
          this.timers.set(action.val.timer, this.now + action.val.afterMs);
          break;
        case "cancel-timer":
          this.timers.delete(action.val);
          break;
        case "lock":
          this.locked = action.val;
          break;
        case "metadata":
          this.listed = decode(action.val);
          break;
        case "close":
          this.closedWith = action.val;
          break;
        case "kv":
          this.requests.push([action.val.operation, action.val.request]);
          this.waiting.push(action.val);
          break;
      }
    }
  }

  private deliver(step: string, send: Send): void {
    if (send.from !== null) this.wasGiven(step, send.from);
    const { to } = send;
    const named = to.tag === "only" || to.tag === "except" ? to.val : [];
    for (const member of named) this.wasGiven(step, member);
    const isReached = ({ id, seat }: Member): boolean =>
      to.tag === "everyone" || (to.tag === "seat" ? seat === to.val : named.includes(id) === (to.tag === "only"));
    const data = decode(send.payload);
    for (const member of [...this.present.values()].filter(isReached)) {
      this.inboxes.set(member.id, [...(this.inboxes.get(member.id) ?? []), { from: send.from, data }]);
    }
  }

  private dropView(step: string, name: string, audience: ViewAudience): void {
    if (!/^[A-Za-z0-9._:-]{1,64}$/.test(name)) {
      throw fault(step, `the view's name \`${name}\` is not 1 to 64 of A-Z a-z 0-9 . _ : -`);
    }
    if (audience.tag === "member") this.wasGiven(step, audience.val);
    this.views = this.views.filter((view) => view.name !== name || show(view.audience) !== show(audience));
  }

  /** Whether a member is here. A number the room never gave out is a fault. */
  private wasGiven(step: string, member: MemberId): boolean {
    if (!Number.isSafeInteger(member) || member < 1 || member > this.lastMember) {
      throw fault(step, `member ${member} never was; the last one to join was ${this.lastMember}`);
    }
    return this.present.has(member);
  }

  private checkOutput(step: string, effects: readonly Effect[]): void {
    const { limits } = this.description;
    const operations = effects.filter(({ action }) => action.tag === "kv").length;
    if (operations > STORAGE_OPERATIONS) throw fault(step, `more than ${STORAGE_OPERATIONS} storage operations`);
    const effectsMax = limits.outputEffects ?? OUTPUT_EFFECTS;
    if (effects.length > effectsMax) throw fault(step, `${effects.length} effects; limits.outputEffects is ${effectsMax}`);
    const bytes = effects.reduce((sum, { action }) => sum + bytesIn(action), 0);
    const bytesMax = limits.outputBytes ?? OUTPUT_BYTES;
    if (bytes > bytesMax) throw fault(step, `${bytes} bytes of output; limits.outputBytes is ${bytesMax}`);
  }
}

function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, item) => sum + bytesIn(item), 0);
}

function checkDescription({ name, tickHz, playersMax, delivery }: Description): void {
  const problem =
    !/^[a-z0-9_-]{1,64}$/.test(name) ? `the plugin's name \`${name}\` is not 1 to 64 of a-z 0-9 - _`
    : !(tickHz >= 0 && tickHz <= 128) ? `tickHz is ${tickHz}, and must be 0 to 128`
    : playersMax < 1 ? "playersMax is at least 1"
    : delivery === "on-tick" && tickHz === 0 ? "delivery `on-tick` needs a tickHz above 0"
    : null;
  if (problem !== null) throw new Error(problem);
}

function nameOf(event: Event): string {
  switch (event.tag) {
    case "joined":
      return `join of ${event.val.name} as member ${event.val.id}`;
    case "message":
      return `message from member ${event.val.member}: ${show(decode(event.val.payload))}`;
    case "signal":
      return `signal ${event.val.name}`;
    default:
      return `${event.tag} ${show(event.val)}`;
  }
}

function fault(step: string, problem: string): Error {
  return new Error(`${step}: ${problem}. The host would stop this room with PLUGIN_FAILED`);
}
