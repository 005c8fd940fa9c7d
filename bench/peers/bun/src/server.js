// A WebSocket server with Bun.serve. Says in one line on standard output where it listens.

import { emptyBoard, every, isCell, isId, isKind, isName, Match, MESSAGE_BYTES_MAX, TICK_HZ } from "../../common/work.mjs";

const HOST = "127.0.0.1";
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
    socket.subscribe(this.name);
    socket.send(JSON.stringify({ joined: this.name, member: this.#lastMember }));
  }

  /** By Bun's own topics. By the server's, and not by a socket's, the sender gets it too. */
  toAll(message) {
    server.publish(this.name, JSON.stringify(message));
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

/** Whether it was a message that one can take. Text comes as a string, anything else as bytes. */
function take(socket, data) {
  if (typeof data !== "string") return false;
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

const server = Bun.serve({
  hostname: HOST,
  port: 0,
  development: false,
  fetch(request, server) {
    if (server.upgrade(request)) return undefined;
    return new Response("this is a WebSocket server\n", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: MESSAGE_BYTES_MAX,
    // A client that does not keep up is closed. Otherwise it would miss messages, and nobody would know.
    closeOnBackpressureLimit: true,
    message(socket, data) {
      if (!take(socket, data)) socket.close(MALFORMED, "malformed");
    },
    close: leave,
  },
});
console.log(`bun listening on http://${HOST}:${server.port}`);
