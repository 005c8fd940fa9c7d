/** What hands do, as a direction: keys, a mouse that points, and a thumb. */

import { cut, FULL } from "./motion";
import type { Steer, Vector } from "./motion";

/** A mouse this far from one's own disc, in pixels, means full speed; and within the smaller one, none. */
const POINT_FULL_PX = 120;
const POINT_STILL_PX = 14;
/** A thumb this far from where it came down, in pixels, means full speed; and within the smaller one, none. */
export const THUMB_FULL_PX = 56;
const THUMB_STILL_PX = 6;

const KEYS: Readonly<Record<string, Vector>> = {
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  KeyW: { x: 0, y: -1 },
  KeyS: { x: 0, y: 1 },
  KeyA: { x: -1, y: 0 },
  KeyD: { x: 1, y: 0 },
};

/** Whether a key, by its place on the keyboard, is one that steers. */
export function isSteeringKey(code: string): boolean {
  return Object.hasOwn(KEYS, code);
}

/** Opposite keys cancel each other; one and two of a kind are as fast. */
export function fromKeys(pressed: Iterable<string>): Steer {
  let [x, y] = [0, 0];
  for (const code of pressed) {
    x += KEYS[code]?.x ?? 0;
    y += KEYS[code]?.y ?? 0;
  }
  return cut({ x: Math.sign(x) * FULL, y: Math.sign(y) * FULL });
}

/** Towards where the mouse points, from one's own disc; faster when farther. */
export function fromPointer(pointer: Vector, disc: Vector): Steer {
  return fromWay(pointer, disc, POINT_STILL_PX, POINT_FULL_PX);
}

/** The way a thumb has gone from where it came down. */
export function fromThumb(thumb: Vector, start: Vector): Steer {
  return fromWay(thumb, start, THUMB_STILL_PX, THUMB_FULL_PX);
}

function fromWay(to: Vector, from: Vector, still_px: number, full_px: number): Steer {
  const [x, y] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(x, y);
  if (length <= still_px) return { x: 0, y: 0 };
  const speed = (Math.min(length, full_px) / full_px) * FULL;
  return cut({ x: Math.round((x / length) * speed), y: Math.round((y / length) * speed) });
}
