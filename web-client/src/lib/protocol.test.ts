/** The frame tables say what `parlor.proto` says, field by field. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decode, encode, SUBPROTOCOLS } from "./codecs";
import { CLIENT_FRAMES, SERVER_FRAMES } from "./protocol";
import { MEMBER, POSITION, RESUMED, WIRE_LIMITS } from "./protocol/frames";
import type { Fields, FrameTable } from "./protocol/schema";
import { fromPlain, toPlain } from "./protocol/shape";
import { normalise } from "./value";

const PROTO = readFileSync(new URL("../../../proto/parlor.proto", import.meta.url), "utf8");

/** The body of a message, and the messages inside it. */
function body(source: string, name: string): string {
  const start = source.indexOf(`message ${name} {`);
  if (start < 0) throw new Error(`parlor.proto has no message ${name}`);
  let depth = 0;
  for (let at = source.indexOf("{", start); ; at += 1) {
    if (source[at] === "{") depth += 1;
    if (source[at] === "}") depth -= 1;
    if (depth === 0) return source.slice(source.indexOf("{", start) + 1, at);
  }
}

const FIELD = /^\s*(optional |repeated )?([A-Za-z]\w*) (\w+) = (\d+);/gm;

function written(source: string): string[] {
  return [...source.matchAll(FIELD)].map(
    ([, occurs = "", type, name, number]) => `${occurs}${type} ${name} = ${number}`,
  );
}

const RECORDS = new Map<unknown, string>([
  [MEMBER, "Member"],
  [POSITION, "Position"],
  [RESUMED, "ResumedRoom"],
  [WIRE_LIMITS, "WireLimits"],
]);

function ours(fields: Fields): string[] {
  const types = { text: "string", enum: "string", u32: "uint32", u64: "uint64", bool: "bool", payload: "Value" };
  return Object.entries(fields).map(([name, { number, type, occurs }]) => {
    const typeName = type.kind === "record" ? RECORDS.get(type) : types[type.kind];
    const prefix = { once: "", optional: "optional ", list: "repeated " }[occurs];
    return `${prefix}${typeName} ${name} = ${number}`;
  });
}

describe("the frame tables", () => {
  const tables: [string, FrameTable][] = [
    ["ClientFrame", CLIENT_FRAMES],
    ["ServerFrame", SERVER_FRAMES],
  ];
  for (const [message, table] of tables) {
    it(`agree with parlor.proto about ${message}`, () => {
      const frames = body(PROTO, message);
      const pascal = (type: string) => type.replace(/(^|_)(\w)/g, (_, _gap, letter: string) => letter.toUpperCase());
      for (const [type, schema] of Object.entries(table)) {
        expect(frames).toContain(` ${pascal(type)} ${type} = ${schema.number};`);
        expect(ours(schema.fields)).toEqual(written(body(frames, pascal(type))));
      }
      const choice = frames.slice(frames.indexOf("oneof frame"));
      expect(written(choice)).toHaveLength(Object.keys(table).length);
    });
  }

  it("agree with parlor.proto about records", () => {
    for (const record of [MEMBER, POSITION, RESUMED, WIRE_LIMITS]) {
      expect(ours(record.fields)).toEqual(written(body(PROTO, RECORDS.get(record) ?? "")));
    }
  });
});

describe("a frame from the wire", () => {
  const read = (raw: unknown) => fromPlain(SERVER_FRAMES, raw, normalise);

  it("names the field that is wrong", () => {
    expect(() => read({ type: "room_left" })).toThrow("room_left.room is missing");
    expect(() => read({ type: "pong", timestamp: -1, server_time_ms: 0 })).toThrow(
      "pong.timestamp must be a whole number",
    );
    expect(() => read({ type: "pong", timestamp: 2 ** 53, server_time_ms: 0 })).toThrow("pong.timestamp");
    const you = { id: 1, name: "a", seat: "referee", away: false };
    expect(() => read({ type: "user_left", room: "r", member: you, epoch: 1, seq: 1 })).toThrow(
      "user_left.member.seat must be one of",
    );
    expect(() => read({ type: "constructor" })).toThrow("no frame is called constructor");
  });

  it("leaves out what this client does not know", () => {
    expect(read({ type: "notice", code: "A", message: "b", later: 1 })).toEqual({
      type: "notice",
      code: "A",
      message: "b",
    });
  });
});

describe("a frame that is a list", () => {
  const read = (raw: unknown) => fromPlain(SERVER_FRAMES, raw, normalise);
  const patch = { type: "room_patch", handle: 7, tick: 1, version: 5, as_of: 3, hash: 4e9, patch: [0, 1] } as const;

  it("has its fields in order; what comes behind them is ignored (EN2)", () => {
    const fields = [7, 1, 5, 3, 4e9, [0, 1]];
    expect(toPlain(SERVER_FRAMES, patch)).toEqual(fields);
    for (const raw of [fields, [...fields, null], [...fields, "later", {}]]) expect(read(raw)).toEqual(patch);
  });

  it("is the same in every encoding", () => {
    for (const subprotocol of SUBPROTOCOLS) {
      for (const frame of [patch, { ...patch, patch: null, as_of: 0 }]) {
        expect(decode(subprotocol, SERVER_FRAMES, encode(subprotocol, SERVER_FRAMES, frame))).toEqual(frame);
      }
    }
    expect(encode("v1.json", SERVER_FRAMES, patch)).toBe("[7,1,5,3,4000000000,[0,1]]");
  });

  it.each([
    [[], "room_patch.handle is missing"],
    [[7, 1, 5, 3, 2], "room_patch.patch is missing"],
    [[7, null, 5, 3, 2, []], "room_patch.tick is missing"],
    [["7", 1, 5, 3, 2, []], "room_patch.handle must be a whole number"],
    [[7, 1, 5, 3, 2 ** 32, []], "room_patch.hash must be a whole number"],
    [[7, 1, 5, true, 2, []], "room_patch.as_of must be a whole number"],
    [patch, "room_patch is a list"],
  ])("is refused with the field that is wrong: %j", (raw, message) => {
    expect(() => read(raw)).toThrow(expect.objectContaining({ code: "INVALID_MESSAGE_FORMAT" }));
    expect(() => read(raw)).toThrow(message);
  });

  it("is nothing that a client sends", () => {
    expect(() => fromPlain(CLIENT_FRAMES, [7], normalise)).toThrow("a frame is a map");
  });
});
