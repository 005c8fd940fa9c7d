/**
 * What this client takes to be the outcome of its own inputs until the server says so: each is a change on top of the
 * server's state. A refusal takes it back; after the reply, the first state that can have it in it takes its place.
 */

import type { Reply } from "./inputs";
import type { Value } from "./value";

/** A reply that no state follows within this time changed nothing in the view. */
export const CONFIRMED_FOR_MS = 1_000;

/** What an input makes of a state, without changing the old one. */
export type LocalChange<State = Value> = (state: State) => State;

type After = (delay_ms: number, callback: () => void) => () => void;

interface Prediction {
  readonly change: LocalChange;
  /** In which tick the server applied it, once that is known. */
  reply: { readonly tick: number } | undefined;
  cancel: () => void;
}

export class Predictions {
  readonly #byView = new Map<string, Prediction[]>();
  readonly #after: After;
  readonly #onChange: (view: string) => void;

  /** `onChange` is told when what is shown of a view is to be made anew. */
  constructor(after: After, onChange: (view: string) => void) {
    this.#after = after;
    this.#onChange = onChange;
  }

  /** Shows a change at once; `answer` is that of the input that it belongs to. */
  add(view: string, change: LocalChange, answer: Promise<Reply>): void {
    const prediction: Prediction = { change, reply: undefined, cancel: () => {} };
    this.#byView.set(view, [...(this.#byView.get(view) ?? []), prediction]);
    answer.then(
      ({ tick }) => {
        prediction.reply = { tick: tick ?? 0 };
        prediction.cancel = this.#after(CONFIRMED_FOR_MS, () => this.#drop(view, prediction));
      },
      () => this.#drop(view, prediction),
    );
    this.#onChange(view);
  }

  /** A state of the server's has come: it has in it whatever was replied to before, and in its tick or an earlier one. */
  onState(view: string, tick: number): void {
    const left = (this.#byView.get(view) ?? []).filter((prediction) => {
      const isIn = prediction.reply !== undefined && prediction.reply.tick <= tick;
      if (isIn) prediction.cancel();
      return !isIn;
    });
    this.#byView.set(view, left);
  }

  /** The server's state with all changes that it does not have yet, in the order of their inputs. */
  apply(view: string, state: Value): Value {
    return (this.#byView.get(view) ?? []).reduce((before, { change }) => change(before), state);
  }

  #drop(view: string, prediction: Prediction): void {
    const predictions = this.#byView.get(view) ?? [];
    if (!predictions.includes(prediction)) return;
    prediction.cancel();
    this.#byView.set(
      view,
      predictions.filter((other) => other !== prediction),
    );
    this.#onChange(view);
  }
}
