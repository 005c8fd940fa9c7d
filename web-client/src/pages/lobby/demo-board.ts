/** A small board beside the title that fills by itself: a picture of the game, for the eye only. */

import { h } from "../ui/dom";
import { mark, paint } from "../ui/marks";

const SIDE = 9;
const PLAYERS = 4;
const STEP_MS = 420;
const FULL = 46;

/** The picture; it moves only for people who like that. */
export function demoBoard(): HTMLElement {
  const cells = Array.from({ length: SIDE * SIDE }, () => h("span", { class: "demo-cell" }));
  const board = h("div", { class: "demo", attrs: { "aria-hidden": true } }, ...cells);
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let taken: number[] = [];
  const take = (turn: number) => {
    const cell = pick(taken, turn);
    const owner = turn % PLAYERS;
    taken.push(cell);
    const element = cells[cell];
    if (!element) return;
    paint(element, owner);
    element.replaceChildren(mark(owner));
  };
  for (let turn = 0; turn < (isStill ? FULL : 22); turn += 1) take(turn);
  if (isStill) return board;
  const timer = setInterval(() => {
    if (!board.isConnected) return clearInterval(timer);
    if (document.hidden) return;
    if (taken.length < FULL) return take(taken.length);
    const oldest = taken.slice(0, 30);
    taken = taken.slice(30);
    for (const cell of oldest) {
      const element = cells[cell];
      if (element) {
        paint(element, undefined);
        element.replaceChildren();
      }
    }
  }, STEP_MS);
  return board;
}

/** Prefers to grow a player's patch, as people do. */
function pick(taken: readonly number[], turn: number): number {
  const free = Array.from({ length: SIDE * SIDE }, (_, cell) => cell).filter((cell) => !taken.includes(cell));
  const last = taken[taken.length - PLAYERS];
  const near = free.filter((cell) => last !== undefined && distance(cell, last) === 1);
  const from = near.length > 0 ? near : free;
  return from[(turn * 37 + 11) % from.length] ?? 0;
}

function distance(a: number, b: number): number {
  return Math.abs(Math.floor(a / SIDE) - Math.floor(b / SIDE)) + Math.abs((a % SIDE) - (b % SIDE));
}
