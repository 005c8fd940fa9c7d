/**
 * How long pictures take, and how evenly they come: for `?stats`, and for benches, which read the page's `data-frames`.
 */

import type { Vector } from "./motion";

/** So many of the last pictures count: ten seconds at 60 a second. */
const KEPT = 600;
/** The browser's own list of measures is cut after so many. */
const MEASURES_MAX = 3_600;

/** In milliseconds. */
interface Spread {
  readonly mean: number;
  readonly p95: number;
  readonly max: number;
}

/** What a picture is of, for who wants to know how evenly things go in it. */
export interface Drawn {
  /** When it is to be seen, by the browser. */
  readonly at_ms: number;
  readonly me: Vector;
  readonly others: ReadonlyMap<number, Vector>;
}

export interface FrameReport {
  readonly count: number;
  /** The work for a picture. */
  readonly work_ms: Spread;
  /** From one picture to the next. */
  readonly interval_ms: Spread;
}

export class FrameTimes {
  #count = 0;
  #work: number[] = [];
  #intervals: number[] = [];
  #last_ms: number | undefined;

  /** A picture was made from one time to another. What is in it goes into the browser's list of measures with that. */
  add(start_ms: number, end_ms: number, detail: Drawn): void {
    this.#count += 1;
    this.#work = [...this.#work, end_ms - start_ms].slice(-KEPT);
    if (this.#last_ms !== undefined) this.#intervals = [...this.#intervals, start_ms - this.#last_ms].slice(-KEPT);
    this.#last_ms = start_ms;
    if (this.#count % MEASURES_MAX === 0) performance.clearMeasures("arena:frame");
    performance.measure("arena:frame", { start: start_ms, end: end_ms, detail });
  }

  get report(): FrameReport {
    return { count: this.#count, work_ms: spread(this.#work), interval_ms: spread(this.#intervals) };
  }
}

export function spread(times: readonly number[]): Spread {
  if (times.length === 0) return { mean: 0, p95: 0, max: 0 };
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  const sum = sorted.reduce((total, time) => total + time, 0);
  return { mean: sum / sorted.length, p95: at(0.95), max: at(1) };
}
