/**
 * The inputs of one room that have no answer yet. Their ids rise for as long as the session lives; after a resume those
 * without an answer go out again under the ids they had, and the room applies none of them twice.
 */

import { ParlorError } from "./errors";
import type { Client, Server } from "./protocol";
import { normalise } from "./value";
import type { Value } from "./value";

/** How the room answered an input. */
export interface Reply {
  /** The tick in which it was applied. */
  readonly tick: number | undefined;
  /** What the plugin answered. */
  readonly data: Value | undefined;
  /** The input had been applied before, and the first answer is no longer known. */
  readonly repeat: boolean;
}

/** More than this many unanswered inputs, and new ones are refused. */
export const UNANSWERED_MAX = 1_000;

type Mode =
  | { readonly at: "connected" }
  /** What is said now waits for the connection. */
  | { readonly at: "away" }
  /** Nothing brings the connection back but somebody's asking for it. */
  | { readonly at: "stopped"; readonly error: ParlorError }
  | { readonly at: "closed"; readonly error: ParlorError };

interface Pending {
  readonly data: Value;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: ParlorError) => void;
}

export class Inputs {
  readonly #room: string;
  readonly #transmit: (frame: Client<"room_message">) => boolean;
  /** By id, in the order of their ids. */
  readonly #unanswered = new Map<number, Pending>();
  /** Said while there was no connection: they have no id yet. */
  #waiting: Pending[] = [];
  #last_id = 0;
  #mode: Mode = { at: "connected" };

  constructor(room: string, transmit: (frame: Client<"room_message">) => boolean) {
    this.#room = room;
    this.#transmit = transmit;
  }

  async send(input: unknown): Promise<Reply> {
    const data = normalise(input);
    if (this.#mode.at === "closed" || this.#mode.at === "stopped") throw this.#mode.error;
    if (this.#unanswered.size + this.#waiting.length >= UNANSWERED_MAX) {
      throw new ParlorError("TOO_MANY_UNANSWERED", "wait for answers before sending more", this.#room);
    }
    return new Promise((resolve, reject) => {
      const pending = { data, resolve, reject };
      if (this.#mode.at === "connected") this.#number(pending);
      else this.#waiting.push(pending);
    });
  }

  /** Tells whether the frame answered one of these inputs. */
  onAnswer(frame: Server<"reply" | "error">): boolean {
    const pending = frame.id === undefined ? undefined : this.#unanswered.get(frame.id);
    if (!pending || frame.id === undefined) return false;
    this.#unanswered.delete(frame.id);
    if (frame.type === "reply") {
      pending.resolve({ tick: frame.tick, data: frame.data, repeat: frame.repeat ?? false });
    } else {
      pending.reject(new ParlorError(frame.code, frame.message, this.#room));
    }
    return true;
  }

  /** There is no connection, and one is on its way. */
  onAway(): void {
    if (this.#mode.at !== "closed") this.#mode = { at: "away" };
  }

  /** There will be no connection until somebody asks for one: nobody is to wait for answers that long. */
  onStopped(error: ParlorError): void {
    if (this.#mode.at === "closed") return;
    this.#mode = { at: "stopped", error };
    this.#rejectAll(error);
  }

  /** The session goes on, or the room was joined: send what has no answer, in the order it was said. */
  onResumed(last_id: number): void {
    if (this.#mode.at === "closed") return;
    this.#last_id = Math.max(this.#last_id, last_id);
    if (this.#mode.at === "connected") return;
    this.#mode = { at: "connected" };
    for (const [id, { data }] of this.#unanswered) this.#transmit({ type: "room_message", room: this.#room, data, id });
    for (const pending of this.#waiting.splice(0)) this.#number(pending);
  }

  /** The session is gone. Whether what was under way was applied, nobody can say. */
  onLost(): void {
    this.#rejectAll(new ParlorError("CONNECTION_LOST", "the connection was lost before the answer", this.#room));
    this.#last_id = 0;
  }

  close(error: ParlorError): void {
    this.#mode = { at: "closed", error };
    this.#rejectAll(error);
  }

  #number(pending: Pending): void {
    this.#last_id += 1;
    this.#unanswered.set(this.#last_id, pending);
    this.#transmit({ type: "room_message", room: this.#room, data: pending.data, id: this.#last_id });
  }

  #rejectAll(error: ParlorError): void {
    const lost = [...this.#unanswered.values(), ...this.#waiting];
    this.#unanswered.clear();
    this.#waiting = [];
    for (const pending of lost) pending.reject(error);
  }
}
