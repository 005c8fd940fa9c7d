/** The connection as a person sees it: a word in the corner of each page, and a strip below the head while it is gone. */

import { isSubprotocol, SUBPROTOCOLS } from "../../lib";
import type { Parlor, Status, Subprotocol } from "../../lib";
import { button, h, setText } from "./dom";
import { loadSubprotocol, saveSubprotocol } from "./preferences";

/** Most losses are over before anybody should be bothered with words. */
const GRACE_MS = 700;
const COUNTDOWN_EVERY_MS = 250;

const NAMES: Readonly<Record<Subprotocol, string>> = {
  "v1.json": "JSON",
  "v1.binary": "MessagePack",
  "v2.proto": "Protobuf",
};

/** The corner: the state, the round trip, and the subprotocol to choose. */
export function connectionBar(parlor: Parlor): HTMLElement {
  const state = h("span", { class: "connection-state", testid: "status", attrs: { role: "status" } });
  const rtt = h("span", {
    class: "connection-rtt",
    testid: "rtt",
    attrs: { title: "Round-trip time", "aria-hidden": "true" },
  });
  const show = (status: Status) => {
    setText(state, shortly(status));
    state.dataset["status"] = status.status;
    state.title = status.status === "away" || status.status === "closed" ? status.message : "";
    if (status.status !== "open") setText(rtt, "");
  };
  parlor.on("status", show);
  parlor.on("clock", ({ rtt_ms }) =>
    setText(rtt, rtt_ms < 10 ? `${rtt_ms.toFixed(1)} ms` : `${Math.round(rtt_ms)} ms`),
  );
  show(parlor.status);
  return h("div", { class: "connection" }, state, rtt, subprotocolSwitch(parlor));
}

/** The strip: why there is no connection, when the next attempt is, and a way to have it now. */
export class ConnectionNotice {
  readonly element: HTMLElement;
  readonly #back: (isResumed: boolean) => void;
  readonly #cause = h("span", { class: "strip-cause" });
  readonly #next = h("span", { class: "strip-next", attrs: { "aria-hidden": "true" } });
  readonly #again = button("Try now", { kind: "quiet", testid: "reconnect" });
  #grace: ReturnType<typeof setTimeout> | undefined;
  #countdown: ReturnType<typeof setInterval> | undefined;

  /** `back` is called when a loss that a person saw is over. */
  constructor(parlor: Parlor, back: (isResumed: boolean) => void = () => {}) {
    this.#back = back;
    this.#again.addEventListener("click", () => parlor.reconnect());
    this.element = h(
      "div",
      { class: "notice strip", testid: "connection-notice", attrs: { role: "status", hidden: true } },
      h("span", { class: "strip-text" }, this.#cause, this.#next),
      this.#again,
    );
    parlor.on("status", (status) => this.#onStatus(status));
  }

  #onStatus(status: Status): void {
    clearInterval(this.#countdown);
    switch (status.status) {
      case "open":
        return this.#onOpen(status.isResumed);
      case "connecting":
        setText(this.#next, "Connecting…");
        this.#again.disabled = true;
        return;
      case "away":
        setText(this.#cause, status.message);
        this.#again.disabled = false;
        this.#countTo(performance.now() + status.retry_in_ms);
        this.#grace ??= setTimeout(() => (this.element.hidden = false), GRACE_MS);
        return;
      case "closed":
        setText(this.#cause, closedCause(status));
        setText(this.#next, "");
        this.#again.disabled = false;
        this.element.hidden = false;
    }
  }

  #onOpen(isResumed: boolean): void {
    clearTimeout(this.#grace);
    this.#grace = undefined;
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.#back(isResumed);
  }

  #countTo(due_ms: number): void {
    const show = () => {
      const left_s = Math.ceil((due_ms - performance.now()) / 1_000);
      setText(this.#next, left_s > 0 ? `Trying again in ${left_s} s` : "Trying again");
    };
    show();
    this.#countdown = setInterval(show, COUNTDOWN_EVERY_MS);
  }
}

function subprotocolSwitch(parlor: Parlor): HTMLElement {
  const select = h("select", { class: "select-quiet", testid: "subprotocol", attrs: { "aria-label": "Subprotocol" } });
  for (const name of [...SUBPROTOCOLS].sort())
    select.append(h("option", { text: NAMES[name], attrs: { value: name } }));
  select.value = loadSubprotocol();
  select.addEventListener("change", () => {
    if (!isSubprotocol(select.value)) return;
    saveSubprotocol(select.value);
    parlor.reconnect({ subprotocol: select.value });
  });
  return select;
}

function shortly(status: Status): string {
  switch (status.status) {
    case "connecting":
      return status.attempt === 0 ? "Connecting" : "Reconnecting";
    case "open":
      return "Connected";
    case "away":
      return "Reconnecting";
    case "closed":
      return "Disconnected";
  }
}

/** A token is nothing that a person could type in. */
function closedCause({ code, message }: Extract<Status, { status: "closed" }>): string {
  return code === 4401 || code === 4403 ? `${message} Come back to this page from where you sign in.` : message;
}
