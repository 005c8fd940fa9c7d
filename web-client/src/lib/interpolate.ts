/** What lies between two states: things that move are somewhere on their way, all else is as it is in the later one. */

import { isMap, setEntry } from "./value";
import type { Value, ValueMap } from "./value";

/** The names of the fields that move, wherever in the state they are. */
export interface MovingFields {
  /** Numbers that go the straight way, such as `x` and `y`. */
  readonly numbers?: readonly string[];
  /** Angles in radians, which go the shorter way around. */
  readonly angles?: readonly string[];
}

/** The state at `part` of the way, from 0 to 1. Entries of maps go together by key, items of lists by index. */
export function interpolate(before: Value, after: Value, part: number, fields: MovingFields): Value {
  if (before === after || part >= 1) return after;
  if (isMap(before) && isMap(after)) return between(before, after, part, fields);
  if (Array.isArray(before) && Array.isArray(after)) {
    const earlier = before as readonly Value[];
    return (after as readonly Value[]).map((item, index) =>
      index < earlier.length ? interpolate(earlier[index] as Value, item, part, fields) : item,
    );
  }
  return after;
}

function between(before: ValueMap, after: ValueMap, part: number, fields: MovingFields): ValueMap {
  const result: Record<string, Value> = {};
  for (const [key, value] of Object.entries(after)) {
    const was = Object.hasOwn(before, key) ? (before[key] as Value) : value;
    setEntry(result, key, moved(key, was, value, part, fields));
  }
  return result;
}

function moved(key: string, was: Value, is: Value, part: number, fields: MovingFields): Value {
  if (typeof was !== "number" || typeof is !== "number") return interpolate(was, is, part, fields);
  if (fields.numbers?.includes(key)) return was + (is - was) * part;
  if (fields.angles?.includes(key)) return was + shorterWay(is - was) * part;
  return is;
}

const TURN = 2 * Math.PI;

function shorterWay(angle: number): number {
  return ((((angle + Math.PI) % TURN) + TURN) % TURN) - Math.PI;
}
