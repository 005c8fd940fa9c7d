/**
 * Where the others are drawn: a moment behind what the room would have told of by now, whenever its views really come.
 * Who is in sight goes on as it went where a view is late, and glides to where it was when that comes.
 */

import { GOING_TICKS } from "./collision";
import { Ease } from "./ease";
import { UNIT, withinWalls } from "./motion";
import type { Vector } from "./motion";

/** So far behind: a view that comes in time is there when it is drawn. */
export const BEHIND_TICKS = 1;
/** So long without a view, and nobody moves. */
const REST_TICKS = 2 * GOING_TICKS;
/** Views that are kept: more than can be needed after a stall, for who is drawn is never far behind. */
const KEPT = 8;
/** Where no more than one was seen to move, silence may mean that it stopped. */
const MOVING_MIN = 2;

type Discs = ReadonlyMap<number, Vector>;

interface Seen {
  readonly tick: number;
  readonly discs: Discs;
}

export class Others {
  /** The last views, in the order of their ticks. */
  #seen: readonly Seen[] = [];
  #eases = new Map<number, Ease>();

  /** A view of this tick has come; all places are in units. */
  onView(tick: number, discs: Discs): void {
    const isNext = tick > (this.#seen.at(-1)?.tick ?? -1);
    this.#seen = [...(isNext ? this.#seen : []), { tick, discs }].slice(-KEPT);
  }

  /** The room is another one, or begins anew. */
  restart(): void {
    this.#seen = [];
  }

  /** Where everybody in sight is drawn now, if it is as much as this tick, with its fraction. */
  at(tick: number, now_ms: number): Map<number, Vector> {
    const places = this.#at(tick);
    const eases = new Map([...places.keys()].map((id) => [id, this.#eases.get(id) ?? new Ease()]));
    this.#eases = eases;
    for (const [id, place] of places) places.set(id, eases.get(id)?.next(place, now_ms) ?? place);
    return places;
  }

  #at(tick: number): Map<number, Vector> {
    const after = this.#seen.find((seen) => seen.tick >= tick);
    if (!after) return this.#goneOn(tick);
    const before = this.#seen.findLast((seen) => seen.tick < tick) ?? after;
    return between(before.discs, after.discs, (tick - before.tick) / Math.max(1, after.tick - before.tick));
  }

  /** The view of this tick is late, or there is nothing to tell. */
  #goneOn(tick: number): Map<number, Vector> {
    const [before, last] = [this.#seen.at(-2), this.#seen.at(-1)];
    if (!last) return new Map();
    const ticks = tick - last.tick;
    if (!before || ticks > REST_TICKS || movingCount(before.discs, last.discs) < MOVING_MIN) return new Map(last.discs);
    const part = 1 + Math.min(ticks, GOING_TICKS) / (last.tick - before.tick);
    const places = between(before.discs, last.discs, part);
    for (const [id, place] of places) places.set(id, inside(place));
    return places;
  }
}

/** Everything at `part` of its way, or beyond it. What is in sight for the first time is where it is. */
export function between(before: Discs, after: Discs, part: number): Map<number, Vector> {
  const places = new Map<number, Vector>();
  for (const [id, to] of after) {
    const from = before.get(id) ?? to;
    places.set(id, { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part });
  }
  return places;
}

function movingCount(before: Discs, after: Discs): number {
  let count = 0;
  for (const [id, { x, y }] of after) {
    const was = before.get(id);
    if (was && (was.x !== x || was.y !== y)) count += 1;
  }
  return count;
}

function inside({ x, y }: Vector): Vector {
  const place = withinWalls({ x: x * UNIT, y: y * UNIT });
  return { x: place.x / UNIT, y: place.y / UNIT };
}
