// A WebSocket server with ws. Says in one line on standard output where it listens.
//
// With `--cork`, what the messages of one read are answered leaves in one write. ws leaves that to whoever wants it, so it is
// no part of how ws is measured; it shows how much of the difference to others is that alone.

import { parseArgs } from "node:util";

import { WebSocketServer } from "ws";

import { emptyBoard, every, isCell, isId, isKind, isName, Match, MESSAGE_BYTES_MAX, TICK_HZ } from "../../common/work.mjs";

const HOST = "127.0.0.1";
/** What the documentation of ws pings by. */
const PING_MS = 30_000;
/** RFC 6455, 7.4.1: "policy violation". */
const MALFORMED = 1008;

/** All rooms by their names. A room is there as long as it has members. */
const rooms = new Map();

class Room {
  members = new Map();
  #lastMember = 0;

  constructor(name, kind) {
    [this.name, this.kind] = [name, kind];
  }

  enter(socket) {
    this.#lastMember += 1;
    this.members.set(socket, this.#lastMember);
    socket.send(JSON.stringify({ joined: this.name, member: this.#lastMember }));
  }

  /** Encoded once, for a string would be for each of them. */
  toAll(message) {
    const bytes = Buffer.from(JSON.stringify(message));
    for (const socket of this.members.keys()) socket.send(bytes, { binary: false });
  }

  close() {}
}

class EchoRoom extends Room {
  take(socket, member, { id, data }) {
    if (typeof data !== "string") return false;
    socket.send(JSON.stringify({ room: this.name, id, data }));
    return true;
  }
}

class FanoutRoom extends Room {
  take(socket, member, { data }) {
    if (typeof data !== "string") return false;
    this.toAll({ room: this.name, from: member, data });
    return true;
  }
}

class MatchRoom extends Room {
  #match = new Match();
  #end = every(1_000 / TICK_HZ, () => this.#tick());

  enter(socket) {
    super.enter(socket);
    const { tick, board } = this.#match;
    socket.send(JSON.stringify({ room: this.name, tick, board }));
  }

  take(socket, member, { id, cell }) {
    if (!isCell(cell)) return false;
    this.#match.input(socket, member, id, cell);
    return true;
  }

  #tick() {
    const { tick, isEmptied, inputs, cells } = this.#match.step();
    for (const { from, id } of inputs) from.send(JSON.stringify({ room: this.name, id, tick }));
    if (isEmptied) this.toAll({ room: this.name, tick, board: emptyBoard() });
    if (cells.length > 0) this.toAll({ room: this.name, tick, cells });
  }

  close() {
    this.#end();
  }
}

const KINDS = { echo: EchoRoom, fanout: FanoutRoom, match: MatchRoom };

/** Whether it was a join that one can take. */
function join(socket, { join: name, kind }) {
  if (!isName(name) || !isKind(kind)) return false;
  const room = rooms.get(name) ?? new KINDS[kind](name, kind);
  if (room.kind !== kind || room.members.has(socket)) return false;
  rooms.set(name, room);
  room.enter(socket);
  return true;
}

/** Whether it was a message that one can take. */
function take(socket, data, isBinary) {
  if (isBinary) return false;
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return false;
  }
  if (message?.join !== undefined) return join(socket, message);
  const room = rooms.get(message?.room);
  const member = room?.members.get(socket);
  return member !== undefined && isId(message.id) && room.take(socket, member, message);
}

function leave(socket) {
  for (const room of rooms.values()) {
    if (!room.members.delete(socket) || room.members.size > 0) continue;
    rooms.delete(room.name);
    room.close();
  }
}

/** Until this turn of the event loop is over, keeps what is written. */
function cork(tcp) {
  if (tcp.writableCorked > 0) return;
  tcp.cork();
  process.nextTick(() => tcp.uncork());
}

function accept(socket, request, isCorked) {
  socket.isAlive = true;
  socket.on("pong", () => (socket.isAlive = true));
  // What went wrong closes the connection, and "close" follows.
  socket.on("error", () => {});
  socket.on("close", () => leave(socket));
  socket.on("message", (data, isBinary) => {
    if (isCorked) cork(request.socket);
    if (!take(socket, data, isBinary)) socket.close(MALFORMED, "malformed");
  });
}

/** Ends connections that have not answered the ping before, as the documentation of ws has it. */
function ping(sockets) {
  for (const socket of sockets) {
    if (!socket.isAlive) {
      socket.terminate();
      continue;
    }
    socket.isAlive = false;
    socket.ping();
  }
}

const { values: options } = parseArgs({ options: { cork: { type: "boolean", default: false } } });
const server = new WebSocketServer({ host: HOST, port: 0, perMessageDeflate: false, maxPayload: MESSAGE_BYTES_MAX });
server.on("connection", (socket, request) => accept(socket, request, options.cork));
server.on("listening", () => console.log(`ws listening on http://${HOST}:${server.address().port}`));
setInterval(() => ping(server.clients), PING_MS);
