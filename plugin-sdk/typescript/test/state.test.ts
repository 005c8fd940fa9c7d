import assert from "node:assert/strict";
import { test } from "node:test";
import { loadState, saveState } from "../src/state.ts";

test("a state comes back exactly as it was, in its order", () => {
  const state = {
    map: new Map<unknown, unknown>([[3, "c"], ["a", new Map([[1n, new Set([2, 1])]])], [1, [undefined, null]]]),
    numbers: [0, -0, 1.5, Number.NaN, Infinity, 2 ** 53, -(2 ** 53) + 1, 1e300, 5n, -(2n ** 70n)],
    bytes: new Uint8Array([0, 255]),
    texts: ["", "grüße 🎲", "\x7f\x80"],
    b: 1,
    a: { nothing: undefined },
  };
  const loaded = loadState(saveState(state, true)) as typeof state;
  assert.deepEqual(loaded, state);
  assert.deepEqual(Object.keys(loaded), Object.keys(state));
  assert.deepEqual([...loaded.map.keys()], [3, "a", 1]);
  assert.ok(Object.is(loaded.numbers[1], -0));
  assert.deepEqual(saveState(loaded), saveState(state));
});

test("what could not come back is refused with the way to it", () => {
  class Player {}
  const refusals: [unknown, RegExp][] = [
    [{ players: [new Player()] }, /at `players\.0`: a Player, which would come back without its methods/],
    [{ since: new Date(0) }, /at `since`: a Date/],
    [{ act: () => 1 }, /at `act`: a function cannot be saved/],
    [{ words: new Int16Array(2) }, /at `words`: a Int16Array/],
  ];
  for (const [state, message] of refusals) assert.throws(() => saveState(state), { message });
});

test("an object on two ways is found by a strict save, and one that holds itself by any", () => {
  const shared = { hp: 1 };
  assert.throws(() => saveState({ a: shared, b: [shared] }, true), /at `b\.0`: an object that is elsewhere in the state/);
  assert.deepEqual(loadState(saveState({ a: shared, b: shared })), { a: { hp: 1 }, b: { hp: 1 } });
  const self: { me?: unknown } = {};
  self.me = self;
  assert.throws(() => saveState(self), /nested more than 200 levels deep/);
});

test("bytes that are no state are refused", () => {
  for (const bytes of [[], [0xc1], [0xc9, 0, 0, 0, 1, 9, 0xc0], [0xd4, 0, 0]]) {
    assert.throws(() => loadState(new Uint8Array(bytes)), { name: "PayloadError" });
  }
});
