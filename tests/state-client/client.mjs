// Clients made of the SDK, as pages load it. Reads commands and writes what the clients have after each frame, a line
// of JSON each: `tests/src/sync/node.rs` is at the other end.
//
//   node --experimental-websocket client.mjs PARLOR_JS SEED ROOM PLUGIN

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [library, seed, ROOM, plugin] = process.argv.slice(2);
const { connect, isMap, stringify } = await import(pathToFileURL(library).href);
const SUBPROTOCOLS = ["v1.json", "v1.binary", "v2.proto"];
/** The longest that a client waits before it connects again. */
const PAUSE_MAX_MS = 60;
/** A connection that does not stand after this long was broken on the way: another one is tried. */
const OPEN_MAX_MS = 1_500;

/** Numbers from 0 to 1, the same for the same seed (a linear congruential generator). */
let state = BigInt(seed);
function random() {
  state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return Number(state >> 11n) / 2 ** 53;
}
const oneOf = (list) => list[Math.floor(random() * list.length)];

class Client {
  #number;
  #parlor;
  #timer;
  /** The room whose states are listened to: after a leave, there is another one. */
  #room;
  /** The state that came and that the room has not yet told of. */
  #pending;
  /** The views that patches name by a number, on this connection. */
  #views = new Map();

  constructor(number, url) {
    this.#number = number;
    this.#parlor = connect(url, { subprotocol: oneOf(SUBPROTOCOLS) });
    this.#parlor.on("status", (status) => this.#onStatus(status));
    this.#parlor.on("frame", ({ direction, frame }) => direction === "in" && this.#onFrame(frame));
    this.#parlor.on("notice", ({ code, message }) => {
      // What is asked for may be somebody else's only, or the room may be left by then.
      if (!["VIEW_NOT_FOUND", "NOT_IN_ROOM"].includes(code)) throw new Error(`${code}: ${message}`);
    });
    this.#join(oneOf(["player", "spectator"]));
  }

  #say(event, more) {
    process.stdout.write(`${JSON.stringify({ client: this.#number, event, ...more })}\n`);
  }

  #onStatus({ status, subprotocol, isResumed }) {
    if (status === "open") this.#say("connected", { subprotocol, is_resumed: isResumed });
    if (status === "connecting") this.#views.clear();
    // Sooner than it would by itself, and perhaps in another encoding.
    clearTimeout(this.#timer);
    if (status === "away") this.#timer = setTimeout(() => this.reconnect(), random() * PAUSE_MAX_MS);
    if (status === "connecting") this.#timer = setTimeout(() => this.reconnect(), OPEN_MAX_MS);
  }

  /** A frame came; the room hears of it when all have been told. */
  #onFrame(frame) {
    this.#refuse();
    if (frame.type === "room_joined") this.#say("joined", { member: frame.you.id, seat: frame.you.seat });
    else if (frame.type === "room_left") this.#say("left");
    else if (frame.type === "reset") this.#say("reset");
    else if (frame.type === "room_state") this.#onState(frame);
    else if (frame.type === "room_patch") this.#onPatch(frame);
  }

  #onState({ view, version, handle }) {
    this.#views.set(handle, view);
    this.#expect({ view, version, is_patch: false });
  }

  #onPatch({ version, handle }) {
    const view = this.#views.get(handle);
    if (view !== undefined) return this.#expect({ view, version, is_patch: true });
    this.#say("unknown", { handle });
    // So that the play can go on.
    this.reconnect();
  }

  /** The room tells in this turn what came of a frame, or never. */
  #expect(came) {
    const room = this.#parlor.rooms.get(ROOM);
    if (!room) throw new Error(`a state of ${came.view} for somebody who is not in the room`);
    if (room !== this.#room) room.on("state", (taken) => this.#onTaken(taken));
    this.#room = room;
    this.#pending = came;
    queueMicrotask(() => this.#refuse());
  }

  /** This is what the client has of the view now. */
  #onTaken({ view, version, value }) {
    const came = this.#pending;
    if (came?.view !== view || came.version !== version) throw new Error(`${view} ${version} came from nowhere`);
    this.#pending = undefined;
    this.#say("state", { ...came, state: stringify(value) });
  }

  /** What the room did not tell of, it could not use. */
  #refuse() {
    if (this.#pending) this.#say("refused", this.#pending);
    this.#pending = undefined;
  }

  async #join(seat) {
    await this.#parlor.join(ROOM, { plugin, seat });
  }

  async rejoin({ seat }) {
    const room = this.#parlor.rooms.get(ROOM);
    if (!room || this.isLeaving) return;
    this.isLeaving = true;
    await room.leave();
    await this.#join(seat);
    this.isLeaving = false;
  }

  reconnect() {
    this.#parlor.reconnect({ subprotocol: oneOf(SUBPROTOCOLS) });
  }

  request({ view }) {
    if (!this.isLeaving) this.#parlor.rooms.get(ROOM)?.requestState(view);
  }

  /** All that it was told before was done by now. */
  heed({ round }) {
    this.#say("heeded", { round });
  }

  /** Makes what the client has of a view something else: bytes are the one thing in it that can be changed. */
  spoil({ view }) {
    const bytes = bytesIn(this.#parlor.rooms.get(ROOM)?.views.get(view)?.value);
    if (!bytes) return;
    bytes[0] ^= 0xff;
    this.#say("spoilt", { view });
  }
}

function bytesIn(value) {
  if (value instanceof Uint8Array) return value.length > 0 ? value : undefined;
  const inner = isMap(value) ? Object.values(value) : Array.isArray(value) ? value : [];
  for (const item of inner) {
    const found = bytesIn(item);
    if (found) return found;
  }
  return undefined;
}

const clients = new Map();
const COMMANDS = ["heed", "reconnect", "rejoin", "request", "spoil"];
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "begin") clients.set(command.client, new Client(command.client, command.url));
  else if (COMMANDS.includes(command.do)) void clients.get(command.client)[command.do](command);
  else throw new Error(`nobody knows how to ${command.do}`);
}
process.exit(0);
