/** The players with their marks and scores; those who left, or are away for now, are dimmed. */

import { h, nameTag, setText } from "../ui/dom";
import { mark, paint } from "../ui/marks";
import { CELL_COUNT, ranking } from "./board-state";
import type { BoardState, Player } from "./board-state";
import { explainAway, remarkOn } from "./presence";

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

  show(board: BoardState, you: number, away: ReadonlySet<number>): void {
    const players = board.status === "completed" ? ranking(board) : board.players;
    const best = Math.max(1, ...players.map(({ score }) => score));
    const elements = players.map((player) => {
      const row = this.#rows.get(player.id) ?? makeRow();
      this.#rows.set(player.id, row);
      fill(row, player, { isYou: player.id === you, isAway: away.has(player.id) }, best);
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

function fill(row: Row, player: Player, { isYou, isAway }: { isYou: boolean; isAway: boolean }, best: number): void {
  if (row.element.dataset["mark"] !== String(player.mark)) row.glyph.replaceChildren(mark(player.mark));
  paint(row.element, player.mark);
  row.element.dataset["player"] = String(player.id);
  row.element.classList.toggle("is-you", isYou);
  row.element.classList.toggle("is-gone", !player.isPresent);
  row.element.classList.toggle("is-away", isAway && player.isPresent);
  row.element.title = isAway && player.isPresent ? explainAway(player.name, isYou) : "";
  const name = nameTag(player.name, player.isPresent ? remarkOn(isYou, isAway) : "left");
  if (row.name.textContent !== name.textContent) row.name.replaceChildren(name);
  setText(row.score, String(player.score));
  row.bar.style.setProperty("--share", String(player.score / Math.max(best, CELL_COUNT / 9)));
}
