import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";

import { CloseCode } from "@colyseus/core";
import { Client as Sdk } from "@colyseus/sdk";

import { Inbox, start } from "../../common/testing.mjs";
import { CELLS } from "../../common/work.mjs";

const program = new URL("../src/server.js", import.meta.url).pathname;
/** So often is asked whether something has happened that no message tells. */
const TRIES = 200;

const untaken = new Array(CELLS).fill(0);

/** A client by Colyseus' own SDK, with all messages and states that come, each as its name and what it carries. */
class Client {
  inbox = new Inbox();

  static async join(url, name, kind) {
    const client = new Client();
    client.room = await new Sdk(url).joinOrCreate(kind, { room: name });
    client.room.onMessage("*", (event, message) => client.inbox.put([event, message]));
    client.room.onStateChange(({ tick, board }) => client.inbox.put(["state", { tick, board: [...board] }]));
    /** With which code the connection was closed, once it is. */
    client.closed = new Promise((done) => client.room.onLeave(done));
    const came = await client.inbox.upTo(([event]) => event === "joined");
    client.member = came.pop()[1].member;
    // Colyseus sends the state first, where there is one.
    client.shown = came.pop()?.[1];
    return client;
  }

  send(...message) {
    this.room.send(...message);
  }

  next() {
    return this.inbox.next();
  }

  async close() {
    await this.room.leave();
  }
}

