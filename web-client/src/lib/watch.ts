/** Changes of a state in detail: what is at one place, and what comes to and goes from a list or a map. */

import { isMap } from "./value";
import type { Value } from "./value";

/** The way to a place in a state: keys of maps and indexes of lists. */
export type Path = readonly (string | number)[];

/** What is at a place now, and what was there before; undefined for nothing. */
export interface Change {
  readonly value: Value | undefined;
  readonly previous: Value | undefined;
}

/** Listeners for the entries of a map, or the items of a list by index. */
export interface EachListener {
  readonly added?: (key: string, value: Value) => void;
  readonly changed?: (key: string, value: Value, previous: Value) => void;
  readonly removed?: (key: string, previous: Value) => void;
}

type Watcher = (value: Value) => void;

/**
 * Those who watch the views of a room. They rely on what did not change being the same object, so that looking costs
 * next to nothing.
 */
export class Watchers {
  readonly #byView = new Map<string, Set<Watcher>>();

  /** Calls `listener` whenever what is at `path` changes. The function returned ends that. */
  watch(view: string, current: Value | undefined, path: Path, listener: (change: Change) => void): () => void {
    let last = current === undefined ? undefined : valueAt(current, path);
    return this.#add(view, (state) => {
      const previous = last;
      last = valueAt(state, path);
      if (last !== previous) listener({ value: last, previous });
    });
  }

  /** Calls `listener` for whatever is added to the list or map at `path`, changes in it, or is removed. */
  watchEach(view: string, current: Value | undefined, path: Path, listener: EachListener): () => void {
    let last = current === undefined ? undefined : valueAt(current, path);
    return this.#add(view, (state) => {
      const previous = last;
      last = valueAt(state, path);
      if (last !== previous) compare(entries(previous), entries(last), listener);
    });
  }

  /** A view is something else now. */
  onState(view: string, state: Value): void {
    for (const watcher of [...(this.#byView.get(view) ?? [])]) {
      try {
        watcher(state);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #add(view: string, watcher: Watcher): () => void {
    const watchers = this.#byView.get(view) ?? new Set();
    this.#byView.set(view, watchers.add(watcher));
    return () => watchers.delete(watcher);
  }
}

/** What is at a place; undefined where the state has no such place. */
export function valueAt(state: Value, path: Path): Value | undefined {
  let value: Value | undefined = state;
  for (const step of path) {
    if (isMap(value)) value = Object.hasOwn(value, step) ? value[step] : undefined;
    else if (Array.isArray(value)) value = (value as readonly Value[])[Number(step)];
    else return undefined;
  }
  return value;
}

function entries(value: Value | undefined): ReadonlyMap<string, Value> {
  if (isMap(value)) return new Map(Object.entries(value));
  return new Map(Array.isArray(value) ? value.map((item: Value, index) => [String(index), item]) : []);
}

function compare(before: ReadonlyMap<string, Value>, after: ReadonlyMap<string, Value>, listener: EachListener): void {
  for (const [key, previous] of before) if (!after.has(key)) listener.removed?.(key, previous);
  for (const [key, value] of after) {
    const previous = before.get(key);
    if (previous === undefined) listener.added?.(key, value);
    else if (previous !== value) listener.changed?.(key, value, previous);
  }
}
