/** Under the board: the time line with its marks, and the buttons that move along it. */

import { h, setText } from "../ui/dom";
import { paint } from "../ui/marks";
import { eventsToDraw } from "./events";
import type { ReplayEvent } from "./events";
import { formatTime, SPEEDS } from "./player";
import type { Player, Speed } from "./player";

export interface TransportActions {
  toggle(): void;
  restart(): void;
  previous(): void;
  next(): void;
  seek(position_ms: number): void;
  speed(speed: Speed): void;
}

/** More marks than this no eye tells apart, and no phone draws quickly. */
const PLACES = 300;

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 4.5h4.5v15H6zM13.5 4.5H18v15h-4.5z",
  restart: "M5 4.5h3v15H5zM20 4.5v15L9 12z",
  previous: "M15.5 5.5l2 2L13 12l4.5 4.5-2 2L9 12zM6 5.5h2.6v13H6z",
  next: "M8.5 5.5l-2 2L11 12l-4.5 4.5 2 2L15 12zM15.4 5.5H18v13h-2.6z",
} as const;

export class TransportView {
  readonly element: HTMLElement;
  readonly #range: HTMLInputElement;
  readonly #time = h("span", { class: "transport-time", testid: "replay-time" });
  readonly #play: HTMLButtonElement;
  readonly #speeds = new Map<Speed, HTMLInputElement>();
  readonly #duration_ms: number;
  #isPlaying: boolean | undefined;

  constructor(duration_ms: number, events: readonly ReplayEvent[], actions: TransportActions) {
    this.#duration_ms = duration_ms;
    this.#range = h("input", {
      class: "timeline-range",
      testid: "replay-range",
      attrs: { type: "range", min: 0, max: duration_ms, step: 1, value: 0, "aria-label": "Time line" },
    });
    this.#range.addEventListener("input", () => actions.seek(this.#range.valueAsNumber));
    this.#play = control("Play", "Space", "play", "replay-play", () => actions.toggle());
    this.#play.classList.add("button-primary", "transport-play");
    const buttons = h(
      "div",
      { class: "transport-buttons" },
      control("From the beginning", "Home", "restart", "replay-restart", () => actions.restart()),
      control("Previous change", ",", "previous", "replay-previous", () => actions.previous()),
      this.#play,
      control("Next change", ".", "next", "replay-next", () => actions.next()),
    );
    const marks = h("div", { class: "timeline-marks", attrs: { "aria-hidden": true } });
    for (const event of eventsToDraw(events, duration_ms, PLACES)) marks.append(markOf(event, duration_ms));
    this.element = h(
      "section",
      { class: "transport", attrs: { "aria-label": "Playback" } },
      h("div", { class: "timeline" }, marks, this.#range),
      h(
        "div",
        { class: "transport-row" },
        buttons,
        this.#time,
        this.#speedChoice((speed) => actions.speed(speed)),
      ),
    );
  }

  show(player: Player): void {
    const { position_ms, isPlaying, speed } = player;
    this.#range.value = String(Math.round(position_ms));
    this.#range.style.setProperty("--done", String(this.#duration_ms === 0 ? 1 : position_ms / this.#duration_ms));
    const time = `${formatTime(position_ms)} of ${formatTime(this.#duration_ms)}`;
    this.#range.setAttribute("aria-valuetext", time);
    setText(this.#time, time.replace(" of ", " / "));
    const chosen = this.#speeds.get(speed);
    if (chosen && !chosen.checked) chosen.checked = true;
    if (isPlaying === this.#isPlaying) return;
    this.#isPlaying = isPlaying;
    this.#play.replaceChildren(icon(isPlaying ? "pause" : "play"));
    name(this.#play, isPlaying ? "Pause" : "Play", "Space");
    this.#play.dataset["state"] = isPlaying ? "playing" : "paused";
  }

  #speedChoice(choose: (speed: Speed) => void): HTMLElement {
    const choice = h("fieldset", { class: "speeds" }, h("legend", { class: "visually-hidden", text: "Speed" }));
    for (const speed of SPEEDS) {
      const input = h("input", {
        class: "visually-hidden",
        testid: `speed-${speed}`,
        attrs: { type: "radio", name: "speed", value: speed },
      });
      input.addEventListener("change", () => choose(speed));
      this.#speeds.set(speed, input);
      choice.append(h("label", { class: "speed" }, input, h("span", { text: `${speed}×` })));
    }
    return choice;
  }
}

function control(
  label: string,
  key: string,
  picture: keyof typeof ICONS,
  testid: string,
  onclick: () => void,
): HTMLButtonElement {
  const element = h(
    "button",
    { class: "button transport-button", testid, onclick, attrs: { type: "button" } },
    icon(picture),
  );
  name(element, label, key);
  return element;
}

function name(element: HTMLElement, label: string, key: string): void {
  element.setAttribute("aria-label", label);
  element.title = `${label} (${key})`;
}

function icon(picture: keyof typeof ICONS): SVGSVGElement {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[picture]);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}

function markOf({ at_ms, kind, mark }: ReplayEvent, duration_ms: number): HTMLElement {
  const element = h("span", { class: `timeline-mark is-${kind}` });
  paint(element, mark);
  element.style.setProperty("--at", String(at_ms / Math.max(1, duration_ms)));
  return element;
}
