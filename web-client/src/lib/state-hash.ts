/** The hash of a state (ST4): CRC-32 over its canonical MessagePack, with the keys of every map in the order of bytes. */

import { isMap } from "./value";
import type { Value, ValueMap } from "./value";

const encoder = new TextEncoder();

/** The hash of a value. */
export function stateHash(value: Value): number {
  const writer = new Writer();
  writer.value(value);
  return crc32(writer.bytes());
}

/** The keys of a map, sorted by their UTF-8 bytes. */
export function sortedKeys(map: ValueMap): string[] {
  return Object.keys(map).sort(byBytes);
}

/** Which of two texts comes first by UTF-8 bytes, which is the order of code points: surrogates belong behind the rest. */
export function byBytes(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let index = 0; index < end; index += 1) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Writes canonical MessagePack: every number and length in its shortest form. */
class Writer {
  #out = new Uint8Array(1024);
  #view = new DataView(this.#out.buffer);
  #length = 0;

  bytes(): Uint8Array {
    return this.#out.subarray(0, this.#length);
  }

  value(value: Value): void {
    if (value === null) this.#uint(1, 0xc0);
    else if (typeof value === "boolean") this.#uint(1, value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#bigint(value);
    else if (typeof value === "string") this.#text(value);
    else if (value instanceof Uint8Array) this.#binary(value);
    else if (isMap(value)) this.#map(value);
    else this.#list(value);
  }

  #list(items: readonly Value[]): void {
    this.#head(items.length, 0x90, 16, 0xdb);
    for (const item of items) this.value(item);
  }

  #map(map: ValueMap): void {
    const keys = sortedKeys(map);
    this.#head(keys.length, 0x80, 16, 0xdd);
    for (const key of keys) {
      this.#text(key);
      this.value(map[key] as Value);
    }
  }

  #text(text: string): void {
    const bytes = encoder.encode(text);
    if (bytes.length < 32) this.#uint(1, 0xa0 | bytes.length);
    else this.#length_of(bytes.length, 0xd9);
    this.#raw(bytes);
  }

  #binary(bytes: Uint8Array): void {
    this.#length_of(bytes.length, 0xc4);
    this.#raw(bytes);
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) {
      this.#uint(1, 0xcb);
      this.#reserve(8);
      this.#view.setFloat64(this.#length, value);
      this.#length += 8;
    } else if (value >= 2 ** 32 || value < -(2 ** 31)) {
      this.#bigint(BigInt(value));
    } else if (value >= 0) {
      if (value < 0x80) this.#uint(1, value);
      else if (value < 0x100) this.#marked(0xcc, 1, value);
      else if (value < 0x10000) this.#marked(0xcd, 2, value);
      else this.#marked(0xce, 4, value);
    } else if (value >= -32) this.#uint(1, value);
    else if (value >= -0x80) this.#marked(0xd0, 1, value);
    else if (value >= -0x8000) this.#marked(0xd1, 2, value);
    else this.#marked(0xd2, 4, value);
  }

  #bigint(value: bigint): void {
    this.#uint(1, value < 0n ? 0xd3 : 0xcf);
    this.#reserve(8);
    this.#view.setBigUint64(this.#length, BigInt.asUintN(64, value));
    this.#length += 8;
  }

  /** The head of a list or a map: the count in the marker, or behind the second marker of a row. */
  #head(count: number, short: number, short_max: number, marker: number): void {
    if (count < short_max) this.#uint(1, short | count);
    else if (count < 0x10000) this.#marked(marker + 1, 2, count);
    else this.#marked(marker + 2, 4, count);
  }

  /** A length behind the first of three markers in a row. */
  #length_of(length: number, marker: number): void {
    if (length < 0x100) this.#marked(marker, 1, length);
    else if (length < 0x10000) this.#marked(marker + 1, 2, length);
    else this.#marked(marker + 2, 4, length);
  }

  #marked(marker: number, size: 1 | 2 | 4, value: number): void {
    this.#uint(1, marker);
    this.#uint(size, value);
  }

  #uint(size: 1 | 2 | 4, value: number): void {
    this.#reserve(size);
    if (size === 1) this.#view.setUint8(this.#length, value);
    else if (size === 2) this.#view.setUint16(this.#length, value);
    else this.#view.setUint32(this.#length, value);
    this.#length += size;
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#out.length) return;
    const larger = new Uint8Array(Math.max(this.#out.length * 2, this.#length + size));
    larger.set(this.#out);
    this.#out = larger;
    this.#view = new DataView(larger.buffer);
  }
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xffffffff) >>> 0;
}
