// The rooms of the work that all servers are given: an echo, a fan-out, and a match. The arena is in `room.js`.

import { CloseCode, ErrorCode, Room, ServerError } from "@colyseus/core";
import { schema, t } from "@colyseus/schema";

import { CELLS, isCell, isId, isName, Match, TICK_HZ } from "../../common/work.mjs";

/** What a cell holds that nobody has. */
const NOBODY = 0;
/** A cell has one byte for the number of its member. */
const MATCH_MEMBERS_MAX = 255;

/** What these rooms have in common: members are counted, and what is malformed ends its connection. */
class WorkRoom extends Room {
  membersMax = Infinity;
  #lastMember = 0;

  onCreate({ room }) {
    if (!isName(room)) throw new ServerError(ErrorCode.APPLICATION_ERROR, "a room has a name");
  }

  onJoin(client) {
    if (this.#lastMember === this.membersMax) {
      throw new ServerError(ErrorCode.APPLICATION_ERROR, "this room has had too many members");
    }
    this.#lastMember += 1;
    client.userData = this.#lastMember;
    // Kept by Colyseus until the client has its state.
    client.send("joined", { member: this.#lastMember });
  }

  isTaken(isWellFormed, client) {
    if (!isWellFormed) client.leave(CloseCode.WITH_ERROR, "malformed");
    return isWellFormed;
  }
}

const isSay = (message) => isId(message?.id) && typeof message.data === "string";

export class EchoRoom extends WorkRoom {
  // There is no state of which to send patches.
  patchRate = null;

  messages = {
    say: (client, message) => {
      if (this.isTaken(isSay(message), client)) client.send("said", { id: message.id, data: message.data });
    },
  };
}

export class FanoutRoom extends WorkRoom {
  patchRate = null;

  messages = {
    say: (client, message) => {
      if (this.isTaken(isSay(message), client)) this.broadcast("said", { from: client.userData, data: message.data });
    },
  };
}

/** What is shown of a match: the last tick that changed something, and who has which cell after it. */
const Board = schema({ tick: t.uint32(), board: t.array("uint8") }, "Board");

export class MatchRoom extends WorkRoom {
  membersMax = MATCH_MEMBERS_MAX;
  #match = new Match();

  messages = {
    cell: (client, message) => {
      if (!this.isTaken(isId(message?.id) && isCell(message.cell), client)) return;
      this.#match.input(client, client.userData, message.id, message.cell);
    },
  };

  onCreate(options) {
    super.onCreate(options);
    this.state = new Board().assign({ tick: 0 });
    for (let cell = 0; cell < CELLS; cell += 1) this.state.board.push(NOBODY);
    this.setFixedTimestep(() => this.#step(), TICK_HZ);
    // Patches leave at the end of each tick, as in the arena.
    this.patchRate = null;
    // Nobody is there yet: all this does is that who comes first is not sent the board again as news.
    this.broadcastPatch();
  }

  #step() {
    const { tick, isEmptied, inputs, cells } = this.#match.step();
    for (const { from, id } of inputs) from.send("applied", { id, tick });
    const { state } = this;
    if (isEmptied) for (let cell = 0; cell < CELLS; cell += 1) state.board[cell] = NOBODY;
    for (const [cell, member] of cells) state.board[cell] = member;
    // Only then is there anything to patch.
    if (isEmptied || cells.length > 0) state.tick = tick;
    this.broadcastPatch();
  }
}
