/** The page's small parts. */

import { describe, expect, it } from "vitest";
import { cameraOn, isVisible, toScreen } from "./camera";
import { fromKeys, fromPointer, fromThumb, isSteeringKey } from "./directions";
import { Ease } from "./ease";
import { spread } from "./frame-times";
import { readNear } from "./near";
import { Others } from "./others";
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
  const view = { me: [5, -6, 7], ids: [3, 9], cells: [0, 15], at: Uint8Array.of(20, 30, 1, 2), orbs: { 12: [40, 50] } };

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
    for (const other of [null, [], {}, { ...view, me: [1] }, { ...view, at: Uint8Array.of(1, 2, 3) }, { ...view, at: [20, 30, 1, 2] }, { ...view, cells: ["x"] }])
      expect(readNear(other)).toBeUndefined();
  });
});

describe("the others", () => {
  const discs = (...places: [number, number, number][]) => new Map(places.map(([id, x, y]) => [id, { x, y }]));
  const moving = () => {
    const others = new Others();
    others.onView(10, discs([3, 100, 100], [4, 500, 500], [9, 800, 800]));
    others.onView(11, discs([3, 112, 100], [4, 500, 488], [5, 5, 5]));
    return others;
  };

  it("go from one view to the next by their ticks, whenever those come", () => {
    const places = moving().at(10.5, 0);
    expect(places.get(3)).toEqual({ x: 106, y: 100 });
    expect(places.get(5)).toEqual({ x: 5, y: 5 });
    expect(places.has(9)).toBe(false);
  });

  it("go on as they went while views are late, for a few ticks, and not through walls", () => {
    const others = moving();
    expect(others.at(12, 50).get(3)).toEqual({ x: 124, y: 100 });
    expect(others.at(17, 300).get(3)).toEqual({ x: 160, y: 100 });
    others.onView(12, discs([3, 1_580, 100], [4, 500, 476]));
    others.onView(13, discs([3, 1_584, 100], [4, 500, 464]));
    expect(others.at(16, 2_000).get(3)?.x).toBeCloseTo(1_584);
  });

  it("glide to where they were when views come after all", () => {
    const others = moving();
    for (let now_ms = 16; now_ms <= 200; now_ms += 16) others.at(11 + now_ms / 50, now_ms);
    for (const tick of [12, 13, 14, 15]) others.onView(tick, discs([3, 112, 100 + 12 * (tick - 11)], [4, 500, 488]));
    let [x, y] = [159, 100];
    for (let now_ms = 208; now_ms <= 600; now_ms += 16) {
      const place = others.at(Math.min(15, 10 + now_ms / 50), now_ms).get(3) ?? expect.fail("not there");
      expect(Math.hypot(place.x - x, place.y - y)).toBeLessThan(16);
      ({ x, y } = place);
    }
    expect([x, y].map(Math.round)).toEqual([112, 148]);
  });

  it("stand where they were seen last where silence may mean that, and after a while in any case", () => {
    const others = moving();
    expect(others.at(20, 1_000).get(3)?.x).toBeCloseTo(112);
    others.onView(21, discs([3, 112, 100], [4, 500, 476]));
    expect(others.at(22, 2_000).get(4)).toEqual({ x: 500, y: 476 });
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
