/** The clock between two boards: the server says what is left, and the page counts down from there by itself. */

import { MATCH_MS } from "./board-state";
import type { BoardState } from "./board-state";

export class Countdown {
  #left_ms = MATCH_MS;
  #since_ms = 0;
  #isRunning = false;

  onBoard(board: Pick<BoardState, "status" | "time_remaining_ms">, now_ms: number): void {
    this.#left_ms = board.time_remaining_ms;
    this.#since_ms = now_ms;
    this.#isRunning = board.status === "active";
  }

  left(now_ms: number): number {
    const passed_ms = this.#isRunning ? now_ms - this.#since_ms : 0;
    return Math.max(0, this.#left_ms - passed_ms);
  }
}

/** Seconds with a tenth, such as `7.3`. */
export function formatSeconds(left_ms: number): string {
  return (Math.ceil(left_ms / 100) / 10).toFixed(1);
}
