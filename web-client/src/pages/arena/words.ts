/** What the page says of the connection, and how often people need to be told things. */

import { TICK_MS } from "./motion";

/** How far away the server is, for people. */
export function distanceWords(rtt_ms: number, ahead_ticks: number): string {
  const way = rtt_ms / 2;
  const away = way < 10 ? way.toFixed(1) : String(Math.round(way));
  const ahead = Math.max(0, Math.round(ahead_ticks * TICK_MS));
  return `The server is ${away} ms away; you see yourself ${ahead} ms ahead of it.`;
}

/** Something that is done now and then, however often pictures are drawn. */
export class Every {
  readonly #interval_ms: number;
  #last_ms = Number.NEGATIVE_INFINITY;

  constructor(interval_ms: number) {
    this.#interval_ms = interval_ms;
  }

  /** Whether it is time again, which it is not right afterwards. */
  isNow(now_ms: number): boolean {
    if (now_ms - this.#last_ms < this.#interval_ms) return false;
    this.#last_ms = now_ms;
    return true;
  }
}
