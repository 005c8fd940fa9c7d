/** One game on the page: it joins the room's messages to the board, the scores, the clock, the phases and the chat. */

import { ParlorError } from "../../lib";
import type { Parlor, Room, Value } from "../../lib";
import { openInPlayer } from "../replay/handover";
import { button, copy, h, save, setText } from "../ui/dom";
import { Announcer } from "./announcer";
import { readBoard } from "./board-state";
import type { BoardState } from "./board-state";
import { BoardView } from "./board-view";
import { ChatView } from "./chat-view";
import { ClockView } from "./clock-view";
import { Optimism } from "./optimism";
import { PhaseView } from "./phase-view";
import type { ReplayActions } from "./phase-view";
import { awayMembers } from "./presence";
import { Recorder } from "./recorder";
import { ScoresView } from "./scores-view";

export type GridInput =
  { type: "start" | "rematch" | "play" } | { type: "capture"; cell: number } | { type: "bots"; count: number };
export type GridRoom = Room<Value, GridInput>;

const TOAST_MS = 3_000;

export class GameView {
  readonly element: HTMLElement;
  readonly #parlor: Parlor;
  readonly #room: GridRoom;
  readonly #leave: () => void;
  readonly #board: BoardView;
  readonly #phase: PhaseView;
  readonly #scores = new ScoresView();
  readonly #clock = new ClockView();
  readonly #recorder: Recorder;
  readonly #chat = new ChatView((room, data, from) => this.#recorder.onMessage(room, data, from));
  readonly #optimism = new Optimism();
  readonly #announcer = new Announcer();
  readonly #live = h("p", { class: "visually-hidden", testid: "live", attrs: { "aria-live": "polite" } });
  readonly #toast = h("p", { class: "toast table-toast", testid: "toast", attrs: { role: "alert", hidden: true } });
  readonly #watching = h("p", { class: "watching", testid: "watching", text: "You are watching." });
  readonly #offs: (() => void)[] = [];
  #state: BoardState | undefined;
  #toastTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(parlor: Parlor, room: GridRoom, link: string, leave: () => void) {
    this.#parlor = parlor;
    this.#room = room;
    this.#leave = leave;
    this.#recorder = new Recorder({ plugin: room.plugin, plugin_version: room.about.version, room: room.name });
    this.#board = new BoardView((cell) => void this.#capture(cell));
    this.#phase = new PhaseView(
      {
        start: () => void this.#send({ type: "start" }),
        rematch: () => void this.#send({ type: "rematch" }),
        bots: (count) => void this.#send({ type: "bots", count }),
        play: () => void this.#play(),
        leave,
        replay: () => (this.#recorder.isComplete ? this.#replayActions() : undefined),
      },
      link,
    );
    this.element = this.#layout(link);
    this.#offs.push(
      room.on("state", ({ view, value }) => view === "board" && this.#onBoard(value)),
      room.on("member", ({ change, member, reason }) => {
        this.#recorder.onMember(change, member, reason);
        this.#onMember(member.name, reason);
      }),
      room.on("reset", () => this.#optimism.clear()),
      parlor.on("status", () => this.#show()),
    );
    const current = room.views.get("board");
    if (current) this.#onBoard(current.value);
    this.#showMembers();
    void this.#chat.join(parlor, room.name);
  }

  /** Stops showing the game; the room itself is the caller's to leave. */
  close(): void {
    for (const off of this.#offs) off();
    this.#clock.stop();
    clearTimeout(this.#toastTimer);
    void this.#chat.leave();
  }

  #layout(link: string): HTMLElement {
    const share = button("Copy the link", { kind: "quiet" });
    share.addEventListener("click", () => void copy(link, share));
    const { code, name } = this.#room;
    const title = h("div", { class: "game-title" }, h("h1", { text: code ? "Private room" : name }));
    if (code) title.append(h("code", { class: "room-code", testid: "room-code", text: code }));
    const leave = button("Leave", { kind: "quiet", testid: "leave", onclick: () => this.#leave() });
    const bar = h("header", { class: "game-bar" }, title, h("div", { class: "game-bar-actions" }, share, leave));
    const side = h("aside", { class: "game-side" }, this.#clock.element, this.#scores.element, this.#watching);
    const table = h("div", { class: "game-table" }, this.#board.element, this.#phase.element, this.#toast);
    return h("main", { class: "game", testid: "game" }, bar, side, table, this.#chat.element, this.#live);
  }

  #onBoard(value: Value): void {
    const board = readBoard(value);
    if (!board) return;
    this.#recorder.onBoard(value, board, this.#room.members.values());
    if (board.status !== "active") this.#optimism.clear();
    const hasBegun = board.status === "active" && this.#state?.status !== "active";
    this.#state = board;
    this.#optimism.onBoard(board.cells);
    this.#show();
    this.#clock.onBoard(board);
    const words = this.#announcer.onBoard(board, this.#room.you.id, performance.now());
    if (words) setText(this.#live, words);
    // The button that began the match is gone; without this the keyboard would be nowhere.
    if (hasBegun && this.#isPlaying() && (document.activeElement === document.body || document.activeElement === null))
      this.#board.focus();
  }

  #show(): void {
    if (!this.#state) return;
    const you = this.#room.you.id;
    const away = awayMembers(this.#room, this.#parlor.status);
    this.element.classList.toggle("is-offline", this.#parlor.status.status !== "open");
    this.#board.show(this.#state, you, this.#optimism);
    this.#scores.show(this.#state, you, away);
    this.#phase.show(this.#state, you, away);
    this.#showMembers();
  }

  #onMember(name: string, reason: string | undefined): void {
    const words = this.#announcer.onMember(name, reason);
    if (words) setText(this.#live, words);
    this.#show();
    this.#showMembers();
  }

  #showMembers(): void {
    this.#watching.hidden = !this.#state || this.#isPlaying();
  }

  #isPlaying(): boolean {
    return this.#state?.players.some(({ id }) => id === this.#room.you.id) ?? false;
  }

  async #capture(cell: number): Promise<void> {
    const board = this.#state;
    if (board?.status !== "active" || !this.#isPlaying() || !this.#optimism.ask(cell, board.cells)) return;
    this.#show();
    try {
      await this.#room.send({ type: "capture", cell });
      this.#optimism.granted(cell);
    } catch (error) {
      this.#optimism.refused(cell);
      this.#show();
      this.#board.shake(cell);
      setText(this.#live, this.#announcer.onRefused(cell, messageOf(error)));
    }
  }

  async #play(): Promise<void> {
    await this.#send({ type: "play" });
    setText(this.#watching, "You have a seat in the next match.");
  }

  async #send(input: GridInput): Promise<void> {
    try {
      await this.#room.send(input);
    } catch (error) {
      this.#say(messageOf(error));
    }
  }

  #replayActions(): ReplayActions {
    return {
      save: () => save(this.#recorder.filename, this.#recorder.text()),
      watch: () => {
        if (openInPlayer(this.#recorder.text())) return;
        this.#say("The browser opened no new tab. Save the replay, and open it at /replay/.");
      },
    };
  }

  #say(message: string): void {
    setText(this.#toast, message);
    this.#toast.hidden = false;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => (this.#toast.hidden = true), TOAST_MS);
  }
}

function messageOf(error: unknown): string {
  return error instanceof ParlorError ? error.message : "This did not reach the server.";
}
