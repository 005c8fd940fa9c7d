// A Colyseus server with the arena, and with the work that all servers are given. Says in one line on standard output where it
// listens.

import { Server } from "@colyseus/core";
import { WebSocketTransport } from "@colyseus/ws-transport";

import { ArenaRoom } from "./room.js";
import { EchoRoom, FanoutRoom, MatchRoom } from "./rooms.js";
import { SHAPES } from "./state.js";

const HOST = "127.0.0.1";

/** A server on a port of its own, and its address. */
export async function serve() {
  // Not compressed, which is this transport's default too: small messages, twenty times a second.
  const transport = new WebSocketTransport({ perMessageDeflate: false });
  const server = new Server({ transport, greet: false });
  for (const shape of SHAPES) server.define(`arena-${shape}`, ArenaRoom, { shape });
  // Who names the same room comes into the same one. A filter cannot be called `name`: that is Colyseus' own name for the kind.
  for (const [kind, room] of Object.entries({ echo: EchoRoom, fanout: FanoutRoom, match: MatchRoom })) {
    server.define(kind, room).filterBy(["room"]);
  }
  await server.listen(0, HOST);
  return { server, url: `http://${HOST}:${transport.server.address().port}` };
}

if (import.meta.main) console.log(`colyseus listening on ${(await serve()).url}`);
