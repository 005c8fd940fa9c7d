/**
 * Where this member is by the time that what it does now reaches the room. It keeps what the room said last, and its
 * own inputs since then, and moves from the one by the others, with the room's own arithmetic. The reply to an input
 * says in which tick it was applied; until then that is a guess.
 */

import { step } from "./collision";
import type { Body } from "./collision";
import { moved, STILL, toUnits, UNIT } from "./motion";
import type { Steer, Vector } from "./motion";

/** Who moves runs ahead of the room by no more than this: a second in which nothing comes from it. */
export const AHEAD_TICKS_MAX = 20;
/** After so many ticks without a word from the room, all that is in sight is at rest. */
export const QUIET_TICKS = 2;
/** What was predicted so long before the room said anything is worth nothing: a minute. */
const GAP_TICKS_MAX = 1_200;

/** A direction that was sent. */
interface Sent {
  readonly steer: Steer;
  /** The tick in which it holds for the first time: by the reply, or by guess. */
  tick: number;
  isAnswered: boolean;
}

/** What a view says of this member. */
interface Seen {
  readonly tick: number;
  /** In whole units. */
  readonly place: Vector;
  readonly steer: Steer;
  /** Who is near, in the order of ids. */
  readonly bodies: readonly Body[];
}

export class Prediction {
  /** How often the room had it otherwise. */
  corrections = 0;
  /** Where this member was in a tick, to the last digit as far as the room agreed. */
  #base: Seen | undefined;
  /** What the room said since. It is looked at when it is needed, for the replies may come right behind it. */
  #news: Seen | undefined;
  #sent: Sent[] = [];
  readonly #you: () => number;

  /** `you` is this member's number. */
  constructor(you: () => number) {
    this.#you = you;
  }

  /** A view came: where this member is, in whole units, what holds for it, and who is near. */
  onView(tick: number, units: Vector, steer: Steer, bodies: readonly Body[] = []): void {
    if (this.#news && tick <= this.#news.tick) return;
    const seen = { tick, place: units, steer, bodies };
    if (this.#base) this.#news = seen;
    else this.#base = exact(seen);
  }

  /** The room is another one, or begins anew. */
  clear(): void {
    this.#base = undefined;
    this.#news = undefined;
    this.#sent = [];
  }

  /**
   * A direction was sent that is guessed to hold from this tick on. The function takes the reply's tick, or nothing for
   * a refusal.
   */
  steer(steer: Steer, tick: number): (tick: number | undefined) => void {
    const sent: Sent = { steer, tick, isAnswered: false };
    this.#sent.push(sent);
    return (applied) => {
      sent.isAnswered = true;
      if (applied !== undefined) sent.tick = applied;
      else this.#sent = this.#sent.filter((other) => other !== sent);
    };
  }

  /** The tick that the room told of last. */
  get tick(): number | undefined {
    return (this.#news ?? this.#base)?.tick;
  }

  /**
   * Where this member is at a tick with its fraction, in parts of a unit; undefined before the first view. `seen` is
   * the tick of which the room would have told by now, were there anything to tell.
   */
  at(tick: number, seen: number): Vector | undefined {
    const base = this.#settle();
    if (!base) return undefined;
    const isResting = isStill(base) && seen - base.tick >= QUIET_TICKS;
    if (isResting) this.#forgetIdle(seen);
    if (isResting && tick <= this.#next - 1) return base.place;
    const from = isResting ? rested(base, this.#next - 1) : base;
    const until = Math.min(Math.max(tick, from.tick), from.tick + AHEAD_TICKS_MAX);
    const before = this.#walk(from, Math.floor(until));
    const after = this.#walk(before, before.tick + 1);
    const part = until - before.tick;
    const between = (here: number, there: number) => here + (there - here) * part;
    return { x: between(before.place.x, after.place.x), y: between(before.place.y, after.place.y) };
  }

  /** The first tick in which something else holds. */
  get #next(): number {
    return this.#sent[0]?.tick ?? Number.POSITIVE_INFINITY;
  }

  /** Compares what the room said with what was predicted of that tick, and goes on from there. */
  #settle(): Seen | undefined {
    const [base, news] = [this.#base, this.#news];
    if (!base || !news || news.tick <= base.tick) return base;
    this.#news = undefined;
    this.#guess(news.tick + 1);
    const from = isStill(base) ? rested(base, Math.min(news.tick, this.#next) - 1) : base;
    const predicted = news.tick - base.tick > GAP_TICKS_MAX ? undefined : this.#walk(from, news.tick).place;
    const isAgreed = predicted !== undefined && isSame(toUnits(predicted), news.place);
    if (!isAgreed) this.corrections += 1;
    this.#base = isAgreed ? { ...news, place: predicted } : exact(news);
    this.#sent = this.#sent.filter(({ tick }) => tick > news.tick);
    return this.#base;
  }

  /** What was applied so long ago without a word from the room changed nothing: it was taken back in the same tick. */
  #forgetIdle(seen: number): void {
    this.#sent = this.#sent.filter(({ isAnswered, tick }) => !isAnswered || seen - tick < QUIET_TICKS);
  }

  /** What has no answer yet came to the room after this, and in the order in which it was sent. */
  #guess(earliest: number): void {
    let least = earliest;
    for (const sent of this.#sent) {
      if (!sent.isAnswered) sent.tick = Math.max(sent.tick, least);
      least = Math.max(least, sent.tick);
    }
  }

  #walk(from: Seen, until: number): Seen {
    let { place, steer, tick, bodies } = from;
    while (tick < until) {
      tick += 1;
      for (const sent of this.#sent) if (sent.tick === tick) steer = sent.steer;
      ({ place, bodies } = step(this.#you(), tick, place, steer, bodies));
    }
    return { tick, place, steer, bodies };
  }
}

/** Whether there is nothing to tell of this member, unless somebody pushes it. */
function isStill({ place, steer }: Seen): boolean {
  return isSame(moved(place, steer), place);
}

/** A later tick, where the room told of nothing in between: nobody has moved. */
function rested(base: Seen, tick: number): Seen {
  if (tick <= base.tick) return base;
  return { ...base, tick, bodies: base.bodies.map((body) => ({ ...body, way: STILL })) };
}

function exact(seen: Seen): Seen {
  return { ...seen, place: { x: seen.place.x * UNIT, y: seen.place.y * UNIT } };
}

function isSame(a: Vector, b: Vector): boolean {
  return a.x === b.x && a.y === b.y;
}
