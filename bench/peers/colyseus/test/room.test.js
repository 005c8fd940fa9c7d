import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { matchMaker } from "@colyseus/core";
import { Client } from "@colyseus/sdk";

import { Bot, headerBytes } from "../src/bot.js";
import { serve } from "../src/server.js";
import { SHAPES } from "../src/state.js";
import { UNIT } from "../src/world.js";

let server;
let client;

before(async () => {
  const served = await serve();
  server = served.server;
  client = new Client(served.url);
});

after(() => server.gracefullyShutdown(false));

/** Waits until this is so for a client, which changes only with the states that it gets. */
function until(bot, isSo) {
  return new Promise((done) => {
    const look = () => isSo() && done();
    bot.onState(look);
    look();
  });
}

for (const shape of SHAPES) {
  test(`two clients see each other only when they are near: ${shape}`, async () => {
    const [ann, bob] = [await Bot.join(client, shape, 1), await Bot.join(client, shape, 2)];
    const { discs } = matchMaker.getLocalRoomById(ann.roomId).world;
    const put = (x, y) => {
      discs.get(1).place = [300 * UNIT, 300 * UNIT];
      discs.get(2).place = [x * UNIT, y * UNIT];
    };
    const sees = (bot, other, place) => `${bot.seen().get(other.id)}` === `${place}`;

    put(600, 700);
    await until(ann, () => sees(ann, ann, [300, 300]) && !ann.seen().has(bob.id));
    assert.equal(ann.player(bob.id).name, "bot 2", "names are known of all");
    assert.equal(ann.player(bob.id).dx, undefined, "and directions of nobody else");
    put(300, 690);
    await until(ann, () => sees(ann, bob, [300, 690]));
    await until(bob, () => sees(bob, ann, [300, 300]));
    put(300, 735);
    await until(ann, () => sees(ann, bob, [300, 735]));
    put(300, 745);
    await until(ann, () => !ann.seen().has(bob.id));
    await until(bob, () => !bob.seen().has(ann.id));
    assert.ok(sees(ann, ann, [300, 300]) && sees(bob, bob, [300, 745]));

    await bob.steer(127, 0);
    await until(bob, () => bob.place[0] >= 348);
    assert.equal(bob.place[0] % 12, 0, "12 units a tick");
    assert.deepEqual([bob.player(bob.id).dx, bob.player(bob.id).dy], [127, 0]);
    assert.deepEqual([bob.inputs, ann.faults, bob.faults], [{ sent: 1, answered: 1 }, new Map(), new Map()]);
    await Promise.all([ann.leave(), bob.leave()]);
  });
}

test("a direction that is none is refused", async () => {
  const bot = await Bot.join(client, "plain", 1);
  await bot.steer(0.5, 0);
  assert.equal(bot.inputs.answered, 0);
  assert.equal(bot.faults.size, 1);
  await bot.leave();
});

test("what was received is counted, with the headers of the WebSocket", async () => {
  assert.deepEqual([125, 126, 65_535, 65_536].map(headerBytes), [2, 4, 4, 10]);
  const bot = await Bot.join(client, "plain", 1);
  await bot.steer(127, 0);
  await until(bot, () => bot.received.messages >= 5);
  const { messages, payloadBytes, framedBytes } = bot.received;
  assert.ok(payloadBytes > messages, "each has at least its kind");
  const headers = framedBytes - payloadBytes;
  assert.ok(headers >= 2 * messages && headers <= 4 * messages, `${messages} messages with ${headers} bytes of headers`);
  await bot.leave();
});
