/**
 * A TCP proxy that is as far away as one says, and stalls. What goes which way when is drawn from a seed and the number of
 * the connection, so that a run can be repeated as far as the order of connections goes. Loopback only.
 *
 * `tests/browser/fault-proxy.mjs` spreads its stalls evenly, for tests that are to see as many of them each time. Here
 * they come as chance has it, so that sometimes one follows the other.
 */

import { connect, createServer } from "node:net";
import { generator } from "./random.mjs";

/**
 * @param {string} target the server behind it, such as `http://127.0.0.1:8080`
 * @param {{ way_ms: number, stalls: number, stall_ms: number, seed: number }} weather what passes takes `way_ms` each way;
 *   a chunk (what one read of the socket gives) is held `stall_ms` longer with the probability `stalls`, and all that
 *   comes behind it waits as well
 */
export async function farLink(target, weather) {
  const { hostname, port } = new URL(target);
  const ends = new Set();
  let connections = 0;
  const tally = { chunks: 0, stalled: 0, late_ms: [] };
  const proxy = createServer({ noDelay: true }, (client) => {
    const server = connect({ host: hostname, port: Number(port), noDelay: true });
    const end = () => {
      ends.delete(end);
      client.destroy();
      server.destroy();
    };
    ends.add(end);
    for (const socket of [client, server]) socket.on("error", end).on("close", end);
    const number = 2 * connections;
    connections += 1;
    client.on("data", slowly(server, { ...weather, random: generator(weather.seed, number) }, tally));
    server.on("data", slowly(client, { ...weather, random: generator(weather.seed, number + 1) }, tally));
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    /** What it did since this was asked last; `late_ms` is how much later than they were due chunks were written. */
    take() {
      const taken = { ...tally };
      Object.assign(tally, { chunks: 0, stalled: 0, late_ms: [] });
      return taken;
    },
    async close() {
      for (const end of ends) end();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** Writes what it is given to a socket, in order, as late as the way is long. */
function slowly(socket, { way_ms, stalls, stall_ms, random }, tally) {
  const queue = [];
  let last_due_ms = 0;
  let timer;
  const drain = () => {
    timer = undefined;
    for (;;) {
      const [next] = queue;
      if (!next) return;
      const late_ms = performance.now() - next.due_ms;
      if (late_ms < 0) {
        // Timers go by whole milliseconds, and one that is early would only be set again.
        timer = setTimeout(drain, Math.ceil(-late_ms));
        return;
      }
      tally.late_ms.push(late_ms);
      socket.write(queue.shift().bytes);
    }
  };
  socket.on("close", () => clearTimeout(timer));
  return (bytes) => {
    const isStalled = random() < stalls;
    tally.chunks += 1;
    if (isStalled) tally.stalled += 1;
    last_due_ms = Math.max(last_due_ms, performance.now() + way_ms + (isStalled ? stall_ms : 0));
    queue.push({ bytes, due_ms: last_due_ms });
    timer ??= setTimeout(drain, way_ms);
  };
}
