/** The short list of scores in the corner of the arena. */

import { h, nameTag, setText } from "../ui/dom";
import { mark, MARK_COUNT, paint } from "../ui/marks";
import type { Row } from "./players";

export class ScoresView {
  readonly element = h("ol", { class: "arena-scores", testid: "arena-scores", attrs: { "aria-label": "Scores" } });
  #shown = "";

  show(rows: readonly Row[]): void {
    const key = JSON.stringify(rows);
    if (key === this.#shown) return;
    this.#shown = key;
    this.element.replaceChildren(...rows.map(line));
  }
}

function line({ id, rank, name, colour, points, isYou }: Row): HTMLElement {
  const glyph = h("span", { class: "arena-score-mark" }, mark(colour));
  glyph.classList.toggle("is-ring", colour >= MARK_COUNT);
  paint(glyph, colour);
  const value = h("span", { class: "arena-score-value" });
  setText(value, String(points));
  const row = h(
    "li",
    { class: isYou ? "arena-score is-you" : "arena-score", attrs: { "data-player": id, value: rank } },
    h("span", { class: "arena-score-rank", text: String(rank) }),
    glyph,
    nameTag(name, isYou ? "you" : ""),
    value,
  );
  return row;
}
