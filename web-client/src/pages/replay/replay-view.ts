/** One replay on the page: what it shows, the time line under it, and the keys that move along. */

import { button, h, setText } from "../ui/dom";
import { isMatch, momentsOf, wordsAt } from "./events";
import type { Replay } from "./format";
import { actionOf } from "./keys";
import type { KeyAction } from "./keys";
import { countUntil, lastBefore, nextAfter, Player } from "./player";
import { MatchStage, TreeStage } from "./stages";
import type { Stage } from "./stages";
import { TalkView } from "./talk-view";
import { Timeline } from "./timeline";
import { TransportView } from "./transport-view";

/** More than this nobody chooses from. */
const MATCHES_MAX = 500;

export class ReplayView {
  readonly element: HTMLElement;
  readonly #player: Player;
  readonly #stage: Stage;
  readonly #talk: TalkView;
  readonly #transport: TransportView;
  readonly #moments: readonly number[];
  readonly #begins_ms: readonly number[];
  readonly #match: HTMLSelectElement;
  readonly #live = h("p", { class: "visually-hidden", testid: "replay-live", attrs: { "aria-live": "polite" } });
  #frame = 0;

  constructor(replay: Replay, openAnother: () => void) {
    const timeline = new Timeline(replay);
    this.#player = new Player(replay.duration_ms, () => performance.now());
    this.#stage = isMatch(timeline) ? new MatchStage(timeline) : new TreeStage(timeline);
    this.#talk = new TalkView(timeline);
    this.#moments = momentsOf(this.#stage.events);
    const begins = this.#stage.events.filter(({ kind }) => kind === "begin");
    this.#begins_ms = begins.slice(0, MATCHES_MAX).map(({ at_ms }) => at_ms);
    this.#match = this.#matchChoice();
    this.#transport = new TransportView(replay.duration_ms, this.#stage.events, {
      toggle: () => this.#act("toggle"),
      restart: () => this.#act("start"),
      previous: () => this.#act("previous"),
      next: () => this.#act("next"),
      seek: (position_ms) => this.#do(() => this.#player.seek(position_ms)),
      speed: (speed) => this.#do(() => this.#player.setSpeed(speed)),
    });
    this.element = h(
      "main",
      { class: "replay", testid: "replay" },
      this.#bar(replay, openAnother),
      this.#stage.side,
      this.#stage.table,
      this.#transport.element,
      this.#talk.element,
      this.#live,
    );
    this.#show();
  }

  play(): void {
    this.#do(() => this.#player.play());
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
  }

  /** A key that was pressed anywhere on the page. */
  onKey(event: KeyboardEvent): void {
    const action = actionOf(event);
    if (action === undefined) return;
    event.preventDefault();
    this.#act(action);
  }

  #bar(replay: Replay, openAnother: () => void): HTMLElement {
    const title = h("h1", { testid: "replay-title", text: replay.room });
    const about = h("p", { class: "hint", testid: "replay-about", text: aboutOf(replay) });
    const open = button("Open another", { kind: "quiet", testid: "replay-another", onclick: openAnother });
    const bar = h(
      "header",
      { class: "replay-bar" },
      h("div", { class: "replay-title" }, title, about),
      this.#match,
      open,
    );
    return bar;
  }

  /** A recording of a room may hold many matches, and long waits between them. */
  #matchChoice(): HTMLSelectElement {
    const select = h("select", { class: "select-quiet", testid: "replay-match", attrs: { "aria-label": "Match" } });
    for (const index of this.#begins_ms.keys()) {
      select.append(h("option", { text: `Match ${index + 1} of ${this.#begins_ms.length}`, attrs: { value: index } }));
    }
    select.hidden = this.#begins_ms.length < 2;
    select.addEventListener("change", () => {
      const at_ms = this.#begins_ms[Number(select.value)];
      if (at_ms !== undefined) this.#do(() => this.#player.seek(at_ms));
    });
    return select;
  }

  #act(action: KeyAction): void {
    const { position_ms, duration_ms } = this.#player;
    switch (action) {
      case "toggle":
        return this.#do(() => this.#player.toggle());
      case "start":
        return this.#do(() => this.#player.seek(0));
      case "end":
        return this.#do(() => this.#player.seek(duration_ms));
      case "previous":
        return this.#stepTo(lastBefore(this.#moments, position_ms) ?? 0);
      case "next":
        return this.#stepTo(nextAfter(this.#moments, position_ms) ?? duration_ms);
      default:
        return this.#do(() => this.#player.seek(position_ms + leapOf(action, duration_ms)));
    }
  }

  #stepTo(position_ms: number): void {
    this.#do(() => this.#player.stepTo(position_ms));
    setText(this.#live, wordsAt(this.#stage.events, position_ms));
  }

  #do(change: () => void): void {
    change();
    this.#show();
  }

  #show(): void {
    cancelAnimationFrame(this.#frame);
    const wasPlaying = this.#player.isPlaying;
    const position_ms = this.#player.tick();
    // Cells that come and go by a jump are not stamped one by one.
    this.element.classList.toggle("is-still", !this.#player.isPlaying);
    this.#stage.show(position_ms);
    this.#talk.show(position_ms);
    this.#transport.show(this.#player);
    const match = String(Math.max(0, countUntil(this.#begins_ms, position_ms) - 1));
    if (this.#match.value !== match) this.#match.value = match;
    if (this.#player.isPlaying) this.#frame = requestAnimationFrame(() => this.#show());
    else if (wasPlaying) setText(this.#live, this.#stage.verdict);
  }
}

/** How far a key leads: a second, and in long replays more. */
function leapOf(action: "back" | "forward" | "far-back" | "far-forward", duration_ms: number): number {
  const near_ms = Math.max(1_000, duration_ms / 60);
  const leap_ms = action.startsWith("far-") ? Math.max(near_ms, duration_ms / 10) : near_ms;
  return action.endsWith("back") ? -leap_ms : leap_ms;
}

function aboutOf({ plugin, plugin_version, recorded_at }: Replay): string {
  const date = recorded_at === undefined ? "" : dateOf(recorded_at);
  return [`${plugin} ${plugin_version}`.trim(), ...(date ? [date] : [])].join(" · ");
}

/** Dates beyond what calendars know are no dates. */
function dateOf(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "";
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
