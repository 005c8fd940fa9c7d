// Reading what came from outside as a type, once, at the edge. A shape is a function from any value to the type, which
// throws where the value does not fit; so any other library's reader will do in its place.

import type { Value } from "./value.ts";

/** Reads a value as a `T`, or throws. */
export type Shape<T> = (value: Value) => T;

/** What a shape reads: `type Input = ShapeOf<typeof input>`. */
export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

/** Why a value does not fit. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** The fields of a map, each with its shape. */
export type Fields = { readonly [name: string]: Shape<unknown> };
type Read<F extends Fields> = { [K in keyof F]: ShapeOf<F[K]> };
type Tagged<T extends string, C extends { readonly [tag: string]: Fields }> = {
  [K in keyof C & string]: { [Q in T]: K } & Read<C[K]>;
}[keyof C & string];

/** Text of so many UTF-16 units; 64 Ki at most, unless it is said otherwise. */
export function text(bounds: { min?: number; max?: number } = {}): Shape<string> {
  const { min = 0, max = 65_536 } = bounds;
  return (value) => {
    if (typeof value === "string" && value.length >= min && value.length <= max) return value;
    throw unfit(`text of ${min} to ${max} characters`, value);
  };
}

/** One of these texts. */
export function choice<const T extends string>(...texts: T[]): Shape<T> {
  return (value) => {
    if (texts.includes(value as T)) return value as T;
    throw unfit(texts.map((it) => JSON.stringify(it)).join(" or "), value);
  };
}

/** A whole number. */
export function integer(bounds: { min?: number; max?: number } = {}): Shape<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = bounds;
  return (value) => {
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    throw unfit(`a whole number from ${min} to ${max}`, value);
  };
}

/** Any number, whole or not. */
export function number(bounds: { min?: number; max?: number } = {}): Shape<number> {
  const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = bounds;
  return (value) => {
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw unfit(`a number from ${min} to ${max}`, value);
  };
}

/** True or false. */
export const bool: Shape<boolean> = (value) => {
  if (typeof value === "boolean") return value;
  throw unfit("true or false", value);
};

/** Bytes, at most so many. */
export function bytes(bounds: { max?: number } = {}): Shape<Uint8Array> {
  const { max = 1_048_576 } = bounds;
  return (value) => {
    if (value instanceof Uint8Array && value.length <= max) return value;
    throw unfit(`at most ${max} bytes`, value);
  };
}

/** Anything. */
export const any: Shape<Value> = (value) => value;

/** Nothing, or something that is left out or null. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value) => (value === undefined || value === null ? undefined : shape(value));
}

/** A list, of at most so many items. */
export function list<T>(item: Shape<T>, bounds: { max?: number } = {}): Shape<T[]> {
  const { max = 65_536 } = bounds;
  return (value) => {
    if (!Array.isArray(value) || value.length > max) throw unfit(`a list of at most ${max}`, value);
    return value.map((it, index) => within(String(index), item, it));
  };
}

/** A map with these fields. Others are ignored. */
export function record<F extends Fields>(fields: F): Shape<Read<F>> {
  const names = Object.keys(fields);
  return (value) => readFields(fields, names, asMap(value), {}) as Read<F>;
}

/** A map whose field `tag` says which fields it has: `oneOf("type", { say: { text: text() }, leave: {} })`. */
export function oneOf<T extends string, C extends { readonly [tag: string]: Fields }>(
  tag: T,
  cases: C,
): Shape<Tagged<T, C>> {
  const names = new Map(Object.entries(cases).map(([kind, fields]) => [kind, Object.keys(fields)]));
  const which = choice(...names.keys());
  return (value) => {
    const map = asMap(value);
    const kind = within(tag, which, field(map, tag));
    return readFields(cases[kind] as Fields, names.get(kind) ?? [], map, { [tag]: kind }) as Tagged<T, C>;
  };
}

function readFields(
  fields: Fields,
  names: readonly string[],
  map: { [key: string]: Value },
  output: { [key: string]: unknown },
): unknown {
  for (const name of names) output[name] = within(name, fields[name] as Shape<unknown>, field(map, name));
  return output;
}

/** A field of the map's own; a shape that takes what is left out is given undefined. */
function field(map: { [key: string]: Value }, name: string): Value {
  return (Object.hasOwn(map, name) ? map[name] : undefined) as Value;
}

function within<T>(step: string, shape: Shape<T>, value: Value): T {
  try {
    return shape(value);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const rest = error.message.startsWith("at `") ? `.${error.message.slice(4)}` : `\`: ${error.message}`;
    throw new ShapeError(`at \`${step}${rest}`);
  }
}

function asMap(value: Value): { [key: string]: Value } {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)) return value;
  throw unfit("a map", value);
}

function unfit(wanted: string, value: Value): ShapeError {
  return new ShapeError(`${wanted} was expected, and ${shown(value)} came`);
}

function shown(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return value.length <= 40 ? JSON.stringify(value) : "longer text";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Uint8Array) return "bytes";
  return typeof value === "object" && value !== null ? "a map" : String(value);
}
