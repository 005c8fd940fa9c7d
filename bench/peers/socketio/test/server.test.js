import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";

import { io } from "socket.io-client";

import { Inbox, start } from "../../common/testing.mjs";
import { CELLS, emptyBoard } from "../../common/work.mjs";

const program = new URL("../src/server.js", import.meta.url).pathname;
/** So often is asked whether something has happened that no message tells. */
const TRIES = 200;

/** A client by Socket.IO's own library, with all events that come, each as its name and what it carries. */
class Client {
  inbox = new Inbox();

  static async open(url) {
    const client = new Client();
    client.socket = io(url, { transports: ["websocket"], forceNew: true, reconnection: false });
    client.socket.onAny((...event) => client.inbox.put(event));
    /** Why the connection was closed, once it is. */
    client.closed = new Promise((done) => client.socket.on("disconnect", done));
    await new Promise((done, failed) => client.socket.on("connect", done).on("connect_error", failed));
    return client;
  }

  static async join(url, room, kind) {
    const client = await Client.open(url);
    client.room = room;
    ({ member: client.member } = await client.socket.emitWithAck("join", { room, kind }));
    return client;
  }

  send(...event) {
    this.socket.emit(...event);
  }

  next() {
    return this.inbox.next();
  }

  close() {
    this.socket.disconnect();
    return this.closed;
  }
}

