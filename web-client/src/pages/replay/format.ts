/**
 * Files of the format `parlor-replay` (docs/replay-format.md): read into types, or refused with what is wrong and where.
 * A file may come from anybody, so nothing in it is believed before it was looked at.
 */

import { stringify, valueFromJson } from "../../lib";
import type { Seat, Value } from "../../lib";

export const FORMAT = "parlor-replay";
export const VERSION = 1;
export const FILE_BYTES_MAX = 32 * 1024 * 1024;
const FRAMES_MAX = 200_000;
const MEMBERS_MAX = 100_000;
const VIEWS_MAX = 10_000;
const NAME_LENGTH_MAX = 256;
const WORD_LENGTH_MAX = 64;
const U32_MAX = 2 ** 32 - 1;

export interface ReplayMember {
  readonly id: number;
  readonly name: string;
  readonly seat: Seat;
}

export type MemberChange = "joined" | "left" | "away" | "back";
const MEMBER_CHANGES: readonly MemberChange[] = ["joined", "left", "away", "back"];

/** When a frame was, and which step of the room it came from. */
interface Stamp {
  readonly at_ms: number;
  readonly step?: number;
}

export interface StateFrame extends Stamp {
  readonly kind: "state";
  readonly view: string;
  readonly state: Value;
}

export interface MessageFrame extends Stamp {
  readonly kind: "message";
  /** The room it was said in, where that is not the recorded one. */
  readonly room?: string;
  readonly from?: number;
  readonly data: Value;
}

export interface MemberFrame extends Stamp {
  readonly kind: "member";
  readonly id: number;
  readonly name: string;
  readonly change: MemberChange;
  readonly seat?: Seat;
}

export type Frame = StateFrame | MessageFrame | MemberFrame;

export interface Replay {
  readonly plugin: string;
  readonly plugin_version: string;
  readonly room: string;
  readonly recorded_at?: number;
  readonly duration_ms: number;
  readonly members: readonly ReplayMember[];
  /** Rising in time. As read, the first one is at 0. */
  readonly frames: readonly Frame[];
}

/** What is wrong with a file; the message is a sentence for a person. */
export class ReplayError extends Error {
  override readonly name = "ReplayError";
}

/**
 * Reads a file.
 *
 * @throws ReplayError where it is no replay, or not as the format says
 */
export function readReplay(json: string): Replay {
  if (json.length > FILE_BYTES_MAX) throw tooLarge();
  const file = mapOf(parse(json), "The file");
  if (file["format"] !== FORMAT) throw new ReplayError(`This is not a replay: its "format" is not "${FORMAT}".`);
  if (file["version"] !== VERSION) {
    throw new ReplayError(
      `This replay is of version ${shortly(file["version"])} of the format, and this page reads version ${VERSION}.`,
    );
  }
  const members = listOf(file["members"], "members", MEMBERS_MAX).map((member, at) =>
    readMember(member, `members[${at}]`),
  );
  if (new Set(members.map(({ id }) => id)).size < members.length)
    throw new ReplayError("Two members have the same id.");
  const duration_ms = integer(file["duration_ms"], "duration_ms");
  return {
    plugin: text(file["plugin"], "plugin", 1, WORD_LENGTH_MAX),
    plugin_version: text(file["plugin_version"], "plugin_version", 0, WORD_LENGTH_MAX),
    room: text(file["room"], "room", 1, NAME_LENGTH_MAX),
    ...given("recorded_at", file["recorded_at"], integer, "recorded_at"),
    duration_ms,
    members,
    frames: readFrames(file["frames"], duration_ms),
  };
}

/** Writes a file. */
export function writeReplay({ frames, ...head }: Replay): string {
  // Line by line, so that a person can look into it too.
  const start = stringify({ format: FORMAT, version: VERSION, ...head }).slice(0, -1);
  return `${start},"frames":[\n${frames.map(writeFrame).join(",\n")}\n]}\n`;
}

/** Writes one frame as it is in a file. */
export function writeFrame(frame: Frame): string {
  switch (frame.kind) {
    case "state": {
      const { kind: _, ...fields } = frame;
      return stringify(fields);
    }
    case "message": {
      const { kind: _, at_ms, step, ...message } = frame;
      return stringify({ at_ms, step, message });
    }
    case "member": {
      const { kind: _, at_ms, step, ...member } = frame;
      return stringify({ at_ms, step, member });
    }
  }
}

/** What is said of a file that is not even looked into. */
export function tooLarge(): ReplayError {
  return new ReplayError(
    `The file is larger than ${FILE_BYTES_MAX / 1024 / 1024} MiB, which is more than a replay may be.`,
  );
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new ReplayError(
      `This is not a replay: it is not JSON (${error instanceof Error ? error.message : "unreadable"}).`,
    );
  }
}

