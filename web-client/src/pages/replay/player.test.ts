import { describe, expect, it } from "vitest";
import { countUntil, formatMinutes, formatTime, lastBefore, nextAfter, Player } from "./player";

/** A player of ten seconds with a clock that a test sets. */
function player(): { player: Player; pass: (ms: number) => void } {
  let now_ms = 5_000;
  return { player: new Player(10_000, () => now_ms), pass: (ms) => (now_ms += ms) };
}

describe("the player", () => {
  it("stands at the beginning until it is played", () => {
    const { player: p, pass } = player();
    pass(400);
    expect([p.position_ms, p.isPlaying]).toEqual([0, false]);
    p.play();
    pass(400);
    expect([p.position_ms, p.isPlaying]).toEqual([400, true]);
  });

  it("stands still while it is paused, and goes on from there", () => {
    const { player: p, pass } = player();
    p.toggle();
    pass(1_000);
    p.toggle();
    pass(5_000);
    expect([p.position_ms, p.isPlaying]).toEqual([1_000, false]);
    p.toggle();
    pass(200);
    expect(p.position_ms).toBe(1_200);
  });

  it("changes its speed where it is", () => {
    const { player: p, pass } = player();
    p.play();
    pass(1_000);
    p.setSpeed(4);
    pass(1_000);
    p.setSpeed(0.5);
    pass(1_000);
    expect([p.position_ms, p.speed]).toEqual([5_500, 0.5]);
  });

  it("stops at the end, and plays from the beginning again", () => {
    const { player: p, pass } = player();
    p.play();
    pass(10_001);
    expect(p.isAtEnd).toBe(true);
    expect([p.tick(), p.isPlaying]).toEqual([10_000, false]);
    p.toggle();
    expect([p.position_ms, p.isPlaying]).toEqual([0, true]);
  });

  it("begins again by one press also at the very end, before it was seen to stop", () => {
    const { player: p, pass } = player();
    p.play();
    pass(10_000);
    p.toggle();
    expect([p.position_ms, p.isPlaying]).toEqual([0, true]);
  });

  it("goes on where it is moved to, within its bounds", () => {
    const { player: p, pass } = player();
    p.play();
    p.seek(3_000);
    pass(500);
    expect(p.position_ms).toBe(3_500);
    for (const [to, at] of [
      [-5, 0],
      [99_999, 10_000],
      [Number.NaN, 0],
    ] as const) {
      p.seek(to);
      expect(p.position_ms).toBe(at);
    }
  });

  it("stands still where it is stepped to", () => {
    const { player: p, pass } = player();
    p.play();
    p.stepTo(2_000);
    pass(500);
    expect([p.position_ms, p.isPlaying]).toEqual([2_000, false]);
  });

  it("does not go back where its clock does", () => {
    const { player: p, pass } = player();
    p.seek(2_000);
    p.play();
    pass(-1_000);
    expect(p.position_ms).toBe(2_000);
  });

  it("is at its end from the beginning where there is nothing to play", () => {
    const p = new Player(0, () => 0);
    p.play();
    expect([p.tick(), p.isPlaying]).toEqual([0, false]);
  });
});

describe("changes in time", () => {
  const times_ms = [0, 100, 100, 250];

  it("are found before and after a moment, never at it", () => {
    expect([-1, 0, 99, 100, 249, 250].map((at) => nextAfter(times_ms, at))).toEqual([0, 100, 100, 250, 250, undefined]);
    expect([0, 1, 100, 101, 250, 900].map((at) => lastBefore(times_ms, at))).toEqual([undefined, 0, 0, 100, 100, 250]);
  });

  it("are counted with those at the moment", () => {
    expect([-1, 0, 99, 100, 250].map((at) => countUntil(times_ms, at))).toEqual([0, 1, 1, 3, 4]);
    expect(countUntil([], 5)).toBe(0);
  });
});

describe("times", () => {
  it("are written in minutes and seconds, and in hours where there are any", () => {
    expect([0, 999, 67_349, 3_600_000 + 62_000].map(formatTime)).toEqual(["0:00.0", "0:00.9", "1:07.3", "1:01:02.0"]);
    expect(formatMinutes(67_349)).toBe("1:07");
  });
});
