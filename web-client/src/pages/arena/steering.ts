/** The hands on the page: which direction is wanted now. It knows the elements, `directions.ts` what they mean. */

import { fromKeys, fromPointer, fromThumb, isSteeringKey } from "./directions";
import { STILL } from "./motion";
import type { Steer, Vector } from "./motion";

/** A finger or a mouse button that is down. */
interface Hold {
  readonly id: number;
  readonly isThumb: boolean;
  readonly start: Vector;
  at: Vector;
}

export class Steering {
  readonly #pressed = new Set<string>();
  readonly #surface: HTMLElement;
  readonly #closing = new AbortController();
  #hold: Hold | undefined;

  /** `surface` is what the mouse and the finger are to be on; keys count wherever nothing is typed in. */
  constructor(surface: HTMLElement) {
    this.#surface = surface;
    const { signal } = this.#closing;
    surface.addEventListener("pointerdown", (event) => this.#onDown(event), { signal });
    surface.addEventListener("pointermove", (event) => this.#onMove(event), { signal });
    for (const end of ["pointerup", "pointercancel"] as const)
      surface.addEventListener(end, (event) => this.#onUp(event), { signal });
    surface.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
    addEventListener("keydown", (event) => this.#onKey(event), { signal });
    addEventListener("keyup", (event) => this.#pressed.delete(event.code), { signal });
    addEventListener("blur", () => this.#release(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden && this.#release(), { signal });
  }

  /** Listens no more. */
  close(): void {
    this.#closing.abort();
  }

  /** The direction that is wanted, with one's own disc at this place of the surface. */
  wanted(disc: Vector): Steer {
    if (this.#hold?.isThumb) return fromThumb(this.#hold.at, this.#hold.start);
    if (this.#hold) return fromPointer(this.#hold.at, disc);
    return this.#pressed.size > 0 ? fromKeys(this.#pressed) : STILL;
  }

  /** The thumb, while it is down: where it came down, and where it is. */
  get thumb(): { readonly start: Vector; readonly at: Vector } | undefined {
    return this.#hold?.isThumb ? this.#hold : undefined;
  }

  #release(): void {
    this.#pressed.clear();
    this.#hold = undefined;
  }

  #onKey(event: KeyboardEvent): void {
    if (!isSteeringKey(event.code) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    event.preventDefault();
    this.#pressed.add(event.code);
  }

  #onDown(event: PointerEvent): void {
    if (this.#hold || (event.pointerType === "mouse" && event.button !== 0)) return;
    event.preventDefault();
    this.#surface.setPointerCapture(event.pointerId);
    const at = this.#place(event);
    this.#hold = { id: event.pointerId, isThumb: event.pointerType === "touch", start: at, at };
  }

  #onMove(event: PointerEvent): void {
    if (this.#hold?.id === event.pointerId) this.#hold.at = this.#place(event);
  }

  #onUp(event: PointerEvent): void {
    if (this.#hold?.id === event.pointerId) this.#hold = undefined;
  }

  #place(event: PointerEvent): Vector {
    const { left, top } = this.#surface.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}
