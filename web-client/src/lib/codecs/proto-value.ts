/** Payloads in protobuf: the message `Value` of `parlor.proto`. */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import { DEPTH_MAX, isMap, normalise, setEntry, ValueError } from "../value";
import type { Value, ValueMap } from "../value";

const NULL = 1;
const BOOL = 2;
const INT = 3;
const UINT = 4;
const FLOAT = 5;
const TEXT = 6;
const BYTES = 7;
const LIST = 8;
const MAP = 9;
const UINT_LIST = 10;
/** The one field of `List`, of `Map` and of `UintList`. */
const ITEM = 1;
const KEY = 1;
const VALUE = 2;

const WIRE_TYPES: ReadonlyMap<number, WireType> = new Map([
  [NULL, WireType.Varint],
  [BOOL, WireType.Varint],
  [INT, WireType.Varint],
  [UINT, WireType.Varint],
  [FLOAT, WireType.Bit64],
  [TEXT, WireType.LengthDelimited],
  [BYTES, WireType.LengthDelimited],
  [LIST, WireType.LengthDelimited],
  [MAP, WireType.LengthDelimited],
  [UINT_LIST, WireType.LengthDelimited],
]);

/** As many bytes of a varint fit into a `number`, with 7 bits each. */
const NUMBER_BYTES_MAX = 7;

/** Writes the fields of one `Value`; the value must be in normal form. */
export function writeValue(writer: BinaryWriter, value: Value): void {
  if (value === null) writer.tag(NULL, WireType.Varint).bool(true);
  else if (typeof value === "boolean") writer.tag(BOOL, WireType.Varint).bool(value);
  else if (typeof value === "number") writeNumber(writer, value);
  else if (typeof value === "bigint") writeInteger(writer, value);
  else if (typeof value === "string") writer.tag(TEXT, WireType.LengthDelimited).string(value);
  else if (value instanceof Uint8Array) writer.tag(BYTES, WireType.LengthDelimited).bytes(value);
  else if (isMap(value)) writeMap(writer, value);
  else writeList(writer, value);
}

function writeNumber(writer: BinaryWriter, value: number): void {
  if (Number.isSafeInteger(value)) writer.tag(INT, WireType.Varint).sint64(value);
  else writer.tag(FLOAT, WireType.Bit64).double(value);
}

function writeInteger(writer: BinaryWriter, value: bigint): void {
  if (value < 2n ** 63n) writer.tag(INT, WireType.Varint).sint64(value);
  else writer.tag(UINT, WireType.Varint).uint64(value);
}

function writeList(writer: BinaryWriter, items: readonly Value[]): void {
  if (items.length > 0 && items.every(isUint)) return writeUintList(writer, items);
  writer.tag(LIST, WireType.LengthDelimited).fork();
  for (const item of items) {
    writer.tag(ITEM, WireType.LengthDelimited).fork();
    writeValue(writer, item);
    writer.join();
  }
  writer.join();
}

/** In normal form a bigint is an integer, and a number is one where it is safe. */
function isUint(item: Value): item is number | bigint {
  return typeof item === "bigint" ? item >= 0n : Number.isSafeInteger(item) && Number(item) >= 0;
}

function writeUintList(writer: BinaryWriter, items: readonly (number | bigint)[]): void {
  writer.tag(UINT_LIST, WireType.LengthDelimited).fork().tag(ITEM, WireType.LengthDelimited).fork();
  for (const item of items) writer.uint64(item);
  writer.join().join();
}

function writeMap(writer: BinaryWriter, map: ValueMap): void {
  writer.tag(MAP, WireType.LengthDelimited).fork();
  for (const [key, value] of Object.entries(map)) {
    writer.tag(ITEM, WireType.LengthDelimited).fork();
    writer.tag(KEY, WireType.LengthDelimited).string(key).tag(VALUE, WireType.LengthDelimited).fork();
    writeValue(writer, value);
    writer.join().join();
  }
  writer.join();
}

