/** What happened in a replay that is worth going to: the marks of the time line, each with a few words. */

import { headline } from "../game/announcer";
import { cellName, readBoard } from "../game/board-state";
import type { BoardState } from "../game/board-state";
import type { Timeline } from "./timeline";

export interface ReplayEvent {
  readonly at_ms: number;
  readonly kind: "capture" | "begin" | "end" | "change";
  /** What to say about it. */
  readonly text: string;
  /** The mark of the player whose it is. */
  readonly mark?: number;
}

/** Nobody's number: who watches a replay is none of its players. */
export const NOBODY = -1;
export const BOARD = "board";

/** The game has eight; a file that claims to be of it may have anything. */
const PLAYERS_MAX = 64;
/** Some thousand matches. What comes after is played, and not marked. */
const EVENTS_MAX = 100_000;

/** Whether a replay can be shown as a match: it is of the game, and every board it has is one. */
export function isMatch(timeline: Timeline): boolean {
  const states = timeline.statesOf(BOARD);
  const isBoard = states.every(({ state }) => (readBoard(state)?.players.length ?? Infinity) <= PLAYERS_MAX);
  return timeline.replay.plugin === "grid" && states.length > 0 && isBoard;
}

/** What happened in matches, in order. */
export function matchEvents(timeline: Timeline): ReplayEvent[] {
  const events: ReplayEvent[] = [];
  let before: BoardState | undefined;
  for (const { at_ms, state } of timeline.statesOf(BOARD)) {
    const board = readBoard(state);
    if (!board || events.length >= EVENTS_MAX) continue;
    const isNew = board.status === "active" && (before?.status !== "active" || isEmptier(board, before));
    if (isNew) events.push({ at_ms, kind: "begin", text: before ? "The match begins." : beginning(board) });
    for (const [cell, id] of board.cells.entries()) {
      if (id === null || !before || (!isNew && before.cells[cell] !== null)) continue;
      const owner = board.players.find((player) => player.id === id);
      const text = `${owner?.name ?? "Somebody"} takes ${cellName(cell)}.`;
      events.push({ at_ms, kind: "capture", text, ...(owner ? { mark: owner.mark } : {}) });
    }
    if (board.status === "completed" && before?.status !== "completed") {
      events.push({ at_ms, kind: "end", text: `The match is over. ${headline(board, NOBODY)}` });
    }
    before = board;
  }
  return events;
}

/** For any plugin: each time one of its views changed. */
export function viewEvents(timeline: Timeline): ReplayEvent[] {
  return timeline.views
    .flatMap((view) =>
      timeline.statesOf(view).map(({ at_ms }) => ({ at_ms, kind: "change" as const, text: `${view} changes.` })),
    )
    .sort((a, b) => a.at_ms - b.at_ms);
}

/** The moments of events, each once. */
export function momentsOf(events: readonly ReplayEvent[]): number[] {
  return [...new Set(events.map(({ at_ms }) => at_ms))];
}

/** What to say about all that happened at a moment; of much, the first and how much more. */
export function wordsAt(events: readonly ReplayEvent[], at_ms: number): string {
  const texts = events.filter((event) => event.at_ms === at_ms).map(({ text }) => text);
  const shown = texts.slice(0, WORDS_MAX).join(" ");
  return texts.length > WORDS_MAX ? `${shown} And ${texts.length - WORDS_MAX} more.` : shown;
}

const WORDS_MAX = 3;

/**
 * Events to draw on a line that has only so many places: at most one of a kind and colour in each. What begins and ends
 * a match is never left out.
 */
export function eventsToDraw(events: readonly ReplayEvent[], duration_ms: number, place_count: number): ReplayEvent[] {
  const taken = new Set<string>();
  return events.filter(({ at_ms, kind, mark }) => {
    const place = Math.round((at_ms / Math.max(1, duration_ms)) * place_count);
    const key = `${place}/${kind}/${kind === "capture" ? "" : (mark ?? "")}`;
    return !taken.has(key) && taken.add(key);
  });
}

/** A replay may begin when the match was under way. */
function beginning(board: BoardState): string {
  return board.cells.every((owner) => owner === null) ? "The match begins." : "The match is under way.";
}

/** Within a match nothing that is taken is given back. */
function isEmptier(board: BoardState, before: BoardState): boolean {
  return before.cells.some((owner, cell) => owner !== null && board.cells[cell] === null);
}
