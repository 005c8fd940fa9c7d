/** `v1.json`: JSON text, with `$bytes`, `$int` and doubled `$` for what JSON has no form for. */

import { FrameError, fromPlain, toPlain } from "../protocol/shape";
import type { FrameOf, FrameTable } from "../protocol/schema";
import { DEPTH_MAX, normalise, setEntry, ValueError } from "../value";
import type { Value } from "../value";

/** Writes a frame. */
export function encode<T extends FrameTable>(table: T, frame: FrameOf<T>): string {
  return write(toPlain(table, frame));
}

/** Reads a frame. */
export function decode<T extends FrameTable>(table: T, message: string): FrameOf<T> {
  // The frame itself is one map or list around its payloads, whose own depth begins at 0. Protocol numbers may be tagged too.
  return fromPlain(table, fromJson(parse(message), -1), normalise);
}

/** Writes one value as JSON text. */
export function stringify(value: unknown): string {
  return write(normalise(value));
}

/** Reads one value from JSON text. */
export function parseValue(text: string): Value {
  return fromJson(parse(text));
}

/** Reads one value from what `JSON.parse` gave, for a value that is part of a greater document. */
export function valueFromJson(raw: unknown): Value {
  return fromJson(raw);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FrameError(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function write(value: unknown): string {
  switch (typeof value) {
    case "number":
      return float(value);
    case "bigint":
      return `{"$int":"${value}"}`;
    case "object":
      if (value === null) return "null";
      if (value instanceof Uint8Array) return `{"$bytes":"${toBase64(value)}"}`;
      if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
      return map(value);
    default:
      return JSON.stringify(value);
  }
}

/** A float beyond the safe integers must not look like an integer literal. */
function float(value: number): string {
  const literal = JSON.stringify(value);
  return Number.isSafeInteger(value) || /[.e]/.test(literal) ? literal : value.toExponential();
}

function map(value: object): string {
  const entries = Object.entries(value);
  const only = entries.length === 1 ? entries[0] : undefined;
  if (only?.[0].startsWith("$")) return `{${JSON.stringify(`$${only[0]}`)}:${write(only[1])}}`;
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${write(item)}`).join(",")}}`;
}

/** Undoes the escapes in what `JSON.parse` gave, and checks it. */
function fromJson(raw: unknown, depth = 0): Value {
  if (typeof raw !== "object" || raw === null) return normalise(raw);
  if (depth >= DEPTH_MAX) throw new ValueError(`the value is nested deeper than ${DEPTH_MAX} levels`);
  if (Array.isArray(raw)) return raw.map((item: unknown) => fromJson(item, depth + 1));
  const entries = Object.entries(raw);
  const only = entries.length === 1 ? entries[0] : undefined;
  if (only?.[0].startsWith("$")) return escaped(only[0], only[1], depth);
  const map: Record<string, Value> = {};
  for (const [key, item] of entries) setEntry(map, checkedKey(key), fromJson(item, depth + 1));
  return map;
}

function escaped(key: string, raw: unknown, depth: number): Value {
  if (key === "$bytes" && typeof raw === "string") return fromBase64(raw);
  if (key === "$int" && typeof raw === "string" && /^(0|-?[1-9][0-9]*)$/.test(raw)) return normalise(BigInt(raw));
  if (!key.startsWith("$$")) throw new ValueError(`a map whose only key is ${key} is no value`);
  const map: Record<string, Value> = {};
  setEntry(map, checkedKey(key.slice(1)), fromJson(raw, depth + 1));
  return map;
}

function checkedKey(key: string): string {
  normalise(key);
  return key;
}

const CHUNK = 0x8000;

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let start = 0; start < bytes.length; start += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  }
  return btoa(binary);
}

function fromBase64(base64: string): Uint8Array {
  // `atob` also takes white space and missing padding, which the protocol does not.
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) {
    throw new ValueError("$bytes does not hold base64");
  }
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
