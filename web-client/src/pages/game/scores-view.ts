/** The players with their marks and scores; those who left are dimmed. */

import { h, nameTag, setText } from "../ui/dom";
import { mark, paint } from "../ui/marks";
import { CELL_COUNT, ranking } from "./board-state";
import type { BoardState, Player } from "./board-state";

interface Row {
  readonly element: HTMLElement;
  readonly glyph: HTMLElement;
  readonly name: HTMLElement;
  readonly score: HTMLElement;
  readonly bar: HTMLElement;
}

export class ScoresView {
  readonly element = h("ol", { class: "scores", testid: "scores", attrs: { "aria-label": "Scores" } });
  readonly #rows = new Map<number, Row>();

  show(board: BoardState, you: number): void {
    const players = board.status === "completed" ? ranking(board) : board.players;
    const best = Math.max(1, ...players.map(({ score }) => score));
    const elements = players.map((player) => {
      const row = this.#rows.get(player.id) ?? makeRow();
      this.#rows.set(player.id, row);
      fill(row, player, player.id === you, best);
      return row.element;
    });
    const isSame =
      elements.length === this.element.children.length &&
      elements.every((row, at) => this.element.children[at] === row);
    if (!isSame) this.element.replaceChildren(...elements);
  }
}

function makeRow(): Row {
  const glyph = h("span", { class: "score-mark" });
  const name = h("span", { class: "score-name" });
  const score = h("span", { class: "score-value" });
  const bar = h("span", { class: "score-bar", attrs: { "aria-hidden": true } });
  return { element: h("li", { class: "score" }, glyph, name, score, bar), glyph, name, score, bar };
}

function fill(row: Row, player: Player, isYou: boolean, best: number): void {
  if (row.element.dataset["mark"] !== String(player.mark)) row.glyph.replaceChildren(mark(player.mark));
  paint(row.element, player.mark);
  row.element.dataset["player"] = String(player.id);
  row.element.classList.toggle("is-you", isYou);
  row.element.classList.toggle("is-gone", !player.isPresent);
  const name = nameTag(player.name, isYou ? "you" : player.isPresent ? "" : "left");
  if (row.name.textContent !== name.textContent) row.name.replaceChildren(name);
  setText(row.score, String(player.score));
  row.bar.style.setProperty("--share", String(player.score / Math.max(best, CELL_COUNT / 9)));
}
