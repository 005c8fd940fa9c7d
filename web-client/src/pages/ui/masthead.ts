/** The head of each page. */

import { h } from "./dom";
import { mark, paint } from "./marks";

/** `onHome` is for the page that need not be loaded anew to be at home. */
export function masthead(right: readonly Node[], onHome?: () => void): HTMLElement {
  const sign = h("span", { class: "sign", attrs: { "aria-hidden": true } });
  for (const index of [0, 1, 2, 3]) {
    const cell = h("span", { class: "sign-cell" }, mark(index));
    paint(cell, index);
    sign.append(cell);
  }
  const onclick = (event: MouseEvent) => {
    if (!onHome || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onHome();
  };
  const home = h(
    "a",
    { class: "wordmark", testid: "home", attrs: { href: "/" }, onclick },
    sign,
    h("span", { text: "Parlor" }),
  );
  const play = h("a", { class: "masthead-link", text: "Play any plugin", attrs: { href: "/play/" } });
  const arena = h("a", { class: "masthead-link", text: "Arena", attrs: { href: "/arena/" } });
  const replay = h("a", { class: "masthead-link", text: "Replays", attrs: { href: "/replay/" } });
  return h("header", { class: "masthead" }, home, arena, play, replay, ...right);
}
