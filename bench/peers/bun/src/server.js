// A WebSocket server with Bun.serve. Says in one line on standard output where it listens.

import { Rooms } from "../../common/rooms.mjs";
import { MESSAGE_BYTES_MAX } from "../../common/work.mjs";

const HOST = "127.0.0.1";
/** RFC 6455, 7.4.1: "policy violation". */
const MALFORMED = 1008;

/** By Bun's own topics. By the server's, and not by a socket's, the sender of a message gets it too. */
const rooms = new Rooms({
  entered: (room, socket) => socket.subscribe(room.name),
  toAll: (room, text) => server.publish(room.name, text),
});

const server = Bun.serve({
  hostname: HOST,
  port: 0,
  development: false,
  fetch(request, server) {
    if (server.upgrade(request)) return undefined;
    return new Response("this is a WebSocket server\n", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: MESSAGE_BYTES_MAX,
    // A client that does not keep up is closed. Otherwise it would miss messages, and nobody would know.
    closeOnBackpressureLimit: true,
    message(socket, data) {
      // Text comes as a string, anything else as bytes.
      if (typeof data !== "string" || !rooms.take(socket, data)) socket.close(MALFORMED, "malformed");
    },
    close: (socket) => rooms.leave(socket),
  },
});
console.log(`bun listening on http://${HOST}:${server.port}`);
