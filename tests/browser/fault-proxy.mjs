/** A TCP proxy between a browser and the server that breaks connections when a test says so. Loopback only. */

import { connect, createServer } from "node:net";

/**
 * @param {string} target the server behind it, such as `http://127.0.0.1:8080`
 */
export async function faultProxy(target) {
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
    client.on("data", (bytes) => server.write(bytes));
    server.on("data", (bytes) => link.isDeaf || client.write(bytes));
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
