import { describe, expect, it } from "vitest";
import type { Member } from "../../lib";
import { readReplay } from "../replay/format";
import type { Replay } from "../replay/format";
import { readBoard } from "./board-state";
import { Recorder, RECORDING_LENGTH_MAX } from "./recorder";

const ADA: Member = { id: 1, name: "Ada", seat: "player", away: false };
const GRACE: Member = { id: 2, name: "Grace", seat: "spectator", away: false };

/** A recorder with a clock that a test sets, and the boards of a match. */
function setUp(room = "friday-night") {
  let now_ms = 700;
  const about = { plugin: "grid", plugin_version: "1.0.0", room };
  const recorder = new Recorder(
    about,
    () => now_ms,
    () => 1_767_225_600_000,
  );
  const show = (status: string, time_remaining_ms: number, extra = "") => {
    const value = { status, time_remaining_ms, cells: Array(81).fill(null), players: [], winner: null, extra };
    const board = readBoard(value);
    if (!board) throw new Error("this is a board");
    recorder.onBoard(value, board, [ADA]);
  };
  const read = (): Replay => readReplay(recorder.text());
  return { recorder, show, read, pass: (ms: number) => (now_ms += ms) };
}

describe("the recorder", () => {
  it("keeps one match, by the time of the room", () => {
    const { recorder, show, read, pass } = setUp();
    show("waiting", 30_000);
    show("active", 30_000);
    // Two boards that came late, in one piece.
    pass(5_000);
    show("active", 29_000);
    show("active", 26_500);
    expect(recorder.isComplete).toBe(false);
    pass(1_200);
    show("completed", 0);
    pass(60_000);
    show("completed", 0);
    expect(recorder.isComplete).toBe(true);
    const { frames, ...head } = read();
    expect(frames.map(({ at_ms }) => at_ms)).toEqual([0, 1_000, 3_500, 4_700]);
    expect(head).toEqual({
      plugin: "grid",
      plugin_version: "1.0.0",
      room: "friday-night",
      recorded_at: 1_767_225_600_000,
      duration_ms: 4_700,
      members: [{ id: 1, name: "Ada", seat: "player" }],
    });
  });

  it("keeps what was said, and who came and went, between the boards", () => {
    const { recorder, show, read, pass } = setUp();
    recorder.onMessage("friday-night:chat", "before", 4);
    show("active", 30_000);
    pass(300);
    recorder.onMessage("friday-night:chat", "hello", 4);
    recorder.onMember("joined", GRACE, undefined);
    recorder.onMember("changed", { ...GRACE, away: true }, "away");
    recorder.onMember("changed", GRACE, "renamed");
    recorder.onMember("left", GRACE, "left");
    show("completed", 0);
    recorder.onMessage("friday-night:chat", "after", 4);
    const grace = { kind: "member", at_ms: 300, id: 2, name: "Grace" };
    expect(read().frames.slice(1, -1)).toEqual([
      { kind: "message", at_ms: 300, room: "friday-night:chat", from: 4, data: "hello" },
      { ...grace, change: "joined", seat: "spectator" },
      { ...grace, change: "away" },
      { ...grace, change: "left" },
    ]);
  });

  it("begins anew with the next match, also one whose beginning was missed", () => {
    const { recorder, show, read } = setUp();
    show("active", 30_000, "first");
    show("active", 3_000, "first");
    show("active", 25_000, "second");
    expect(recorder.isComplete).toBe(false);
    show("completed", 0, "second");
    expect(read().frames.map((frame) => (frame.kind === "state" ? frame.at_ms : -1))).toEqual([0, 0]);
    show("active", 30_000, "third");
    expect(recorder.isComplete).toBe(false);
  });

  it("keeps what is seen of a match in its last second", () => {
    const { recorder, show } = setUp();
    show("active", 900);
    show("completed", 0);
    expect(recorder.isComplete).toBe(true);
  });

  it("never goes back in time, also where a board comes later than what was said after it", () => {
    const { recorder, show, read, pass } = setUp();
    show("active", 30_000);
    pass(3_000);
    recorder.onMessage("chat", "early", 4);
    show("active", 28_000);
    show("active", 26_000);
    show("completed", 0);
    expect(read().frames.map(({ at_ms }) => at_ms)).toEqual([0, 3_000, 3_000, 4_000, 4_000]);
  });

  it("has nothing to offer of a match that was broken off", () => {
    const { recorder, show } = setUp();
    show("active", 30_000);
    show("waiting", 30_000);
    show("completed", 0);
    expect(recorder.isComplete).toBe(false);
  });

  it("is bounded, keeps the first and the last board, and all that was said", () => {
    const { recorder, show, read, pass } = setUp();
    const filler = "x".repeat(64 * 1024);
    show("active", 30_000);
    for (let at_ms = 10; at_ms <= 2_000; at_ms += 10) {
      pass(10);
      show("active", 30_000 - at_ms, filler);
      if (at_ms % 500 === 0) recorder.onMessage("chat", at_ms, 4);
    }
    show("completed", 0, "last");
    expect(recorder.text().length).toBeLessThan(RECORDING_LENGTH_MAX + 10_000);
    const { frames } = read();
    expect(frames.flatMap((frame) => (frame.kind === "message" ? [frame.data] : []))).toEqual([
      500, 1_000, 1_500, 2_000,
    ]);
    expect(frames[0]).toMatchObject({ at_ms: 0, state: { extra: "" } });
    expect(frames.at(-1)).toMatchObject({ state: { status: "completed" } });
  });

  it("keeps the boards however much is said", () => {
    const { recorder, show, read } = setUp();
    show("active", 30_000);
    for (let line = 0; line < 200; line += 1) recorder.onMessage("chat", "x".repeat(64 * 1024), 4);
    show("active", 29_000);
    show("completed", 0);
    const kinds = read().frames.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "state")).toHaveLength(3);
    expect(recorder.text().length).toBeLessThan(RECORDING_LENGTH_MAX / 2 + 10_000);
  });

  it("names its file so that any system takes it", () => {
    const { recorder, show } = setUp("../Ada's table: 1/2");
    show("active", 30_000);
    expect(recorder.filename).toBe("grid-..-Ada-s-table-1-2-2026-01-01-0000.json");
    const made = setUp("grid-8x4a6xkz");
    made.show("active", 30_000);
    expect(made.recorder.filename).toBe("grid-8x4a6xkz-2026-01-01-0000.json");
  });
});
