// Parlor's value model, as MessagePack. What leaves a room is checked here, where the author can still be told which
// field it is; what comes from the host has been checked there.

import { binaryOf, bytesOf, toUtf8 } from "./bytes.ts";
import { Reader } from "./reader.ts";
import { DEPTH_MAX, EXACT_MAX, PayloadError, type Value } from "./value.ts";

/** The keys that are remembered, so that strangers cannot fill the memory with theirs. */
const KEYS_MAX = 256;
const KEY_CHARS_MAX = 32;
const keys = new Map<string, string>();

/** One character for each byte. */
export const BYTE: readonly string[] = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

const float = new DataView(new ArrayBuffer(8));
const floatBytes = new Uint8Array(float.buffer);

/**
 * The MessagePack of a value. `Map`s become maps, with whole numbers as keys written as text; `Set`s become lists; fields
 * that are undefined are left out.
 *
 * @throws PayloadError when something in it is none of Parlor's values; it says where.
 */
export function encode(value: unknown): Uint8Array {
  let binary: string;
  try {
    binary = write(value, 0, null);
  } catch (error) {
    throw located(error, (path) => write(value, 0, path));
  }
  return bytesOf(binary);
}

/**
 * The value that some MessagePack says.
 *
 * @throws PayloadError when it is not exactly one value of the value model.
 */
export function decode(bytes: Uint8Array): Value {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  reader.end();
  return value;
}

/** The same error with the way to the culprit, which is only kept when there is one: it would cost something each time. */
export function located(error: unknown, again: (path: string[]) => unknown): unknown {
  const path: string[] = [];
  try {
    again(path);
  } catch (_again) {
    const problem =
      error instanceof PayloadError ? error.message : error instanceof URIError ? "text with half a surrogate pair" : null;
    if (problem === null) return error;
    return new PayloadError(path.length === 0 ? problem : `at \`${path.join(".")}\`: ${problem}`);
  }
  return error;
}

function write(value: unknown, depth: number, path: string[] | null): string {
  switch (typeof value) {
    case "string":
      return writeText(value);
    case "number":
      return writeNumber(value);
    case "boolean":
      return value ? "\xc3" : "\xc2";
    case "bigint":
      return writeBigint(value);
    case "object":
      return value === null ? "\xc0" : writeObject(value, depth, path);
    default:
      throw new PayloadError(`a ${typeof value}, which Parlor's values do not have`);
  }
}

function writeObject(value: object, depth: number, path: string[] | null): string {
  if (value instanceof Uint8Array) return writeBytes(value);
  if (depth >= DEPTH_MAX) throw new PayloadError("nested more than 64 levels deep");
  if (Array.isArray(value)) return writeList(value, depth, path);
  if (value instanceof Map) return writeMap(value, depth, path);
  if (value instanceof Set) return writeList([...value], depth, path);
  if (value instanceof Date || value instanceof Promise || ArrayBuffer.isView(value)) {
    throw new PayloadError(`a ${value.constructor.name}, which Parlor's values do not have`);
  }
  return writeFields(value as Record<string, unknown>, depth, path);
}

function writeList(items: readonly unknown[], depth: number, path: string[] | null): string {
  let out = listHeader(items.length);
  for (let index = 0; index < items.length; index++) {
    path?.push(String(index));
    out += write(items[index], depth + 1, path);
    path?.pop();
  }
  return out;
}

function writeFields(fields: Record<string, unknown>, depth: number, path: string[] | null): string {
  let count = 0;
  let out = "";
  for (const key of Object.keys(fields)) {
    const value = fields[key];
    if (value === undefined) continue;
    count += 1;
    path?.push(key);
    out += writeKey(key) + write(value, depth + 1, path);
    path?.pop();
  }
  return mapHeader(count) + out;
}

function writeMap(map: ReadonlyMap<unknown, unknown>, depth: number, path: string[] | null): string {
  const keys = new Set<string>();
  let out = mapHeader(map.size);
  for (const [key, value] of map) {
    if (typeof key !== "string" && !Number.isSafeInteger(key)) {
      throw new PayloadError("a map's key is neither text nor a whole number");
    }
    const text = String(key);
    keys.add(text);
    path?.push(text);
    out += writeText(text) + write(value, depth + 1, path);
    path?.pop();
  }
  if (keys.size !== map.size) throw new PayloadError("a map has a key twice, as text and as number");
  return out;
}

/** The MessagePack of a map's key. The same few keys come again and again. */
export function writeKey(key: string): string {
  const known = keys.get(key);
  if (known !== undefined) return known;
  const written = writeText(key);
  if (keys.size < KEYS_MAX && key.length <= KEY_CHARS_MAX) keys.set(key, written);
  return written;
}

export function writeText(text: string): string {
  const utf8 = toUtf8(text);
  const { length } = utf8;
  if (length < 32) return BYTE[0xa0 | length] + utf8;
  if (length < 256) return "\xd9" + BYTE[length] + utf8;
  return length < 65_536 ? "\xda" + u16(length) + utf8 : "\xdb" + u32(length) + utf8;
}

export function writeBytes(bytes: Uint8Array): string {
  const { length } = bytes;
  const header = length < 256 ? "\xc4" + BYTE[length] : length < 65_536 ? "\xc5" + u16(length) : "\xc6" + u32(length);
  return header + binaryOf(bytes);
}

function writeNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) <= EXACT_MAX) return writeInteger(value);
  if (!Number.isFinite(value)) throw new PayloadError(`the number is ${value}, which Parlor's values do not have`);
  return writeFloat(value);
}

/** A whole number of at most 2⁵³, in the shortest form. */
export function writeInteger(value: number): string {
  if (value >= 0) {
    if (value < 128) return BYTE[value] as string;
    if (value < 256) return "\xcc" + BYTE[value];
    if (value < 65_536) return "\xcd" + u16(value);
    if (value < 4_294_967_296) return "\xce" + u32(value);
    return "\xcf" + u32(Math.floor(value / 4_294_967_296)) + u32(value % 4_294_967_296);
  }
  if (value >= -32) return BYTE[value & 0xff] as string;
  if (value >= -128) return "\xd0" + BYTE[value & 0xff];
  if (value >= -32_768) return "\xd1" + u16(value & 0xffff);
  if (value >= -2_147_483_648) return "\xd2" + u32(value >>> 0);
  return "\xd3" + eightBytes(() => float.setBigInt64(0, BigInt(value)));
}

function writeBigint(value: bigint): string {
  if (value >= -EXACT_MAX && value <= EXACT_MAX) return writeInteger(Number(value));
  if (value >= 2n ** 64n || value < -(2n ** 63n)) throw new PayloadError(`${value} is not between -2^63 and 2^64-1`);
  return value > 0n
    ? "\xcf" + eightBytes(() => float.setBigUint64(0, value))
    : "\xd3" + eightBytes(() => float.setBigInt64(0, value));
}

export function writeFloat(value: number): string {
  return "\xcb" + eightBytes(() => float.setFloat64(0, value));
}

function eightBytes(set: () => void): string {
  set();
  return binaryOf(floatBytes);
}

export function listHeader(length: number): string {
  if (length < 16) return BYTE[0x90 | length] as string;
  return length < 65_536 ? "\xdc" + u16(length) : "\xdd" + u32(length);
}

export function mapHeader(length: number): string {
  if (length < 16) return BYTE[0x80 | length] as string;
  return length < 65_536 ? "\xde" + u16(length) : "\xdf" + u32(length);
}

function u16(value: number): string {
  return String.fromCharCode(value >> 8, value & 0xff);
}

export function u32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}
