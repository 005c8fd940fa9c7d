/** A browser for tests: sockets that a test plays the server of, and time that only moves when told to. */

import { decode, encode } from "../codecs";
import type { Subprotocol } from "../codecs";
import type { Environment, Moment, PageChange, Socket } from "../environment";
import { CLIENT_FRAMES, SERVER_FRAMES } from "../protocol";
import type { Client, ClientFrame, Member, Server, ServerFrame } from "../protocol";

/** One socket that the client opened; the methods are what the server does. */
export class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  protocol = "";
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  closedByClient: number | undefined;
  readonly inbox: ClientFrame[] = [];
  readonly offer: readonly string[];

  constructor(offer: readonly string[]) {
    this.offer = offer;
  }

  send(data: Parameters<WebSocket["send"]>[0]): void {
    if (typeof data !== "string" && !(data instanceof Uint8Array)) throw new Error("frames are text or bytes");
    this.inbox.push(decode(this.#subprotocol, CLIENT_FRAMES, data));
  }

  close(code = 1005): void {
    this.closedByClient = code;
  }

  accept(protocol = this.offer[0] ?? ""): void {
    this.protocol = protocol;
    this.#fire(this.onopen, new Event("open"));
  }

  say(...frames: ServerFrame[]): void {
    for (const frame of frames) {
      const message = encode(this.#subprotocol, SERVER_FRAMES, frame);
      this.sayRaw(
        typeof message === "string"
          ? message
          : message.buffer.slice(message.byteOffset, message.byteOffset + message.length),
      );
    }
  }

  sayRaw(data: string | ArrayBuffer): void {
    this.#fire(this.onmessage, new MessageEvent("message", { data }));
  }

  lose(code = 1006, reason = ""): void {
    this.#fire(this.onclose, Object.assign(new Event("close"), { code, reason, wasClean: false }));
  }

  /** The frames of one type that arrived, oldest first. */
  got<T extends ClientFrame["type"]>(type: T): Client<T>[] {
    return this.inbox.filter((frame): frame is Client<T> => frame.type === type);
  }

  /** The last frame of one type; there must be one. */
  last<T extends ClientFrame["type"]>(type: T): Client<T> {
    const frame = this.got(type).at(-1);
    if (!frame) throw new Error(`the client sent no ${type}`);
    return frame;
  }

  get #subprotocol(): Subprotocol {
    return this.protocol as Subprotocol;
  }

  #fire<E extends Event>(handler: ((this: WebSocket, event: E) => unknown) | null, event: E): void {
    // No handler of the client looks at `this`.
    handler?.call(this as unknown as WebSocket, event);
  }
}

/** The environment around those sockets. */
export class FakeEnvironment implements Environment {
  readonly sockets: FakeSocket[] = [];
  readonly stored = new Map<string, string>();
  locks: Environment["locks"] = undefined;
  online = true;
  origin = "http://game.test";
  chance = 0.5;
  reachable: "unreachable" | "unavailable" | "reachable" = "unreachable";
  #now_ms = 1_000;
  #timers: { due_ms: number; callback: () => void }[] = [];
  #moment: (moment: Moment) => void = () => {};
  #pageChanges = new Set<(change: PageChange) => void>();

  readonly storage = {
    getItem: (key: string) => this.stored.get(key) ?? null,
    setItem: (key: string, value: string) => void this.stored.set(key, value),
    removeItem: (key: string) => void this.stored.delete(key),
  };

  openSocket(_url: string, offer: readonly string[]): FakeSocket {
    const socket = new FakeSocket(offer);
    this.sockets.push(socket);
    return socket;
  }

  now = () => this.#now_ms;
  clock = () => 1_700_000_000_000 + this.#now_ms;
  random = () => this.chance;
  probe = () => Promise.resolve(this.reachable);

  after = (delay_ms: number, callback: () => void) => {
    const timer = { due_ms: this.#now_ms + delay_ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  onMoment(callback: (moment: Moment) => void): () => void {
    this.#moment = callback;
    return () => (this.#moment = () => {});
  }

  moment(moment: Moment): void {
    this.#moment(moment);
  }

  onPageChange(callback: (change: PageChange) => void): () => void {
    this.#pageChanges.add(callback);
    return () => this.#pageChanges.delete(callback);
  }

  page(change: PageChange): void {
    for (const callback of this.#pageChanges) callback(change);
    // Nobody hears anything in a page that is gone.
    if (change === "gone") this.#pageChanges.clear();
  }

  /** Lets time pass, and every timer fire at its own time. */
  pass(ms: number): void {
    const end_ms = this.#now_ms + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.due_ms <= end_ms).sort((a, b) => a.due_ms - b.due_ms)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now_ms = next.due_ms;
      next.callback();
    }
    this.#now_ms = end_ms;
  }

  /** The socket opened last. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("the client opened no socket");
    return socket;
  }
}

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

export function member(id: number, name = `member ${id}`): Member {
  return { id, name, seat: "player", away: false };
}

export function welcome(session = "s1"): Server<"welcome"> {
  const limits = { message_bytes_max: 1_048_576, rooms_max: 16, messages_per_second: 100 };
  return {
    type: "welcome",
    session,
    resume_token: `${session}-token`,
    protocol: "v1.json",
    heartbeat_ms: 30_000,
    limits,
    server: "parlor 0.0.0",
  };
}

export function joined(room: string, over: Partial<Server<"room_joined">> = {}): Server<"room_joined"> {
  return {
    type: "room_joined",
    room,
    plugin: "echo",
    version: "0.1.0",
    digest: "00",
    durability: "none",
    you: member(1),
    members: [member(1)],
    member_count: 1,
    epoch: 1,
    seq: 0,
    last_id: 0,
    ...over,
  };
}
