import { describe, expect, it } from "vitest";
import { moved, STILL, toUnits, UNIT } from "./motion";
import type { Steer, Vector } from "./motion";
import { AHEAD_TICKS_MAX, Prediction } from "./prediction";

const RIGHT: Steer = { x: 127, y: 0 };
const SLOW: Steer = { x: 31, y: 17 };
const START: Vector = { x: 800, y: 800 };

/** A room with one member in it, which is told what to do in which tick. */
function roomOf(inputs: Readonly<Record<number, Steer>>) {
  let place: Vector = { x: START.x * UNIT, y: START.y * UNIT };
  let steer = STILL;
  let tick = 0;
  return {
    /** The view of the next tick. */
    next() {
      tick += 1;
      steer = inputs[tick] ?? steer;
      place = moved(place, steer);
      return { tick, place: toUnits(place), steer };
    },
    push(by: Vector) {
      place = { x: place.x + by.x * UNIT, y: place.y + by.y * UNIT };
    },
  };
}

function units(prediction: Prediction, tick: number, seen = prediction.tick ?? 0): Vector | undefined {
  const place = prediction.at(tick, seen);
  return place && toUnits(place);
}

describe("prediction", () => {
  it("knows nothing before the first view, and is where that says then", () => {
    const prediction = new Prediction(() => 7);
    expect(prediction.at(5, 5)).toBeUndefined();
    prediction.onView(5, START, STILL);
    expect(units(prediction, 5)).toEqual(START);
    expect(units(prediction, 500, 499)).toEqual(START);
  });

  it("moves at once, and is never corrected where the guess was right, to the last digit", () => {
    const room = roomOf({ 4: RIGHT, 9: SLOW });
    const prediction = new Prediction(() => 7);
    const view = () => {
      const { tick, place, steer } = room.next();
      prediction.onView(tick, place, steer);
    };
    view();
    const first = prediction.steer(RIGHT, 4);
    expect(units(prediction, 4)).toEqual({ x: 812, y: 800 });
    expect(units(prediction, 4.5)).toEqual({ x: 818, y: 800 });
    for (let tick = 2; tick <= 5; tick += 1) view();
    first(4);
    const second = prediction.steer(SLOW, 9);
    const ahead = units(prediction, 25);
    for (let tick = 6; tick <= 20; tick += 1) view();
    second(9);
    prediction.at(20, 20);
    for (let tick = 21; tick <= 25; tick += 1) view();
    expect(units(prediction, 25)).toEqual(ahead);
    expect(prediction.corrections).toBe(0);
  });

  it("takes the tick of the reply for the guess", () => {
    const room = roomOf({ 6: RIGHT });
    const prediction = new Prediction(() => 7);
    for (let tick = 1; tick <= 3; tick += 1) prediction.onView(tick, START, STILL);
    const answered = prediction.steer(RIGHT, 4);
    expect(units(prediction, 6)).toEqual({ x: 836, y: 800 });
    answered(6);
    expect(units(prediction, 6)).toEqual({ x: 812, y: 800 });
    for (let tick = 1; tick <= 8; tick += 1) {
      const { place, steer } = room.next();
      if (tick > 3) prediction.onView(tick, place, steer);
    }
    expect(units(prediction, 8)).toEqual({ x: 836, y: 800 });
    expect(prediction.corrections).toBe(0);
  });

  it("takes it that what has no answer came later than the view, and in its order", () => {
    const prediction = new Prediction(() => 7);
    prediction.onView(1, START, STILL);
    const first = prediction.steer(RIGHT, 2);
    prediction.steer({ x: 0, y: 127 }, 3);
    prediction.onView(4, START, STILL);
    // Both from tick 5 on, so the later one holds.
    expect(units(prediction, 6)).toEqual({ x: 800, y: 824 });
    first(7);
    prediction.onView(5, START, STILL);
    expect(units(prediction, 7)).toEqual({ x: 800, y: 812 });
    expect(prediction.corrections).toBe(0);
  });

  it("believes the room, and counts that", () => {
    const room = roomOf({ 2: RIGHT });
    const prediction = new Prediction(() => 7);
    prediction.onView(1, START, STILL);
    room.next();
    prediction.steer(RIGHT, 2)(2);
    room.push({ x: -40, y: 7 });
    const { tick, place, steer } = room.next();
    prediction.onView(tick, place, steer);
    expect(units(prediction, 2)).toEqual({ x: 772, y: 807 });
    expect(units(prediction, 3)).toEqual({ x: 784, y: 807 });
    expect(prediction.corrections).toBe(1);
  });

  it("forgets what was refused", () => {
    const prediction = new Prediction(() => 7);
    prediction.onView(1, START, STILL);
    const answered = prediction.steer(RIGHT, 2);
    answered(undefined);
    expect(units(prediction, 9)).toEqual(START);
  });

  it("does not run on for longer than a second where nothing comes", () => {
    const prediction = new Prediction(() => 7);
    prediction.onView(1, START, STILL);
    // A minute in which there was nothing to tell.
    prediction.steer(RIGHT, 1_200)(1_200);
    expect(units(prediction, 1_199, 1_197)).toEqual(START);
    expect(units(prediction, 1_200, 1_197)).toEqual({ x: 812, y: 800 });
    expect(units(prediction, 5_000, 1_197)).toEqual(units(prediction, 1_199 + AHEAD_TICKS_MAX, 1_197));
  });

  it("expects to be pushed as the room pushes, by who stands there and by who comes along", () => {
    const prediction = new Prediction(() => 7);
    const standing = { id: 3, place: { x: 840 * UNIT, y: 800 * UNIT }, way: STILL, until: 5 };
    prediction.onView(1, START, RIGHT, [standing]);
    // 12 units on they overlap by 4, of which each takes half; then by 12 in each tick.
    expect([2, 3, 4].map((tick) => units(prediction, tick)?.x)).toEqual([810, 816, 822]);

    const coming = { id: 9, place: { x: 800 * UNIT, y: 850 * UNIT }, way: { x: 0, y: -10 * UNIT }, until: 6 };
    prediction.onView(2, START, STILL, [coming]);
    expect([3, 4].map((tick) => units(prediction, tick)?.y)).toEqual([800, 799]);
    // Where the room says nothing more, nothing more has happened.
    expect([4, 400].map((tick) => units(prediction, tick, tick)?.y)).toEqual([800, 800]);
    prediction.onView(401, { x: 801, y: 800 }, RIGHT);
    prediction.steer(STILL, 402)(402);
    expect(units(prediction, 402, 401)).toEqual({ x: 801, y: 800 });
  });

  it("waits for no word of what changed nothing", () => {
    const prediction = new Prediction(() => 7);
    prediction.onView(1, START, STILL);
    prediction.steer(RIGHT, 503)(503);
    prediction.steer(STILL, 503)(503);
    expect(units(prediction, 900, 899)).toEqual(START);
    prediction.steer(RIGHT, 902);
    expect(units(prediction, 902, 900)).toEqual({ x: 812, y: 800 });
  });

  it("begins anew", () => {
    const prediction = new Prediction(() => 7);
    prediction.onView(1, START, RIGHT);
    prediction.clear();
    expect(prediction.at(2, 2)).toBeUndefined();
    prediction.onView(900, { x: 100, y: 100 }, STILL);
    expect(units(prediction, 901)).toEqual({ x: 100, y: 100 });
  });
});
