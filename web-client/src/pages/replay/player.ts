/** Where a replay is, and whether it runs: a state machine over a clock that is handed in. It draws nothing. */

export const SPEEDS = [0.5, 1, 2, 4, 8] as const;
export type Speed = (typeof SPEEDS)[number];

export class Player {
  readonly duration_ms: number;
  readonly #now: () => number;
  /** Where the replay was at `#since_ms` of the clock; while it stands still, where it is. */
  #base_ms = 0;
  #since_ms = 0;
  #isPlaying = false;
  #speed: Speed = 1;

  constructor(duration_ms: number, now: () => number) {
    this.duration_ms = duration_ms;
    this.#now = now;
  }

  /** Where the replay is, in ms from its beginning. */
  get position_ms(): number {
    const passed_ms = this.#isPlaying ? (this.#now() - this.#since_ms) * this.#speed : 0;
    return Math.min(this.duration_ms, this.#base_ms + Math.max(0, passed_ms));
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  get isAtEnd(): boolean {
    return this.position_ms >= this.duration_ms;
  }

  get speed(): Speed {
    return this.#speed;
  }

  /** Goes on; from the end, from the beginning again. */
  play(): void {
    this.#moveTo(this.isAtEnd ? 0 : this.position_ms);
    this.#isPlaying = true;
  }

  pause(): void {
    this.#moveTo(this.position_ms);
    this.#isPlaying = false;
  }

  toggle(): void {
    if (this.#isPlaying && !this.isAtEnd) this.pause();
    else this.play();
  }

  /** Goes somewhere, and runs on from there if it ran. */
  seek(position_ms: number): void {
    this.#moveTo(Number.isFinite(position_ms) ? position_ms : 0);
  }

  /** Goes to a change and stands still there, so that it can be looked at. */
  stepTo(position_ms: number): void {
    this.seek(position_ms);
    this.#isPlaying = false;
  }

  setSpeed(speed: Speed): void {
    this.#moveTo(this.position_ms);
    this.#speed = speed;
  }

  /** To be called for each picture: tells where the replay is, and stops it at the end. */
  tick(): number {
    if (this.isAtEnd) this.pause();
    return this.position_ms;
  }

  #moveTo(position_ms: number): void {
    this.#base_ms = Math.min(this.duration_ms, Math.max(0, position_ms));
    this.#since_ms = this.#now();
  }
}

/** The first of rising times after `position_ms`. */
export function nextAfter(times_ms: readonly number[], position_ms: number): number | undefined {
  return times_ms[countUntil(times_ms, position_ms)];
}

/** The last of rising times before `position_ms`. */
export function lastBefore(times_ms: readonly number[], position_ms: number): number | undefined {
  let count = countUntil(times_ms, position_ms);
  while (count > 0 && times_ms[count - 1] === position_ms) count -= 1;
  return times_ms[count - 1];
}

/** How many of rising times are at or before `position_ms`. */
export function countUntil(times_ms: readonly number[], position_ms: number): number {
  let low = 0;
  let high = times_ms.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times_ms[middle] ?? Infinity) <= position_ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Minutes and seconds with a tenth, such as `1:07.3`. */
export function formatTime(ms: number): string {
  return `${formatMinutes(ms)}.${Math.floor(ms / 100) % 10}`;
}

/** Minutes and seconds, such as `1:07`. */
export function formatMinutes(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const two = (n: number) => String(n).padStart(2, "0");
  const clock = hours > 0 ? `${hours}:${two(minutes % 60)}` : String(minutes);
  return `${clock}:${two(seconds % 60)}`;
}
