/** What a screen reader is told of a game: phases at once, scores every few seconds, and only when they changed. */

import { cellName, ranking } from "./board-state";
import type { BoardState } from "./board-state";

export const SCORES_EVERY_MS = 5_000;

export class Announcer {
  #before: BoardState | undefined;
  #scores = "";
  #scores_at_ms = 0;

  /** What to say about a new board; empty for nothing. */
  onBoard(board: BoardState, you: number, now_ms: number): string {
    const before = this.#before;
    this.#before = board;
    if (before?.status !== board.status) {
      this.#scores_at_ms = now_ms;
      return this.#phase(board, you);
    }
    if (board.status !== "active" || now_ms - this.#scores_at_ms < SCORES_EVERY_MS) return "";
    const scores = scoresOf(board, you);
    if (scores === this.#scores) return "";
    this.#scores = scores;
    this.#scores_at_ms = now_ms;
    return scores;
  }

  /** What to say about a member who went away, or is back; empty for what needs no words. */
  onMember(name: string, reason: string | undefined): string {
    if (reason === "away") return `${name} lost the connection.`;
    return reason === "back" ? `${name} is back.` : "";
  }

  onRefused(cell: number, message: string): string {
    return `${cellName(cell)}: ${message}`;
  }

  #phase(board: BoardState, you: number): string {
    switch (board.status) {
      case "waiting":
        return "Waiting room. The game has not started.";
      case "active":
        return "Go! 30 seconds. Move with the arrow keys, capture with Enter.";
      case "completed":
        return `${headline(board, you)} ${scoresOf(board, you)}`;
    }
  }
}

/** The result in a sentence. */
export function headline(board: BoardState, you: number): string {
  if (board.winner === null) return "A draw.";
  if (board.winner === you) return "You win.";
  const winner = board.players.find(({ id }) => id === board.winner);
  return `${winner?.name ?? "Somebody who left"} wins.`;
}

function scoresOf(board: BoardState, you: number): string {
  return ranking(board)
    .map(({ id, name, score }) => `${id === you ? "You" : name} ${score}`)
    .join(", ");
}
