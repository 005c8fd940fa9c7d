// A Socket.IO server. Says in one line on standard output where it listens.

import { createServer } from "node:http";

import { Server } from "socket.io";

import {
  emptyBoard, every, isCell, isId, isKind, isName, isObject, Match, MESSAGE_BYTES_MAX, TICK_HZ,
} from "../../common/work.mjs";

const HOST = "127.0.0.1";

/** All rooms by their names. A room is there as long as it has members. */
const rooms = new Map();

class Room {
  members = new Map();
  #lastMember = 0;

  constructor(name, kind) {
    [this.name, this.kind] = [name, kind];
  }

  enter(socket, acknowledge) {
    this.#lastMember += 1;
    this.members.set(socket, this.#lastMember);
    socket.join(this.name);
    acknowledge({ member: this.#lastMember });
  }

  /** By Socket.IO's own rooms: encoded and framed once. */
  toAll(event, message) {
    io.to(this.name).emit(event, message);
  }

  // What a kind of room does not take is malformed.
  say() {
    return false;
  }

  cell() {
    return false;
  }

  close() {}
}

class EchoRoom extends Room {
  say(socket, member, { id, data }) {
    if (typeof data !== "string") return false;
    socket.emit("said", { room: this.name, id, data });
    return true;
  }
}

class FanoutRoom extends Room {
  say(socket, member, { data }) {
    if (typeof data !== "string") return false;
    this.toAll("said", { room: this.name, from: member, data });
    return true;
  }
}

class MatchRoom extends Room {
  #match = new Match();
  #end = every(1_000 / TICK_HZ, () => this.#tick());

  enter(socket, acknowledge) {
    super.enter(socket, acknowledge);
    const { tick, board } = this.#match;
    socket.emit("board", { room: this.name, tick, board });
  }

  cell(socket, member, { id, cell }) {
    if (!isCell(cell)) return false;
    this.#match.input(socket, member, id, cell);
    return true;
  }

  #tick() {
    const { tick, isEmptied, inputs, cells } = this.#match.step();
    for (const { from, id } of inputs) from.emit("applied", { room: this.name, id, tick });
    if (isEmptied) this.toAll("board", { room: this.name, tick, board: emptyBoard() });
    if (cells.length > 0) this.toAll("cells", { room: this.name, tick, cells });
  }

  close() {
    this.#end();
  }
}

const KINDS = { echo: EchoRoom, fanout: FanoutRoom, match: MatchRoom };

/** Whether it was a join that one can take. */
function join(socket, message, acknowledge) {
  if (!isObject(message) || typeof acknowledge !== "function") return false;
  const { room: name, kind } = message;
  if (!isName(name) || !isKind(kind)) return false;
  const room = rooms.get(name) ?? new KINDS[kind](name, kind);
  if (room.kind !== kind || room.members.has(socket)) return false;
  rooms.set(name, room);
  room.enter(socket, acknowledge);
  return true;
}

/** Whether it was a message that one can take. */
function take(socket, event, message) {
  const room = rooms.get(message?.room);
  const member = room?.members.get(socket);
  return member !== undefined && isId(message.id) && room[event](socket, member, message);
}

function leave(socket) {
  for (const room of rooms.values()) {
    if (!room.members.delete(socket) || room.members.size > 0) continue;
    rooms.delete(room.name);
    room.close();
  }
}

/** Closes the connection, and not only what Socket.IO has on it. */
function expect(isWellFormed, socket) {
  if (!isWellFormed) socket.disconnect(true);
}

function accept(socket) {
  socket.on("join", (message, acknowledge) => expect(join(socket, message, acknowledge), socket));
  socket.on("say", (message) => expect(take(socket, "say", message), socket));
  socket.on("cell", (message) => expect(take(socket, "cell", message), socket));
  socket.on("disconnect", () => leave(socket));
}

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
  maxHttpBufferSize: MESSAGE_BYTES_MAX,
});
io.on("connection", accept);
// The request that a connection began with is kept for as long as that lasts, unless one lets go of it.
io.engine.on("connection", (connection) => (connection.request = null));
http.listen(0, HOST, () => console.log(`socketio listening on http://${HOST}:${http.address().port}`));
