/** A ring that spreads where one got an orb. Where less motion is wanted there is none. */

import type { Vector } from "./motion";

const LASTS_MS = 450;

export interface Spark {
  readonly place: Vector;
  /** How much of its time has passed, from 0 to 1. */
  readonly part: number;
}

export class Sparks {
  #points: number | undefined;
  #lit: { readonly place: Vector; readonly at_ms: number }[] = [];

  /** What is to be seen now, with so many points at this place. */
  next(points: number, place: Vector, now_ms: number): Spark[] {
    if (this.#points !== undefined && points > this.#points) this.#lit.push({ place, at_ms: now_ms });
    this.#points = points;
    this.#lit = this.#lit.filter(({ at_ms }) => now_ms - at_ms < LASTS_MS);
    return this.#lit.map(({ place: at, at_ms }) => ({ place: at, part: (now_ms - at_ms) / LASTS_MS }));
  }
}
