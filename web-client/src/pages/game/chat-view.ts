/** The chat beside a game: a second room, of the plugin `chat`. Without it the game goes on all the same. */

import { ParlorError } from "../../lib";
import type { Parlor, Room, Value } from "../../lib";
import { button, h, setText } from "../ui/dom";
import { readChat } from "./chat-lines";
import type { ChatLine } from "./chat-lines";

type ChatInput = { type: "say"; text: string } | { type: "typing"; on: boolean } | { type: "history"; before: number };

const TEXT_LENGTH_MAX = 2_000;
const LINES_MAX = 200;
const TYPING_FOR_MS = 3_000;
/** What takes longer than this to be said is shown as on its way. */
const UNSAID_AFTER_MS = 500;
/** No line has a number as high as this: the page of history before it is the last one. */
const AFTER_ALL = Number.MAX_SAFE_INTEGER;

export class ChatView {
  readonly element: HTMLElement;
  readonly #lines = h("ol", {
    class: "chat-lines",
    testid: "chat-lines",
    attrs: { role: "log", "aria-label": "Chat", tabindex: 0 },
  });
  readonly #typing = h("p", { class: "chat-typing", attrs: { "aria-hidden": true } });
  readonly #input = h("input", {
    class: "input",
    testid: "chat-input",
    attrs: {
      maxlength: TEXT_LENGTH_MAX,
      placeholder: "Say something",
      "aria-label": "Message",
      autocomplete: "off",
      enterkeyhint: "send",
    },
  });
  readonly #send = button("Send", { testid: "chat-send", attrs: { type: "submit" } });
  readonly #problem = h("p", { class: "field-error", attrs: { role: "alert", hidden: true } });
  readonly #typists = new Map<number, ReturnType<typeof setTimeout>>();
  #room: Room<Value, ChatInput> | undefined;
  readonly #onLine: (room: string, data: Value, from: number | undefined) => void;
  #typed_at_ms = 0;

  /** `onLine` hears what is said from now on, as it came. */
  constructor(onLine: (room: string, data: Value, from: number | undefined) => void) {
    this.#onLine = onLine;
    const form = h("form", { class: "chat-form" }, this.#input, this.#send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#say();
    });
    this.#input.addEventListener("input", () => this.#onTyped());
    this.element = h(
      "section",
      { class: "chat", attrs: { "aria-label": "Chat" } },
      this.#lines,
      this.#typing,
      form,
      this.#problem,
    );
    this.#enable(false);
    this.#showEmpty("Joining the chat.");
  }

  /** Joins the chat that belongs to a game. */
  async join(parlor: Parlor, game: string): Promise<void> {
    try {
      const room = await parlor.join<Value, ChatInput>(`${game}:chat`, { plugin: "chat", visibility: "unlisted" });
      this.#room = room;
      room.on("message", ({ data, from }) => this.#onMessage(data, from));
      room.on("reset", () => this.#lines.replaceChildren());
      room.on("closed", ({ message }) => this.#unavailable(message));
      this.#enable(true);
      this.#showEmpty("Nobody has said anything yet.");
      await room.send({ type: "history", before: AFTER_ALL });
    } catch (error) {
      if (!this.#room) this.#unavailable(error instanceof Error ? error.message : String(error));
    }
  }

  async leave(): Promise<void> {
    const room = this.#room;
    this.#room = undefined;
    if (room && !room.isClosed) await room.leave().catch(() => undefined);
  }

  async #say(): Promise<void> {
    const text = this.#input.value.trim();
    if (!text || !this.#room) return;
    this.#input.value = "";
    this.#problem.hidden = true;
    const unsaid = h("li", { class: "chat-line is-you is-unsaid" }, h("span", { class: "chat-text", text }));
    unsaid.append(h("span", { class: "chat-event", text: "Goes out as soon as the connection is back." }));
    const timer = setTimeout(() => this.#show(unsaid), UNSAID_AFTER_MS);
    try {
      await this.#room.send({ type: "say", text }).finally(() => {
        clearTimeout(timer);
        unsaid.remove();
      });
    } catch (error) {
      if (!this.#input.value) this.#input.value = text;
      setText(this.#problem, error instanceof ParlorError ? error.message : "This message could not be sent.");
      this.#problem.hidden = false;
    }
  }

  #onTyped(): void {
    const now_ms = Date.now();
    if (now_ms - this.#typed_at_ms < TYPING_FOR_MS / 2) return;
    this.#typed_at_ms = now_ms;
    // Whether this arrives matters to nobody.
    this.#room?.send({ type: "typing", on: true }).catch(() => undefined);
  }

  #onMessage(data: Value, from: number | undefined): void {
    const message = readChat(data);
    if (message.type === "typing") return this.#showTyping(message.from, message.isOn);
    if (message.type !== "lines") return;
    if (message.isHistory) this.#lines.replaceChildren();
    else {
      if (from !== undefined) this.#showTyping(from, false);
      if (this.#room) this.#onLine(this.#room.name, data, from);
    }
    this.#show(...message.lines.map((line) => chatLine(line, this.#room?.you.id)));
    if (message.isHistory) this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  /** Adds lines at the end, and follows them there unless somebody is reading further up. */
  #show(...lines: HTMLElement[]): void {
    const isAtEnd = this.#lines.scrollHeight - this.#lines.scrollTop - this.#lines.clientHeight < 40;
    this.#lines.append(...lines);
    while (this.#lines.children.length > LINES_MAX) this.#lines.firstElementChild?.remove();
    if (isAtEnd) this.#lines.scrollTop = this.#lines.scrollHeight;
    this.#lines.classList.toggle("is-empty", this.#lines.children.length === 0);
  }

  #showTyping(from: number, isOn: boolean): void {
    clearTimeout(this.#typists.get(from));
    if (isOn)
      this.#typists.set(
        from,
        setTimeout(() => this.#showTyping(from, false), TYPING_FOR_MS),
      );
    else this.#typists.delete(from);
    const names = [...this.#typists.keys()].flatMap((id) => this.#room?.members.get(id)?.name ?? []);
    setText(this.#typing, names.length > 0 ? `${names.join(", ")} typing` : "");
  }

  #unavailable(message: string): void {
    this.#room = undefined;
    this.#enable(false);
    this.#showEmpty(`No chat here: ${message}`);
  }

  #enable(isOn: boolean): void {
    this.#input.disabled = !isOn;
    this.#send.disabled = !isOn;
  }

  #showEmpty(text: string): void {
    this.#lines.dataset["empty"] = text;
    this.#lines.classList.toggle("is-empty", this.#lines.children.length === 0);
  }
}

/** A line of chat as `you` sees it; it is nobody's own where there is no such person. */
export function chatLine(line: ChatLine, you: number | undefined): HTMLElement {
  if (line.kind === "event") return h("li", { class: "chat-event", text: line.text });
  const name = h("span", { class: "chat-name", text: line.name });
  const text = line.kind === "said" ? line.text : `shared ${line.file} (${Math.ceil(line.size / 1024)} KiB)`;
  const body = h("span", {
    class: "chat-text",
    text: line.kind === "said" && line.isPrivate ? `(to you alone) ${text}` : text,
  });
  return h("li", { class: line.from === you ? "chat-line is-you" : "chat-line" }, name, body);
}
