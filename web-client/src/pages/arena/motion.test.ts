import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cut, FULL, moved, toUnits, UNIT, withinWalls, WORLD_UNITS } from "./motion";

interface Walk {
  readonly from: [number, number];
  readonly steers: [number, number, number][];
  readonly places: [number, number][];
  readonly units: [number, number];
}

const VECTORS = new URL("../../../../plugins/arena/vectors/motion.json", import.meta.url);
const walks = JSON.parse(readFileSync(VECTORS, "utf8")) as Walk[];

describe("movement", () => {
  it.each(walks)("is what the room computes, from $from", ({ from, steers, places, units }) => {
    let place = { x: from[0], y: from[1] };
    for (const [index, [x, y, ticks]] of steers.entries()) {
      const steer = cut({ x, y });
      for (let tick = 0; tick < ticks; tick += 1) place = moved(place, steer);
      expect([place.x, place.y]).toEqual(places[index]);
    }
    const { x, y } = toUnits(place);
    expect([x, y]).toEqual(units);
  });

  it("is never faster than full speed", () => {
    for (let x = -128; x < 128; x += 1) {
      for (let y = -128; y < 128; y += 1) {
        const steer = cut({ x, y });
        if (Math.hypot(steer.x, steer.y) > FULL) expect(steer).toEqual("slower");
      }
    }
    expect(cut({ x: -128, y: 0 })).toEqual({ x: -127, y: 0 });
  });

  it("ends at the walls", () => {
    const last = (WORLD_UNITS - 16) * UNIT;
    expect(withinWalls({ x: -1, y: 10_000_000 })).toEqual({ x: 16 * UNIT, y: last });
  });
});
