import assert from "node:assert/strict";
import { test } from "node:test";

import { CELLS, emptyBoard, Match, nextDue } from "./work.mjs";

test("inputs are applied in order, and each cell that changed is named once", () => {
  const match = new Match();
  match.input("a", 1, 10, 5);
  match.input("b", 2, 20, 5);
  match.input("a", 1, 11, 80);
  const { tick, isEmptied, inputs, cells } = match.step();
  assert.deepEqual([tick, isEmptied], [1, false]);
  assert.deepEqual(inputs.map(({ from, id }) => [from, id]), [["a", 10], ["b", 20], ["a", 11]]);
  assert.deepEqual(cells, [[5, 2], [80, 1]]);
  assert.deepEqual([match.board[5], match.board[80]], [2, 1]);
});

test("a cell that is taken again by whoever has it has not changed", () => {
  const match = new Match();
  match.input("a", 1, 1, 0);
  match.step();
  match.input("a", 1, 2, 0);
  const { inputs, cells } = match.step();
  assert.deepEqual([inputs.length, cells], [1, []]);
});

test("a full board is emptied in the tick after, before what came in that one", () => {
  const match = new Match();
  for (let cell = 0; cell < CELLS; cell += 1) match.input("a", 1, cell, cell);
  assert.equal(match.step().cells.length, CELLS);
  match.input("b", 2, 0, 7);
  const { tick, isEmptied, cells } = match.step();
  assert.deepEqual([tick, isEmptied, cells], [2, true, [[7, 2]]]);
  assert.deepEqual(match.board, emptyBoard().with(7, 2));
  assert.equal(match.step().isEmptied, false);
});

test("ticks keep their beat, and those that were missed are left out", () => {
  assert.equal(nextDue(100, 100, 50), 150);
  assert.equal(nextDue(100, 149, 50), 150);
  assert.equal(nextDue(100, 151, 50), 200);
  assert.equal(nextDue(100, 326, 50), 350);
});
