// The tests of servers that speak plain WebSocket with JSON: all must pass the same ones.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Wire } from "./testing.mjs";
import { CELLS, emptyBoard } from "./work.mjs";

/** So often is asked whether something has happened that no message tells. */
const TRIES = 200;

class Client {
  static async open(url) {
    const client = new Client();
    client.wire = await Wire.open(url.replace("http:", "ws:"));
    return client;
  }

  /** One that has joined a room, and its number there. */
  static async join(url, room, kind) {
    const client = await Client.open(url);
    client.room = room;
    client.send({ join: room, kind });
    const { joined, member } = await client.next();
    assert.equal(joined, room);
    client.member = member;
    return client;
  }

  send(message) {
    this.wire.send(JSON.stringify(message));
  }

  async next() {
    return JSON.parse(await this.wire.next());
  }

  /** All up to and with the first that satisfies `isLast`. */
  async upTo(isLast) {
    return (await this.wire.inbox.upTo((text) => isLast(JSON.parse(text)))).map((text) => JSON.parse(text));
  }

  close() {
    return this.wire.close();
  }
}

/** What a server must do. `start` starts one. */
export function testPlainServer(start) {
  let server;
  before(async () => (server = await start()));
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
    for (let id = 0; id < 20; id += 1) one.send({ room: "echo", id, data });
    for (let id = 0; id < 20; id += 1) assert.deepEqual(await one.next(), { room: "echo", id, data });
    other.send({ room: "echo", id: 7, data: "" });
    assert.deepEqual(await other.next(), { room: "echo", id: 7, data: "" });
    for (const client of [one, other]) await client.close();
  });

  test("one connection is in several rooms", async () => {
    const client = await join("first", "echo");
    client.send({ join: "second", kind: "fanout" });
    assert.deepEqual(await client.next(), { joined: "second", member: 1 });
    client.send({ room: "second", id: 1, data: "two" });
    client.send({ room: "first", id: 2, data: "one" });
    assert.deepEqual(await client.next(), { room: "second", from: 1, data: "two" });
    assert.deepEqual(await client.next(), { room: "first", id: 2, data: "one" }, "in the order of what was sent");
    await client.close();
  });

  test("a message reaches all members once and in one order, the sender too, and no other room", async () => {
    const members = [];
    for (let count = 0; count < 5; count += 1) members.push(await join("fanout", "fanout"));
    const stranger = await join("elsewhere", "fanout");
    for (let id = 0; id < 10; id += 1) {
      for (const client of members) client.send({ room: "fanout", id, data: `${client.member}/${id}` });
    }
    const seen = [];
    for (const client of members) {
      const came = [];
      for (let count = 0; count < 50; count += 1) came.push(await client.next());
      for (const message of came) assert.deepEqual(Object.keys(message), ["room", "from", "data"]);
      assert.equal(new Set(came.map(({ data }) => data)).size, 50);
      for (const { from, data } of came) assert.equal(data.split("/")[0], `${from}`);
      seen.push(JSON.stringify(came));
    }
    assert.equal(new Set(seen).size, 1, "in one order");
    for (const client of [members[0], stranger]) client.send({ room: client.room, id: 99, data: "last" });
    for (const client of [...members, stranger]) assert.equal((await client.next()).data, "last", "nothing came twice");
    for (const client of [...members, stranger]) await client.close();
  });

  test("an input is answered with the tick that applied it, and what changed reaches all", async () => {
    const [one, other] = [await join("match", "match"), await join("match", "match")];
    for (const client of [one, other]) {
      const { tick, ...rest } = await client.next();
      assert.ok(Number.isInteger(tick));
      assert.deepEqual(rest, { room: "match", board: emptyBoard() });
    }
    one.send({ room: "match", id: 41, cell: 80 });
    const { tick } = await one.next();
    assert.ok(Number.isInteger(tick));
    assert.deepEqual(await one.next(), { room: "match", tick, cells: [[80, 1]] });
    assert.deepEqual(await other.next(), { room: "match", tick, cells: [[80, 1]] });

    // Takes it over; and what a member has, it does not take again.
    other.send({ room: "match", id: 1, cell: 80 });
    assert.deepEqual(Object.keys(await other.next()), ["room", "id", "tick"]);
    assert.deepEqual((await other.next()).cells, [[80, 2]]);
    other.send({ room: "match", id: 2, cell: 80 });
    const again = await other.next();
    other.send({ room: "match", id: 3, cell: 3 });
    const next = await other.next();
    assert.deepEqual([again.id, next.id], [2, 3]);
    assert.ok(next.tick >= again.tick);
    assert.deepEqual(await other.next(), { room: "match", tick: next.tick, cells: [[3, 2]] });

    assert.deepEqual((await one.next()).cells, [[80, 2]]);
    assert.deepEqual((await one.next()).cells, [[3, 2]], "nothing else came");
    for (const client of [one, other]) await client.close();
  });

  test("who comes later gets the board as it is", async () => {
    const one = await join("late", "match");
    await one.next();
    one.send({ room: "late", id: 1, cell: 4 });
    const { tick } = await one.next();
    const late = await join("late", "match");
    const shown = await late.next();
    assert.ok(shown.tick >= tick);
    assert.deepEqual(shown.board, emptyBoard().with(4, 1));
    for (const client of [one, late]) await client.close();
  });

  test("a full board is emptied in the next tick, for all", async () => {
    const members = [];
    for (let count = 0; count < 3; count += 1) members.push(await join("full", "match"));
    for (const client of members) await client.next();
    for (let cell = 0; cell < CELLS; cell += 1) members[cell % 3].send({ room: "full", id: cell, cell });
    for (const client of members) {
      const came = (await client.upTo(({ board }) => board !== undefined)).filter(({ id }) => id === undefined);
      const emptied = came.pop();
      assert.deepEqual(emptied.board, emptyBoard());
      assert.equal(emptied.tick, came.at(-1).tick + 1);
      const cells = came.flatMap(({ cells }) => cells).sort(([a], [b]) => a - b);
      assert.deepEqual(cells, Array.from({ length: CELLS }, (_, cell) => [cell, (cell % 3) + 1]));
    }
    members[0].send({ room: "full", id: 100, cell: 0 });
    assert.deepEqual((await members[1].next()).cells, [[0, 1]], "the board can be taken again");
    for (const client of members) await client.close();
  });

  test("what is malformed closes its connection, and no other", async () => {
    const stays = await join("strict", "echo");
    const board = await join("strict board", "match");
    await board.next();
    const malformed = [
      "",
      "no JSON",
      "null",
      "[]",
      '"text"',
      "{}",
      '{"room":"strict"}',
      '{"room":"strict","id":-1,"data":""}',
      '{"room":"strict","id":1.5,"data":""}',
      '{"room":"strict","id":"1","data":""}',
      '{"room":"strict","id":1}',
      '{"room":"strict","id":1,"data":5}',
      '{"room":"no such room","id":1,"data":""}',
      '{"room":"strict board","id":1,"cell":0}',
      '{"room":5,"id":1,"data":""}',
      '{"join":"strict","kind":"echo"}',
      '{"join":"strict board","kind":"echo"}',
      '{"join":"other","kind":"no such kind"}',
      '{"join":"other","kind":"toString"}',
      '{"join":"","kind":"echo"}',
      '{"join":5,"kind":"echo"}',
      '{"join":"other"}',
      Buffer.from('{"room":"strict","id":1,"data":""}'),
    ];
    for (const message of malformed) {
      const client = await join("strict", "echo");
      client.wire.send(message);
      assert.equal(await client.wire.closed, 1008, `closes after ${message}`);
    }
    for (const cell of [-1, 81, 1.5, "0", null]) {
      const client = await join("strict board", "match");
      client.send({ room: "strict board", id: 1, cell });
      assert.equal(await client.wire.closed, 1008, `closes after cell ${cell}`);
    }
    stays.send({ room: "strict", id: 1, data: "still there" });
    assert.equal((await stays.next()).data, "still there");
    board.send({ room: "strict board", id: 1, cell: 0 });
    const { tick } = await board.next();
    assert.deepEqual(await board.next(), { room: "strict board", tick, cells: [[0, 1]] });
    for (const client of [stays, board]) await client.close();
  });

  test("a message that is far too large closes its connection", async () => {
    const client = await join("large", "echo");
    client.send({ room: "large", id: 1, data: "x".repeat(100_000) });
    assert.equal(await client.wire.closed, 1009);
  });

  test("who has left is sent nothing, and an input of theirs is applied", async () => {
    const [stays, leaves] = [await join("left", "match"), await join("left", "match")];
    await stays.next();
    leaves.send({ room: "left", id: 1, cell: 9 });
    await leaves.close();
    assert.deepEqual((await stays.next()).cells, [[9, 2]]);
    await stays.close();
  });

  test("a room that everybody has left is dropped", async () => {
    const first = await join("dropped", "match");
    await first.next();
    first.send({ room: "dropped", id: 1, cell: 9 });
    await first.next();
    await first.close();
    // That a connection has ended is known to the server a little later than to its client.
    for (let tries = 0; ; tries += 1) {
      const client = await join("dropped", "match");
      const { board } = await client.next();
      await client.close();
      if (client.member === 1) return assert.deepEqual(board, emptyBoard());
      assert.ok(tries < TRIES, "it is still there");
    }
  });
}
