import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { farLink } from "./far-link.mjs";
import { generator } from "./random.mjs";

/** What comes back of ten bytes that a server says again, and how long each takes. */
async function echoed(weather) {
  const server = createServer((socket) => socket.on("data", (bytes) => socket.write(bytes)).on("error", () => {}));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const link = await farLink(`http://127.0.0.1:${server.address().port}`, weather);
  const client = connect({ host: "127.0.0.1", port: Number(new URL(link.url).port), noDelay: true });
  const [came, sent_ms, took_ms] = [[], [], []];
  client.on("data", (bytes) => {
    for (const byte of bytes) {
      came.push(byte);
      took_ms.push(performance.now() - sent_ms[byte]);
    }
  });
  for (let byte = 0; byte < 10; byte += 1) {
    sent_ms.push(performance.now());
    client.write(Uint8Array.of(byte));
    await wait(20);
  }
  for (let left = 100; came.length < 10 && left > 0; left -= 1) await wait(20);
  client.destroy();
  await link.close();
  server.close();
  return { came, took_ms, tally: link.take() };
}

describe("the far link", () => {
  it("takes its time each way, and keeps the order", async () => {
    const { came, took_ms, tally } = await echoed({ way_ms: 30, stalls: 0, stall_ms: 0, seed: 1 });
    assert.deepEqual(came, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert(Math.min(...took_ms) >= 60, String(took_ms));
    assert.deepEqual([tally.chunks, tally.stalled], [took_ms.length * 2, 0]);
  });

  it("stalls, with all that comes behind", async () => {
    const { came, took_ms, tally } = await echoed({ way_ms: 5, stalls: 0.3, stall_ms: 100, seed: 1 });
    assert.deepEqual(came, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert(tally.stalled > 0 && Math.max(...took_ms) >= 110, JSON.stringify({ took_ms, tally }));
  });

  it("draws the same from the same seed, and something else for another connection", () => {
    const draw = (seed, number) => Array.from({ length: 1_000 }, generator(seed, number));
    assert.deepEqual(draw(1, 2), draw(1, 2));
    assert.notDeepEqual(draw(1, 2), draw(1, 3));
    const low = draw(7, 0).filter((it) => it < 0.05).length;
    assert(low > 25 && low < 80, String(low));
  });
});
