// Reads MessagePack of Parlor's value model. Whatever the bytes are, it ends with a value or a PayloadError.

import { binaryOf, fromUtf8 } from "./bytes.ts";
import { DEPTH_MAX, EXACT_MAX, PayloadError, type Value } from "./value.ts";

/** Short texts that came before: most are keys, and the same few come again and again. */
const texts = new Map<string, string>();
const TEXTS_MAX = 256;
const TEXT_BYTES_MAX = 16;

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
    const utf8 = this.binary.slice(start, this.at);
    const known = texts.get(utf8);
    if (known !== undefined) return known;
    try {
      const text = fromUtf8(utf8);
      if (length <= TEXT_BYTES_MAX && texts.size < TEXTS_MAX) texts.set(utf8, text);
      return text;
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
