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

/** Between which states of a view things are on their way. */
export interface Motion<State = Value> {
  readonly before: State;
  readonly after: State;
  /** How much of the way is behind them by the time that has passed: from 0, and beyond 1 where no newer state came. */
  readonly part: number;
}

/** How a view came to be what it is. */
interface Arrival {
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
  readonly #arrivals = new Map<string, Arrival>();
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
  next(view: string, frame: Server<"room_state" | "room_patch">): View | undefined {
    return nextView(this.#current.get(view), frame);
  }

  take(view: string, next: View): void {
    const now_ms = this.#link.now();
    const [last, arrival] = [this.#current.get(view), this.#arrivals.get(view)];
    const gap_ms = arrival ? now_ms - arrival.at_ms : PAUSE_MS;
    const mean_ms = arrival?.interval_ms ?? FIRST_INTERVAL_MS;
    const interval_ms = gap_ms < PAUSE_MS ? mean_ms + (gap_ms - mean_ms) * NEW_SHARE : mean_ms;
    this.#arrivals.set(view, { from: (last ?? next).value, at_ms: now_ms, interval_ms });
    this.#current.set(view, next);
    this.#predictions.onState(view, next.tick);
    this.#show(view);
  }

  /** The history has a cut: what is known is out of date. */
  clear(): void {
    this.#current.clear();
    this.#arrivals.clear();
  }

  /** The latest of a view with this client's own changes. */
  shown(view: string): Value | undefined {
    return this.#current.has(view) ? this.#shown.get(view) : undefined;
  }

  predict(view: string, change: LocalChange, answer: Promise<Reply>): void {
    this.#predictions.add(view, change, answer);
  }

  /** The last two states of a view, and how far the time since the later one came has led from the one to the other. */
  motion(view: string): Motion | undefined {
    const [current, arrival] = [this.#current.get(view), this.#arrivals.get(view)];
    if (!current || !arrival) return undefined;
    const part = (this.#link.now() - arrival.at_ms) / arrival.interval_ms;
    return { before: arrival.from, after: current.value, part };
  }

  /** Somewhere between the last two states of a view. */
  interpolated(view: string, fields: MovingFields): Value | undefined {
    const motion = this.motion(view);
    return motion && interpolate(motion.before, motion.after, motion.part, fields);
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
