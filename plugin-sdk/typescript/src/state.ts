// The bytes of a saved state: MessagePack again, with what a state may hold beyond the value model as extension types.
// A state comes back exactly as it was: `Map`s and `Set`s in their order, bigints as bigints, undefined, NaN and -0.
//
// What could not come back is refused: functions, symbols, dates, objects of classes. An object that is reached on two
// ways would come back as two; looking for that takes time, and is left to tests.

import {
  BYTE,
  listHeader,
  located,
  mapHeader,
  u32,
  writeBytes,
  writeFloat,
  writeInteger,
  writeKey,
  writeText,
} from "./payload.ts";
import { bytesOf } from "./bytes.ts";
import { Reader } from "./reader.ts";
import { PayloadError, type Value } from "./value.ts";

/** How deep a state may nest; a room that holds itself would nest for ever. */
const DEPTH_MAX = 200;

/** The extension types. */
const UNDEFINED = 0;
const BIGINT = 1;
const MAP = 2;
const SET = 3;

/**
 * The bytes of a state. With `isStrict` an object that is reached on two ways is refused.
 *
 * @throws PayloadError when something in it could not be brought back; it says where.
 */
export function saveState(state: unknown, isStrict = false): Uint8Array {
  let binary: string;
  try {
    binary = write(state, 0, null, isStrict ? new Set() : null);
  } catch (error) {
    throw located(error, (path) => write(state, 0, path, isStrict ? new Set() : null));
  }
  return bytesOf(binary);
}

/**
 * The state of which `saveState` made these bytes.
 *
 * @throws PayloadError when they are no state.
 */
export function loadState(bytes: Uint8Array): unknown {
  const reader = new StateReader(bytes);
  const state = reader.value(0);
  reader.end();
  return state;
}

function write(value: unknown, depth: number, path: string[] | null, seen: Set<object> | null): string {
  switch (typeof value) {
    case "string":
      return writeText(value);
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? writeInteger(value) : writeFloat(value);
    case "boolean":
      return value ? "\xc3" : "\xc2";
    case "bigint":
      return extension(BIGINT, writeText(value.toString(16)));
    case "undefined":
      return extension(UNDEFINED, "\xc0");
    case "object":
      return value === null ? "\xc0" : writeObject(value, depth, path, seen);
    default:
      throw new PayloadError(`a ${typeof value} cannot be saved`);
  }
}

function writeObject(value: object, depth: number, path: string[] | null, seen: Set<object> | null): string {
  if (depth >= DEPTH_MAX) throw new PayloadError(`nested more than ${DEPTH_MAX} levels deep`);
  if (seen?.has(value)) {
    throw new PayloadError("an object that is elsewhere in the state, too; it would come back as two: keep its id or a copy");
  }
  seen?.add(value);
  if (value instanceof Uint8Array) return writeBytes(value);
  if (Array.isArray(value)) return writeList(value, depth, path, seen);
  if (value instanceof Map) return extension(MAP, writeList([...value].flat(1), depth, path, seen));
  if (value instanceof Set) return extension(SET, writeList([...value], depth, path, seen));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new PayloadError(`a ${value.constructor.name}, which would come back without its methods; keep plain values`);
  }
  return writeFields(value as Record<string, unknown>, depth, path, seen);
}

function writeList(items: readonly unknown[], depth: number, path: string[] | null, seen: Set<object> | null): string {
  let out = listHeader(items.length);
  for (let index = 0; index < items.length; index++) {
    path?.push(String(index));
    out += write(items[index], depth + 1, path, seen);
    path?.pop();
  }
  return out;
}

function writeFields(
  fields: Record<string, unknown>,
  depth: number,
  path: string[] | null,
  seen: Set<object> | null,
): string {
  const keys = Object.keys(fields);
  let out = mapHeader(keys.length);
  for (const key of keys) {
    path?.push(key);
    out += writeKey(key) + write(fields[key], depth + 1, path, seen);
    path?.pop();
  }
  return out;
}

function extension(type: number, content: string): string {
  return "\xc9" + u32(content.length) + BYTE[type] + content;
}

/** Reads what only a saved state has, too. */
class StateReader extends Reader {
  protected override depthMax(): number {
    return DEPTH_MAX;
  }

  protected override float(value: number): number {
    return value;
  }

  /** The result is typed as the values are that the rest of the reader knows; only the author sees what it is. */
  protected override other(marker: number, depth: number): Value {
    if (marker !== 0xc9) throw new PayloadError("no saved state");
    this.uint(2);
    const type = this.byte();
    const content = this.value(depth);
    return restored(type, content) as Value;
  }
}

function restored(type: number, content: unknown): unknown {
  if (type === UNDEFINED) return undefined;
  if (type === BIGINT && typeof content === "string") {
    return content.startsWith("-") ? -BigInt(`0x${content.slice(1)}`) : BigInt(`0x${content}`);
  }
  if (type === SET && Array.isArray(content)) return new Set(content);
  if (type === MAP && Array.isArray(content)) {
    const map = new Map<unknown, unknown>();
    for (let at = 0; at < content.length; at += 2) map.set(content[at], content[at + 1]);
    return map;
  }
  throw new PayloadError("no saved state");
}
