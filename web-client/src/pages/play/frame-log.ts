/** The frames as they come and go: the newest at the end, filtered, and paused on request. */

import { stringify } from "../../lib";
import type { ParlorEvents } from "../../lib";
import { button, h, setText } from "../ui/dom";

type Logged = ParlorEvents["frame"] & { readonly at_ms: number; readonly json: string };

const KEPT_MAX = 500;
const LINE_CHARS_MAX = 400;
/** Housekeeping that says nothing about a plugin. */
const QUIET_TYPES: readonly string[] = ["ping", "pong", "ack", "list_rooms"];

export class FrameLog {
  readonly element: HTMLElement;
  readonly #rows = h("ol", { class: "frames", testid: "play-frames", attrs: { tabindex: 0, "aria-label": "Frames" } });
  readonly #filter = h("input", {
    class: "input",
    testid: "frames-filter",
    attrs: { type: "search", placeholder: "Filter, such as room_state", "aria-label": "Filter frames" },
  });
  readonly #housekeeping = h("input", { attrs: { type: "checkbox" } });
  readonly #pause = button("Pause", { testid: "frames-pause" });
  readonly #status = h("span", { class: "hint" });
  #kept: Logged[] = [];
  #listRequests = new Set<number>();
  /** The view of a room that patches name by a number. */
  readonly #handles = new Map<number, { readonly room: string; readonly view: string }>();
  #isPaused = false;
  #missed_count = 0;

  constructor() {
    const clear = button("Clear", { kind: "quiet", onclick: () => this.#clear() });
    this.#pause.addEventListener("click", () => this.#togglePause());
    this.#filter.addEventListener("input", () => this.#redraw());
    this.#housekeeping.addEventListener("change", () => this.#redraw());
    const quiet = h("label", { class: "check" }, this.#housekeeping, "pings, acks, lists");
    const tools = h("div", { class: "frames-tools" }, this.#filter, quiet, this.#pause, clear);
    this.element = h(
      "section",
      { class: "panel", attrs: { "aria-label": "Frames" } },
      panelHead("Frames", this.#status),
      tools,
      this.#rows,
    );
  }

  add(event: ParlorEvents["frame"]): void {
    const logged = { ...event, at_ms: Date.now(), json: stringify(this.#withNames(event.frame)) };
    this.#noteListRequest(logged);
    this.#kept.push(logged);
    if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    if (this.#isPaused) {
      this.#missed_count += 1;
      this.#showStatus();
    } else if (this.#matches(logged)) {
      this.#append(logged);
    }
  }

  /** Says with a patch what it is for. */
  #withNames(frame: Logged["frame"]): Logged["frame"] {
    if (frame.type === "room_state") this.#handles.set(frame.handle, { room: frame.room, view: frame.view });
    if (frame.type !== "room_patch") return frame;
    const { type, ...fields } = frame;
    return { type, ...this.#handles.get(frame.handle), ...fields };
  }

  /** Answers to the page's own listing belong to the housekeeping too. */
  #noteListRequest({ frame }: Logged): void {
    if (frame.type === "list_rooms") this.#listRequests.add(frame.id);
  }

  #isQuiet({ frame }: Logged): boolean {
    return (
      QUIET_TYPES.includes(frame.type) ||
      (frame.type === "reply" && frame.room === undefined && this.#listRequests.has(frame.id))
    );
  }

  #matches(logged: Logged): boolean {
    if (this.#isQuiet(logged) && !this.#housekeeping.checked) return false;
    const wanted = this.#filter.value.trim().toLowerCase();
    return wanted === "" || logged.json.toLowerCase().includes(wanted);
  }

  #append(logged: Logged): void {
    const isAtEnd = this.#rows.scrollHeight - this.#rows.scrollTop - this.#rows.clientHeight < 30;
    this.#rows.append(rowOf(logged));
    while (this.#rows.children.length > KEPT_MAX) this.#rows.firstElementChild?.remove();
    if (isAtEnd) this.#rows.scrollTop = this.#rows.scrollHeight;
  }

  #redraw(): void {
    this.#rows.replaceChildren(...this.#kept.filter((logged) => this.#matches(logged)).map(rowOf));
    this.#rows.scrollTop = this.#rows.scrollHeight;
  }

  #togglePause(): void {
    this.#isPaused = !this.#isPaused;
    this.#missed_count = 0;
    this.#pause.textContent = this.#isPaused ? "Go on" : "Pause";
    this.#showStatus();
    if (!this.#isPaused) this.#redraw();
  }

  #showStatus(): void {
    setText(this.#status, this.#isPaused ? `paused, ${this.#missed_count} since` : "");
  }

  #clear(): void {
    this.#kept = [];
    this.#rows.replaceChildren();
  }
}

/** A panel's title line. */
export function panelHead(title: string, ...right: Node[]): HTMLElement {
  return h("div", { class: "panel-head" }, h("h2", { text: title }), ...right);
}

function rowOf({ direction, frame, bytes, at_ms, json }: Logged): HTMLElement {
  const time = new Date(at_ms).toISOString().slice(11, 23);
  const summary = h(
    "summary",
    { class: "frame-line" },
    h("span", { class: "frame-time", text: time }),
    h("span", {
      class: "frame-direction",
      text: direction === "in" ? "←" : "→",
      attrs: { title: direction === "in" ? "from the server" : "to the server" },
    }),
    h("span", { class: "frame-type", text: frame.type }),
    h("span", { class: "frame-json", text: json.slice(0, LINE_CHARS_MAX) }),
    h("span", { class: "frame-bytes", text: `${bytes} B` }),
  );
  const details = h("details", {}, summary);
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1)
      details.append(h("pre", { class: "frame-whole", text: indent(json) }));
  });
  const row = h("li", { class: `frame is-${direction}` }, details);
  row.dataset["type"] = frame.type;
  return row;
}

/** The same JSON on several lines; the text itself was written by the client and parses. */
function indent(json: string): string {
  return JSON.stringify(JSON.parse(json), null, 2);
}
