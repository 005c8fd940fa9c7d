/**
 * The rooms that a session is in, through everything that happens to it: a resume takes them up where they were, a
 * new session joins them again, and who was removed meanwhile is told. It knows no connection: requests go out
 * through `ask`, now or when there is one.
 */

import type { Environment } from "./environment";
import { ParlorError } from "./errors";
import type { JoinOptions } from "./options";
import type { Position, Resumed, Server } from "./protocol";
import type { Answer, Requests } from "./requests";
import { Room } from "./room";
import type { RoomLink } from "./room";
import { normalise } from "./value";

/** A join that failed for now is tried again after this long, give or take a half. */
export const JOIN_AGAIN_MS = 3_000;
/** Refusals that say nothing about the room. */
const PASSING: readonly string[] = ["RATE_LIMIT_EXCEEDED", "SERVER_DRAINING", "ROOM_BUSY"];

/** What the memberships need of their session. */
export interface MembershipLink extends Pick<RoomLink, "send"> {
  ask(request: Parameters<Requests["add"]>[0]): Promise<Answer>;
}

/** What a handle stands for. */
interface Named {
  readonly room: Room;
  readonly view: string;
}

export class Memberships {
  readonly #env: Pick<Environment, "after" | "now" | "random">;
  readonly #ask: MembershipLink["ask"];
  readonly #link: RoomLink;
  readonly #rooms = new Map<string, Room>();
  readonly #asked = new Map<string, JoinOptions>();
  readonly #leaving = new Set<string>();
  /** Rooms of a session that is no more: whether the join that brings one back is under way. */
  readonly #lost = new Map<string, boolean>();
  /** What patches of this connection name by a number: a view of a room (ST2). */
  readonly #handles = new Map<number, Named>();

