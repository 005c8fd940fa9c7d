// The frames of Socket.IO, as `README.md` has them for clients that do not use its library.

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";

import { start, Wire } from "../../common/testing.mjs";

const program = new URL("../src/server.js", import.meta.url).pathname;

suite("socketio on the wire", { timeout: 60_000 }, () => {
  let server;
  before(async () => (server = await start("socketio", process.execPath, [program])));
  after(() => server.stop());

  /** A connection that has been opened on both levels. */
  async function open() {
    const wire = await Wire.open(`${server.url.replace("http:", "ws:")}/socket.io/?EIO=4&transport=websocket`);
    const opened = await wire.next();
    assert.match(
      opened,
      /^0\{"sid":"[^"]{20}","upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536\}$/,
    );
    wire.send("40");
    assert.match(await wire.next(), /^40\{"sid":"[^"]{20}"\}$/);
    return wire;
  }

  test("a join is acknowledged by its number", async () => {
    const wire = await open();
    wire.send('420["join",{"room":"r","kind":"echo"}]');
    assert.equal(await wire.next(), '430[{"member":1}]');
    wire.send('4217["join",{"room":"s","kind":"fanout"}]');
    assert.equal(await wire.next(), '4317[{"member":1}]');
    await wire.close();
  });

  test("events are arrays of a name and a message", async () => {
    const wire = await open();
    wire.send('420["join",{"room":"e","kind":"echo"}]');
    wire.send('421["join",{"room":"f","kind":"fanout"}]');
    wire.send('42["say",{"room":"e","id":5,"data":"x"}]');
    wire.send('42["say",{"room":"f","id":6,"data":"y"}]');
    assert.equal(await wire.next(), '430[{"member":1}]');
    assert.equal(await wire.next(), '431[{"member":1}]');
    assert.equal(await wire.next(), '42["said",{"room":"e","id":5,"data":"x"}]');
    assert.equal(await wire.next(), '42["said",{"room":"f","from":1,"data":"y"}]');
    await wire.close();
  });

  test("a match shows its board, and then ticks and cells", async () => {
    const wire = await open();
    wire.send('420["join",{"room":"m","kind":"match"}]');
    assert.equal(await wire.next(), '430[{"member":1}]');
    assert.match(await wire.next(), /^42\["board",\{"room":"m","tick":\d+,"board":\[null(,null){80}\]\}\]$/);
    wire.send('42["cell",{"room":"m","id":7,"cell":40}]');
    const [, tick] = /^42\["applied",\{"room":"m","id":7,"tick":(\d+)\}\]$/.exec(await wire.next());
    assert.equal(await wire.next(), `42["cells",{"room":"m","tick":${tick},"cells":[[40,1]]}]`);
    await wire.close();
  });

  test("what is malformed is answered with the end of the session and of the connection", async () => {
    const wire = await open();
    wire.send('42["say",{"room":"no such room","id":1,"data":""}]');
    assert.equal(await wire.next(), "41");
    assert.equal(await wire.closed, 1005);
    const early = await Wire.open(`${server.url.replace("http:", "ws:")}/socket.io/?EIO=4&transport=websocket`);
    early.send('420["join",{"room":"r","kind":"echo"}]');
    assert.equal(await early.closed, 1005, "an event comes after the connection to its namespace");
    const garbage = await open();
    garbage.send("4no packet");
    assert.equal(await garbage.closed, 1005);
  });
});
