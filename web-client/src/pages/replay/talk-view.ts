/** What was said until a moment, and who came and went, beside the board. */

import { stringify } from "../../lib";
import { chatLine } from "../game/chat-view";
import { readChat } from "../game/chat-lines";
import { h, setText } from "../ui/dom";
import type { MemberChange, MemberFrame, MessageFrame } from "./format";
import { formatMinutes } from "./player";
import type { Timeline } from "./timeline";

/** Further back there is a time line to go to. */
const LINES_MAX = 200;

const CHANGES: Readonly<Record<MemberChange, string>> = {
  joined: "came in.",
  left: "left.",
  away: "lost the connection.",
  back: "is back.",
};

export class TalkView {
  readonly element: HTMLElement;
  readonly #timeline: Timeline;
  readonly #lines = h("ol", {
    class: "chat-lines",
    testid: "replay-lines",
    // Jumps along the time line would have all of it read out again.
    attrs: { role: "log", "aria-live": "off", "aria-label": "What was said", tabindex: 0 },
  });
  #shown = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    const title = h("h2", { class: "visually-hidden", text: "What was said" });
    this.#lines.dataset["empty"] =
      timeline.talk.length === 0 ? "Nobody said anything." : "Nobody has said anything yet.";
    this.element = h("section", { class: "chat" }, title, this.#lines);
    this.#lines.classList.add("is-empty");
  }

  show(position_ms: number): void {
    const count = this.#timeline.talkCountAt(position_ms);
    if (count === this.#shown) return;
    if (count < this.#shown) this.#lines.replaceChildren();
    const first = Math.max(count < this.#shown ? 0 : this.#shown, count - LINES_MAX);
    this.#lines.append(...this.#timeline.talk.slice(first, count).flatMap((frame) => linesOf(frame, this.#timeline)));
    while (this.#lines.children.length > LINES_MAX) this.#lines.firstElementChild?.remove();
    this.#shown = count;
    this.#lines.classList.toggle("is-empty", this.#lines.children.length === 0);
    this.#lines.scrollTop = this.#lines.scrollHeight;
  }
}

function linesOf(frame: MessageFrame | MemberFrame, timeline: Timeline): HTMLElement[] {
  const lines = frame.kind === "member" ? [changeLine(frame)] : messageLines(frame, timeline);
  for (const line of lines) line.prepend(h("span", { class: "talk-time", text: formatMinutes(frame.at_ms) }));
  return lines;
}

function changeLine({ name, change }: MemberFrame): HTMLElement {
  return h("li", { class: "chat-event" }, h("span", { text: `${name} ${CHANGES[change]}` }));
}

function messageLines({ data, from, room }: MessageFrame, timeline: Timeline): HTMLElement[] {
  const chat = readChat(data);
  if (chat.type === "typing") return [];
  if (chat.type === "lines") {
    // Who came into the chat also came into the room, which says so itself.
    return chat.lines.filter(({ kind }) => kind !== "event").map((line) => chatLine(line, undefined));
  }
  const line = h("li", { class: "chat-line" });
  // In another room the same number is somebody else.
  const name = from === undefined ? room : (room === undefined && timeline.nameOf(from)) || `member ${from}`;
  if (name !== undefined) line.append(h("span", { class: "chat-name", text: name }));
  const text = h("code", { class: "chat-text talk-value" });
  setText(text, stringify(data));
  line.append(text);
  return [line];
}
