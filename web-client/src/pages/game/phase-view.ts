/** What lies over the board while no match runs: the waiting room, and the result. */

import { button, copy, h, nameTag } from "../ui/dom";
import { mark, paint } from "../ui/marks";
import { headline } from "./announcer";
import { ranking } from "./board-state";
import type { BoardState, Player } from "./board-state";
import { explainAway, remarkOn } from "./presence";

export interface PhaseActions {
  start(): void;
  rematch(): void;
  /** Asks for this many bots. */
  bots(count: number): void;
  /** Asks for a seat in the next match. */
  play(): void;
  leave(): void;
  /** What can be done with the match that was recorded; undefined where there is none. */
  replay(): ReplayActions | undefined;
}

export interface ReplayActions {
  watch(): void;
  save(): void;
}

/** So that one person has somebody to play against. */
const FIRST_BOTS = 3;
const PLAYERS_MAX = 8;
const PLAYERS_MIN = 2;

export class PhaseView {
  readonly element = h("div", { class: "phase" });
  readonly #actions: PhaseActions;
  readonly #link: string;
  #shown = "";

  constructor(actions: PhaseActions, link: string) {
    this.#actions = actions;
    this.#link = link;
  }

  /** Shows what a board and the person's part in it call for. */
  show(board: BoardState, you: number, away: ReadonlySet<number>): void {
    const key = JSON.stringify([board.status, board.winner, board.players, you, [...away]]);
    if (board.status !== "active" && key === this.#shown) return;
    this.#shown = key;
    this.element.classList.remove("is-folded");
    this.element.hidden = board.status === "active";
    const focused = focusedTestid(this.element);
    if (board.status === "waiting") this.element.replaceChildren(this.#waiting(board, you, away));
    else if (board.status === "completed") this.element.replaceChildren(this.#result(board, you));
    else this.element.replaceChildren();
    if (focused) this.element.querySelector<HTMLElement>(`[data-testid="${focused}"]`)?.focus();
  }

  #waiting(board: BoardState, you: number, away: ReadonlySet<number>): HTMLElement {
    const { players } = board;
    const isPlayer = players.some(({ id }) => id === you);
    const isEnough = players.length >= PLAYERS_MIN;
    const title = h("h2", { class: "phase-title", text: isEnough ? "Ready when you are" : "Waiting for players" });
    const list = h("ul", { class: "seats", attrs: { "aria-label": "Seats" } });
    for (let seat = 0; seat < PLAYERS_MAX; seat += 1) list.append(seatOf(players[seat], you, away));
    const children: Node[] = [title, list];
    if (isPlayer) children.push(...this.#waitingActions(players, isEnough));
    else children.push(hint("You are watching."), this.#playButton());
    return h(
      "section",
      { class: "card phase-card", testid: "waiting-room", attrs: { "aria-label": "Waiting room" } },
      ...children,
    );
  }

  #waitingActions(players: readonly Player[], isEnough: boolean): Node[] {
    const botCount = players.filter(({ isBot }) => isBot).length;
    const start = button("Start", { kind: "primary", testid: "start", onclick: () => this.#actions.start() });
    start.disabled = !isEnough;
    const more = button(botCount === 0 ? "Add bots" : "One more bot", {
      testid: "add-bots",
      onclick: () => this.#actions.bots(botCount === 0 ? FIRST_BOTS : botCount + 1),
    });
    more.disabled = players.length >= PLAYERS_MAX;
    const none = button("No bots", { kind: "quiet", onclick: () => this.#actions.bots(0) });
    none.hidden = botCount === 0;
    const share = button("Copy the link", { kind: "quiet", testid: "copy-link" });
    share.addEventListener("click", () => void copy(this.#link, share));
    const advice = isEnough ? "Anyone seated can start." : "Share the link, or add bots and play at once.";
    return [h("div", { class: "actions" }, start, more, none), h("div", { class: "phase-share" }, hint(advice), share)];
  }

  #result(board: BoardState, you: number): HTMLElement {
    const isPlayer = board.players.some(({ id }) => id === you);
    const title = h("h2", { class: "phase-title", text: headline(board, you) });
    const places = h("ol", { class: "places", attrs: { "aria-label": "Final scores" } });
    for (const player of ranking(board)) places.append(placeOf(player, you, board.winner));
    const rematch = isPlayer
      ? button("Rematch", { kind: "primary", testid: "rematch", onclick: () => this.#actions.rematch() })
      : this.#playButton();
    const look = button("See the board", { kind: "quiet", onclick: () => this.#look(look) });
    const leave = button("Leave", { kind: "quiet", onclick: () => this.#actions.leave() });
    return h(
      "section",
      { class: "card phase-card", testid: "result", attrs: { "aria-label": "Result" } },
      title,
      places,
      h("div", { class: "actions" }, rematch, look, leave),
      ...this.#replay(),
    );
  }

  #replay(): Node[] {
    const replay = this.#actions.replay();
    if (!replay) return [];
    const watch = button("Watch replay", { kind: "quiet", testid: "watch-replay", onclick: () => replay.watch() });
    const save = button("Save replay", { kind: "quiet", testid: "save-replay", onclick: () => replay.save() });
    return [h("div", { class: "phase-share phase-replay" }, watch, save)];
  }

  /** Folds the card away to show the final board, and back. */
  #look(toggle: HTMLButtonElement): void {
    const isFolded = this.element.classList.toggle("is-folded");
    toggle.textContent = isFolded ? "See the result" : "See the board";
  }

  #playButton(): HTMLButtonElement {
    return button("Play the next match", { kind: "primary", testid: "take-seat", onclick: () => this.#actions.play() });
  }
}

function seatOf(player: Player | undefined, you: number, away: ReadonlySet<number>): HTMLElement {
  if (!player) return h("li", { class: "seat is-free", text: "Free" });
  const isYou = player.id === you;
  const isAway = away.has(player.id);
  const seat = h("li", { class: "seat" }, mark(player.mark), nameTag(player.name, remarkOn(isYou, isAway)));
  seat.classList.toggle("is-away", isAway);
  if (isAway) seat.title = explainAway(player.name, isYou);
  paint(seat, player.mark);
  return seat;
}

function placeOf(player: Player, you: number, winner: number | null): HTMLElement {
  const name = nameTag(player.name, player.id === you ? "you" : "");
  const score = h("span", { class: "place-score", text: String(player.score) });
  const place = h("li", { class: player.id === winner ? "place is-winner" : "place" }, mark(player.mark), name, score);
  paint(place, player.mark);
  place.dataset["player"] = String(player.id);
  return place;
}

function hint(text: string): HTMLElement {
  return h("p", { class: "hint", text });
}

function focusedTestid(inside: HTMLElement): string | undefined {
  const { activeElement } = document;
  return activeElement instanceof HTMLElement && inside.contains(activeElement)
    ? activeElement.dataset["testid"]
    : undefined;
}
