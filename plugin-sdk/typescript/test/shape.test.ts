import assert from "node:assert/strict";
import { test } from "node:test";
import { type ShapeOf, shape } from "parlor-plugin";

const input = shape.oneOf("type", {
  say: { text: shape.text({ min: 1, max: 5 }), to: shape.optional(shape.list(shape.integer({ min: 1 }), { max: 2 })) },
  move: { at: shape.record({ x: shape.number({ min: 0, max: 1 }) }), fast: shape.bool },
});

test("what fits is read as its type", () => {
  const say: ShapeOf<typeof input> = input({ type: "say", text: "hi", more: 1 });
  assert.deepEqual(say, { type: "say", text: "hi", to: undefined });
  assert.deepEqual(input({ type: "move", at: { x: 0.5 }, fast: true }), { type: "move", at: { x: 0.5 }, fast: true });
});

test("what does not is refused with the way to it", () => {
  const refusals: [Parameters<typeof input>[0], string][] = [
    [5, "a map was expected, and 5 came"],
    [{}, 'at `type`: "say" or "move" was expected, and nothing came'],
    [{ type: "toString" }, 'at `type`: "say" or "move" was expected, and "toString" came'],
    [{ type: "say", text: "" }, 'at `text`: text of 1 to 5 characters was expected, and "" came'],
    [{ type: "say", text: "a", to: [1, 0] }, "at `to.1`: a whole number from 1 to 9007199254740991 was expected, and 0 came"],
    [{ type: "say", text: "a", to: [1, 2, 3] }, "at `to`: a list of at most 2 was expected, and a list came"],
    [{ type: "move", at: { x: 2 }, fast: true }, "at `at.x`: a number from 0 to 1 was expected, and 2 came"],
    [{ type: "move", at: [], fast: true }, "at `at`: a map was expected, and a list came"],
  ];
  for (const [value, message] of refusals) assert.throws(() => input(value), { name: "ShapeError", message });
});
