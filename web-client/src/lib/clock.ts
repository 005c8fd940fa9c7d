/** The round trip and the server's clock, from pings and pongs; and whether the server still answers at all. */

import type { Client, Server } from "./protocol";

export const PING_EVERY_MS = 2_000;
/** A ping unanswered for this long means that the connection is dead, whatever the socket believes. */
export const PONG_WITHIN_MS = 10_000;
const SAMPLES = 8;

export class Clock {
  /** The shortest recent round trip in milliseconds, as the longer ones waited for something else. */
  rtt_ms: number | undefined;
  /** The server's clock minus this one's, in milliseconds. */
  offset_ms = 0;
  #oldest_unanswered_ms: number | undefined;
  #samples: { rtt_ms: number; offset_ms: number }[] = [];

  /** A new connection: what the last one measured no longer holds. */
  restart(): void {
    this.rtt_ms = undefined;
    this.#samples = [];
    this.#oldest_unanswered_ms = undefined;
  }

  ping(now_ms: number): Client<"ping"> {
    this.#oldest_unanswered_ms ??= now_ms;
    // Microseconds, since a round trip on one machine is less than a millisecond.
    return { type: "ping", timestamp: Math.round(now_ms * 1_000) };
  }

  isDead(now_ms: number): boolean {
    return this.#oldest_unanswered_ms !== undefined && now_ms - this.#oldest_unanswered_ms >= PONG_WITHIN_MS;
  }

  onPong(pong: Server<"pong">, now_ms: number, clock_ms: number): void {
    this.#oldest_unanswered_ms = undefined;
    const rtt_ms = Math.max(0, now_ms - pong.timestamp / 1_000);
    const sample = { rtt_ms, offset_ms: pong.server_time_ms - (clock_ms - rtt_ms / 2) };
    this.#samples = [...this.#samples, sample].slice(-SAMPLES);
    const best = this.#samples.reduce((a, b) => (b.rtt_ms < a.rtt_ms ? b : a));
    this.rtt_ms = best.rtt_ms;
    this.offset_ms = best.offset_ms;
  }
}
