/**
 * The session: who this client is, the rooms it is in, and how both outlive a connection. After a loss the first frame
 * is `resume`; where the server refuses it, the same rooms are joined again and each says `reset`.
 */

import { Clock, PING_EVERY_MS } from "./clock";
import { closeReason } from "./close";
import type { Subprotocol } from "./codecs";
import { Connection } from "./connection";
import { Emitter } from "./emitter";
import type { Environment } from "./environment";
import { ParlorError } from "./errors";
import { Identity } from "./identity";
import type { Credentials } from "./identity";
import type { ConnectOptions, JoinOptions, ParlorEvents } from "./options";
import type { Resumed, Server, ServerFrame } from "./protocol";
import { Requests } from "./requests";
import { readListing } from "./listing";
import type { RoomListing } from "./listing";
import { Room } from "./room";
import type { RoomLink } from "./room";
import type { Status } from "./status";
import { normalise } from "./value";
import type { Value, ValueMap } from "./value";

type Phase =
  | { readonly at: "down" }
  /** The socket is open, and `welcome` is not there yet. */
  | { readonly at: "greeting"; readonly subprotocol: Subprotocol }
  /** `resume` is on its way; `fresh` is the session to use should it be refused. */
  | { readonly at: "resuming"; readonly subprotocol: Subprotocol; readonly fresh: Server<"welcome"> | undefined }
  | { readonly at: "open"; readonly subprotocol: Subprotocol };

export class Parlor extends Emitter<ParlorEvents> {
  /** Settled by the first attempt; after a failure the client goes on trying, and `status` tells. */
  readonly ready: Promise<void>;
  #settleReady: { resolve: () => void; reject: (error: Error) => void };
  #options: ConnectOptions;
  #status: Status = { status: "connecting", attempt: 0 };
  #phase: Phase = { at: "down" };
  #credentials: Credentials | undefined;
  #server = "";
  #cancelPing: (() => void) | undefined;
  readonly #env: Environment;
  readonly #identity: Identity;
  readonly #connection: Connection;
  readonly #clock = new Clock();
  readonly #requests = new Requests();
  readonly #rooms = new Map<string, Room>();
  readonly #asked = new Map<string, JoinOptions>();
  readonly #link: RoomLink;

