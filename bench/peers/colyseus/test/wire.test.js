// The bytes of Colyseus, as `README.md` has them for clients that do not use its SDK.

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";

import { start, Wire } from "../../common/testing.mjs";
import { CELLS } from "../../common/work.mjs";

const program = new URL("../src/server.js", import.meta.url).pathname;

const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const same = (actual, ...parts) => assert.equal(actual.toString("hex"), bytes(...parts).toString("hex"));

/** What the SDK writes before the values of an object with these two keys: msgpackr's "record". */
const record = (one, other) => bytes([0xd4, 0x72, 0x40, 0x92, 0xa0 | one.length], one, [0xa0 | other.length], other);
const say = (id, data) => bytes([0x0d, 0xa3], "say", record("id", "data"), id, data);
/** A number below 256 in a record, where the bytes 0x40 to 0x7f are no numbers but the names of records. */
const small = (number) => (number < 0x40 ? [number] : [0xcc, number]);
const cell = (id, cell) => bytes([0x0d, 0xa4], "cell", record("id", "cell"), small(id), small(cell));
const applied = (id, tick) => bytes([0x0d, 0xa7], "applied", [0xde, 0, 2, 0xa2], "id", [id, 0xa4], "tick", [tick]);
const joined = (member) => bytes([0x0d, 0xa6], "joined", [0xde, 0, 1, 0xa6], "member", [member]);

suite("colyseus on the wire", { timeout: 60_000 }, () => {
  let server;
  before(async () => (server = await start("colyseus", process.execPath, [program])));
  after(() => server.stop());

  /** A connection to a room, on which the server has said hello; and how it names what states are written by. */
  async function open(kind, room) {
    const answer = await fetch(`${server.url}/matchmake/joinOrCreate/${kind}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room }),
    });
    assert.equal(answer.status, 200);
    const { sessionId, roomId, processId, ...rest } = await answer.json();
    assert.deepEqual(rest, { name: kind });
    const wire = await Wire.open(`${server.url.replace("http:", "ws:")}/${processId}/${roomId}?sessionId=${sessionId}`);
    const hello = await wire.next();
    assert.deepEqual([hello[0], hello[1]], [0x0a, 9]);
    const serializer = hello.subarray(12, 12 + hello[11]).toString();
    wire.send(Buffer.from([0x0a]));
    return { wire, serializer, rest: hello.subarray(12 + hello[11]) };
  }

  test("an echo is two maps in MessagePack", async () => {
    const { wire, serializer, rest } = await open("echo", "e");
    assert.equal(serializer, "none");
    same(rest, [0]);
    same(await wire.next(), joined(1));
    wire.send(say([5], bytes([0xa1], "x")));
    same(await wire.next(), [0x0d, 0xa4], "said", [0xde, 0, 2, 0xa2], "id", [5, 0xa4], "data", [0xa1], "x");
    // An id over 127, and a text of 64 bytes, as MessagePack writes them: big endian.
    const data = bytes([0xd9, 64], "x".repeat(64));
    wire.send(say([0xcd, 0x12, 0x34], data));
    same(await wire.next(), [0x0d, 0xa4], "said", [0xde, 0, 2, 0xa2], "id", [0xcd, 0x12, 0x34, 0xa4], "data", data);
    await wire.close();
  });

  test("a plain map is taken too", async () => {
    const { wire } = await open("echo", "e");
    await wire.next();
    wire.send(bytes([0x0d, 0xa3], "say", [0x82, 0xa2], "id", [5, 0xa4], "data", [0xa1], "x"));
    same(await wire.next(), [0x0d, 0xa4], "said", [0xde, 0, 2, 0xa2], "id", [5, 0xa4], "data", [0xa1], "x");
    await wire.close();
  });

  test("a fan-out names the sender", async () => {
    const { wire } = await open("fanout", "f");
    same(await wire.next(), joined(1));
    wire.send(say([5], bytes([0xa1], "x")));
    same(await wire.next(), [0x0d, 0xa4], "said", [0xde, 0, 2, 0xa4], "from", [1, 0xa4], "data", [0xa1], "x");
    await wire.close();
  });

  test("a board is state: at first all of it, and then the cells that changed and the tick", async () => {
    const { wire, serializer } = await open("match", "m");
    assert.equal(serializer, "schema");
    const cells = (of) => Array.from({ length: CELLS }, (_, index) => of(index)).flat();
    same(await wire.next(), [0x0e, 0x80, 0, 0, 0, 0, 0x81, 1, 0xff, 1], cells((index) => [0x80, index, 0]));
    same(await wire.next(), joined(1));
    for (const [id, index] of [[1, 80], [2, 3]]) {
      wire.send(cell(id, index));
      const [tick] = (await wire.next()).subarray(-1);
      assert.ok(tick < 0x80, "the test has taken too long");
      same(await wire.next(), [0x0f, 0xff, 1, 0, index, 1, 0xff, 0, 0x80, tick, 0, 0, 0]);
    }
    const late = await open("match", "m");
    const state = await late.wire.next();
    const taken = cells((index) => [0x80, index, index === 3 || index === 80 ? 1 : 0]);
    same(state.subarray(6), [0x81, 1, 0xff, 1], taken);
    same(await late.wire.next(), joined(2));
    for (const each of [wire, late.wire]) await each.close();
  });

  test("a full board comes as zeros", async () => {
    const { wire } = await open("match", "z");
    await wire.inbox.upTo((frame) => frame[0] === 0x0d);
    for (let index = 0; index < CELLS; index += 1) wire.send(cell(index, index));
    const frames = await wire.inbox.upTo((frame) => frame[0] === 0x0f && frame.readUInt8(5) === 0);
    const zeros = Array.from({ length: CELLS }, (_, index) => [0, index, 0]).flat();
    same(frames.at(-1).subarray(0, -4), [0x0f, 0xff, 1], zeros, [0xff, 0, 0x80]);
    assert.equal(frames.filter((frame) => frame[0] === 0x0d).length, CELLS);
    same(frames[0].subarray(0, -1), applied(0, 0).subarray(0, -1));
    await wire.close();
  });

  test("what is malformed is closed with 4002", async () => {
    // A payload that is no MessagePack, and a message that the room does not know.
    for (const frame of [[0x0d, 0xa3, ..."say".split("").map((it) => it.charCodeAt(0)), 0xc1], [0x0d, 0xa1, 0x78]]) {
      const { wire } = await open("echo", "e");
      wire.send(Buffer.from(frame));
      assert.equal(await wire.closed, 4002);
    }
  });

  test("who says goodbye is closed with 4000", async () => {
    const { wire } = await open("echo", "e");
    wire.send(Buffer.from([0x0c]));
    assert.equal(await wire.closed, 4000);
  });
});
