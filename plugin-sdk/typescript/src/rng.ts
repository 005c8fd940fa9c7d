// Chance that can be replayed.

/**
 * Random numbers that depend on nothing but the room's seed and the number of the event being handled.
 *
 * The algorithm is sfc32 and stays so: a journal written today must replay the same for ever. It is not for secrets.
 */
export class Rng {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** The numbers of one event. */
  constructor(seed: number, event: number) {
    this.a = seed | 0;
    this.b = (seed / 4_294_967_296) | 0;
    this.c = event | 0;
    this.counter = (event / 4_294_967_296) | 1;
    // So that every bit of seed and event has come to every bit of the state.
    for (let round = 0; round < 15; round++) this.nextU32();
  }

  /** Any number of 32 bits. */
  nextU32(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number from 0 up to, not including, 1. */
  unit(): number {
    // 53 bits are what a double holds exactly.
    return ((this.nextU32() >>> 5) * 67_108_864 + (this.nextU32() >>> 6)) / 9_007_199_254_740_992;
  }

  /** A whole number from 0 up to, not including, `bound`, each as likely as any other; 0 where `bound` is 0. */
  below(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 0) throw new RangeError(`${bound} is no bound for a random number`);
    if (bound === 0) return 0;
    // The numbers at the end that would make it uneven are drawn again.
    const even = 9_007_199_254_740_992 - (9_007_199_254_740_992 % bound);
    for (;;) {
      const drawn = this.unit() * 9_007_199_254_740_992;
      if (drawn < even) return drawn % bound;
    }
  }

  /** A whole number from `start` up to, not including, `end`; `start` where there is none. */
  range(start: number, end: number): number {
    return start + this.below(Math.max(0, end - start));
  }

  /** `true` with this probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** One of `items`, unless there are none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  /** Puts `items` in a random order. */
  shuffle<T>(items: T[]): void {
    for (let end = items.length - 1; end > 0; end--) {
      const other = this.below(end + 1);
      [items[end], items[other]] = [items[other] as T, items[end] as T];
    }
  }
}
