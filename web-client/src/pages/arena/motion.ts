/**
 * How one disc moves by itself, in whole numbers: `plugins/arena/src/motion.rs` in TypeScript. What the room computes,
 * the page computes too, to the last digit; `plugins/arena/vectors/motion.json` holds both to it.
 */

/** A place, or a way: x to the right, y down. */
export interface Vector {
  readonly x: number;
  readonly y: number;
}

/** Where somebody wants to go, and how fast: a whole number from -127 to 127 each way. */
export type Steer = Vector;

/** Positions are counted in these parts of a unit. */
export const UNIT = 256;
/** The length of a wall, in units. */
export const WORLD_UNITS = 1_600;
/** A disc's, in units. */
export const RADIUS_UNITS = 16;
/** An orb's, in units. */
export const ORB_RADIUS_UNITS = 8;
/** The length of a direction at full speed. */
export const FULL = 127;
export const TICK_MS = 50;
export const STILL: Steer = { x: 0, y: 0 };

/** The way of a tick at full speed. */
const STRIDE = 12 * UNIT;
const FIRST = RADIUS_UNITS * UNIT;
const LAST = (WORLD_UNITS - RADIUS_UNITS) * UNIT;

/** A direction, cut to full speed as the room cuts it. */
export function cut({ x, y }: Steer): Steer {
  const squared = x * x + y * y;
  if (squared <= FULL * FULL) return { x, y };
  const length = Math.ceil(Math.sqrt(squared));
  return { x: whole((x * FULL) / length), y: whole((y * FULL) / length) };
}

/** Where a disc is a tick later, if nobody pushes it. */
export function moved(from: Vector, steer: Steer): Vector {
  return withinWalls({ x: from.x + whole((steer.x * STRIDE) / FULL), y: from.y + whole((steer.y * STRIDE) / FULL) });
}

/** The nearest place at which a disc is inside the walls. */
export function withinWalls({ x, y }: Vector): Vector {
  return { x: Math.min(LAST, Math.max(FIRST, x)), y: Math.min(LAST, Math.max(FIRST, y)) };
}

/** A place in whole units, as views give it. */
export function toUnits({ x, y }: Vector): Vector {
  return { x: Math.floor((x + UNIT / 2) / UNIT), y: Math.floor((y + UNIT / 2) / UNIT) };
}

/** Towards zero, and never to -0. */
function whole(number: number): number {
  return Math.trunc(number) + 0;
}
