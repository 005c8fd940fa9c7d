/** The connection as a person sees it: a word in the corner of each page, and a few more while it is gone. */

import { isSubprotocol, SUBPROTOCOLS } from "../../lib";
import type { Parlor, Status, Subprotocol } from "../../lib";
import { button, h, setText } from "./dom";
import { loadSubprotocol, saveSubprotocol } from "./preferences";

/** Most losses are over before anybody should be bothered with words. */
const GRACE_MS = 700;
const COUNTDOWN_EVERY_MS = 250;
const BACK_FOR_MS = 5_000;

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

/** The few words: why there is no connection, when the next attempt is, and a way to have it now. */
export class ConnectionNotice {
  readonly element: HTMLElement;
  readonly #isInRoom: () => boolean;
  readonly #cause = h("span");
  readonly #next = h("span", { class: "toast-aside", attrs: { "aria-hidden": "true" } });
  readonly #again = button("Try now", { kind: "quiet", testid: "reconnect" });
  #timer: ReturnType<typeof setTimeout> | undefined;
  #countdown: ReturnType<typeof setInterval> | undefined;
  #isLost = false;

  /** `isInRoom` tells whether there is something that could have been missed. */
  constructor(parlor: Parlor, isInRoom: () => boolean) {
    this.#isInRoom = isInRoom;
    this.#again.addEventListener("click", () => parlor.reconnect());
    this.element = h(
      "div",
      { class: "toast toast-lasting", testid: "connection-notice", attrs: { hidden: true } },
      this.#cause,
      this.#next,
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
        this.#onLost(status.message, GRACE_MS);
        return this.#countTo(performance.now() + status.retry_in_ms);
      case "closed":
        this.#onLost(closedCause(status), 0);
        setText(this.#next, "");
    }
  }

  #onLost(cause: string, grace_ms: number): void {
    this.#again.disabled = false;
    if (!this.#isLost) this.#showIn(grace_ms, true);
    this.#isLost = true;
    this.element.classList.remove("is-good");
    setText(this.#cause, cause);
  }

  #onOpen(isResumed: boolean): void {
    const wasSeen = this.#isLost && !this.element.hidden;
    this.#isLost = false;
    setText(this.#next, "");
    if (!wasSeen || !this.#isInRoom()) return this.#showIn(0, false);
    setText(
      this.#cause,
      isResumed
        ? "You are back, and have missed nothing."
        : "You are back. The server no longer knew you, so you have joined again.",
    );
    this.element.classList.add("is-good");
    this.#again.hidden = true;
    this.#showIn(BACK_FOR_MS, false);
  }

  #showIn(delay_ms: number, isShown: boolean): void {
    clearTimeout(this.#timer);
    const show = () => {
      this.element.hidden = !isShown;
      this.#again.hidden = false;
    };
    if (delay_ms === 0) show();
    else this.#timer = setTimeout(show, delay_ms);
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