suite("the work in colyseus", { timeout: 60_000 }, () => {
  let server;
  before(async () => (server = await start("colyseus", process.execPath, [program])));
  after(() => server.stop());
  const join = (name, kind) => Client.join(server.url, name, kind);

  test("members of a room are counted up from one", async () => {
    const clients = [];
    for (let count = 0; count < 3; count += 1) clients.push(await join("counted", "echo"));
    assert.deepEqual(clients.map(({ member }) => member), [1, 2, 3]);
    await clients[1].close();
    const next = await join("counted", "echo");
    assert.equal(next.member, 4, "a number is not used again");
    const other = await join("other", "echo");
    assert.equal(other.member, 1);
    for (const client of [clients[0], clients[2], next, other]) await client.close();
  });

  test("those who come at once come into one room", async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => join("at once", "echo")));
    assert.deepEqual(clients.map(({ member }) => member).sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
    for (const client of clients) await client.close();
  });

  test("an echo comes to the sender, and to nobody else", async () => {
    const [one, other] = [await join("echo", "echo"), await join("echo", "echo")];
    const data = 'with "quotes", ümlauts and 🦜';
    for (let id = 0; id < 20; id += 1) one.send("say", { id, data });
    for (let id = 0; id < 20; id += 1) assert.deepEqual(await one.next(), ["said", { id, data }]);
    other.send("say", { id: 7, data: "" });
    assert.deepEqual(await other.next(), ["said", { id: 7, data: "" }]);
    for (const client of [one, other]) await client.close();
  });

  test("a message reaches all members once and in one order, the sender too, and no other room", async () => {
    const members = [];
    for (let count = 0; count < 5; count += 1) members.push(await join("fanout", "fanout"));
    const stranger = await join("elsewhere", "fanout");
    for (let id = 0; id < 10; id += 1) {
      for (const client of members) client.send("say", { id, data: `${client.member}/${id}` });
    }
    const seen = [];
    for (const client of members) {
      const came = [];
      for (let count = 0; count < 50; count += 1) came.push(await client.next());
      assert.equal(new Set(came.map(([, { data }]) => data)).size, 50);
      for (const [event, { from, data }] of came) assert.deepEqual([event, data.split("/")[0]], ["said", `${from}`]);
      seen.push(JSON.stringify(came));
    }
    assert.equal(new Set(seen).size, 1, "in one order");
    for (const client of [members[0], stranger]) client.send("say", { id: 99, data: "last" });
    for (const client of [...members, stranger]) assert.equal((await client.next())[1].data, "last", "nothing came twice");
    for (const client of [...members, stranger]) await client.close();
  });

  test("an input is answered with the tick that applied it, and what changed reaches all", async () => {
    const [one, other] = [await join("match", "match"), await join("match", "match")];
    for (const client of [one, other]) assert.deepEqual(client.shown, { tick: 0, board: untaken });
    one.send("cell", { id: 41, cell: 80 });
    const [event, { id, tick }] = await one.next();
    assert.deepEqual([event, id], ["applied", 41]);
    const changed = ["state", { tick, board: untaken.with(80, 1) }];
    for (const client of [one, other]) assert.deepEqual(await client.next(), changed);
    for (const client of [one, other]) await client.close();
  });

  test("who comes later gets the board as it is", async () => {
    const one = await join("late", "match");
    one.send("cell", { id: 1, cell: 4 });
    const [, { tick }] = await one.next();
    const late = await join("late", "match");
    assert.deepEqual(late.shown, { tick, board: untaken.with(4, 1) });
    for (const client of [one, late]) await client.close();
  });

  test("a full board is emptied in the next tick, for all", async () => {
    const members = [];
    for (let count = 0; count < 3; count += 1) members.push(await join("full", "match"));
    for (let cell = 0; cell < CELLS; cell += 1) members[cell % 3].send("cell", { id: cell, cell });
    const taken = untaken.map((_, cell) => (cell % 3) + 1);
    const isEmpty = ([event, state]) => event === "state" && state.board.every((member) => member === 0);
    for (const client of members) {
      const came = (await client.inbox.upTo(isEmpty)).filter(([event]) => event === "state");
      const [, emptied] = came.pop();
      const [, full] = came.pop();
      assert.deepEqual(full.board, taken);
      assert.equal(emptied.tick, full.tick + 1);
    }
    members[0].send("cell", { id: 100, cell: 0 });
    assert.deepEqual((await members[1].next())[1].board, untaken.with(0, 1), "the board can be taken again");
    for (const client of members) await client.close();
  });

  test("what is malformed closes its connection, and no other", async () => {
    const [stays, board] = [await join("strict", "echo"), await join("strict", "match")];
    const malformed = {
      echo: [
        ["say"],
        ["say", null],
        ["say", "text"],
        ["say", { id: -1, data: "" }],
        ["say", { id: 1.5, data: "" }],
        ["say", { id: 1 }],
        ["say", { id: 1, data: 5 }],
        ["cell", { id: 1, cell: 0 }],
        ["no such message"],
      ],
      match: [
        ["cell", { id: 1, cell: -1 }],
        ["cell", { id: 1, cell: 81 }],
        ["cell", { id: 1, cell: "0" }],
        ["cell", { cell: 0 }],
        ["say", { id: 1, data: "" }],
      ],
    };
    for (const [kind, messages] of Object.entries(malformed)) {
      for (const message of messages) {
        const client = await join("strict", kind);
        client.send(...message);
        assert.equal(await client.closed, CloseCode.WITH_ERROR, `closes after ${JSON.stringify(message)}`);
      }
    }
    stays.send("say", { id: 1, data: "still there" });
    assert.equal((await stays.next())[1].data, "still there");
    board.send("cell", { id: 1, cell: 0 });
    assert.equal((await board.next())[0], "applied");
    assert.deepEqual((await board.next())[1].board, untaken.with(0, 1));
    for (const client of [stays, board]) await client.close();
  });

  test("who has left is sent nothing, and an input of theirs is applied", async () => {
    const [stays, leaves] = [await join("left", "match"), await join("left", "match")];
    leaves.send("cell", { id: 1, cell: 9 });
    await leaves.close();
    assert.deepEqual((await stays.next())[1].board, untaken.with(9, 2));
    await stays.close();
  });

  test("a room without a name is refused", async () => {
    for (const options of [{}, { room: "" }, { room: 5 }]) {
      await assert.rejects(new Sdk(server.url).joinOrCreate("echo", options), /a room has a name/);
    }
  });

  test("a room that everybody has left is dropped", async () => {
    const first = await join("dropped", "match");
    first.send("cell", { id: 1, cell: 9 });
    await first.next();
    await first.close();
    for (let tries = 0; ; tries += 1) {
      const client = await join("dropped", "match");
      await client.close();
      if (client.member === 1) return assert.deepEqual(client.shown.board, untaken);
      assert.ok(tries < TRIES, "it is still there");
    }
  });
});
