/**
 * The views of one room: what the server made known, what this client shows on top of that, and who wants to know. It
 * knows frames and time, and nothing of the room's messages.
 */

import type { Reply } from "./inputs";
import { interpolate } from "./interpolate";
import type { MovingFields } from "./interpolate";
import { Predictions } from "./predictions";
import type { LocalChange } from "./predictions";
import type { Server } from "./protocol";
import type { Value } from "./value";
import { nextView, settled } from "./view-state";
import type { View } from "./view-state";
import { Watchers } from "./watch";
import type { Change, EachListener, Path } from "./watch";

/** States this far apart were no movement: the later one begins a new one. */
const PAUSE_MS = 500;
/** How long a movement takes before it is known how often states come. */
const FIRST_INTERVAL_MS = 100;
/** How much a new interval counts for the mean. */
const NEW_SHARE = 0.25;

/** How a view came to be what it is. */
interface Motion {
  readonly from: Value;
  readonly at_ms: number;
  readonly interval_ms: number;
}

/** What the views need of their room. */
export interface ViewsLink {
  now(): number;
  after(delay_ms: number, callback: () => void): () => void;
  /** What is shown of a view is something else now. */
  onShown(view: string, value: Value): void;
}

export class Views {
  readonly #current = new Map<string, View>();
  readonly #shown = new Map<string, Value>();
  readonly #motions = new Map<string, Motion>();
  readonly #watchers = new Watchers();
  readonly #predictions: Predictions;
  readonly #link: ViewsLink;

  constructor(link: ViewsLink) {
    this.#link = link;
    this.#predictions = new Predictions(
      (delay_ms, callback) => link.after(delay_ms, callback),
      (view) => this.#show(view),
    );
  }

  /** The latest of each, as the server has it. */
  get current(): ReadonlyMap<string, View> {
    return this.#current;
  }

  /** What a frame leads to; undefined where the whole must be asked for. `take` makes it the latest. */
  next(frame: Server<"room_state">): View | undefined {
    return nextView(this.#current.get(frame.view), frame);
  }

  take(view: string, next: View): void {
    const now_ms = this.#link.now();
    const [last, motion] = [this.#current.get(view), this.#motions.get(view)];
    const gap_ms = motion ? now_ms - motion.at_ms : PAUSE_MS;
    const mean_ms = motion?.interval_ms ?? FIRST_INTERVAL_MS;
    const interval_ms = gap_ms < PAUSE_MS ? mean_ms + (gap_ms - mean_ms) * NEW_SHARE : mean_ms;
    this.#motions.set(view, { from: (last ?? next).value, at_ms: now_ms, interval_ms });
    this.#current.set(view, next);
    this.#predictions.onState(view, next.tick);
    this.#show(view);
  }

  /** The history has a cut: what is known is out of date. */
  clear(): void {
    this.#current.clear();
    this.#motions.clear();
  }

  /** The latest of a view with this client's own changes. */
  shown(view: string): Value | undefined {
    return this.#current.has(view) ? this.#shown.get(view) : undefined;
  }

  predict(view: string, change: LocalChange, answer: Promise<Reply>): void {
    this.#predictions.add(view, change, answer);
  }

  /** Somewhere between the last two states of a view, by the time since the last one came. */
  interpolated(view: string, fields: MovingFields): Value | undefined {
    const [current, motion] = [this.#current.get(view), this.#motions.get(view)];
    if (!current || !motion) return current?.value;
    return interpolate(motion.from, current.value, (this.#link.now() - motion.at_ms) / motion.interval_ms, fields);
  }

  watch(view: string, path: Path, listener: (change: Change) => void): () => void {
    return this.#watchers.watch(view, this.#shown.get(view), path, listener);
  }

  watchEach(view: string, path: Path, listener: EachListener): () => void {
    return this.#watchers.watchEach(view, this.#shown.get(view), path, listener);
  }

  #show(view: string): void {
    const current = this.#current.get(view);
    if (!current) return;
    const last = this.#shown.get(view);
    const value = settled(last, this.#predictions.apply(view, current.value));
    if (value === last) return;
    this.#shown.set(view, value);
    this.#watchers.onState(view, value);
    this.#link.onShown(view, value);
  }
}
