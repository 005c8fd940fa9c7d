import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isSeen, Sight } from "../src/near.js";
import { isWithin, moved, ORBS, push, steer, toUnits, UNIT, World } from "../src/world.js";

const units = (...place) => place.map((along) => along * UNIT);
/** Numbers from 0 to below 1, in turns. */
const cycle = (...numbers) => () => (numbers.push(numbers.shift()), numbers.at(-1));

test("discs move as those of the plugin do", () => {
  const vectors = new URL("../../../../plugins/arena/vectors/motion.json", import.meta.url);
  for (const { from, steers, places, units } of JSON.parse(readFileSync(vectors, "utf8"))) {
    let place = from;
    steers.forEach(([x, y, ticks], index) => {
      const direction = steer(x, y);
      for (let tick = 0; tick < ticks; tick += 1) place = moved(place, direction);
      assert.deepEqual(place, places[index]);
    });
    assert.deepEqual(place.map(toUnits), units);
  }
});

test("full speed is 240 units a second, whatever is asked for", () => {
  let place = units(800, 800);
  for (let tick = 0; tick < 20; tick += 1) place = moved(place, steer(127, 0));
  assert.deepEqual(place, units(1040, 800));
  const { x, y } = steer(-127, 127);
  assert.ok(Math.hypot(x, y) <= 127 && Math.hypot(x, y) > 125, `${x} ${y}`);
  assert.deepEqual(moved(units(17, 17), steer(-127, 0)), units(16, 17));
});

test("two that overlap are pushed apart by half of that each", () => {
  assert.deepEqual(push(units(100, 100), units(120, 100)), units(6, 0));
  assert.deepEqual(push(units(100, 100), units(100, 100)), units(16, 0));
  assert.deepEqual(push(units(100, 100), units(132, 100)), [0, 0]);
  const world = new World(Math.random);
  const [one, other] = [world.enter(1), world.enter(2)];
  [one.place, other.place] = [units(100, 100), units(120, 100)];
  world.walk();
  assert.deepEqual([one.place, other.place], [units(94, 100), units(126, 100)]);
});

test("an orb goes to the lowest id that touches it, and lies elsewhere then", () => {
  const world = new World(cycle(0.5));
  for (const id of [1, 2]) world.enter(id).place = units(100, 100);
  assert.deepEqual(world.gather(), []);
  world.orbs[7] = units(110, 120);
  assert.deepEqual(world.gather(), [1]);
  assert.equal(world.orbs.length, ORBS);
  assert.ok(!isWithin(world.orbs[7], units(100, 100), 24 * UNIT));
});

test("what comes within 400 units is seen until it is farther away than 440", () => {
  const at = (x) => isSeen(units(0, 0), units(x, 0), false);
  const still = (x) => isSeen(units(0, 0), units(x, 0), true);
  assert.deepEqual([at(400), at(401), still(440), still(441)], [true, false, true, false]);
  const sight = new Sight();
  const seen = [];
  for (const x of [500, 420, 400, 440, 441]) {
    sight.look(units(0, 0), [["a", units(x, 0)]], (key) => seen.push(`${key} came`), (key) => seen.push(`${key} went`));
  }
  assert.deepEqual(seen, ["a came", "a went"]);
});
