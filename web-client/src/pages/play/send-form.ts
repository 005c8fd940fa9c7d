/** Sending any JSON to the room, with what was sent before at hand. */

import { ParlorError, stringify } from "../../lib";
import type { Room } from "../../lib";
import { button, h, setText } from "../ui/dom";
import { JsonInput } from "./json-input";

const HISTORY_MAX = 50;
const HISTORY_KEY = "parlor.play.history";

/** What each bundled plugin understands, to begin with. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  echo: ['{"type":"echo","data":"hello"}'],
  broadcast: ['"hello, everybody"'],
  chat: ['{"type":"say","text":"hello"}', '{"type":"typing","on":true}'],
  grid: ['{"type":"bots","count":3}', '{"type":"start"}', '{"type":"capture","cell":40}', '{"type":"rematch"}'],
  arena: ['{"type":"steer","x":127,"y":0}', '{"type":"steer","x":0,"y":0}'],
};

export class SendForm {
  readonly element: HTMLElement;
  readonly #input = new JsonInput("Message, as JSON", "play-input", 3, EXAMPLES["echo"]?.[0] ?? "null");
  readonly #send = button("Send", { kind: "primary", testid: "play-send", attrs: { type: "submit" } });
  readonly #history = h("select", {
    class: "select-quiet",
    testid: "play-history",
    attrs: { "aria-label": "Sent before" },
  });
  readonly #answer = h("output", { class: "answer", testid: "play-answer" });
  #sent: string[] = loadHistory();
  #room: Room | undefined;

  constructor() {
    this.element = h("form", { class: "send-form" }, this.#input.element);
    this.element.append(
      h(
        "div",
        { class: "send-line" },
        this.#send,
        h("span", { class: "hint", text: "Ctrl+Enter sends" }),
        this.#history,
      ),
      this.#answer,
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#input.box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      void this.#submit();
    });
    this.#history.addEventListener("change", () => {
      if (this.#history.value) this.#input.box.value = this.#history.value;
      this.#history.value = "";
      this.#input.read();
      this.#input.box.focus();
    });
    this.show(undefined);
  }

  show(room: Room | undefined): void {
    const example = EXAMPLES[room?.plugin ?? ""]?.[0];
    if (room && room.plugin !== this.#room?.plugin && example) this.#input.box.value = example;
    this.#room = room;
    this.#send.disabled = room === undefined;
    this.#showHistory();
    if (room) this.#input.read();
  }

  async #submit(): Promise<void> {
    const data = this.#input.read();
    if (data === undefined || !this.#room) return;
    this.#remember(stringify(data));
    this.#say("is-waiting", "Sent.");
    try {
      const { tick, data: answer, repeat } = await this.#room.send(data);
      const said = answer === undefined ? "" : `: ${stringify(answer)}`;
      this.#say("is-good", `Applied${tick === undefined ? "" : ` in tick ${tick}`}${repeat ? ", earlier" : ""}${said}`);
    } catch (error) {
      this.#say("is-bad", error instanceof ParlorError ? `${error.code}: ${error.message}` : String(error));
    }
  }

  #say(kind: "is-waiting" | "is-good" | "is-bad", text: string): void {
    this.#answer.className = `answer ${kind}`;
    setText(this.#answer, text);
  }

  #remember(json: string): void {
    this.#sent = [json, ...this.#sent.filter((other) => other !== json)].slice(0, HISTORY_MAX);
    try {
      sessionStorage.setItem(HISTORY_KEY, JSON.stringify(this.#sent));
    } catch {
      // Without storage the history lasts as long as the page.
    }
    this.#showHistory();
  }

  #showHistory(): void {
    const examples = (EXAMPLES[this.#room?.plugin ?? ""] ?? []).filter((example) => !this.#sent.includes(example));
    const option = (json: string) =>
      h("option", { text: json.length > 60 ? `${json.slice(0, 60)}…` : json, attrs: { value: json } });
    const group = (label: string, lines: readonly string[]) =>
      lines.length > 0 ? [h("optgroup", { attrs: { label } }, ...lines.map(option))] : [];
    this.#history.replaceChildren(
      h("option", { text: "Sent before", attrs: { value: "" } }),
      ...group("Sent before", this.#sent),
      ...group("Examples", examples),
    );
  }
}

function loadHistory(): string[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(HISTORY_KEY) ?? "[]");
    return Array.isArray(stored) ? stored.filter((line): line is string => typeof line === "string") : [];
  } catch {
    return [];
  }
}
