/** What is drawn of a replay: a match as the game draws it, or the views of any plugin as trees. */

import type { Value } from "../../lib";
import { headline } from "../game/announcer";
import { MATCH_MS, ranking, readBoard } from "../game/board-state";
import type { BoardState } from "../game/board-state";
import { BoardView } from "../game/board-view";
import { ClockView } from "../game/clock-view";
import { Optimism } from "../game/optimism";
import { ScoresView } from "../game/scores-view";
import { Tree } from "../play/tree";
import { h, nameTag, setText } from "../ui/dom";
import { BOARD, matchEvents, NOBODY, viewEvents } from "./events";
import type { ReplayEvent } from "./events";
import { formatTime } from "./player";
import type { Present, Timeline } from "./timeline";

const MEMBERS_SHOWN_MAX = 100;
const VIEWS_SHOWN_MAX = 100;

export interface Stage {
  readonly side: HTMLElement;
  readonly table: HTMLElement;
  readonly events: readonly ReplayEvent[];
  show(position_ms: number): void;
  /** How things stand, in a sentence; empty where only a person could tell. */
  readonly verdict: string;
}

export class MatchStage implements Stage {
  readonly side: HTMLElement;
  readonly table: HTMLElement;
  readonly events: readonly ReplayEvent[];
  readonly #timeline: Timeline;
  readonly #board = new BoardView(() => undefined);
  readonly #scores = new ScoresView();
  readonly #clock = new ClockView();
  readonly #verdict = h("p", { class: "replay-verdict", testid: "replay-verdict" });
  /** Nobody asks for cells in a replay. */
  readonly #optimism = new Optimism();
  #shown: Value | undefined;
  #read: BoardState | undefined;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.events = matchEvents(timeline);
    this.side = h("aside", { class: "game-side" }, this.#clock.element, this.#verdict, this.#scores.element);
    this.#board.element.setAttribute("aria-readonly", "true");
    this.table = h("div", { class: "game-table" }, this.#board.element);
  }

  get verdict(): string {
    return this.#verdict.textContent ?? "";
  }

  show(position_ms: number): void {
    const frame = this.#timeline.stateAt(BOARD, position_ms) ?? this.#timeline.statesOf(BOARD)[0];
    if (!frame) return;
    if (frame.state !== this.#shown) this.#read = readBoard(frame.state);
    this.#shown = frame.state;
    if (!this.#read) return;
    const board = this.#read;
    const present = this.#timeline.membersAt(position_ms);
    const away = new Set(present.filter(({ isAway }) => isAway).map(({ id }) => id));
    this.#board.show(board, NOBODY, this.#optimism);
    this.#scores.show(board, NOBODY, away);
    const isRunning = board.status === "active";
    const passed_ms = isRunning ? Math.max(0, position_ms - frame.at_ms) : 0;
    this.#clock.show(Math.min(MATCH_MS, Math.max(0, board.time_remaining_ms - passed_ms)), isRunning);
    setText(this.#verdict, verdictOn(board));
    this.#verdict.classList.toggle("is-final", board.status === "completed");
  }
}

export class TreeStage implements Stage {
  readonly side: HTMLElement;
  readonly table: HTMLElement;
  readonly events: readonly ReplayEvent[];
  readonly verdict = "";
  readonly #timeline: Timeline;
  readonly #views = new Map<string, { readonly tree: Tree; readonly meta: HTMLElement; shown: Value | undefined }>();
  readonly #members = h("ul", { class: "replay-members", testid: "replay-members" });
  #present: readonly Present[] | undefined;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.events = viewEvents(timeline);
    const title = h("h2", { text: "Members" });
    this.side = h("aside", { class: "game-side is-list" }, title, this.#members);
    this.table = h("section", { class: "replay-trees card", testid: "replay-state", attrs: { "aria-label": "State" } });
    if (timeline.views.length === 0) this.table.append(h("p", { class: "hint", text: "This room published nothing." }));
    for (const view of timeline.views.slice(0, VIEWS_SHOWN_MAX)) {
      const tree = new Tree();
      const meta = h("span", { class: "hint" });
      const head = h("div", { class: "replay-tree-head" }, h("code", { text: view }), meta);
      this.table.append(h("div", {}, head, tree.element));
      this.#views.set(view, { tree, meta, shown: undefined });
    }
    const more = timeline.views.length - VIEWS_SHOWN_MAX;
    if (more > 0) this.table.append(h("p", { class: "hint", text: `and ${more} more views` }));
  }

  show(position_ms: number): void {
    for (const [view, shown] of this.#views) {
      const frame = this.#timeline.stateAt(view, position_ms);
      if (frame?.state === shown.shown) continue;
      shown.shown = frame?.state;
      setText(shown.meta, frame ? `since ${formatTime(frame.at_ms)}` : "not published yet");
      shown.tree.show(frame?.state ?? null);
    }
    this.#showMembers(this.#timeline.membersAt(position_ms));
  }

  #showMembers(present: readonly Present[]): void {
    if (present === this.#present) return;
    this.#present = present;
    this.#members.replaceChildren(
      ...present.slice(0, MEMBERS_SHOWN_MAX).map(({ name, seat, isAway }) => {
        const about = [...(seat === "player" ? [] : ["watching"]), ...(isAway ? ["away"] : [])].join(", ");
        return h("li", {}, nameTag(name, about));
      }),
    );
    const more = present.length - MEMBERS_SHOWN_MAX;
    if (more > 0) this.#members.append(h("li", { class: "hint", text: `and ${more} more` }));
    if (present.length === 0) this.#members.append(h("li", { class: "hint", text: "Nobody is here." }));
  }
}

function verdictOn(board: BoardState): string {
  if (board.status === "waiting") return "In the waiting room.";
  if (board.status === "completed") return headline(board, NOBODY);
  const [first, second] = ranking(board);
  if (!first || first.score === 0) return "Nobody has a cell yet.";
  const lead = first.score - (second?.score ?? 0);
  return lead === 0 ? "Level at the top." : `${first.name} leads by ${lead}.`;
}
