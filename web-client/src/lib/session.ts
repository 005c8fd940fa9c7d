/**
 * The session: who this client is, and how that outlives a connection. After a loss the first frame is `resume`, behind
 * a token where there is one; where the server refuses it, there is a new session, which joins the same rooms again.
 */

import { Clock, PING_EVERY_MS } from "./clock";
import { closeReason } from "./close";
import type { Subprotocol } from "./codecs";
import { Connection } from "./connection";
import { Emitter } from "./emitter";
import type { Environment, PageChange } from "./environment";
import { ParlorError } from "./errors";
import { Identity } from "./identity";
import type { Credentials } from "./identity";
import { readListing } from "./listing";
import type { RoomListing } from "./listing";
import { Memberships } from "./memberships";
import type { ConnectOptions, JoinOptions, ParlorEvents } from "./options";
import type { ClientFrame, Resumed, Server, ServerFrame } from "./protocol";
import { Requests } from "./requests";
import type { Answer } from "./requests";
import type { Room } from "./room";
import type { Status } from "./status";
import { Tokens } from "./token";
import type { TokenSource } from "./token";
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
  #status: Status = { status: "connecting", attempt: 0 };
  #phase: Phase = { at: "down" };
  #credentials: Credentials | undefined;
  #name: string | undefined;
  /** The name that the session bears, as far as it was asked for. */
  #told_name: string | undefined;
  #server = "";
  #cancelPing: (() => void) | undefined;
  readonly #subprotocol: Subprotocol | undefined;
  readonly #env: Environment;
  readonly #identity: Identity;
  readonly #tokens: Tokens;
  readonly #connection: Connection;
  readonly #clock = new Clock();
  readonly #requests = new Requests();
  readonly #memberships: Memberships;
  readonly #offPageChange: () => void;

  constructor(url: string, options: ConnectOptions, env: Environment) {
    super();
    this.#name = options.name;
    this.#subprotocol = options.subprotocol;
    this.#env = env;
    this.#identity = new Identity(env, url);
    let settle = { resolve: () => {}, reject: (_error: Error) => {} };
    this.ready = new Promise((resolve, reject) => (settle = { resolve, reject }));
    this.#settleReady = settle;
    this.ready.catch(() => {
      // Whoever does not wait for `ready` hears of a failure by `status`.
    });
    this.#memberships = new Memberships(env, {
      send: (frame) => this.#send(frame),
      ask: (request) => this.#ask(request),
    });
    this.#tokens = new Tokens(env, options.token, {
      renewed: (token) => this.#send({ type: "auth", token }),
      failed: ({ message }) => this.emit("notice", { code: "TOKEN_NOT_RENEWED", message }),
    });
    this.#connection = new Connection(env, url, {
      prepare: () => this.#tokens.prepare(),
      opened: (subprotocol) => this.#opened(subprotocol),
      received: (frame, bytes) => this.#received(frame, bytes),
      sent: (frame, bytes) => this.emit("frame", { direction: "out", frame, bytes }),
      unreadable: (error) => this.emit("notice", { code: "UNREADABLE_FRAME", message: error.message }),
      ended: () => this.#ended(),
      down: (status) => this.#down(status),
    });
    this.#offPageChange = env.onPageChange((change) => this.#onPageChange(change));
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
    return this.#memberships.rooms;
  }

  /**
   * Joins a room by name; without a name by `code`, or any open room of `plugin`. A room that this tab was in before it
   * was reloaded takes it back as the same member.
   *
   * `State`, `In` and `Out` say what the plugin's views, inputs and messages look like.
   */
  async join<State = Value, In = Value, Out = Value>(
    room: string | undefined,
    options: JoinOptions = {},
  ): Promise<Room<State, In, Out>> {
    // The plugin's types are the caller's word.
    return (await this.#memberships.join(room, options)) as unknown as Room<State, In, Out>;
  }

  /** The public rooms; with `filter` only those whose metadata has all its entries. */
  async listRooms(of: { readonly plugin?: string; readonly filter?: ValueMap } = {}): Promise<RoomListing[]> {
    const answer = await this.#ask({ type: "list_rooms", ...of });
    return readListing(answer.type === "reply" ? answer.data : undefined);
  }

  /** Changes the nickname. */
  rename(name: string): void {
    this.#name = name;
    if (this.#phase.at === "open") this.#tellName();
  }

  /**
   * Says by a new token who this is: at once where there is a connection, which then lasts as long as this token does,
   * and from now on with each new one. A client that was sent away for its token comes back with this one.
   */
  authenticate(token: TokenSource): void {
    this.#tokens.replace(token);
    if (this.#phase.at !== "down") void this.#authenticate();
    else if (this.#status.status === "closed") this.reconnect();
  }

  /** Connects anew at once, perhaps in another subprotocol; the session goes on. */
  reconnect(options: { readonly subprotocol?: Subprotocol } = {}): void {
    this.#connection.restart(options.subprotocol);
  }

  /** Loses the connection on purpose, to see what that does. */
  drop(): void {
    this.#connection.drop();
  }

  /** Says goodbye: the session ends, and its rooms are left. */
  close(): void {
    this.#offPageChange();
    this.#identity.forget();
    this.#credentials = undefined;
    this.#connection.stop();
    const { code, name, message } = closeReason(1000);
    this.#down({ status: "closed", code, name, message });
    this.#memberships.forgetAll("CONNECTION_CLOSED", message);
  }

  async #start(): Promise<void> {
    this.#credentials = await this.#identity.recall();
    this.#told_name = this.#credentials && this.#name;
    if (this.#status.status !== "closed") this.#connection.start(this.#subprotocol);
  }

  #send(frame: ClientFrame): boolean {
    return this.#phase.at === "open" && this.#connection.send(frame);
  }

  #ask(request: Parameters<Requests["add"]>[0]): Promise<Answer> {
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

  async #authenticate(): Promise<void> {
    const phase = this.#phase;
    try {
      await this.#tokens.prepare();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return this.emit("notice", { code: "TOKEN_NOT_RENEWED", message });
    }
    const token = this.#tokens.current;
    // A connection that came meanwhile has said it.
    if (token === undefined || this.#phase !== phase) return;
    if (phase.at === "greeting") return this.#greet(phase.subprotocol);
    this.#connection.send({ type: "auth", token });
    if (phase.at === "open") this.#tokens.keepFresh(() => this.serverTime);
  }

  #opened(subprotocol: Subprotocol): void {
    if (!this.#credentials) return this.#greet(subprotocol);
    this.#phase = { at: "resuming", subprotocol, fresh: undefined };
    const token = this.#tokens.current;
    // The server asks first whose session that would be.
    if (token !== undefined) this.#connection.send({ type: "auth", token });
    this.#connection.send({ type: "resume", ...this.#credentials, rooms: this.#memberships.positions() });
  }

  #greet(subprotocol: Subprotocol): void {
    this.#phase = { at: "greeting", subprotocol };
    const token = this.#tokens.current;
    const name = this.#name;
    this.#told_name = name;
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
        this.#memberships.onJoined(frame);
        this.#requests.onAnswer(frame);
        return;
      case "room_left":
        if (!this.#requests.onAnswer(frame))
          this.#memberships.forget(frame.room, "LEFT", "you are no longer in the room");
        return;
      case "room_closed":
        return this.#memberships.forget(frame.room, frame.code, frame.message);
      case "room_message":
      case "user_joined":
      case "user_changed":
      case "user_left":
        return this.rooms.get(frame.room)?.onReliable(frame);
      case "room_state":
        return this.#memberships.onState(frame);
      case "room_patch":
        return this.#memberships.onPatch(frame);
      case "reset":
        return this.rooms.get(frame.room)?.onReset(frame);
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
    this.#tokens.keepFresh(() => this.serverTime);
    this.#tellName();
    this.#setStatus({
      status: "open",
      session: credentials.session,
      subprotocol,
      server: this.#server,
      isResumed: resumed !== undefined,
    });
    this.#settleReady.resolve();
    if (resumed) this.#memberships.onResumed(resumed);
    else this.#memberships.onNewSession();
    this.#flush();
  }

  #take({ session, resume_token }: Credentials): void {
    this.#credentials = { session, resume_token };
    this.#identity.remember(this.#credentials);
  }

  #tellName(): void {
    if (this.#name === undefined || this.#name === this.#told_name) return;
    this.#told_name = this.#name;
    this.#connection.send({ type: "auth", name: this.#name });
  }

  #onAnswer(frame: Server<"reply" | "error">): void {
    if (frame.type === "error" && this.#phase.at === "resuming" && frame.room === undefined) return this.#onRefused();
    if (frame.room !== undefined && this.rooms.get(frame.room)?.onAnswer(frame)) return;
    if (this.#requests.onAnswer(frame)) return;
    if (frame.type === "error") this.emit("notice", { code: frame.code, message: frame.message });
  }

  #onPong(pong: Server<"pong">): void {
    const isFirst = this.#clock.rtt_ms === undefined;
    this.#clock.onPong(pong, this.#env.now(), this.#env.clock());
    // Only now is it known what the server's time is, and so how long a token lasts there.
    if (isFirst) this.#tokens.keepFresh(() => this.serverTime);
    this.emit("clock", { rtt_ms: this.#clock.rtt_ms ?? 0, offset_ms: this.#clock.offset_ms });
  }

  #ping(): void {
    const now_ms = this.#env.now();
    if (this.#clock.isDead(now_ms)) return this.#connection.drop("The server no longer answered.");
    this.#connection.send(this.#clock.ping(now_ms));
    this.#cancelPing = this.#env.after(PING_EVERY_MS, () => this.#ping());
  }

  #onPageChange(change: PageChange): void {
    if (change === "back") return void this.#onBack();
    this.#identity.park();
    // A page that is gone for good takes its connection along; one that is kept would be kept from coming back by it.
    if (change === "frozen" && this.#status.status !== "closed") this.#connection.pause();
  }

  /** The page is looked at again; meanwhile another one in this tab may have used the session. */
  async #onBack(): Promise<void> {
    const before = this.#credentials?.session;
    this.#credentials = await this.#identity.recall();
    if (this.#credentials?.session !== before) this.#memberships.onSessionLost();
    if (this.#status.status !== "closed") this.#connection.start(undefined);
  }

  #ended(): void {
    this.#phase = { at: "down" };
    this.#cancelPing?.();
    this.#tokens.rest();
    this.#requests.onAway();
    this.#memberships.onAway();
  }

  #down(status: Extract<Status, { status: "connecting" | "away" | "closed" }>): void {
    // Before anybody hears of it: what is asked for from now on is for the connection to come.
    this.#status = status;
    if (status.status === "connecting") this.#memberships.onAway();
    if (status.status === "closed") {
      const error = new ParlorError("CONNECTION_CLOSED", status.message);
      this.#requests.rejectAll(error);
      this.#memberships.onStopped(error);
    }
    if (status.status !== "connecting") this.#settleReady.reject(new ParlorError("CONNECTION_FAILED", status.message));
    this.#setStatus(status);
  }

  #setStatus(status: Status): void {
    this.#status = status;
    this.emit("status", status);
  }
}
