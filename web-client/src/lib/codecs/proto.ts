/**
 * `v2.proto`: the messages of `parlor.proto`, read and written by the frame tables. Generated code would say the same
 * a second time, and many times as long.
 */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Field, Fields, FrameOf, FrameTable, Kind } from "../protocol/schema";
import { FrameError, unsigned } from "../protocol/shape";
import { normalise, ValueError } from "../value";
import { readValue, writeValue } from "./proto-value";

/** Writes a frame. */
export function encode<T extends FrameTable>(table: T, frame: FrameOf<T>): Uint8Array<ArrayBuffer> {
  const schema = table[frame.type];
  if (!schema) throw new FrameError(`no frame is called ${frame.type}`, "UNKNOWN_MESSAGE_TYPE");
  const writer = new BinaryWriter();
  writer.tag(schema.number, WireType.LengthDelimited).fork();
  writeFields(writer, schema.fields, frame);
  return writer.join().finish();
}

/** Reads a frame. */
export function decode<T extends FrameTable>(table: T, message: Uint8Array): FrameOf<T> {
  try {
    return readFrame(table, message);
  } catch (error) {
    if (error instanceof ValueError || error instanceof FrameError) throw error;
    throw new FrameError(`not a protobuf frame: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readFrame<T extends FrameTable>(table: T, message: Uint8Array): FrameOf<T> {
  const reader = new BinaryReader(message);
  let frame: FrameOf<T> | undefined;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const found = Object.entries(table).find(([, schema]) => schema.number === number);
    if (!found) {
      reader.skip(wireType, number);
      continue;
    }
    const [type, schema] = found;
    expect(wireType, WireType.LengthDelimited, type);
    // The fields read are those of the schema that FrameOf was derived from.
    frame = { type, ...readFields(reader.bytes(), schema.fields, type) } as FrameOf<T>;
  }
  if (!frame) throw new FrameError("the message holds no frame this client knows", "UNKNOWN_MESSAGE_TYPE");
  return frame;
}

function writeFields(writer: BinaryWriter, fields: Fields, shape: object): void {
  const values = new Map<string, unknown>(Object.entries(shape));
  for (const [name, field] of Object.entries(fields)) {
    const value = values.get(name);
    if (value === undefined) continue;
    const items: unknown[] = field.occurs === "list" && Array.isArray(value) ? value : [value];
    for (const item of items) writeField(writer, field, item, name);
  }
}

function writeField(writer: BinaryWriter, field: Field, value: unknown, path: string): void {
  writer.tag(field.number, wireTypeOf(field.type));
  switch (field.type.kind) {
    case "text":
    case "enum":
      writer.string(String(value));
      return;
    case "bool":
      writer.bool(value === true);
      return;
    case "u32":
      writer.uint32(unsigned(value, 2 ** 32 - 1, path));
      return;
    case "u64":
      writer.uint64(unsigned(value, Number.MAX_SAFE_INTEGER, path));
      return;
    case "payload":
      writer.fork();
      writeValue(writer, normalise(value));
      writer.join();
      return;
    case "record":
      writer.fork();
      if (typeof value === "object" && value !== null) writeFields(writer, field.type.fields, value);
      writer.join();
  }
}

function readFields(message: Uint8Array, fields: Fields, path: string): object {
  const shape = defaults(fields);
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const found = Object.entries(fields).find(([, field]) => field.number === number);
    if (!found) {
      reader.skip(wireType, number);
      continue;
    }
    const [name, field] = found;
    expect(wireType, wireTypeOf(field.type), `${path}.${name}`);
    const value = readKind(reader, field.type, `${path}.${name}`);
    const items = shape.get(name);
    if (Array.isArray(items)) items.push(value);
    else shape.set(name, value);
  }
  for (const [name, field] of Object.entries(fields)) {
    if (field.occurs === "once" && !shape.has(name)) throw new FrameError(`${path}.${name} is missing`);
  }
  return Object.fromEntries(shape);
}

/** What a field is that is not on the wire. */
function defaults(fields: Fields): Map<string, unknown> {
  const shape = new Map<string, unknown>();
  for (const [name, { type, occurs }] of Object.entries(fields)) {
    if (occurs === "list") shape.set(name, []);
    else if (occurs === "optional") continue;
    else if (type.kind === "text") shape.set(name, "");
    else if (type.kind === "bool") shape.set(name, false);
    else if (type.kind === "u32" || type.kind === "u64") shape.set(name, 0);
  }
  return shape;
}

function readKind(reader: BinaryReader, type: Kind, path: string): unknown {
  switch (type.kind) {
    case "text":
      return reader.string(true);
    case "enum": {
      const name = reader.string(true);
      if (type.names.includes(name)) return name;
      throw new FrameError(`${path} must be one of ${type.names.join(", ")}`);
    }
    case "bool":
      return reader.bool();
    case "u32":
      return reader.uint32();
    case "u64":
      return unsigned(BigInt(reader.uint64()), Number.MAX_SAFE_INTEGER, path);
    case "payload":
      return readValue(reader.bytes());
    case "record":
      return readFields(reader.bytes(), type.fields, path);
  }
}

function wireTypeOf(type: Kind): WireType {
  return type.kind === "bool" || type.kind === "u32" || type.kind === "u64"
    ? WireType.Varint
    : WireType.LengthDelimited;
}

function expect(found: WireType, wanted: WireType, path: string): void {
  if (found !== wanted) throw new FrameError(`${path} has another wire type than parlor.proto says`);
}