suite("socketio", { timeout: 60_000 }, () => {
  let server;
  before(async () => (server = await start("socketio", process.execPath, [program])));
  after(() => server.stop());
  const join = (room, kind) => Client.join(server.url, room, kind);

  test("members of a room are counted up from one", async () => {
    const clients = [];
    for (let count = 0; count < 3; count += 1) clients.push(await join("counted", "echo"));
    assert.deepEqual(clients.map(({ member }) => member), [1, 2, 3]);
    await clients[1].close();
    const next = await join("counted", "echo");
    assert.equal(next.member, 4, "a number is not used again");
    for (const client of [clients[0], clients[2], next]) await client.close();
  });

  test("an echo comes to the sender, and to nobody else", async () => {
    const [one, other] = [await join("echo", "echo"), await join("echo", "echo")];
    const data = 'with "quotes", ümlauts and 🦜';
    for (let id = 0; id < 20; id += 1) one.send("say", { room: "echo", id, data });
    for (let id = 0; id < 20; id += 1) assert.deepEqual(await one.next(), ["said", { room: "echo", id, data }]);
    other.send("say", { room: "echo", id: 7, data: "" });
    assert.deepEqual(await other.next(), ["said", { room: "echo", id: 7, data: "" }]);
    for (const client of [one, other]) await client.close();
  });

  test("a message reaches all members once and in one order, the sender too, and no other room", async () => {
    const members = [];
    for (let count = 0; count < 5; count += 1) members.push(await join("fanout", "fanout"));
    const stranger = await join("elsewhere", "fanout");
    for (let id = 0; id < 10; id += 1) {
      for (const client of members) client.send("say", { room: "fanout", id, data: `${client.member}/${id}` });
    }
    const seen = [];
    for (const client of members) {
      const came = [];
      for (let count = 0; count < 50; count += 1) came.push(await client.next());
      assert.equal(new Set(came.map(([, { data }]) => data)).size, 50);
      for (const [event, { room, from, data }] of came) {
        assert.deepEqual([event, room, data.split("/")[0]], ["said", "fanout", `${from}`]);
      }
      seen.push(JSON.stringify(came));
    }
    assert.equal(new Set(seen).size, 1, "in one order");
    for (const client of [members[0], stranger]) client.send("say", { room: client.room, id: 99, data: "last" });
    for (const client of [...members, stranger]) assert.equal((await client.next())[1].data, "last", "nothing came twice");
    for (const client of [...members, stranger]) await client.close();
  });

  test("an input is answered with the tick that applied it, and what changed reaches all", async () => {
    const [one, other] = [await join("match", "match"), await join("match", "match")];
    for (const client of [one, other]) {
      const [event, { tick, ...rest }] = await client.next();
      assert.ok(Number.isInteger(tick));
      assert.deepEqual([event, rest], ["board", { room: "match", board: emptyBoard() }]);
    }
    one.send("cell", { room: "match", id: 41, cell: 80 });
    const [event, { tick, ...rest }] = await one.next();
    assert.deepEqual([event, rest], ["applied", { room: "match", id: 41 }]);
    for (const client of [one, other]) {
      assert.deepEqual(await client.next(), ["cells", { room: "match", tick, cells: [[80, 1]] }]);
    }
    for (const client of [one, other]) await client.close();
  });

  test("who comes later gets the board as it is", async () => {
    const one = await join("late", "match");
    await one.next();
    one.send("cell", { room: "late", id: 1, cell: 4 });
    const [, { tick }] = await one.next();
    const late = await join("late", "match");
    const [event, shown] = await late.next();
    assert.equal(event, "board");
    assert.ok(shown.tick >= tick);
    assert.deepEqual(shown.board, emptyBoard().with(4, 1));
    for (const client of [one, late]) await client.close();
  });

  test("a full board is emptied in the next tick, for all", async () => {
    const members = [];
    for (let count = 0; count < 3; count += 1) members.push(await join("full", "match"));
    for (const client of members) await client.next();
    for (let cell = 0; cell < CELLS; cell += 1) members[cell % 3].send("cell", { room: "full", id: cell, cell });
    for (const client of members) {
      const came = (await client.inbox.upTo(([event]) => event === "board")).filter(([event]) => event !== "applied");
      const [, emptied] = came.pop();
      assert.deepEqual(emptied.board, emptyBoard());
      assert.equal(emptied.tick, came.at(-1)[1].tick + 1);
      const cells = came.flatMap(([, { cells }]) => cells).sort(([a], [b]) => a - b);
      assert.deepEqual(cells, Array.from({ length: CELLS }, (_, cell) => [cell, (cell % 3) + 1]));
    }
    members[0].send("cell", { room: "full", id: 100, cell: 0 });
    assert.deepEqual((await members[1].next())[1].cells, [[0, 1]], "the board can be taken again");
    for (const client of members) await client.close();
  });

  test("what is malformed closes its connection, and no other", async () => {
    const stays = await join("strict", "echo");
    const board = await join("strict board", "match");
    await board.next();
    const malformed = [
      ["say"],
      ["say", null],
      ["say", "text"],
      ["say", { room: "strict" }],
      ["say", { room: "strict", id: -1, data: "" }],
      ["say", { room: "strict", id: 1.5, data: "" }],
      ["say", { room: "strict", id: 1 }],
      ["say", { room: "strict", id: 1, data: 5 }],
      ["say", { room: "no such room", id: 1, data: "" }],
      ["cell", { room: "strict", id: 1, cell: 0 }],
      ["cell", { room: "strict board", id: 1, cell: 0 }],
      ["join", { room: "other", kind: "echo" }],
      ["join", null, () => {}],
      ["join", { room: "strict", kind: "echo" }, () => {}],
      ["join", { room: "strict board", kind: "echo" }, () => {}],
      ["join", { room: "other", kind: "toString" }, () => {}],
      ["join", { room: "", kind: "echo" }, () => {}],
    ];
    for (const event of malformed) {
      const client = await join("strict", "echo");
      client.send(...event);
      const reason = await client.closed;
      assert.equal(reason, "io server disconnect", `closes after ${JSON.stringify(event)}`);
    }
    for (const event of [["cell", { id: 1, cell: 81 }], ["cell", { id: 1, cell: "0" }], ["say", { id: 1, data: "" }]]) {
      const client = await join("strict board", "match");
      const [name, message] = event;
      client.send(name, { room: "strict board", ...message });
      assert.equal(await client.closed, "io server disconnect", `closes after ${JSON.stringify(event)}`);
    }
    stays.send("say", { room: "strict", id: 1, data: "still there" });
    assert.equal((await stays.next())[1].data, "still there");
    board.send("cell", { room: "strict board", id: 1, cell: 0 });
    assert.equal((await board.next())[0], "applied");
    assert.deepEqual((await board.next())[1].cells, [[0, 1]]);
    for (const client of [stays, board]) await client.close();
  });

  test("who has left is sent nothing, and an input of theirs is applied", async () => {
    const [stays, leaves] = [await join("left", "match"), await join("left", "match")];
    await stays.next();
    leaves.send("cell", { room: "left", id: 1, cell: 9 });
    // What comes in one read with a goodbye, Socket.IO does not hand on: so first the server must have got the input.
    await leaves.socket.emitWithAck("join", { room: "left too", kind: "echo" });
    await leaves.close();
    assert.deepEqual((await stays.next())[1].cells, [[9, 2]]);
    await stays.close();
  });

  test("a room that everybody has left is dropped", async () => {
    const first = await join("dropped", "match");
    await first.next();
    first.send("cell", { room: "dropped", id: 1, cell: 9 });
    await first.next();
    await first.close();
    // That a connection has ended is known to the server a little later than to its client.
    for (let tries = 0; ; tries += 1) {
      const client = await join("dropped", "match");
      const [, { board }] = await client.next();
      await client.close();
      if (client.member === 1) return assert.deepEqual(board, emptyBoard());
      assert.ok(tries < TRIES, "it is still there");
    }
  });
});
