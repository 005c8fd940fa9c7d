import assert from "node:assert/strict";
import { test } from "node:test";
import { Rng } from "parlor-plugin";

test("the numbers stay as they are: a journal of today is replayed tomorrow", () => {
  const rng = new Rng(1_234_567, 89);
  assert.deepEqual([rng.nextU32(), rng.nextU32(), rng.nextU32()], [1_157_925_304, 3_660_722_346, 4_199_195_072]);
});

test("each event has its own numbers, and the same ones again", () => {
  const first = (seed: number, event: number): number => new Rng(seed, event).nextU32();
  assert.notEqual(first(1, 1), first(1, 2));
  assert.notEqual(first(1, 1), first(2, 1));
  assert.notEqual(first(1, 1), first(2 ** 33 + 1, 1));
  assert.equal(first(2 ** 63, 9), first(2 ** 63, 9));
});

test("below reaches every number and no other, each as often", () => {
  const rng = new Rng(1, 1);
  const seen = [0, 0, 0, 0, 0, 0];
  for (let n = 0; n < 6_000; n++) seen[rng.below(6)]! += 1;
  assert.equal(seen.length, 6);
  assert.ok(seen.every((count) => count > 800 && count < 1_200), String(seen));
  assert.equal(rng.below(0), 0);
  assert.equal(rng.range(5, 5), 5);
  assert.equal(rng.pick([]), undefined);
  assert.throws(() => rng.below(1.5), RangeError);
});

test("shuffle keeps every item", () => {
  const items = Array.from({ length: 50 }, (_, n) => n);
  const shuffled = [...items];
  new Rng(3, 3).shuffle(shuffled);
  assert.notDeepEqual(shuffled, items);
  assert.deepEqual(shuffled.sort((a, b) => a - b), items);
});
