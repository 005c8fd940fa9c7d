/** The 30 seconds: digits, and a line that grows shorter. */

import { h, setText } from "../ui/dom";
import { MATCH_MS } from "./board-state";
import type { BoardState } from "./board-state";
import { Countdown, formatSeconds } from "./countdown";

const LAST_MS = 5_000;

export class ClockView {
  readonly element: HTMLElement;
  readonly #digits = h("span", { class: "clock-digits", testid: "clock", text: formatSeconds(MATCH_MS) });
  readonly #line = h("span", { class: "clock-line", attrs: { "aria-hidden": true } });
  readonly #countdown = new Countdown();
  #frame = 0;

  constructor() {
    this.element = h(
      "div",
      { class: "clock", attrs: { role: "timer", "aria-label": "Seconds left" } },
      this.#digits,
      this.#line,
    );
  }

  onBoard(board: BoardState): void {
    this.#countdown.onBoard(board, performance.now());
    this.element.dataset["state"] = board.status;
    cancelAnimationFrame(this.#frame);
    this.#draw(board.status === "active");
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
  }

  /** Shows what is left, at a moment that is not now. */
  show(left_ms: number, isRunning: boolean): void {
    setText(this.#digits, formatSeconds(left_ms));
    this.#line.style.setProperty("--left", String(left_ms / MATCH_MS));
    this.element.classList.toggle("is-last", isRunning && left_ms <= LAST_MS);
  }

  #draw(isRunning: boolean): void {
    const left_ms = this.#countdown.left(performance.now());
    this.show(left_ms, isRunning);
    if (isRunning && left_ms > 0) this.#frame = requestAnimationFrame(() => this.#draw(true));
  }
}
