/** Where the others are drawn: between the last two views, by the time since the later one came. */

import type { Motion } from "../../lib";
import type { Vector } from "./motion";
import { readNear } from "./near";
import type { Near } from "./near";

export class Others {
  #read = new Map<unknown, Near | undefined>();

  /** Both views of a motion as types. Each is read once, however often it is drawn. */
  near(motion: Motion): { readonly before: Near; readonly after: Near; readonly part: number } | undefined {
    const known = this.#read;
    const read = (value: Motion["after"]) => (known.has(value) ? known.get(value) : readNear(value));
    const [before, after] = [read(motion.before), read(motion.after)];
    this.#read = new Map([
      [motion.before, before],
      [motion.after, after],
    ]);
    return after && { before: before ?? after, after, part: Math.min(1, Math.max(0, motion.part)) };
  }
}

/** Everything at `part` of its way. What is in sight for the first time is where it is. */
export function between(
  before: ReadonlyMap<number, Vector>,
  after: ReadonlyMap<number, Vector>,
  part: number,
): Map<number, Vector> {
  const places = new Map<number, Vector>();
  for (const [id, to] of after) {
    const from = before.get(id) ?? to;
    places.set(id, { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part });
  }
  return places;
}
