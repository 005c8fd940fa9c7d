/** Requests of the session (join, leave, list) and their answers, matched by id. */

import { ParlorError } from "./errors";
import type { Client, Server } from "./protocol";

export type Request = Client<"join_room" | "leave_room" | "list_rooms">;
export type Answer = Server<"room_joined" | "room_left" | "reply">;

/**
 * Inputs and requests are both named by `id` in an error, so requests are numbered from here: no room is ever sent
 * that many inputs.
 */
const FIRST_ID = 2 ** 40;

interface Pending {
  readonly frame: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  isSent: boolean;
}

export class Requests {
  readonly #pending = new Map<number, Pending>();
  #last_id = FIRST_ID;

  /** Takes a request down; `flush` sends it. */
  add(
    request: Omit<Client<"join_room">, "id"> | Omit<Client<"leave_room">, "id"> | Omit<Client<"list_rooms">, "id">,
  ): Promise<Answer> {
    this.#last_id += 1;
    const id = this.#last_id;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { frame: { ...request, id }, resolve, reject, isSent: false });
    });
  }

  /** Sends what was not sent yet on this connection. */
  flush(transmit: (frame: Request) => boolean): void {
    for (const pending of this.#pending.values()) {
      if (!pending.isSent) pending.isSent = transmit(pending.frame);
    }
  }

  /**
   * The connection is gone: what has no answer goes out again on the next one. A session that goes on finds the room
   * which the same request led it to before (RS9), so a quick match takes no second seat.
   */
  onAway(): void {
    for (const pending of this.#pending.values()) pending.isSent = false;
  }

  /** Tells whether the frame answered one of these requests. */
  onAnswer(frame: Answer | Server<"error">): boolean {
    const pending = frame.id === undefined ? undefined : this.#pending.get(frame.id);
    if (!pending || frame.id === undefined) return false;
    this.#pending.delete(frame.id);
    if (frame.type === "error") pending.reject(new ParlorError(frame.code, frame.message, frame.room));
    else pending.resolve(frame);
    return true;
  }

  rejectAll(error: Error): void {
    const lost = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of lost) pending.reject(error);
  }
}
