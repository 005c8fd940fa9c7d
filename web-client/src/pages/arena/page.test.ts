/** The page's small parts. */

import { describe, expect, it } from "vitest";
import { cameraOn, isVisible, toScreen } from "./camera";
import { fromKeys, fromPointer, fromThumb, isSteeringKey } from "./directions";
import { Ease } from "./ease";
import { spread } from "./frame-times";
import { readNear } from "./near";
import { between, Others } from "./others";
import { ranking, readPlayers } from "./players";
import { Sparks } from "./sparks";
import { TickClock } from "./tick-clock";
import { distanceWords, Every } from "./words";

describe("directions", () => {
  it("of keys are as fast along two ways as along one, and opposite ones cancel out", () => {
    expect(fromKeys(["KeyD"])).toEqual({ x: 127, y: 0 });
    expect(fromKeys(["ArrowRight", "KeyD"])).toEqual({ x: 127, y: 0 });
    expect(fromKeys(["KeyW", "KeyA"])).toEqual({ x: -89, y: -89 });
    expect(fromKeys(["ArrowLeft", "ArrowRight", "KeyQ"])).toEqual({ x: 0, y: 0 });
    expect([isSteeringKey("KeyS"), isSteeringKey("Space")]).toEqual([true, false]);
  });

  it("of the mouse and the thumb grow with the way, up to full speed", () => {
    const disc = { x: 400, y: 300 };
    expect(fromPointer({ x: 405, y: 305 }, disc)).toEqual({ x: 0, y: 0 });
    expect(fromPointer({ x: 460, y: 300 }, disc)).toEqual({ x: 64, y: 0 });
    expect(fromPointer({ x: 400, y: 0 }, disc)).toEqual({ x: 0, y: -127 });
    expect(fromThumb({ x: 28, y: 0 }, { x: 0, y: 0 })).toEqual({ x: 64, y: 0 });
    expect(fromThumb({ x: -300, y: 0 }, { x: 0, y: 0 })).toEqual({ x: -127, y: 0 });
  });
});

describe("the camera", () => {
  it("has its place in the middle, and its corners are within sight", () => {
    for (const [width, height] of [
      [1280, 740],
      [390, 700],
    ] as const) {
      const camera = cameraOn({ x: 500, y: 600 }, width, height);
      expect(toScreen(camera, { x: 500, y: 600 })).toEqual({ x: width / 2, y: height / 2 });
      const corner = Math.hypot(width / 2, height / 2) / camera.scale;
      expect(corner).toBeLessThanOrEqual(384.001);
      expect(isVisible(camera, { x: 500, y: 590 }, 16)).toBe(true);
      expect(isVisible(camera, { x: 901, y: 600 }, 16)).toBe(false);
    }
  });
});

describe("the clock of ticks", () => {
  it("goes by the views that came fastest, and a round trip ahead", () => {
    const clock = new TickClock();
    expect(clock.arrival(0, 0)).toBeUndefined();
    clock.onView(100, 5_080);
    clock.onView(101, 5_090);
    clock.onView(102, 5_220);
    expect(clock.arrival(5_140, 0)).toBeCloseTo(102);
    expect(clock.arrival(5_140, 80)).toBeCloseTo(103.6);
  });

  it("is set anew where the room's time has made a jump", () => {
    const clock = new TickClock();
    clock.onView(100, 5_000);
    clock.onView(101, 60_000);
    expect(clock.arrival(60_000, 0)).toBeCloseTo(101);
  });
});

describe("easing", () => {
  it("shows a jump as a glide, and no more of it after a while", () => {
    const ease = new Ease();
    ease.next({ x: 100, y: 100 }, 0);
    const first = ease.next({ x: 130, y: 100 }, 16);
    expect(first.x).toBeLessThan(110);
    let shown = first;
    for (let now_ms = 32; now_ms < 600; now_ms += 16) shown = ease.next({ x: 130, y: 100 }, now_ms);
    expect(shown.x).toBeCloseTo(130, 0);
  });

  it("leaves movement as it is, and far jumps too", () => {
    const ease = new Ease();
    ease.next({ x: 100, y: 100 }, 0);
    expect(ease.next({ x: 103.8, y: 100 }, 16)).toEqual({ x: 103.8, y: 100 });
    expect(ease.next({ x: 903, y: 100 }, 32)).toEqual({ x: 903, y: 100 });
  });
});

