// What the value model is, for those who write it and those who read it.

/**
 * Any value of Parlor's value model. Integers beyond ±2⁵³ are bigints, all others are numbers, and a number without a
 * fraction is an integer.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Value[]
  | { [key: string]: Value };

/** Why something is no value of the value model. */
export class PayloadError extends Error {
  override readonly name = "PayloadError";
}

/** How deep lists and maps may nest. */
export const DEPTH_MAX = 64;
/** Numbers up to this size that have no fraction are integers in the value model. */
export const EXACT_MAX = 2 ** 53;
