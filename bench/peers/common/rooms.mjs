// The rooms of servers that speak plain WebSockets with JSON, and what their messages do. How a message gets to all members of a
// room is each server's own.

import { emptyBoard, every, isCell, isId, isKind, isName, Match, TICK_HZ } from "./work.mjs";

class Room {
  members = new Map();
  #link;
  #lastMember = 0;

  constructor(name, kind, link) {
    [this.name, this.kind, this.#link] = [name, kind, link];
  }

  enter(socket) {
    this.#lastMember += 1;
    this.members.set(socket, this.#lastMember);
    this.#link.entered?.(this, socket);
    socket.send(JSON.stringify({ joined: this.name, member: this.#lastMember }));
  }

  /** Written once for all of them. */
  toAll(message) {
    this.#link.toAll(this, JSON.stringify(message));
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

const ROOMS = { echo: EchoRoom, fanout: FanoutRoom, match: MatchRoom };

/** All rooms by their names. A room is there as long as it has members. */
export class Rooms {
  #rooms = new Map();
  #link;

  /** `toAll(room, text)` sends a text to all members; `entered(room, socket)`, where there is one, hears of each that is new. */
  constructor(link) {
    this.#link = link;
  }

  /** Whether it was a message that one can take. */
  take(socket, text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return false;
    }
    if (message?.join !== undefined) return this.#join(socket, message);
    const room = this.#rooms.get(message?.room);
    const member = room?.members.get(socket);
    return member !== undefined && isId(message.id) && room.take(socket, member, message);
  }

  leave(socket) {
    for (const room of this.#rooms.values()) {
      if (!room.members.delete(socket) || room.members.size > 0) continue;
      this.#rooms.delete(room.name);
      room.close();
    }
  }

  /** Whether it was a join that one can take. */
  #join(socket, { join: name, kind }) {
    if (!isName(name) || !isKind(kind)) return false;
    const room = this.#rooms.get(name) ?? new ROOMS[kind](name, kind, this.#link);
    if (room.kind !== kind || room.members.has(socket)) return false;
    this.#rooms.set(name, room);
    room.enter(socket);
    return true;
  }
}