describe("the view of what is near", () => {
  const view = { me: [5, -6, 7], ids: [3, 9], cells: [0, 15], at: [20, 30, 1, 2], orbs: { 12: [40, 50] } };

  it("is read into places", () => {
    const near = readNear(view);
    expect(near).toMatchObject({ steer: { x: 5, y: -6 }, points: 7 });
    expect([...(near?.discs ?? [])]).toEqual([
      [3, { x: 20, y: 30 }],
      [9, { x: 257, y: 130 }],
    ]);
    expect([...(near?.orbs ?? [])]).toEqual([[12, { x: 40, y: 50 }]]);
  });

  it("is nothing where it is something else", () => {
    for (const other of [null, [], {}, { ...view, me: [1] }, { ...view, at: [1, 2, 3] }, { ...view, cells: ["x"] }])
      expect(readNear(other)).toBeUndefined();
  });

  it("moves from one to the next", () => {
    const others = new Others();
    const moved = { ...view, ids: [3, 4], at: [30, 30, 5, 5] };
    const { before, after, part } = others.near({ before: view, after: moved, part: 0.5 }) ?? expect.fail("no view");
    const places = between(before.discs, after.discs, part);
    expect(places.get(3)).toEqual({ x: 25, y: 30 });
    expect(places.get(4)).toEqual(after.discs.get(4));
    expect(places.has(9)).toBe(false);
    expect(others.near({ before: view, after: moved, part: 3 })?.part).toBe(1);
  });
});

describe("the scores", () => {
  const players = readPlayers({
    1: { name: "Ann", colour: 1, points: 4 },
    2: { name: "Bob", colour: 2, points: 9 },
    3: { name: "Cem", colour: 3, points: 4 },
    4: { name: "Dan", colour: 4, points: 0 },
    5: "what is this",
  });

  it("are the best, and oneself", () => {
    const rows = ranking(players.values(), 4, undefined, 3);
    expect(rows.map(({ name, rank }) => [rank, name])).toEqual([
      [1, "Bob"],
      [2, "Ann"],
      [4, "Dan"],
    ]);
    expect(rows.at(-1)?.isYou).toBe(true);
  });

  it("have one's own points as they are known here", () => {
    const rows = ranking(players.values(), 4, 10, 2);
    expect(rows.map(({ name, points }) => [name, points])).toEqual([
      ["Dan", 10],
      ["Bob", 9],
    ]);
  });
});

it("a spark lasts for a moment after each point", () => {
  const sparks = new Sparks();
  const place = { x: 1, y: 1 };
  expect(sparks.next(5, place, 0)).toEqual([]);
  expect(sparks.next(6, place, 10)).toEqual([{ place, part: 0 }]);
  expect(sparks.next(6, place, 235)[0]?.part).toBeCloseTo(0.5);
  expect(sparks.next(6, place, 500)).toEqual([]);
});

it("words change now and then only", () => {
  const every = new Every(100);
  const times = [0, 50, 99, 100, 150, 260].filter((now_ms) => every.isNow(now_ms));
  expect(times).toEqual([0, 100, 260]);
});

it("times are summed up", () => {
  expect(spread([])).toEqual({ mean: 0, p95: 0, max: 0 });
  expect(spread([1, 3, 2])).toEqual({ mean: 2, p95: 3, max: 3 });
});

it("the distance is in words", () => {
  expect(distanceWords(84, 2.62)).toBe("The server is 42 ms away; you see yourself 131 ms ahead of it.");
  expect(distanceWords(3, 1)).toContain("1.5 ms away");
});