  constructor(url: string, options: ConnectOptions, env: Environment) {
    super();
    this.#options = options;
    this.#env = env;
    this.#identity = new Identity(env, url);
    let settle = { resolve: () => {}, reject: (_error: Error) => {} };
    this.ready = new Promise((resolve, reject) => (settle = { resolve, reject }));
    this.#settleReady = settle;
    this.ready.catch(() => {
      // Whoever does not wait for `ready` hears of a failure by `status`.
    });
    this.#link = {
      send: (frame) => this.#phase.at === "open" && this.#connection.send(frame),
      leave: (room) => this.#leave(room),
      after: env.after,
    };
    this.#connection = new Connection(env, url, {
      opened: (subprotocol) => this.#opened(subprotocol),
      received: (frame, bytes) => this.#received(frame, bytes),
      sent: (frame, bytes) => this.emit("frame", { direction: "out", frame, bytes }),
      unreadable: (error) => this.emit("notice", { code: "UNREADABLE_FRAME", message: error.message }),
      ended: () => this.#ended(),
      down: (status) => this.#down(status),
    });
    void this.#start();
  }

  /** Where the connection stands. */
  get status(): Status {
    return this.#status;
  }
  /** The round trip in milliseconds, once it was measured. */
  get rtt(): number | undefined {
    return this.#clock.rtt_ms;
  }
  /** The server's time, in milliseconds since 1970. */
  get serverTime(): number {
    return this.#env.clock() + this.#clock.offset_ms;
  }
  /** The rooms this client is in, by name. */
  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms;
  }

  /**
   * Joins a room by name; without a name by `code`, or any open room of `plugin`.
   *
   * `State`, `In` and `Out` say what the plugin's views, inputs and messages look like.
   */
  async join<State = Value, In = Value, Out = Value>(
    room: string | undefined,
    options: JoinOptions = {},
  ): Promise<Room<State, In, Out>> {
    const payload = options.options === undefined ? {} : { options: normalise(options.options) };
    const request = { type: "join_room", ...(room === undefined ? {} : { room }), ...options, ...payload } as const;
    const answer = await this.#ask(request).catch(async (error: unknown) => {
      if (!isAlreadyIn(error) || room === undefined || this.#rooms.has(room)) throw error;
      // The session was in this room before the page was reloaded, and this page knows nothing of it: begin afresh.
      await this.#ask({ type: "leave_room", room });
      return this.#ask(request);
    });
    if (answer.type !== "room_joined")
      throw new ParlorError("INVALID_MESSAGE_FORMAT", `${answer.type} answers no join`);
    this.#asked.set(answer.room, options);
    const joined = this.#rooms.get(answer.room);
    if (!joined) throw new ParlorError("ROOM_CLOSED", "the room was closed at once", answer.room);
    // The plugin's types are the caller's word, as `join` says.
    return joined as unknown as Room<State, In, Out>;
  }

  /** The public rooms; with `filter` only those whose metadata has all its entries. */
  async listRooms(of: { readonly plugin?: string; readonly filter?: ValueMap } = {}): Promise<RoomListing[]> {
    const answer = await this.#ask({ type: "list_rooms", ...of });
    return readListing(answer.type === "reply" ? answer.data : undefined);
  }

  /** Changes the nickname, for the rooms joined from now on. */
  rename(name: string): void {
    this.#options = { ...this.#options, name };
    if (this.#phase.at === "open") this.#connection.send({ type: "auth", name });
  }

  /** Signs in anew, with a token that takes the place of one that will soon expire. It must be the same user's. */
  renew(token: string): void {
    this.#options = { ...this.#options, token };
    if (this.#phase.at === "open") this.#connection.send({ type: "auth", token });
  }

  /** Connects anew at once, perhaps in another subprotocol; the session goes on. */
  reconnect(options: { readonly subprotocol?: Subprotocol } = {}): void {
    this.#connection.restart(options.subprotocol);
  }

  /** Loses the connection on purpose, to see what that does. */
  drop(): void {
    this.#connection.drop();
  }

  /** Ends the session. */
  close(): void {
    this.#identity.forget();
    this.#credentials = undefined;
    this.#connection.stop();
    const { code, name, message } = closeReason(1000);
    this.#down({ status: "closed", code, name, message });
  }

  async #start(): Promise<void> {
    this.#credentials = await this.#identity.recall();
    if (this.#status.status !== "closed") this.#connection.start(this.#options.subprotocol);
  }

  #ask(request: Parameters<Requests["add"]>[0]): Promise<Awaited<ReturnType<Requests["add"]>>> {
    if (this.#status.status === "closed") {
      return Promise.reject(new ParlorError("CONNECTION_CLOSED", this.#status.message));
    }
    const answer = this.#requests.add(request);
    this.#flush();
    return answer;
  }

  #flush(): void {
    if (this.#phase.at === "open") this.#requests.flush((frame) => this.#connection.send(frame));
  }

  async #leave(room: string): Promise<void> {
    await this.#ask({ type: "leave_room", room });
    this.#forget(room, "LEFT", "you left the room");
  }

  #opened(subprotocol: Subprotocol): void {
    if (this.#credentials) {
      this.#phase = { at: "resuming", subprotocol, fresh: undefined };
      const rooms = [...this.#rooms.values()].map((room) => room.position);
      const { token } = this.#options;
      // Where tokens are needed, a session is resumed by its user only.
      if (token !== undefined) this.#connection.send({ type: "auth", token });
      this.#connection.send({ type: "resume", ...this.#credentials, rooms });
    } else {
      this.#greet(subprotocol);
    }
  }

  #greet(subprotocol: Subprotocol): void {
    this.#phase = { at: "greeting", subprotocol };
    const { name, token } = this.#options;
    if (name === undefined && token === undefined) return;
    this.#connection.send({
      type: "auth",
      ...(token === undefined ? {} : { token }),
      ...(name === undefined ? {} : { name }),
    });
  }

  #received(frame: ServerFrame, bytes: number): void {
    this.emit("frame", { direction: "in", frame, bytes });
    switch (frame.type) {
      case "welcome":
        return this.#onWelcome(frame);
      case "resumed":
        return this.#onResumed(frame);
      case "room_joined":
        return this.#onJoined(frame);
      case "room_left":
        if (!this.#requests.onAnswer(frame)) this.#forget(frame.room, "LEFT", "you are no longer in the room");
        return;
      case "room_closed":
        return this.#forget(frame.room, frame.code, frame.message);
      case "room_message":
      case "user_joined":
      case "user_changed":
      case "user_left":
        return this.#rooms.get(frame.room)?.onReliable(frame);
      case "room_state":
        return this.#rooms.get(frame.room)?.onState(frame);
      case "reset":
        return this.#rooms.get(frame.room)?.onReset(frame);
      case "reply":
      case "error":
        return this.#onAnswer(frame);
      case "pong":
        return this.#onPong(frame);
      case "notice":
        return this.emit("notice", { code: frame.code, message: frame.message });
      case "goaway":
        this.#connection.holdOff(frame.retry_after_ms);
        return this.emit("notice", { code: "GOAWAY", message: frame.reason });
    }
  }

  #onWelcome(welcome: Server<"welcome">): void {
    this.#server = welcome.server;
    if (this.#phase.at === "resuming") {
      this.#phase = { ...this.#phase, fresh: welcome };
    } else if (this.#phase.at === "greeting") {
      this.#open(this.#phase.subprotocol, welcome, undefined);
    } else {
      this.#take(welcome);
    }
  }

  #onResumed(resumed: Server<"resumed">): void {
    if (this.#phase.at === "resuming") this.#open(this.#phase.subprotocol, resumed, resumed.rooms);
  }

  #onRefused(): void {
    if (this.#phase.at !== "resuming") return;
    const { subprotocol, fresh } = this.#phase;
    this.#credentials = undefined;
    this.#greet(subprotocol);
    if (fresh) this.#open(subprotocol, fresh, undefined);
  }

  /** The session stands: take up the rooms, and send what waited. `resumed` is absent for a new session. */
  #open(subprotocol: Subprotocol, credentials: Credentials, resumed: readonly Resumed[] | undefined): void {
    this.#phase = { at: "open", subprotocol };
    this.#take(credentials);
    this.#connection.established();
    this.#clock.restart();
    this.#ping();
    this.#setStatus({
      status: "open",
      session: credentials.session,
      subprotocol,
      server: this.#server,
      isResumed: resumed !== undefined,
    });
    this.#settleReady.resolve();
    for (const room of [...this.#rooms.values()]) {
      const position = resumed?.find((other) => other.room === room.name);
      if (position) room.onResumed(position);
      else void this.#joinAgain(room);
    }
    this.#flush();
  }

  async #joinAgain(room: Room): Promise<void> {
    room.onLost();
    const asked = this.#asked.get(room.name) ?? {};
    const target = room.code === undefined ? { room: room.name, plugin: room.plugin } : { code: room.code };
    const options = asked.options === undefined ? {} : { options: normalise(asked.options) };
    const visibility = asked.visibility === undefined ? {} : { visibility: asked.visibility };
    try {
      await this.#ask({ type: "join_room", ...target, ...options, ...visibility, seat: room.you.seat });
    } catch (error) {
      if (isAlreadyIn(error)) return;
      const { code, message } =
        error instanceof ParlorError ? error : new ParlorError("CONNECTION_LOST", String(error));
      this.#forget(room.name, code, message);
    }
  }

  #take({ session, resume_token }: Credentials): void {
    this.#credentials = { session, resume_token };
    this.#identity.remember(this.#credentials);
  }

  #onJoined(joined: Server<"room_joined">): void {
    const room = this.#rooms.get(joined.room);
    if (room) room.onJoinedAgain(joined, "joined again");
    else this.#rooms.set(joined.room, new Room(this.#link, joined));
    this.#requests.onAnswer(joined);
  }

  #onAnswer(frame: Server<"reply" | "error">): void {
    if (frame.type === "error" && this.#phase.at === "resuming" && frame.room === undefined) return this.#onRefused();
    if (frame.room !== undefined && this.#rooms.get(frame.room)?.onAnswer(frame)) return;
    if (this.#requests.onAnswer(frame)) return;
    if (frame.type === "error") this.emit("notice", { code: frame.code, message: frame.message });
  }

  #onPong(pong: Server<"pong">): void {
    this.#clock.onPong(pong, this.#env.now(), this.#env.clock());
    this.emit("clock", { rtt_ms: this.#clock.rtt_ms ?? 0, offset_ms: this.#clock.offset_ms });
  }

  #ping(): void {
    const now_ms = this.#env.now();
    if (this.#clock.isDead(now_ms)) return this.#connection.drop();
    this.#connection.send(this.#clock.ping(now_ms));
    this.#cancelPing = this.#env.after(PING_EVERY_MS, () => this.#ping());
  }

  #ended(): void {
    this.#phase = { at: "down" };
    this.#cancelPing?.();
    this.#requests.onAway();
    for (const room of this.#rooms.values()) room.onAway();
  }

  #down(status: Extract<Status, { status: "connecting" | "away" | "closed" }>): void {
    if (status.status === "closed") {
      const error = new ParlorError("CONNECTION_CLOSED", status.message);
      this.#requests.rejectAll(error);
      for (const name of [...this.#rooms.keys()]) this.#forget(name, error.code, error.message);
    }
    if (status.status !== "connecting") this.#settleReady.reject(new ParlorError("CONNECTION_FAILED", status.message));
    this.#setStatus(status);
  }

  #forget(room: string, code: string, message: string): void {
    const forgotten = this.#rooms.get(room);
    this.#rooms.delete(room);
    this.#asked.delete(room);
    forgotten?.onClosed(code, message);
  }

  #setStatus(status: Status): void {
    this.#status = status;
    this.emit("status", status);
  }
}

function isAlreadyIn(error: unknown): boolean {
  return error instanceof ParlorError && error.code === "ALREADY_IN_ROOM";
}
