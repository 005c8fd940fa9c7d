/** The lobby: who you are, and the ways into a game. */

import type { Parlor } from "../../lib";
import { button, field, h, setText } from "../ui/dom";
import { loadName, NAME_LENGTH_MAX, saveName } from "../ui/preferences";
import { demoBoard } from "./demo-board";
import { Leaderboard } from "./leaderboard";
import { RoomList } from "./room-list";
import { normaliseCode } from "./route";

export interface LobbyActions {
  quickMatch(): void;
  createPrivate(): void;
  joinCode(code: string): void;
  join(room: string): void;
  watch(room: string): void;
}

export class LobbyView {
  readonly element: HTMLElement;
  readonly #rooms: RoomList;
  readonly #leaderboard = new Leaderboard();
  readonly #problem = h("p", { class: "notice", testid: "lobby-problem", attrs: { role: "alert", hidden: true } });
  readonly #ways: HTMLButtonElement[];

  constructor(parlor: Parlor, actions: LobbyActions) {
    const quick = button("Quick match", { kind: "primary", testid: "quick-match", onclick: actions.quickMatch });
    const create = button("Make a private room", { testid: "create-private", onclick: actions.createPrivate });
    this.#ways = [quick, create];
    this.#rooms = new RoomList(parlor, "grid", actions);
    const intro = h(
      "div",
      { class: "lobby-intro" },
      h("h1", { text: "Nine by nine,\nthirty seconds." }),
      h("p", { class: "lede", text: "Claim cells faster than everyone else at the table. What is taken stays taken." }),
      field("Your name", nameInput(parlor)),
      h("div", { class: "actions" }, quick, create),
      codeForm(actions),
      arenaLink(),
      this.#problem,
    );
    const rooms = h("section", { class: "lobby-rooms", attrs: { "aria-labelledby": "rooms-title" } });
    rooms.append(h("h2", { text: "Open rooms", attrs: { id: "rooms-title" } }), this.#rooms.element);
    this.element = h("main", { class: "lobby" }, intro, demoBoard(), rooms, this.#leaderboard.element);
  }

  start(): void {
    this.#rooms.start();
    this.#leaderboard.start();
  }

  stop(): void {
    this.#rooms.stop();
    this.#leaderboard.stop();
  }

  /** While a room is being joined, no second one is asked for. */
  busy(isBusy: boolean): void {
    for (const way of this.#ways) way.disabled = isBusy;
  }

  problem(message: string): void {
    setText(this.#problem, message);
    this.#problem.hidden = message === "";
  }
}

function arenaLink(): HTMLElement {
  const link = h("a", { testid: "to-arena", text: "Run about in the arena", attrs: { href: "/arena/" } });
  return h("p", { class: "lobby-aside" }, link, ", with up to 128 people in one world.");
}

function nameInput(parlor: Parlor): HTMLInputElement {
  const input = h("input", {
    class: "input",
    testid: "name-input",
    attrs: { maxlength: NAME_LENGTH_MAX, autocomplete: "nickname", spellcheck: "false", value: loadName() },
  });
  input.addEventListener("change", () => {
    const name = input.value.trim();
    if (name) {
      saveName(name);
      parlor.rename(name);
    }
    input.value = name || loadName();
  });
  return input;
}

function codeForm(actions: LobbyActions): HTMLElement {
  const input = h("input", {
    class: "input input-code",
    testid: "code-input",
    attrs: {
      maxlength: 12,
      autocomplete: "off",
      autocapitalize: "characters",
      spellcheck: "false",
      "aria-label": "Code of a private room",
      placeholder: "ABCD2345",
    },
  });
  const form = h(
    "form",
    { class: "code-form" },
    h("span", { text: "Got a code?" }),
    input,
    button("Enter", { kind: "quiet", attrs: { type: "submit" } }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const code = normaliseCode(input.value);
    if (code) actions.joinCode(code);
  });
  return form;
}
