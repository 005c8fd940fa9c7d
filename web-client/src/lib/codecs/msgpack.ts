/** `v1.binary`: MessagePack, with the field names of JSON. */

import { decode as unpack, encode as pack } from "@msgpack/msgpack";
import type { FrameOf, FrameTable } from "../protocol/schema";
import { FrameError, fromPlain, toPlain } from "../protocol/shape";
import { DEPTH_MAX, normalise, setEntry, ValueError } from "../value";
import type { Value } from "../value";

/** Writes a frame. */
export function encode<T extends FrameTable>(table: T, frame: FrameOf<T>): Uint8Array<ArrayBuffer> {
  return pack(toPlain(table, frame), { useBigInt64: true, maxDepth: 100 });
}

/** Reads a frame. */
export function decode<T extends FrameTable>(table: T, message: Uint8Array): FrameOf<T> {
  return fromPlain(table, read(message), normalise);
}

/** Writes one value. */
export function packValue(value: unknown): Uint8Array<ArrayBuffer> {
  return pack(normalise(value), { useBigInt64: true, maxDepth: 100 });
}

/** Reads one value. */
export function unpackValue(message: Uint8Array): Value {
  return normalise(read(message));
}

/** A key like any other, which the decoder refuses; and what stands for it: no text has half a surrogate pair. */
const REFUSED_KEY = "__proto__";
const STAND_IN = "\ud800";

const OPTIONS = { useBigInt64: true, mapKeyConverter: textKey };
const utf8 = new TextDecoder();

/** Reads that one key as what stands for it; all other keys are as they were. */
const RENAMING = {
  ...OPTIONS,
  keyDecoder: {
    canBeCached: (byte_length: number) => byte_length === REFUSED_KEY.length,
    decode(bytes: Uint8Array, offset: number, byte_length: number) {
      const key = utf8.decode(bytes.subarray(offset, offset + byte_length));
      return key === REFUSED_KEY ? STAND_IN : key;
    },
  },
};

function read(message: Uint8Array): unknown {
  try {
    return unpack(message, OPTIONS);
  } catch (error) {
    if (error instanceof ValueError) throw error;
    return readRenaming(message);
  }
}

/** What could not be read at first: it may have been for that one key. */
function readRenaming(message: Uint8Array): unknown {
  try {
    return renamedBack(unpack(message, RENAMING), 0);
  } catch (error) {
    if (error instanceof ValueError) throw error;
    throw new FrameError(`not MessagePack: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function renamedBack(raw: unknown, depth: number): unknown {
  // What lies deeper, as what is no value, is refused where it is looked at.
  if (depth > DEPTH_MAX + 1 || typeof raw !== "object" || raw === null) return raw;
  if (Array.isArray(raw)) return raw.map((item: unknown) => renamedBack(item, depth + 1));
  if (Object.getPrototypeOf(raw) !== Object.prototype) return raw;
  const map: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) {
    setEntry(map, key === STAND_IN ? REFUSED_KEY : key, renamedBack(value, depth + 1));
  }
  return map;
}

function textKey(key: unknown): string {
  if (typeof key === "string") return key;
  throw new ValueError("a map has a key that is not text");
}
