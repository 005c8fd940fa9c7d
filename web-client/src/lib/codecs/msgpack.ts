/** `v1.binary`: MessagePack, with the field names of JSON. */

import { decode as unpack, encode as pack } from "@msgpack/msgpack";
import type { FrameOf, FrameTable } from "../protocol/schema";
import { fromMap, FrameError, toMap } from "../protocol/shape";
import { normalise, ValueError } from "../value";
import type { Value } from "../value";

/** Writes a frame. */
export function encode<T extends FrameTable>(table: T, frame: FrameOf<T>): Uint8Array<ArrayBuffer> {
  return pack(toMap(table, frame), { useBigInt64: true, maxDepth: 100 });
}

/** Reads a frame. */
export function decode<T extends FrameTable>(table: T, message: Uint8Array): FrameOf<T> {
  return fromMap(table, read(message), normalise);
}

/** Writes one value. */
export function packValue(value: unknown): Uint8Array<ArrayBuffer> {
  return pack(normalise(value), { useBigInt64: true, maxDepth: 100 });
}

/** Reads one value. */
export function unpackValue(message: Uint8Array): Value {
  return normalise(read(message));
}

function read(message: Uint8Array): unknown {
  try {
    return unpack(message, { useBigInt64: true, mapKeyConverter: textKey });
  } catch (error) {
    if (error instanceof ValueError) throw error;
    throw new FrameError(`not MessagePack: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function textKey(key: unknown): string {
  if (typeof key === "string") return key;
  throw new ValueError("a map has a key that is not text");
}