  constructor(env: Pick<Environment, "after" | "now" | "random">, link: MembershipLink) {
    this.#env = env;
    this.#ask = (request) => link.ask(request);
    this.#link = {
      send: (frame) => link.send(frame),
      leave: (room) => this.#leave(room),
      after: (delay_ms, callback) => env.after(delay_ms, callback),
      now: () => env.now(),
    };
  }

  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms;
  }

  /** Where a resume is to go on: in the rooms of this session. */
  positions(): Position[] {
    return [...this.#rooms.values()].filter(({ name }) => !this.#lost.has(name)).map(({ position }) => position);
  }

  async join(room: string | undefined, options: JoinOptions): Promise<Room> {
    const payload = options.options === undefined ? {} : { options: normalise(options.options) };
    const named = room === undefined ? {} : { room };
    const answer = await this.#ask({ type: "join_room", ...named, ...options, ...payload });
    if (answer.type !== "room_joined")
      throw new ParlorError("INVALID_MESSAGE_FORMAT", `${answer.type} answers no join`);
    this.#asked.set(answer.room, options);
    const joined = this.#rooms.get(answer.room);
    if (!joined) throw new ParlorError("ROOM_CLOSED", "the room was closed at once", answer.room);
    return joined;
  }

  onJoined(joined: Server<"room_joined">): void {
    this.#lost.delete(joined.room);
    const room = this.#rooms.get(joined.room);
    if (room) room.onJoinedAgain(joined, "joined again");
    else this.#rooms.set(joined.room, new Room(this.#link, joined));
  }

  onState(frame: Server<"room_state">): void {
    const room = this.#rooms.get(frame.room);
    if (!room) return;
    const { handle, view } = frame;
    // A view that went and came again has another handle.
    this.#dropHandles((named) => named.room === room && named.view === view);
    this.#handles.set(handle, { room, view });
    room.onState(frame);
  }

  onPatch(frame: Server<"room_patch">): void {
    const named = this.#handles.get(frame.handle);
    named?.room.onPatch(named.view, frame);
  }

  /** The session goes on, and these are the rooms that it still is in. */
  onResumed(resumed: readonly Resumed[]): void {
    for (const room of this.#all()) {
      const { name } = room;
      const place = resumed.find((other) => other.room === name);
      if (this.#lost.has(name)) this.#joinAgain(room);
      else if (place) room.onResumed(place);
      else if (this.#leaving.has(name)) this.#forgetLeft(name);
      else if (room.about.durability === "none") this.#replace(room);
      else this.forget(name, "NOT_IN_ROOM", "the room closed, or removed you, while the connection was lost");
    }
  }

  /** The session outlived its server, as it does for rooms that do. This room did not, and is asked for anew. */
  #replace(room: Room): void {
    this.#lost.set(room.name, false);
    room.onLost();
    this.#joinAgain(room);
  }

  /** There is a new session: it wants to be where the one before was. */
  onNewSession(): void {
    this.onSessionLost();
    for (const room of this.#all()) this.#joinAgain(room);
  }

  /** The session is no more. */
  onSessionLost(): void {
    for (const room of this.#all()) {
      if (this.#leaving.has(room.name)) {
        this.#forgetLeft(room.name);
      } else if (!this.#lost.has(room.name)) {
        this.#lost.set(room.name, false);
        room.onLost();
      }
    }
  }

  onAway(): void {
    this.#handles.clear();
    for (const room of this.#all()) room.onAway();
  }

  onStopped(error: ParlorError): void {
    for (const room of this.#all()) room.onStopped(error);
  }

  /** This is no longer a room the client is in. */
  forget(name: string, code: string, message: string): void {
    const room = this.#rooms.get(name);
    this.#rooms.delete(name);
    this.#asked.delete(name);
    this.#lost.delete(name);
    this.#dropHandles((named) => named.room === room);
    room?.onClosed(code, message);
  }

  forgetAll(code: string, message: string): void {
    for (const { name } of this.#all()) this.forget(name, code, message);
  }

  /** What is done with one room may bring others, or take them away. */
  #all(): readonly Room[] {
    return [...this.#rooms.values()];
  }

  #dropHandles(isOf: (named: Named) => boolean): void {
    for (const [handle, named] of this.#handles) if (isOf(named)) this.#handles.delete(handle);
  }

  #forgetLeft(name: string): void {
    this.forget(name, "LEFT", "you left the room");
  }

  async #leave(name: string): Promise<void> {
    this.#leaving.add(name);
    try {
      await this.#ask({ type: "leave_room", room: name });
    } catch (error) {
      // That is what was wanted, and the answer to an earlier attempt may have been lost.
      if (!hasCode(error, "NOT_IN_ROOM")) throw error;
    } finally {
      this.#leaving.delete(name);
    }
    this.#forgetLeft(name);
  }

  #joinAgain(room: Room): void {
    if (this.#lost.get(room.name) !== false) return;
    this.#lost.set(room.name, true);
    void this.#askAgain(room);
  }

  async #askAgain(room: Room): Promise<void> {
    const { name } = room;
    const asked = this.#asked.get(name) ?? {};
    const target = room.code === undefined ? { room: name, plugin: room.plugin } : { code: room.code };
    const options = asked.options === undefined ? {} : { options: normalise(asked.options) };
    const visibility = asked.visibility === undefined ? {} : { visibility: asked.visibility };
    const seat = asked.seat === undefined ? {} : { seat: asked.seat };
    try {
      await this.#ask({ type: "join_room", ...target, ...options, ...visibility, ...seat });
    } catch (error) {
      if (this.#rooms.get(name) !== room || !this.#lost.has(name)) return;
      this.#lost.set(name, false);
      const { code, message } = error instanceof ParlorError ? error : new ParlorError("JOIN_FAILED", String(error));
      // Whoever asks for a connection again asks for the rooms as well.
      if (code === "CONNECTION_CLOSED") return;
      if (!PASSING.includes(code)) return this.forget(name, code, message);
      this.#env.after(JOIN_AGAIN_MS * (0.5 + this.#env.random()), () => {
        if (this.#rooms.get(name) === room) this.#joinAgain(room);
      });
    }
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof ParlorError && error.code === code;
}
