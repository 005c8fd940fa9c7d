/**
 * A TCP proxy between a browser and the server that breaks connections when a test says so, or is far away. Loopback
 * only.
 */

import { connect, createServer } from "node:net";

/**
 * @param {string} target the server behind it, such as `http://127.0.0.1:8080`
 * @param {{ way_ms?: number, stalls?: number, stall_ms?: number }} [far] what passes takes `way_ms` each way, and a
 *   share of it, from 0 to 1, `stall_ms` longer, with all that comes behind it
 */
export async function faultProxy(target, far = {}) {
  const { hostname, port } = new URL(target);
  const links = new Set();
  let isCut = false;
  const proxy = createServer((client) => {
    const server = connect({ host: hostname, port: Number(port) });
    const link = { client, server, isDeaf: false };
    const end = () => {
      links.delete(link);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on("error", end).on("close", end);
    if (isCut) return void client.resetAndDestroy();
    links.add(link);
    const [inbound, outbound] = [slowly(server, far), slowly(client, far)];
    client.on("data", inbound);
    server.on("data", (bytes) => link.isDeaf || outbound(bytes));
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    /** Breaks every connection, and each new one at once, until `mend`. */
    cut() {
      isCut = true;
      for (const { client, server } of links) {
        client.resetAndDestroy();
        server.resetAndDestroy();
      }
    },
    mend() {
      isCut = false;
    },
    /** Loses what the server says on the connections that there are, and nothing of what the client says. */
    deafen() {
      for (const link of links) link.isDeaf = true;
    },
    async close() {
      for (const { client, server } of links) {
        client.destroy();
        server.destroy();
      }
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** Writes what it is given to a socket, in order, as late as the way is long. */
function slowly(socket, { way_ms = 0, stalls = 0, stall_ms = 0 }) {
  if (way_ms === 0) return (bytes) => socket.write(bytes);
  const queue = [];
  let last_due_ms = 0;
  let count = 0;
  let timer;
  const drain = () => {
    timer = undefined;
    while (queue.length > 0 && queue[0].due_ms <= performance.now()) socket.write(queue.shift().bytes);
    if (queue.length > 0) timer = setTimeout(drain, Math.max(1, queue[0].due_ms - performance.now()));
  };
  socket.on("close", () => clearTimeout(timer));
  return (bytes) => {
    count += 1;
    // Evenly spread, so that no run has more of them than another.
    const isStalled = Math.floor(count * stalls) > Math.floor((count - 1) * stalls);
    last_due_ms = Math.max(last_due_ms, performance.now() + way_ms + (isStalled ? stall_ms : 0));
    queue.push({ bytes, due_ms: last_due_ms });
    timer ??= setTimeout(drain, way_ms);
  };
}
