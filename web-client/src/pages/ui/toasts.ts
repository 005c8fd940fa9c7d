/** Words in passing, at the foot of the page: what the server, or the connection, has to say that belongs to no room. */

import type { Parlor } from "../../lib";
import { h } from "./dom";

const SHOWN_MS = 7_000;
const TOASTS_MAX = 3;

export class Toasts {
  readonly element = h("div", { class: "toasts", testid: "toasts", attrs: { role: "status" } });
  readonly #shown = new Map<string, { readonly toast: HTMLElement; timer: ReturnType<typeof setTimeout> }>();

  /** Shows what the server tells this client. */
  follow(parlor: Parlor): void {
    parlor.on("notice", ({ code, message }) => {
      if (code === "GOAWAY") this.show("The server is about to restart. You will be back in a moment.");
      else this.show(sentence(message));
    });
  }

  show(text: string): void {
    const again = this.#shown.get(text);
    if (again) {
      // The same once more keeps it there for longer, and does not push others away.
      clearTimeout(again.timer);
      again.timer = setTimeout(() => this.#hide(text), SHOWN_MS);
      return;
    }
    const oldest = this.#shown.keys().next();
    if (this.#shown.size >= TOASTS_MAX && !oldest.done) this.#hide(oldest.value);
    const toast = h("button", {
      class: "toast",
      text,
      attrs: { type: "button", title: "Dismiss" },
      onclick: () => this.#hide(text),
    });
    this.element.append(toast);
    this.#shown.set(text, { toast, timer: setTimeout(() => this.#hide(text), SHOWN_MS) });
  }

  #hide(text: string): void {
    const shown = this.#shown.get(text);
    if (!shown) return;
    clearTimeout(shown.timer);
    shown.toast.remove();
    this.#shown.delete(text);
  }
}

/** What programs say in small letters, for a person. */
export function sentence(fragment: string): string {
  const text = fragment.trim();
  const end = /[.!?…]$/.test(text) ? "" : ".";
  return text === "" ? "" : `${text.charAt(0).toUpperCase()}${text.slice(1)}${end}`;
}
