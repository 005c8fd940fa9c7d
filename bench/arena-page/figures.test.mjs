import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { arenaFigures, frameFigures, quantile, share, SPEED } from "./figures.mjs";

const FRAME_MS = 1_000 / 60;
const STEP = SPEED * FRAME_MS;
const RIGHT = ["ArrowRight"];

/** Pictures at 60 a second, of one's own disc at these places and of nobody else. */
function pictures(...places) {
  return places.map((me, index) => ({ at_ms: index * FRAME_MS, work_ms: 1, me, others: [] }));
}

/** Places on the way to the right, or as far as `go` says for each picture. */
function walk(count, go = () => STEP) {
  const places = [[500, 500]];
  for (let index = 1; index < count; index += 1) places.push([places.at(-1)[0] + go(index), 500]);
  return places;
}

const own = (drawn, turns = []) => arenaFigures({ frames: [], pictures: drawn, turns, tasks: [] }).own;

describe("figures", () => {
  it("have quantiles and shares", () => {
    assert.equal(quantile([3, 1, 2], 0.5), 2);
    assert.equal(quantile([3, 1, 2], 1), 3);
    assert(Number.isNaN(quantile([], 0.5)) && Number.isNaN(share([], Boolean)));
    assert.equal(
      share([1, 2, 3, 4], (it) => it > 3),
      0.25,
    );
  });

  it("say how evenly frames come", () => {
    const times = [0, 16, 32, 48, 110];
    const frames = frameFigures(times.map((at_ms) => [at_ms, at_ms + 2]));
    assert.deepEqual([frames.interval_ms.p50, frames.interval_ms.max], [16, 62]);
    assert.deepEqual([frames.over_25_ms, frames.over_50_ms], [0.25, 0.25]);
    assert.equal(frames.called_late_ms.p99, 2);
  });

  it("find nothing wrong with who goes at full speed", () => {
    const { excess_units, still_while_held } = own(pictures(...walk(60)), [{ at_ms: 0, keys: RIGHT }]);
    assert(excess_units.max < 1e-9);
    assert.equal(still_while_held, 0);
  });

  it("see a jump, and one who stands though keys are held", () => {
    const drawn = pictures(...walk(60, (index) => (index === 30 ? 20 : index > 50 ? 0 : STEP)));
    const { excess_units, excess_over_4_units, still_while_held } = own(drawn, [{ at_ms: 0, keys: RIGHT }]);
    assert(Math.abs(excess_units.max - (20 - STEP)) < 1e-9);
    assert.equal(excess_over_4_units, 1 / 59);
    assert(still_while_held > 0.15 && still_while_held < 0.2);
  });

  it("expect nobody to go through a wall, or where no keys are held", () => {
    const standing = pictures(...Array.from({ length: 60 }, () => [1_584, 500]));
    assert.equal(own(standing, [{ at_ms: 0, keys: RIGHT }]).held_steps, 0);
    assert.equal(own(standing, [{ at_ms: 0, keys: [] }]).held_steps, 0);
  });

  it("say how long a turn takes, of which the two keys are one", () => {
    const drawn = pictures(...walk(60, (index) => (index < 33 ? STEP : -STEP)));
    const turns = [
      { at_ms: 0, keys: RIGHT },
      { at_ms: 499, keys: [] },
      { at_ms: 500, keys: ["ArrowLeft"] },
    ];
    assert(Math.abs(own(drawn, turns).turn_ms.p95 - (33 * FRAME_MS - 500)) < 1e-9);
  });

  it("see others stand and jump", () => {
    const at = [0, 0, 0, 3 * STEP, 4 * STEP];
    const drawn = pictures(...walk(5)).map((picture, index) => ({ ...picture, others: [[7, at[index], 0]] }));
    const { others } = arenaFigures({ frames: [], pictures: drawn, turns: [], tasks: [] });
    assert.deepEqual([others.in_sight, others.still, others.excess_over_4_units], [1, 0.5, 0.25]);
    assert(Math.abs(others.excess_units.max - 2 * STEP) < 1e-9);
  });
});
