/** When a direction is sent: when it is another one, and no more often than the room moves anything. */

import { TICK_MS } from "./motion";
import type { Steer } from "./motion";

export class Sender {
  /** What the room has, as far as that is known. */
  #last: Steer | undefined;
  #sent_ms = Number.NEGATIVE_INFINITY;

  /** The direction to send now, if one is. It counts as sent. */
  next(wanted: Steer, now_ms: number): Steer | undefined {
    if (this.#last && wanted.x === this.#last.x && wanted.y === this.#last.y) return undefined;
    if (now_ms - this.#sent_ms < TICK_MS) return undefined;
    this.#last = wanted;
    this.#sent_ms = now_ms;
    return wanted;
  }

  /** What holds in the room is this, whatever was sent before. */
  restart(steer: Steer | undefined): void {
    this.#last = steer;
  }
}
