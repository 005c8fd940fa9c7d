/**
 * The value model that every payload keeps to, whatever encoding carries it.
 *
 * Integers are one kind: a safe JavaScript integer is a `number`, any other integer a `bigint`, so a `number` that is
 * not a safe integer is a float. Bytes are a `Uint8Array`. `normalise` is the only door: what goes out and what comes
 * in passes through it once, so that two equal values look the same whichever codec they came by.
 */

/** Any value a payload can be. */
export type Value = null | boolean | number | bigint | string | Uint8Array | readonly Value[] | ValueMap;

/** A map with text keys; the order of keys carries no meaning. */
export interface ValueMap {
  readonly [key: string]: Value;
}

/** A value outside the model, and where in the payload it was. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

/** How many lists and maps may lie inside each other. */
export const DEPTH_MAX = 64;

const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 64n - 1n;
const FLOAT_INTEGER_MAX = 2 ** 53;

/**
 * Checks that `input` is in the model and writes it in the one form each value has. Map entries that are `undefined`
 * are left out, as JSON does.
 *
 * @throws ValueError where something has no place in the model
 */
export function normalise(input: unknown): Value {
  return normaliseAt(input, 0, "$");
}

function normaliseAt(input: unknown, depth: number, path: string): Value {
  switch (typeof input) {
    case "boolean":
      return input;
    case "number":
      return numeric(input, path);
    case "bigint":
      return integer(input, path);
    case "string":
      return text(input, path);
    case "object":
      return input === null ? null : compound(input, depth, path);
    default:
      throw new ValueError(`${path} is ${typeof input}, which no payload can carry`);
  }
}

function numeric(input: number, path: string): Value {
  if (!Number.isFinite(input)) throw new ValueError(`${path} is ${input}; only finite numbers can be sent`);
  if (Number.isSafeInteger(input)) return input === 0 ? 0 : input;
  // 2^53 itself is the one integral float in range that is not a safe integer.
  if (Math.abs(input) === FLOAT_INTEGER_MAX) return BigInt(input);
  return input;
}

function integer(input: bigint, path: string): Value {
  if (input < INTEGER_MIN || input > INTEGER_MAX) {
    throw new ValueError(`${path} is ${input}; integers go from -2^63 to 2^64-1`);
  }
  const small = Number(input);
  return Number.isSafeInteger(small) ? small : input;
}

function text(input: string, path: string): string {
  if (/\p{Surrogate}/u.test(input)) throw new ValueError(`${path} is text with half a surrogate pair`);
  return input;
}

function compound(input: object, depth: number, path: string): Value {
  if (input instanceof Uint8Array) return input;
  if (depth >= DEPTH_MAX) throw new ValueError(`${path} is nested deeper than ${DEPTH_MAX} levels`);
  if (Array.isArray(input))
    return input.map((item: unknown, index) => normaliseAt(item, depth + 1, `${path}[${index}]`));
  if (!isPlain(input)) throw new ValueError(`${path} is a ${input.constructor.name}, which no payload can carry`);
  const map: Record<string, Value> = {};
  for (const [key, value] of Object.entries(input)) {
    if (value !== undefined)
      setEntry(map, text(key, `a key of ${path}`), normaliseAt(value, depth + 1, `${path}.${key}`));
  }
  return map;
}

function isPlain(input: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** Sets an entry, also one named `__proto__`, which plain assignment would take for the prototype. */
export function setEntry<T>(map: Record<string, T>, key: string, value: T): void {
  if (key === "__proto__") {
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    map[key] = value;
  }
}

/** Whether a value is a map. */
export function isMap(value: Value | undefined): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
