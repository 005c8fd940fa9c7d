/**
 * Frames as plain maps and lists, the form that JSON and MessagePack share: `fromPlain` is where something unknown off
 * the wire becomes a typed frame, once and for good.
 */

import { normalise } from "../value";
import type { Value } from "../value";
import type { Field, Fields, FrameOf, FrameTable, Kind } from "./schema";

/** Why a message is not a frame. */
export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly code: "INVALID_MESSAGE_FORMAT" | "UNKNOWN_MESSAGE_TYPE";

  constructor(message: string, code: FrameError["code"] = "INVALID_MESSAGE_FORMAT") {
    super(message);
    this.code = code;
  }
}

/** What a codec does to the payloads inside a frame. */
export type PayloadReader = (raw: unknown) => Value;

/**
 * Reads a frame of `table` from a decoded map or list; fields it does not know are left out.
 *
 * @throws FrameError or ValueError
 */
export function fromPlain<T extends FrameTable>(table: T, raw: unknown, payloadOf: PayloadReader): FrameOf<T> {
  if (Array.isArray(raw)) return fromList(table, raw, payloadOf);
  if (!isObject(raw)) throw new FrameError("a frame is a map with a type");
  const type = raw["type"];
  if (typeof type !== "string") throw new FrameError("the frame has no type");
  const schema = Object.hasOwn(table, type) ? table[type] : undefined;
  if (!schema) throw new FrameError(`no frame is called ${type}`, "UNKNOWN_MESSAGE_TYPE");
  if (schema.form === "list") throw new FrameError(`${type} is a list`);
  // The loop below fills in exactly the fields of the schema that FrameOf was derived from.
  return { type, ...readFields(schema.fields, raw, type, payloadOf) } as FrameOf<T>;
}

/** A list is the one frame of the table that is written as a list. */
function fromList<T extends FrameTable>(table: T, raw: readonly unknown[], payloadOf: PayloadReader): FrameOf<T> {
  const found = Object.entries(table).find(([, { form }]) => form === "list");
  if (!found) throw new FrameError("a frame is a map with a type");
  const [type, { fields }] = found;
  const named = Object.fromEntries(Object.keys(fields).map((name, index) => [name, raw[index]]));
  return { type, ...readFields(fields, named, type, payloadOf) } as FrameOf<T>;
}

/** Writes a frame as a map, without the fields that are absent, or as the list that it is. */
export function toPlain<T extends FrameTable>(table: T, frame: FrameOf<T>): Record<string, unknown> | unknown[] {
  const schema = table[frame.type];
  if (!schema) throw new FrameError(`no frame is called ${frame.type}`, "UNKNOWN_MESSAGE_TYPE");
  const fields = writeFields(schema.fields, frame);
  return schema.form === "list" ? Object.values(fields) : { type: frame.type, ...fields };
}

function readFields(fields: Fields, raw: Record<string, unknown>, path: string, payloadOf: PayloadReader): object {
  const shape: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = readField(field, Object.hasOwn(raw, name) ? raw[name] : undefined, `${path}.${name}`, payloadOf);
    if (value !== undefined) shape[name] = value;
  }
  return shape;
}

function readField(field: Field, raw: unknown, path: string, payloadOf: PayloadReader): unknown {
  if (field.occurs === "list") {
    if (raw === undefined) return [];
    if (!Array.isArray(raw)) throw new FrameError(`${path} must be a list`);
    return raw.map((item: unknown, index) => readKind(field.type, item, `${path}[${index}]`, payloadOf));
  }
  if (raw === undefined || (raw === null && field.type.kind !== "payload")) {
    if (field.occurs === "optional") return undefined;
    throw new FrameError(`${path} is missing`);
  }
  return readKind(field.type, raw, path, payloadOf);
}

function readKind(type: Kind, raw: unknown, path: string, payloadOf: PayloadReader): unknown {
  switch (type.kind) {
    case "payload":
      return payloadOf(raw);
    case "text":
      if (typeof raw === "string") return raw;
      throw new FrameError(`${path} must be text`);
    case "bool":
      if (typeof raw === "boolean") return raw;
      throw new FrameError(`${path} must be true or false`);
    case "enum":
      if (typeof raw === "string" && type.names.includes(raw)) return raw;
      throw new FrameError(`${path} must be one of ${type.names.join(", ")}`);
    case "u32":
      return unsigned(raw, 2 ** 32 - 1, path);
    case "u64":
      return unsigned(raw, Number.MAX_SAFE_INTEGER, path);
    case "record":
      if (isObject(raw)) return readFields(type.fields, raw, path, payloadOf);
      throw new FrameError(`${path} must be a map`);
  }
}

/** Checks a protocol number: whole, not negative, at most `max`. */
export function unsigned(raw: unknown, max: number, path: string): number {
  const value = typeof raw === "bigint" ? Number(raw) : raw;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
  throw new FrameError(`${path} must be a whole number from 0 to ${max}`);
}

function writeFields(fields: Fields, shape: object): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  const values = new Map<string, unknown>(Object.entries(shape));
  for (const [name, field] of Object.entries(fields)) {
    const value = values.get(name);
    if (value === undefined) continue;
    map[name] =
      Array.isArray(value) && field.occurs === "list"
        ? value.map((v: unknown) => writeKind(field.type, v))
        : writeKind(field.type, value);
  }
  return map;
}

function writeKind(type: Kind, value: unknown): unknown {
  if (type.kind === "payload") return normalise(value);
  return type.kind === "record" && isObject(value) ? writeFields(type.fields, value) : value;
}

function isObject(raw: unknown): raw is Record<string, unknown> {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw) && !(raw instanceof Uint8Array);
}
