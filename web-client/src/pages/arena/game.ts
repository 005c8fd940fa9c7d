/**
 * The game as this page knows it, from the room's views and one's own hands: what to draw now, and what to send. It
 * knows the room's messages and time, and nothing of the page.
 */

import type { Reply, Value } from "../../lib";
import { Ease } from "./ease";
import { GOING_TICKS } from "./collision";
import type { Body } from "./collision";
import { cut, UNIT, whole } from "./motion";
import type { Steer, Vector } from "./motion";
import { readNear } from "./near";
import type { Near } from "./near";
import { BEHIND_TICKS, Others } from "./others";
import { Prediction, QUIET_TICKS } from "./prediction";
import { Sender } from "./sender";
import { TickClock } from "./tick-clock";

/** Who is farther away than this is not met before the next views come. */
const MEETING_UNITS = 160;

export interface SteerInput {
  readonly type: "steer";
  readonly x: number;
  readonly y: number;
}

/** What the game needs of its room. */
export interface GameLink {
  /** This member's number. */
  you(): number;
  /** The round trip in milliseconds, as far as it is known. */
  rtt_ms(): number;
  send(input: SteerInput): Promise<Reply>;
}

/** What there is to see. All places are in units. */
export interface Scene {
  /** Oneself, where one is by the time that the room hears of it. */
  readonly me: Vector;
  /** The others in sight, as they were a moment ago. */
  readonly others: ReadonlyMap<number, Vector>;
  readonly orbs: ReadonlyMap<number, Vector>;
  readonly points: number;
}

/** What the page knows and how well it predicts, for people and for tests. */
export interface Facts {
  readonly you: number;
  /** Where the room said that this member was last. */
  readonly server: Vector;
  /** Where it said that the others were. */
  readonly others: Readonly<Record<number, Vector>>;
  /** Where the page has it, without what is still gliding. */
  readonly predicted: Vector;
  /** How many ticks the page is ahead of what it has heard, or would have. */
  readonly ahead: number;
  /** How often the room had it otherwise. */
  readonly corrections: number;
}

export class Game {
  readonly #link: GameLink;
  readonly #clock = new TickClock();
  readonly #prediction: Prediction;
  readonly #sender = new Sender();
  readonly #ease = new Ease();
  readonly #others = new Others();
  /** The view that came last. */
  #last: { readonly near: Near; readonly place: Vector; readonly tick: number } | undefined;
  #isFresh = true;
  #unanswered = 0;
  /** The tick of the last reply. */
  #applied = 0;
  #facts: Facts | undefined;

  constructor(link: GameLink) {
    this.#link = link;
    this.#prediction = new Prediction(() => link.you());
  }

  get facts(): Facts | undefined {
    return this.#facts;
  }

  /** A state of the view `near` came. */
  onNear(value: Value, tick: number, now_ms: number): void {
    const near = readNear(value);
    const place = near?.discs.get(this.#link.you());
    if (!near || !place) return;
    this.#clock.onView(tick, now_ms);
    this.#prediction.onView(tick, place, near.steer, this.#bodies(near, place, tick));
    if (this.#isFresh) this.#others.restart();
    this.#others.onView(tick, near.discs);
    this.#last = { near, place, tick };
    this.#isFresh = false;
  }

  /**
   * Whatever was sent, what the last view says is what holds: after a loss, it may not be what is wanted. The answer to an
   * input that was applied before the loss may come behind the last view that there is for now; and where none comes for
   * the tick of the answer, that input changed nothing: the room stopped whom it missed in the same tick. `seen` is the
   * tick of which the room would have told by now.
   */
  #compare(seen: number): void {
    if (!this.#last || this.#unanswered > 0) return;
    if (this.#last.tick < this.#applied && seen - this.#applied < QUIET_TICKS) return;
    this.#sender.restart(this.#last.near.steer);
  }

  /** The connection is gone, or the room's history has a cut: what comes next is a new beginning. */
  restart(): void {
    this.#prediction.clear();
    this.#isFresh = true;
    this.#applied = 0;
  }

  /** What to draw for this time. */
  frame(now_ms: number): Scene | undefined {
    const last = this.#last;
    const tick = this.#clock.arrival(now_ms, this.#link.rtt_ms());
    const seen = this.#clock.arrival(now_ms, 0);
    if (!last || tick === undefined || seen === undefined) return undefined;
    const you = this.#link.you();
    const { place: server, near } = last;
    const others = this.#others.at(this.#isFresh ? last.tick : seen - BEHIND_TICKS, now_ms);
    const predicted = this.#predicted(tick, seen) ?? others.get(you) ?? server;
    others.delete(you);
    this.#facts = {
      you,
      server,
      others: Object.fromEntries([...near.discs].filter(([id]) => id !== you)),
      predicted,
      ahead: tick - Math.max(this.#prediction.tick ?? 0, Math.floor(seen)),
      corrections: this.#prediction.corrections,
    };
    return { me: this.#ease.next(predicted, now_ms), others, orbs: near.orbs, points: near.points };
  }

  /** A direction is wanted. It is sent, if it is another one than before. */
  steer(wanted: Steer, now_ms: number): void {
    const tick = this.#clock.arrival(now_ms, this.#link.rtt_ms());
    const seen = this.#clock.arrival(now_ms, 0);
    if (this.#isFresh || tick === undefined || seen === undefined) return;
    this.#compare(seen);
    const steer = this.#sender.next(cut(wanted), now_ms);
    if (!steer) return;
    const answered = this.#prediction.steer(steer, Math.floor(tick) + 1);
    this.#unanswered += 1;
    const onAnswer = (applied: number | undefined) => {
      this.#unanswered -= 1;
      this.#applied = applied ?? this.#applied;
      answered(applied);
    };
    this.#link.send({ type: "steer", ...steer }).then(
      ({ tick: applied }) => onAnswer(applied),
      () => {
        onAnswer(undefined);
        // The room did not take it, so what is wanted is to be sent again.
        this.#sender.restart(undefined);
      },
    );
  }

  /** Who is near enough to be met soon, and goes on as it went since the last view. */
  #bodies(near: Near, place: Vector, tick: number): Body[] {
    const ticks = Math.max(1, tick - (this.#last?.tick ?? 0));
    const bodies: Body[] = [];
    for (const [id, { x, y }] of near.discs) {
      if (id === this.#link.you() || Math.hypot(x - place.x, y - place.y) > MEETING_UNITS) continue;
      const before = this.#last?.near.discs.get(id) ?? { x, y };
      const way = { x: whole(((x - before.x) * UNIT) / ticks), y: whole(((y - before.y) * UNIT) / ticks) };
      bodies.push({ id, place: { x: x * UNIT, y: y * UNIT }, way, until: tick + GOING_TICKS });
    }
    return bodies;
  }

  #predicted(tick: number, seen: number): Vector | undefined {
    const place = this.#prediction.at(tick, seen);
    return place && { x: place.x / UNIT, y: place.y / UNIT };
  }
}