/** Reads the bytes of one `Value`. */
export function readValue(message: Uint8Array, depth = 0): Value {
  const reader = new BinaryReader(message);
  let value: Value | undefined;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const wanted = WIRE_TYPES.get(number);
    if (wanted === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    if (value !== undefined) throw new ValueError("a Value must have one kind, not two");
    if (wireType !== wanted) throw new ValueError("a Value has another wire type than parlor.proto says");
    value = readKind(reader, number, depth);
  }
  if (value === undefined) throw new ValueError("a Value needs a kind; for null, set null_value");
  return value;
}

function readKind(reader: BinaryReader, number: number, depth: number): Value {
  switch (number) {
    case NULL:
      reader.bool();
      return null;
    case BOOL:
      return reader.bool();
    case INT:
      return normalise(BigInt(reader.sint64()));
    case UINT:
      return normalise(BigInt(reader.uint64()));
    case FLOAT:
      return normalise(reader.double());
    case TEXT:
      return reader.string(true);
    case BYTES:
      return reader.bytes();
    case LIST:
      return items(reader.bytes(), depth).map((item) => readValue(item, depth + 1));
    case UINT_LIST:
      checkDepth(depth);
      return readUintList(reader.bytes());
    default:
      return readMap(items(reader.bytes(), depth), depth + 1);
  }
}

function checkDepth(depth: number): void {
  if (depth >= DEPTH_MAX) throw new ValueError(`the value is nested deeper than ${DEPTH_MAX} levels`);
}

/** The integers may be packed or one by one, as in all of protobuf. */
function readUintList(message: Uint8Array): Value[] {
  const reader = new BinaryReader(message);
  const found: Value[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number !== ITEM) reader.skip(wireType, number);
    else if (wireType === WireType.Varint) found.push(readUint(reader, message));
    else if (wireType === WireType.LengthDelimited) readPacked(reader.bytes(), found);
    else throw new ValueError("a UintList has another wire type than parlor.proto says");
  }
  return found;
}

function readPacked(packed: Uint8Array, found: Value[]): void {
  const reader = new BinaryReader(packed);
  while (reader.pos < reader.len) found.push(readUint(reader, packed));
}

/** Reads a varint of `message`, where `reader` is. Games send thousands a second, and few take the way over a bigint. */
function readUint(reader: BinaryReader, message: Uint8Array): Value {
  const end = Math.min(reader.pos + NUMBER_BYTES_MAX, message.length);
  let value = 0;
  for (let at = reader.pos, place = 1; at < end; at += 1, place *= 0x80) {
    const byte = message[at] as number;
    value += (byte & 0x7f) * place;
    if (byte >= 0x80) continue;
    reader.pos = at + 1;
    return value;
  }
  return normalise(BigInt(reader.uint64()));
}

function items(message: Uint8Array, depth: number): Uint8Array[] {
  checkDepth(depth);
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === ITEM && wireType === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(wireType, number);
  }
  return found;
}

function readMap(entries: readonly Uint8Array[], depth: number): ValueMap {
  const map: Record<string, Value> = {};
  for (const entry of entries) {
    const [key, value] = readEntry(entry, depth);
    if (Object.hasOwn(map, key)) throw new ValueError(`a map has the key ${key} twice`);
    setEntry(map, key, value);
  }
  return map;
}

function readEntry(message: Uint8Array, depth: number): [string, Value] {
  const reader = new BinaryReader(message);
  let key = "";
  let value: Value | undefined;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === KEY && wireType === WireType.LengthDelimited) key = reader.string(true);
    else if (number === VALUE && wireType === WireType.LengthDelimited) value = readValue(reader.bytes(), depth);
    else reader.skip(wireType, number);
  }
  if (value === undefined) throw new ValueError("an Entry needs a value");
  return [key, value];
}
