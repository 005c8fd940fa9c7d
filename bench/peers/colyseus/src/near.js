// Who is shown what: a circle, with a margin so that nothing at its edge flickers.

import { isWithin, UNIT } from "./world.js";

/** What comes as near as this comes into sight, in units. */
export const NEAR_UNITS = 400;
/** What is farther away than this goes out of it. */
export const FAR_UNITS = 440;

/** Whether something in this place is in sight, from that one. */
export function isSeen(from, place, wasSeen) {
  return isWithin(from, place, (wasSeen ? FAR_UNITS : NEAR_UNITS) * UNIT);
}

/** What one client sees of things that are in `places`, by their keys. */
export class Sight {
  #seen = new Set();

  /** Looks around: calls `came` and `went` with the keys of what came into sight or went out of it. */
  look(from, places, came, went) {
    for (const [key, place] of places) {
      const wasSeen = this.#seen.has(key);
      const isNow = isSeen(from, place, wasSeen);
      if (isNow === wasSeen) continue;
      if (isNow) {
        this.#seen.add(key);
        came(key);
      } else {
        this.#seen.delete(key);
        went(key);
      }
    }
  }

  /** Something is there no more. */
  forget(key) {
    this.#seen.delete(key);
  }
}
