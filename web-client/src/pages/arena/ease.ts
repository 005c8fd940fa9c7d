/**
 * Where a disc is drawn. What is predicted jumps when the room had it otherwise: the jump is taken back at first, and let
 * go over the next moments, so that the disc glides to where it is.
 */

import type { Vector } from "./motion";

/** After this long, a third of a jump is left to see. */
const EASE_MS = 80;
/** Full speed, in units a millisecond, and a bit: what is faster is a jump. */
const SPEED = 0.24 * 1.3;
/** A jump farther than this, in units, is shown as one. */
const GLIDE_UNITS_MAX = 160;

export class Ease {
  #last: { readonly place: Vector; readonly at_ms: number } | undefined;
  #error: Vector = { x: 0, y: 0 };

  /** Where to draw what is predicted to be at this place now, both in units. */
  next(place: Vector, now_ms: number): Vector {
    const last = this.#last;
    this.#last = { place, at_ms: now_ms };
    if (!last) return place;
    const passed_ms = now_ms - last.at_ms;
    const jump = { x: last.place.x - place.x, y: last.place.y - place.y };
    if (Math.hypot(jump.x, jump.y) > SPEED * passed_ms + 1)
      this.#error = { x: this.#error.x + jump.x, y: this.#error.y + jump.y };
    const left = Math.hypot(this.#error.x, this.#error.y) > GLIDE_UNITS_MAX ? 0 : Math.exp(-passed_ms / EASE_MS);
    this.#error = { x: this.#error.x * left, y: this.#error.y * left };
    return { x: place.x + this.#error.x, y: place.y + this.#error.y };
  }

  /** The next place is shown as it is. */
  restart(): void {
    this.#last = undefined;
    this.#error = { x: 0, y: 0 };
  }
}
