/** Which tick it is: from when views come, how often ticks are, and how far away the server is. */

import { TICK_MS } from "./motion";

/** So many views back, the fastest of them counts: two seconds. */
const SAMPLES = 40;
/**
 * A view this much earlier or later than the clock says belongs to another clock: the room stood still, or is another.
 */
const JUMP_MS = 3_000;

export class TickClock {
  /** When tick 0 would have come, by each of the last views. */
  #origins_ms: number[] = [];
  #origin_ms: number | undefined;

  /** A view of this tick came. */
  onView(tick: number, now_ms: number): void {
    const origin_ms = now_ms - tick * TICK_MS;
    if (this.#origin_ms !== undefined && Math.abs(origin_ms - this.#origin_ms) > JUMP_MS) this.#origins_ms = [];
    this.#origins_ms = [...this.#origins_ms, origin_ms].slice(-SAMPLES);
    // What came late waited somewhere; the earliest is nearest to the truth.
    this.#origin_ms = Math.min(...this.#origins_ms);
  }

  /** The tick, with its fraction, before which what is sent now reaches the room; undefined before the first view. */
  arrival(now_ms: number, rtt_ms: number): number | undefined {
    return this.#origin_ms === undefined ? undefined : (now_ms - this.#origin_ms + rtt_ms) / TICK_MS;
  }
}
