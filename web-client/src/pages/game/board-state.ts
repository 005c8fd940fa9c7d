/** The view `board` of the plugin `grid`, read into types; and what the page adds to it. */

import { isMap } from "../../lib";
import type { Value } from "../../lib";

export const SIDE = 9;
export const CELL_COUNT = SIDE * SIDE;
export const MATCH_MS = 30_000;

export type GameStatus = "waiting" | "active" | "completed";

export interface Player {
  readonly id: number;
  readonly name: string;
  readonly score: number;
  readonly isBot: boolean;
  /** Whether the player is here; one who left keeps cells and score until the next match. */
  readonly isPresent: boolean;
  /** The index of the player's colour and shape. */
  readonly mark: number;
}

export interface BoardState {
  readonly status: GameStatus;
  readonly time_remaining_ms: number;
  /** The owner of each cell. */
  readonly cells: readonly (number | null)[];
  readonly players: readonly Player[];
  /** Nobody while there is no result, and in a draw. */
  readonly winner: number | null;
}

const COLORS = ["red", "blue", "green", "yellow", "purple", "orange", "teal", "pink"];

/** Reads the view; undefined where it is none. */
export function readBoard(value: Value | undefined): BoardState | undefined {
  if (!isMap(value)) return undefined;
  const { status, time_remaining_ms, cells, players, winner } = value;
  if (status !== "waiting" && status !== "active" && status !== "completed") return undefined;
  if (typeof time_remaining_ms !== "number" || !Array.isArray(cells) || !Array.isArray(players)) return undefined;
  if (cells.length !== CELL_COUNT) return undefined;
  return {
    status,
    time_remaining_ms,
    cells: cells.map((owner: Value) => (typeof owner === "number" ? owner : null)),
    players: players.flatMap((player: Value, index: number) => readPlayer(player, index)),
    winner: typeof winner === "number" ? winner : null,
  };
}

function readPlayer(value: Value, index: number): Player[] {
  if (!isMap(value)) return [];
  const { id, name, score, color, bot, present } = value;
  if (typeof id !== "number" || typeof name !== "string") return [];
  const mark = typeof color === "string" ? COLORS.indexOf(color) : -1;
  return [
    {
      id,
      name,
      score: typeof score === "number" ? score : 0,
      isBot: bot === true,
      isPresent: present !== false,
      mark: mark < 0 ? index : mark,
    },
  ];
}

/** The players, the best first; equals keep their seats' order. */
export function ranking(board: BoardState): Player[] {
  return [...board.players].sort((a, b) => b.score - a.score);
}

/** Where a cell is, for a person. */
export function cellName(cell: number): string {
  return `row ${Math.floor(cell / SIDE) + 1}, column ${(cell % SIDE) + 1}`;
}

/** The cell that a key leads to, or undefined where the key does not move. */
export function moveFocus(cell: number, key: string): number | undefined {
  const row = Math.floor(cell / SIDE);
  const column = cell % SIDE;
  const last = SIDE - 1;
  switch (key) {
    case "ArrowUp":
      return Math.max(0, row - 1) * SIDE + column;
    case "ArrowDown":
      return Math.min(last, row + 1) * SIDE + column;
    case "ArrowLeft":
      return row * SIDE + Math.max(0, column - 1);
    case "ArrowRight":
      return row * SIDE + Math.min(last, column + 1);
    case "Home":
      return row * SIDE;
    case "End":
      return row * SIDE + last;
    case "PageUp":
      return column;
    case "PageDown":
      return last * SIDE + column;
    default:
      return undefined;
  }
}