function readFrames(raw: unknown, duration_ms: number): Frame[] {
  const list = listOf(raw, "frames", FRAMES_MAX);
  if (list.length === 0) throw new ReplayError("There is nothing in this replay: it has no frames.");
  const views = new Set<unknown>();
  let start_ms: number | undefined;
  let before_ms = 0;
  return list.map((raw, index) => {
    const path = `frames[${index}]`;
    const map = mapOf(raw, path);
    const at_ms = integer(map["at_ms"], `${path}.at_ms`);
    start_ms ??= at_ms;
    if (at_ms < before_ms) throw new ReplayError(`${path}.at_ms is ${at_ms}, earlier than the ${before_ms} before it.`);
    if (at_ms - start_ms > duration_ms) {
      throw new ReplayError(`${path} is ${at_ms - start_ms} ms after the first one; duration_ms is ${duration_ms}.`);
    }
    before_ms = at_ms;
    if (map["view"] !== undefined) views.add(map["view"]);
    if (views.size > VIEWS_MAX) throw new ReplayError(`There are more than ${VIEWS_MAX} different views.`);
    const stamp = { at_ms: at_ms - start_ms, ...given("step", map["step"], integer, `${path}.step`) };
    return { ...stamp, ...readContent(map, path) } as Frame;
  });
}

type Content = Omit<StateFrame, "at_ms"> | Omit<MessageFrame, "at_ms"> | Omit<MemberFrame, "at_ms">;

function readContent(map: RawMap, path: string): Content {
  const kinds = ["view", "message", "member"].filter((kind) => map[kind] !== undefined);
  if (kinds.length !== 1) {
    const what = kinds.length === 0 ? "none of them" : kinds.join(" and ");
    throw new ReplayError(`${path} needs exactly one of view, message and member, and has ${what}.`);
  }
  if (kinds[0] === "view") {
    const view = text(map["view"], `${path}.view`, 1, WORD_LENGTH_MAX);
    return { kind: "state", view, state: valueOf(map["state"], `${path}.state`) };
  }
  if (kinds[0] === "message") {
    const message = mapOf(map["message"], `${path}.message`);
    return {
      kind: "message",
      ...given("room", message["room"], (raw, path) => text(raw, path, 1, NAME_LENGTH_MAX), `${path}.message.room`),
      ...given("from", message["from"], u32, `${path}.message.from`),
      data: valueOf(message["data"], `${path}.message.data`),
    };
  }
  const member = mapOf(map["member"], `${path}.member`);
  return {
    kind: "member",
    id: u32(member["id"], `${path}.member.id`),
    name: text(member["name"], `${path}.member.name`, 0, NAME_LENGTH_MAX),
    change: oneOf(member["change"], MEMBER_CHANGES, `${path}.member.change`),
    ...given("seat", member["seat"], seat, `${path}.member.seat`),
  };
}

function readMember(raw: unknown, path: string): ReplayMember {
  const member = mapOf(raw, path);
  return {
    id: u32(member["id"], `${path}.id`),
    name: text(member["name"], `${path}.name`, 0, NAME_LENGTH_MAX),
    seat: seat(member["seat"], `${path}.seat`),
  };
}

type RawMap = Readonly<Record<string, unknown>>;

function mapOf(raw: unknown, path: string): RawMap {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) throw expected(path, "a map", raw);
  return raw as RawMap;
}

function listOf(raw: unknown, path: string, length_max: number): readonly unknown[] {
  if (!Array.isArray(raw)) throw expected(path, "a list", raw);
  if (raw.length > length_max)
    throw new ReplayError(`${path} has ${raw.length} entries; at most ${length_max} are read.`);
  return raw;
}

function text(raw: unknown, path: string, length_min: number, length_max: number): string {
  if (typeof raw !== "string") throw expected(path, "text", raw);
  if (raw.length < length_min || raw.length > length_max) {
    throw new ReplayError(`${path} has ${raw.length} characters; ${length_min} to ${length_max} are allowed.`);
  }
  return raw;
}

function integer(raw: unknown, path: string): number {
  if (typeof raw !== "number" || !Number.isSafeInteger(raw) || raw < 0)
    throw expected(path, "a whole number from 0 on", raw);
  return raw;
}

function u32(raw: unknown, path: string): number {
  const id = integer(raw, path);
  if (id > U32_MAX) throw expected(path, `a whole number up to ${U32_MAX}`, raw);
  return id;
}

function seat(raw: unknown, path: string): Seat {
  return oneOf(raw, ["player", "spectator"], path);
}

function oneOf<T extends string>(raw: unknown, words: readonly T[], path: string): T {
  const word = words.find((word) => word === raw);
  if (word === undefined) throw expected(path, `one of ${words.join(", ")}`, raw);
  return word;
}

function valueOf(raw: unknown, path: string): Value {
  if (raw === undefined) throw expected(path, "a value", raw);
  try {
    return valueFromJson(raw);
  } catch (error) {
    throw new ReplayError(`${path} is no value: ${error instanceof Error ? error.message : "unreadable"}.`);
  }
}

/** A field that may be missing. */
function given<K extends string, T>(
  key: K,
  raw: unknown,
  read: (raw: unknown, path: string) => T,
  path: string,
): { readonly [key in K]?: T } {
  return raw === undefined ? {} : ({ [key]: read(raw, path) } as { readonly [key in K]?: T });
}

function expected(path: string, what: string, raw: unknown): ReplayError {
  return new ReplayError(`${path} is ${shortly(raw)}, and must be ${what}.`);
}

/** Something of a file as an error names it: never all of it, for it may be long. */
function shortly(raw: unknown): string {
  if (raw === undefined) return "missing";
  if (typeof raw === "object" && raw !== null) return Array.isArray(raw) ? "a list" : "a map";
  const json = JSON.stringify(raw);
  return json.length > 40 ? `${json.slice(0, 40)}…` : json;
}
