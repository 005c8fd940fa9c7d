/** The head of each page. */

import { h } from "./dom";
import { mark, paint } from "./marks";

export function masthead(...right: Node[]): HTMLElement {
  const sign = h("span", { class: "sign", attrs: { "aria-hidden": true } });
  for (const index of [0, 1, 2, 3]) {
    const cell = h("span", { class: "sign-cell" }, mark(index));
    paint(cell, index);
    sign.append(cell);
  }
  const home = h("a", { class: "wordmark", attrs: { href: "/" } }, sign, h("span", { text: "Parlor" }));
  const play = h("a", { class: "masthead-link", text: "Play any plugin", attrs: { href: "/play/" } });
  return h("header", { class: "masthead" }, home, play, ...right);
}
