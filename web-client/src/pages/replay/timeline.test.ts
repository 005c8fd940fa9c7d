import { describe, expect, it } from "vitest";
import { eventsToDraw, isMatch, matchEvents, momentsOf, viewEvents, wordsAt } from "./events";
import type { ReplayEvent } from "./events";
import type { Frame, Replay } from "./format";
import { Timeline } from "./timeline";

function timeline(frames: readonly Frame[], over: Partial<Replay> = {}): Timeline {
  return new Timeline({
    plugin: "grid",
    plugin_version: "",
    room: "r",
    duration_ms: 10_000,
    members: [{ id: 1, name: "Ada", seat: "player" }],
    frames,
    ...over,
  });
}

const state = (at_ms: number, view: string, value: number): Frame => ({ kind: "state", at_ms, view, state: value });

/** A board on which the cells in `taken` have their owners. */
function board(at_ms: number, status: string, taken: Record<number, number>, winner: number | null = null): Frame {
  const cells = Array.from({ length: 81 }, (_, cell) => taken[cell] ?? null);
  const players = [
    { id: 1, name: "Ada", color: "red", score: 0 },
    { id: 2, name: "Grace", color: "blue", score: 0 },
  ];
  return { kind: "state", at_ms, view: "board", state: { status, time_remaining_ms: 0, cells, players, winner } };
}

describe("a moment of a replay", () => {
  const change = { kind: "member", id: 2, name: "Grace" } as const;
  const replay = timeline([
    state(0, "a", 1),
    state(100, "b", 2),
    state(200, "a", 3),
    state(200, "a", 4),
    { ...change, at_ms: 300, change: "joined", seat: "spectator" },
    { kind: "message", at_ms: 350, data: "hello" },
    { ...change, at_ms: 400, change: "away" },
    { ...change, at_ms: 500, change: "back" },
    { ...change, at_ms: 600, change: "left" },
  ]);
  const valueAt = (view: string, at_ms: number) => replay.stateAt(view, at_ms)?.state;

  it("has the latest of each view", () => {
    expect(replay.views).toEqual(["a", "b"]);
    expect([0, 199, 200, 9_000].map((at) => valueAt("a", at))).toEqual([1, 1, 4, 4]);
    expect([99, 100].map((at) => valueAt("b", at))).toEqual([undefined, 2]);
    expect(valueAt("c", 100)).toBeUndefined();
  });

  it("has who was there, in whatever order moments are looked at", () => {
    const at = (ms: number) => replay.membersAt(ms).map(({ name, seat, isAway }) => `${name} ${seat} ${isAway}`);
    const ada = "Ada player false";
    expect(at(600)).toEqual([ada]);
    expect(at(400)).toEqual([ada, "Grace spectator true"]);
    expect(at(500)).toEqual([ada, "Grace spectator false"]);
    expect(at(0)).toEqual([ada]);
    expect(replay.membersAt(310)).toBe(replay.membersAt(390));
  });

  it("has what was said until then", () => {
    expect([0, 349, 350, 9_000].map((at) => replay.talkCountAt(at))).toEqual([0, 1, 2, 5]);
    expect(replay.talk[1]).toMatchObject({ data: "hello" });
    expect([replay.nameOf(2), replay.nameOf(1), replay.nameOf(3)]).toEqual(["Grace", "Ada", undefined]);
  });
});

describe("what happened in a match", () => {
  const replay = timeline([
    board(0, "waiting", {}),
    board(1_000, "active", {}),
    board(2_000, "active", { 0: 1, 80: 2 }),
    board(3_000, "active", { 0: 1, 80: 2 }),
    board(4_000, "completed", { 0: 1, 80: 2, 4: 1 }, 1),
    board(8_000, "active", { 5: 2 }),
  ]);
  const events = matchEvents(replay);

  it("is its beginning, each capture, and its end", () => {
    expect(events).toEqual([
      { at_ms: 1_000, kind: "begin", text: "The match begins." },
      { at_ms: 2_000, kind: "capture", text: "Ada takes row 1, column 1.", mark: 0 },
      { at_ms: 2_000, kind: "capture", text: "Grace takes row 9, column 9.", mark: 1 },
      { at_ms: 4_000, kind: "capture", text: "Ada takes row 1, column 5.", mark: 0 },
      { at_ms: 4_000, kind: "end", text: "The match is over. Ada wins." },
      { at_ms: 8_000, kind: "begin", text: "The match begins." },
      { at_ms: 8_000, kind: "capture", text: "Grace takes row 1, column 6.", mark: 1 },
    ]);
    expect(momentsOf(events)).toEqual([1_000, 2_000, 4_000, 8_000]);
  });

  it("is also a match that was under way, and one that follows unseen", () => {
    const kinds = matchEvents(timeline([board(0, "active", { 1: 1, 2: 1 }), board(9, "active", { 2: 2 })]));
    expect(kinds.map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      "begin: The match is under way.",
      "begin: The match begins.",
      "capture: Grace takes row 1, column 3.",
    ]);
  });

  it("is said in a few words", () => {
    expect(wordsAt(events, 2_000)).toBe("Ada takes row 1, column 1. Grace takes row 9, column 9.");
    expect(wordsAt(events, 2_001)).toBe("");
    const many = Array.from({ length: 5 }, () => ({ at_ms: 0, kind: "change" as const, text: "x." }));
    expect(wordsAt(many, 0)).toBe("x. x. x. And 2 more.");
  });

  it("is a match only where all of it can be drawn", () => {
    expect(isMatch(replay)).toBe(true);
    expect(isMatch(timeline([board(0, "active", {})], { plugin: "other" }))).toBe(false);
    expect(isMatch(timeline([board(0, "active", {}), state(1, "board", 5)]))).toBe(false);
    expect(isMatch(timeline([state(1, "counter", 5)]))).toBe(false);
    const crowd = board(0, "active", {});
    if (crowd.kind === "state")
      Object.assign(crowd.state as object, { players: Array.from({ length: 65 }, (_, id) => ({ id, name: "x" })) });
    expect(isMatch(timeline([crowd]))).toBe(false);
  });
});

describe("what happened in any room", () => {
  it("is each change of each view, in order", () => {
    const events = viewEvents(timeline([state(0, "b", 1), state(5, "a", 1), state(9, "b", 2)]));
    expect(events.map(({ at_ms, text }) => `${at_ms} ${text}`)).toEqual([
      "0 b changes.",
      "5 a changes.",
      "9 b changes.",
    ]);
  });

  it("is drawn once where the line has one place for it", () => {
    const capture = (at_ms: number, mark: number): ReplayEvent => ({ at_ms, kind: "capture", text: "", mark });
    const end: ReplayEvent = { at_ms: 2, kind: "end", text: "" };
    const drawn = eventsToDraw([capture(0, 1), capture(1, 2), end, capture(90, 2)], 100, 10);
    expect(drawn).toEqual([capture(0, 1), end, capture(90, 2)]);
    expect(eventsToDraw([end, end], 0, 10)).toEqual([end]);
  });
});
