/**
 * Two discs that overlap, as `plugins/arena/src/world.rs` has it. The room decides; but who does not at least expect it
 * to push sees discs tremble where they touch.
 */

import { moved, RADIUS_UNITS, STILL, UNIT, whole, withinWalls } from "./motion";
import type { Steer, Vector } from "./motion";

/** Whoever was seen to go is taken to go on for so many ticks. */
export const GOING_TICKS = 4;

/** Somebody else, who is taken to go on as before. In parts of a unit. */
export interface Body {
  readonly id: number;
  readonly place: Vector;
  /** How far it goes in a tick, up to the one named. */
  readonly way: Vector;
  readonly until: number;
}

const APART = 2 * RADIUS_UNITS * UNIT;

/** How far the second of two discs is pushed away from the first, which is pushed as far the other way. */
export function push(one: Vector, other: Vector): Vector {
  const [x, y] = [other.x - one.x, other.y - one.y];
  const apart = Math.floor(Math.sqrt(x * x + y * y));
  const overlap = APART - apart;
  if (overlap <= 0) return { x: 0, y: 0 };
  const half = whole((overlap + 1) / 2);
  if (apart === 0) return { x: half, y: 0 };
  return { x: whole((x * half) / apart), y: whole((y * half) / apart) };
}

/** What one disc does among others, which are in the order of their ids, in a tick of this number. */
export function step(
  id: number,
  tick: number,
  from: Vector,
  steer: Steer,
  bodies: readonly Body[],
): { readonly place: Vector; readonly bodies: readonly Body[] } {
  let place = moved(from, steer);
  const pushed = bodies.map((body) => {
    const way = tick <= body.until ? body.way : STILL;
    const there = { x: body.place.x + way.x, y: body.place.y + way.y };
    const isFirst = id < body.id;
    const by = isFirst ? push(place, there) : push(there, place);
    const sign = isFirst ? 1 : -1;
    place = { x: place.x - sign * by.x, y: place.y - sign * by.y };
    return { ...body, place: withinWalls({ x: there.x + sign * by.x, y: there.y + sign * by.y }) };
  });
  return { place: withinWalls(place), bodies: pushed };
}
