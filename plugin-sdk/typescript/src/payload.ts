// Parlor's value model, as MessagePack. What leaves a room is checked here, where the author can still be told which
// field it is; what comes from the host has been checked there.

import { binaryOf, bytesOf, fromUtf8, toUtf8 } from "./bytes.ts";

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
const DEPTH_MAX = 64;
/** Numbers up to this size that have no fraction are integers in the value model. */
const EXACT_MAX = 2 ** 53;

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
    out += writeText(key) + write(value, depth + 1, path);
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

/** Takes MessagePack apart, from the front to the end. */
export class Reader {
  private readonly view: DataView;
  private readonly binary: string;
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.binary = binaryOf(bytes);
  }

  /** Stops where something is left. */
  end(): void {
    if (this.at !== this.bytes.length) throw new PayloadError("more than one value");
  }

  value(depth: number): Value {
    const marker = this.byte();
    if (marker < 0x80) return marker;
    if (marker >= 0xe0) return marker - 256;
    if (marker < 0x90) return this.map(marker & 0x0f, depth);
    if (marker < 0xa0) return this.list(marker & 0x0f, depth);
    if (marker < 0xc0) return this.text(marker & 0x1f);
    return this.marked(marker, depth);
  }

  /** Any value; `state.ts` also reads what only a saved state has. */
  protected other(_marker: number, _depth: number): Value {
    throw new PayloadError("an extension type, which Parlor's values do not have");
  }

  private marked(marker: number, depth: number): Value {
    switch (marker) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.blob(this.uint(marker - 0xc4));
      case 0xca:
        return this.float(this.view.getFloat32(this.take(4)));
      case 0xcb:
        return this.float(this.view.getFloat64(this.take(8)));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.uint(marker - 0xcc);
      case 0xcf:
        return small(this.view.getBigUint64(this.take(8)));
      case 0xd0:
        return this.view.getInt8(this.take(1));
      case 0xd1:
        return this.view.getInt16(this.take(2));
      case 0xd2:
        return this.view.getInt32(this.take(4));
      case 0xd3:
        return small(this.view.getBigInt64(this.take(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.uint(marker - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.list(this.uint(marker - 0xdb), depth);
      case 0xde:
      case 0xdf:
        return this.map(this.uint(marker - 0xdd), depth);
      default:
        return this.other(marker, depth);
    }
  }

  protected byte(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw new PayloadError("the value ends too early");
    this.at += 1;
    return byte;
  }

  /** A length or a natural number of 1, 2 or 4 bytes, for 0, 1 and 2. */
  protected uint(size: number): number {
    if (size === 0) return this.byte();
    return size === 1 ? this.view.getUint16(this.take(2)) : this.view.getUint32(this.take(4));
  }

  /** Where the next bytes begin; they are taken. */
  private take(length: number): number {
    const { at } = this;
    if (at + length > this.bytes.length) throw new PayloadError("the value ends too early");
    this.at = at + length;
    return at;
  }

  protected float(value: number): number {
    if (!Number.isFinite(value)) throw new PayloadError(`the number is ${value}, which Parlor's values do not have`);
    return value === 0 ? 0 : value;
  }

  private text(length: number): string {
    const start = this.take(length);
    try {
      return fromUtf8(this.binary.slice(start, this.at));
    } catch {
      throw new PayloadError("text that is not UTF-8");
    }
  }

  private blob(length: number): Uint8Array {
    const start = this.take(length);
    return this.bytes.slice(start, this.at);
  }

  private list(length: number, depth: number): Value[] {
    this.enter(length, depth);
    const items: Value[] = [];
    for (let index = 0; index < length; index++) items.push(this.value(depth + 1));
    return items;
  }

  private map(length: number, depth: number): { [key: string]: Value } {
    this.enter(length, depth);
    const fields: { [key: string]: Value } = {};
    for (let index = 0; index < length; index++) {
      const key = this.value(depth + 1);
      if (typeof key !== "string") throw new PayloadError("a map's key is not text");
      const value = this.value(depth + 1);
      if (key === "__proto__") {
        Object.defineProperty(fields, key, { value, enumerable: true, configurable: true, writable: true });
      } else fields[key] = value;
    }
    if (Object.keys(fields).length !== length) throw new PayloadError("a map has a key twice");
    return fields;
  }

  /** A length that cannot be is noticed before anything is made of it. */
  private enter(length: number, depth: number): void {
    if (depth >= this.depthMax()) throw new PayloadError(`nested more than ${this.depthMax()} levels deep`);
    if (length > this.bytes.length - this.at) throw new PayloadError("the value ends too early");
  }

  protected depthMax(): number {
    return DEPTH_MAX;
  }
}

/** An integer as a number, where a number holds it. */
function small(value: bigint): number | bigint {
  return value >= -EXACT_MAX && value <= EXACT_MAX ? Number(value) : value;
}
