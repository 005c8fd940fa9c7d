import { describe, expect, it } from "vitest";
import { FILE_BYTES_MAX, readReplay, ReplayError, writeReplay } from "./format";
import type { Replay } from "./format";

const REPLAY: Replay = {
  plugin: "grid",
  plugin_version: "1.2.3",
  room: "friday-night",
  recorded_at: 1_767_225_600_000,
  duration_ms: 900,
  members: [{ id: 1, name: "Ada", seat: "player" }],
  frames: [
    { kind: "state", at_ms: 0, step: 7, view: "board", state: { cells: [null, 1] } },
    { kind: "message", at_ms: 200, room: "friday-night:chat", from: 9, data: "hello" },
    { kind: "member", at_ms: 200, id: 2, name: "Grace", change: "joined", seat: "spectator" },
    { kind: "member", at_ms: 300, id: 1, name: "Ada", change: "away" },
    { kind: "state", at_ms: 900, view: "board", state: null },
  ],
};

/** The file as `JSON.parse` sees it, to be spoilt. */
function file(over: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...(JSON.parse(writeReplay(REPLAY)) as Record<string, unknown>), ...over };
}

/** A file of these frames. */
function framed(...frames: unknown[]): Record<string, unknown> {
  return file({ frames });
}

function read(raw: unknown): Replay {
  return readReplay(JSON.stringify(raw));
}

function problem(raw: unknown): string {
  try {
    read(raw);
  } catch (error) {
    expect(error).toBeInstanceOf(ReplayError);
    return (error as ReplayError).message;
  }
  return "nothing";
}

describe("a replay file", () => {
  it("is read as it was written", () => {
    expect(readReplay(writeReplay(REPLAY))).toEqual(REPLAY);
    const { recorded_at: _, ...undated } = REPLAY;
    expect(readReplay(writeReplay(undated))).toEqual(undated);
  });

  it("may say more than is known", () => {
    expect(read(file({ generator: "somebody" }))).toEqual(REPLAY);
  });

  it("begins at the time of its first frame", () => {
    const late = [1_000, 1_050, 1_900].map((at_ms) => ({ at_ms, view: "v", state: at_ms }));
    expect(read(framed(...late)).frames.map(({ at_ms }) => at_ms)).toEqual([0, 50, 900]);
  });

  it("holds every value that a plugin can publish", () => {
    const state = { bytes: Uint8Array.of(1, 2), large: 2n ** 63n, $int: { $bytes: "no" }, only: { $int: 1 } };
    const replay: Replay = { ...REPLAY, frames: [{ kind: "state", at_ms: 0, view: "v", state }] };
    expect(readReplay(writeReplay(replay))).toEqual(replay);
  });

  it("is written with a line for each frame", () => {
    expect(writeReplay(REPLAY).trimEnd().split("\n")).toHaveLength(REPLAY.frames.length + 2);
  });
});

describe("a bad replay file", () => {
  it("is no JSON, or something else altogether", () => {
    expect(() => readReplay("{")).toThrow(/not a replay: it is not JSON/);
    expect(problem([1])).toBe("The file is a list, and must be a map.");
    expect(problem({})).toBe('This is not a replay: its "format" is not "parlor-replay".');
    expect(problem(file({ version: 2 }))).toContain("is of version 2 of the format, and this page reads version 1");
  });

  it("is larger than what is read", () => {
    expect(() => readReplay(" ".repeat(FILE_BYTES_MAX + 1))).toThrow(/larger than 32 MiB/);
    expect(problem(file({ frames: Array(200_001).fill(0) }))).toBe(
      "frames has 200001 entries; at most 200000 are read.",
    );
    expect(problem(file({ members: Array(100_001).fill(0) }))).toContain("members has 100001 entries");
    const views = Array.from({ length: 10_001 }, (_, index) => ({ at_ms: 0, view: `view ${index}`, state: 1 }));
    expect(problem(framed(...views.slice(1)))).toBe("nothing");
    expect(problem(framed(...views))).toBe("There are more than 10000 different views.");
    expect(problem(file({ room: "x".repeat(257) }))).toBe("room has 257 characters; 1 to 256 are allowed.");
  });

  for (const [what, raw, said] of [
    ["lacks a field", file({ room: undefined }), "room is missing, and must be text."],
    ["has a field of another type", file({ plugin: 5 }), "plugin is 5, and must be text."],
    ["has a duration below 0", file({ duration_ms: -1 }), "duration_ms is -1, and must be a whole number from 0 on."],
    ["has half a millisecond", file({ recorded_at: 0.5 }), "recorded_at is 0.5, and must be a whole number"],
    ["has no frames", file({ frames: [] }), "There is nothing in this replay"],
    ["has frames that are no list", file({ frames: {} }), "frames is a map, and must be a list."],
    ["has a member twice", file({ members: [REPLAY.members[0], REPLAY.members[0]] }), "Two members have the same id."],
    [
      "has a member with a seat on the floor",
      file({ members: [{ id: 1, name: "A", seat: "floor" }] }),
      "members[0].seat",
    ],
    [
      "has a member with a number too high",
      file({ members: [{ id: 2 ** 32, name: "A", seat: "player" }] }),
      "members[0].id",
    ],
    ["has a frame that is null", framed(null), "frames[0] is null, and must be a map."],
    ["has a frame without a time", framed({ view: "v", state: 1 }), "frames[0].at_ms is missing"],
    [
      "has a frame without content",
      framed({ at_ms: 1 }),
      "frames[0] needs exactly one of view, message and member, and has none of them.",
    ],
    [
      "has a frame with two contents",
      framed({ at_ms: 1, view: "v", state: 1, member: {} }),
      "and has view and member.",
    ],
    ["has a view without a state", framed({ at_ms: 1, view: "v" }), "frames[0].state is missing, and must be a value."],
    ["has a message without data", framed({ at_ms: 1, message: {} }), "frames[0].message.data is missing"],
    [
      "has an unknown change",
      framed({ at_ms: 1, member: { id: 1, name: "A", change: "flew" } }),
      'change is "flew", and must be one of joined, left, away, back.',
    ],
    ["has a value that is none", framed({ at_ms: 1, view: "v", state: { $odd: 1 } }), "frames[0].state is no value: "],
  ] as const) {
    it(what, () => expect(problem(raw)).toContain(said));
  }

  it("has frames that go back in time, or beyond the end", () => {
    const at = (...times_ms: number[]) => framed(...times_ms.map((at_ms) => ({ at_ms, view: "v", state: 1 })));
    expect(problem(at(5, 4))).toBe("frames[1].at_ms is 4, earlier than the 5 before it.");
    expect(problem(at(5, 905))).toBe("nothing");
    expect(problem(at(5, 906))).toBe("frames[1] is 901 ms after the first one; duration_ms is 900.");
  });

  it("is nested deeper than any value", () => {
    let state: unknown = 1;
    for (let depth = 0; depth < 65; depth += 1) state = [state];
    expect(problem(framed({ at_ms: 0, view: "v", state }))).toContain("nested deeper than 64 levels");
  });

  it("is never quoted at length", () => {
    expect(problem(file({ version: "x".repeat(1_000) })).length).toBeLessThan(150);
  });
});
