/** Who won most, asked for while the lobby is in view: a result is stored some seconds after its match. */

import { h, setText } from "../ui/dom";
import { Polling } from "../ui/polling";
import { loadName } from "../ui/preferences";
import { readStandings } from "./standings";
import type { Standing } from "./standings";

const ADDRESS = "/storage/grid/public/leaderboard";
const EVERY_MS = 5_000;
const COLUMNS: readonly { readonly label: string; readonly title: string }[] = [
  { label: "Wins", title: "Matches won" },
  { label: "Best", title: "Most cells in one match" },
  { label: "Games", title: "Matches played" },
];

export class Leaderboard {
  readonly element: HTMLElement;
  readonly #rows = h("tbody");
  readonly #table: HTMLElement;
  readonly #note = h("p", { class: "rooms-empty" });
  readonly #polling = new Polling(EVERY_MS, () => this.#refresh());

  constructor() {
    const heads = COLUMNS.map(({ label, title }) => h("th", { text: label, attrs: { scope: "col", title } }));
    const head = h(
      "tr",
      {},
      h("th", { attrs: { scope: "col", "aria-label": "Place" } }),
      h("th", { text: "Name", attrs: { scope: "col" } }),
      ...heads,
    );
    this.#table = h(
      "table",
      { class: "standings", testid: "leaderboard", attrs: { "aria-labelledby": "leaderboard-title", hidden: true } },
      h("thead", {}, head),
      this.#rows,
    );
    this.element = h(
      "section",
      { class: "lobby-leaderboard", attrs: { "aria-labelledby": "leaderboard-title" } },
      h("h2", { text: "Leaderboard", attrs: { id: "leaderboard-title" } }),
      h("div", { class: "rooms-box" }, this.#table, this.#note),
    );
  }

  start(): void {
    this.#polling.start();
  }

  stop(): void {
    this.#polling.stop();
  }

  async #refresh(): Promise<void> {
    try {
      this.#show(readStandings(await fetchValue()));
    } catch {
      // What was shown before is better than nothing.
      if (this.#table.hidden) setText(this.#note, "The leaderboard cannot be read at the moment.");
    }
  }

  #show(standings: readonly Standing[]): void {
    const own = loadName();
    this.#rows.replaceChildren(...standings.map((standing, index) => row(standing, index + 1, own)));
    this.#table.hidden = standings.length === 0;
    this.#note.hidden = standings.length > 0;
    setText(this.#note, "Nobody has finished a match yet. First place is free.");
  }
}

/** Nothing stored yet is no error, and has no value. */
async function fetchValue(): Promise<unknown> {
  const response = await fetch(ADDRESS);
  if (response.status === 204) return undefined;
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

function row({ name, isGuest, wins, best, games }: Standing, place: number, own: string): HTMLElement {
  const who = h("div", { class: "standing-who" }, h("span", { class: "standing-text", text: name }));
  if (isGuest) who.append(h("span", { class: "standing-guest", text: "guest" }));
  const isOwn = isGuest && name === own;
  return h(
    "tr",
    isOwn ? { class: "is-you" } : {},
    h("td", { class: "standing-place", text: String(place) }),
    h("td", { class: "standing-name" }, who),
    ...[wins, best, games].map((count) => h("td", { class: "standing-count", text: String(count) })),
  );
}
