import { describe, expect, it } from "vitest";
import { push, step } from "./collision";
import { STILL, UNIT } from "./motion";

function at(x: number, y: number) {
  return { x: x * UNIT, y: y * UNIT };
}

/** What `plugins/arena/src/world/tests.rs` says of two that overlap, in units. */
describe("two discs", () => {
  it.each([
    [at(100, 100), at(132, 100), at(0, 0)],
    [at(100, 100), at(123, 123), at(0, 0)],
    [at(100, 100), at(120, 100), at(6, 0)],
    [at(100, 120), at(100, 100), at(0, -6)],
    [at(500, 500), at(500, 500), at(16, 0)],
  ])("are pushed apart, each half of the way", (one, other, by) => expect(push(one, other)).toEqual(by));

  it("are pushed the same way whichever of them one is", () => {
    const body = (id: number) => ({ id, place: at(120, 100), way: STILL, until: 0 });
    for (const [you, other] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const { place, bodies } = step(you, 1, at(100, 100), STILL, [body(other)]);
      expect([place, bodies[0]?.place]).toEqual([at(94, 100), at(126, 100)]);
    }
  });

  it("go no farther than the walls", () => {
    const { place, bodies } = step(1, 1, at(16, 100), STILL, [{ id: 2, place: at(26, 100), way: STILL, until: 0 }]);
    expect([place, bodies[0]?.place]).toEqual([at(16, 100), at(37, 100)]);
  });
});
