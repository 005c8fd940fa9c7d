/**
 * The arena on the page: a canvas over all of it, and a few words in its corners. It joins hands, room and pictures.
 */

import type { Parlor, Room, Value } from "../../lib";
import { button, copy, h, setText } from "../ui/dom";
import { FrameTimes } from "./frame-times";
import { Game } from "./game";
import type { SteerInput } from "./game";
import { STILL, TICK_MS } from "./motion";
import { readPalette } from "./palette";
import { Painter } from "./painter";
import { ranking, readPlayers } from "./players";
import type { Player } from "./players";
import { ScoresView } from "./scores-view";
import { Sparks } from "./sparks";
import { StatsView } from "./stats-view";
import { Steering } from "./steering";
import { distanceWords, Every } from "./words";

export type ArenaRoom = Room<Value, SteerInput>;

/** Lines of the list of scores: beside a game, and above one on a phone. */
const ROWS = 8;
const ROWS_NARROW = 3;
/** How to move is said for so long to who does. */
const HINT_MS = 6_000;

export class ArenaView {
  readonly element: HTMLElement;
  readonly #parlor: Parlor;
  readonly #room: ArenaRoom;
  readonly #game: Game;
  readonly #canvas = h("canvas", {
    class: "arena-canvas",
    testid: "arena-canvas",
    attrs: { role: "img", "aria-label": "The arena, with you in its middle" },
  });
  readonly #painter: Painter | undefined;
  readonly #steering: Steering;
  readonly #hint = h("p", { class: "arena-hint" });
  #hintTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #scores = new ScoresView();
  readonly #distance = h("p", { class: "arena-distance", testid: "arena-distance" });
  readonly #points = h("output", { class: "arena-points", testid: "arena-points", attrs: { "aria-live": "polite" } });
  readonly #pointsLabel = h("span", { class: "arena-points-label", text: "points" });
  readonly #stats: StatsView | undefined;
  readonly #times = new FrameTimes();
  readonly #sparks = new Sparks();
  readonly #isStill = matchMedia("(prefers-reduced-motion: reduce)");
  readonly #isNarrow = matchMedia("(max-width: 640px)");
  readonly #offs: (() => void)[] = [];
  #players: ReadonlyMap<number, Player> = new Map();
  readonly #scoresDue = new Every(250);
  readonly #wordsDue = new Every(1_000);
  readonly #statsDue = new Every(100);
  #frame = 0;

  constructor(parlor: Parlor, room: ArenaRoom, link: string, leave: () => void, hasStats: boolean) {
    this.#parlor = parlor;
    this.#room = room;
    this.#game = new Game({
      you: () => room.you.id,
      rtt_ms: () => parlor.rtt ?? 0,
      send: (input) => room.send(input),
    });
    this.#steering = new Steering(this.#canvas);
    this.#stats = hasStats ? new StatsView() : undefined;
    const context = this.#canvas.getContext("2d", { alpha: false });
    this.#painter = context ? new Painter(this.#canvas, context, readPalette()) : undefined;
    this.element = this.#layout(link, leave);
    this.#listen();
    this.#frame = requestAnimationFrame((now_ms) => this.#draw(now_ms));
  }

  /** Stops showing the arena; the room itself is the caller's to leave. */
  close(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#hintTimer);
    for (const off of this.#offs) off();
  }

  #layout(link: string, leave: () => void): HTMLElement {
    const share = button("Copy the link", { kind: "quiet" });
    share.addEventListener("click", () => void copy(link, share));
    const go = button("Leave", { kind: "quiet", testid: "leave", onclick: leave });
    const actions = h("div", { class: "arena-actions" }, share, go);
    const card = h(
      "aside",
      { class: "arena-card card", attrs: { "aria-label": "Scores and connection" } },
      h("div", { class: "arena-own" }, this.#points, this.#pointsLabel),
      this.#scores.element,
      this.#distance,
    );
    this.#hint.append(
      h("span", { class: "is-for-mouse", text: "Arrow keys or WASD, or hold the mouse button where you want to go." }),
      h("span", { class: "is-for-touch", text: "Put a finger anywhere and pull." }),
    );
    const element = h("main", { class: "arena", testid: "arena" }, this.#canvas, card, actions, this.#hint);
    element.prepend(h("h1", { class: "visually-hidden", text: `Arena: ${this.#room.name}` }));
    if (this.#stats) element.append(this.#stats.element);
    return element;
  }

  #listen(): void {
    const sizes = new ResizeObserver(() => {
      const { width, height } = this.#canvas.getBoundingClientRect();
      this.#painter?.resize(width, height, devicePixelRatio);
    });
    sizes.observe(this.#canvas);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () => this.#painter?.repaint(readPalette());
    dark.addEventListener("change", repaint);
    document.addEventListener("visibilitychange", this.#halt);
    const room = this.#room;
    for (const [name, view] of room.views) this.#onState(name, view.value, view.tick);
    this.#offs.push(
      () => sizes.disconnect(),
      () => dark.removeEventListener("change", repaint),
      () => document.removeEventListener("visibilitychange", this.#halt),
      () => this.#steering.close(),
      room.on("state", ({ view, value, tick }) => this.#onState(view, value, tick)),
      room.on("reset", () => this.#game.restart()),
      this.#parlor.on("status", ({ status }) => {
        this.element.classList.toggle("is-offline", status !== "open");
        if (status !== "open") this.#game.restart();
      }),
    );
  }

  /** A page that is not to be seen draws nothing, so nothing else would say that its hands are off. */
  readonly #halt = () => {
    if (document.hidden) setTimeout(() => this.#game.steer(STILL, performance.now()), TICK_MS);
  };

  #onState(view: string, value: Value, tick: number): void {
    if (view === "near") this.#game.onNear(value, tick, performance.now());
    if (view === "players") this.#players = readPlayers(value);
  }

  #draw(now_ms: number): void {
    this.#frame = requestAnimationFrame((next_ms) => this.#draw(next_ms));
    const start_ms = performance.now();
    const painter = this.#painter;
    if (!painter) return;
    const wanted = this.#steering.wanted(painter.centre);
    this.#game.steer(wanted, start_ms);
    // By when the browser shows it, not by when it asks: that is later by more or less, from picture to picture.
    const scene = this.#game.frame(now_ms);
    if (!scene) return;
    if (wanted.x !== 0 || wanted.y !== 0) this.#hintTimer ??= setTimeout(() => (this.#hint.hidden = true), HINT_MS);
    const sparks = this.#isStill.matches ? [] : this.#sparks.next(scene.points, scene.me, now_ms);
    painter.draw({ scene, you: this.#room.you.id, players: this.#players, thumb: this.#steering.thumb, sparks });
    this.#say(scene.points, start_ms);
    const { me, others } = scene;
    if (this.#stats) this.#times.add(start_ms, performance.now(), { at_ms: now_ms, me, others });
  }

  #say(points: number, now_ms: number): void {
    if (this.#scoresDue.isNow(now_ms)) {
      const count = this.#isNarrow.matches ? ROWS_NARROW : ROWS;
      setText(this.#points, String(points));
      setText(this.#pointsLabel, points === 1 ? "point" : "points");
      this.#scores.show(ranking(this.#players.values(), this.#room.you.id, points, count));
    }
    const { rtt } = this.#parlor;
    if (rtt !== undefined && this.#wordsDue.isNow(now_ms))
      setText(this.#distance, distanceWords(rtt, this.#game.facts?.ahead ?? 0));
    if (this.#stats && this.#statsDue.isNow(now_ms)) this.#stats.show(this.#times.report, this.#game.facts);
  }
}
