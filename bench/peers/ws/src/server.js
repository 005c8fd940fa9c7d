// A WebSocket server with ws. Says in one line on standard output where it listens.
//
// With `--cork`, what the messages of one read are answered leaves in one write. ws leaves that to whoever wants it, so it is
// no part of how ws is measured; it shows how much of the difference to others is that alone.

import { parseArgs } from "node:util";

import { WebSocketServer } from "ws";

import { Rooms } from "../../common/rooms.mjs";
import { MESSAGE_BYTES_MAX } from "../../common/work.mjs";

const HOST = "127.0.0.1";
/** What the documentation of ws pings by. */
const PING_MS = 30_000;
/** RFC 6455, 7.4.1: "policy violation". */
const MALFORMED = 1008;

const rooms = new Rooms({
  /** Encoded once, for a string would be for each of them. */
  toAll({ members }, text) {
    const bytes = Buffer.from(text);
    for (const socket of members.keys()) socket.send(bytes, { binary: false });
  },
});

/** Until this turn of the event loop is over, keeps what is written. */
function cork(tcp) {
  if (tcp.writableCorked > 0) return;
  tcp.cork();
  process.nextTick(() => tcp.uncork());
}

function accept(socket, request, isCorked) {
  socket.isAlive = true;
  socket.on("pong", () => (socket.isAlive = true));
  // What went wrong closes the connection, and "close" follows.
  socket.on("error", () => {});
  socket.on("close", () => rooms.leave(socket));
  socket.on("message", (data, isBinary) => {
    if (isCorked) cork(request.socket);
    if (isBinary || !rooms.take(socket, data)) socket.close(MALFORMED, "malformed");
  });
}

/** Ends connections that have not answered the ping before, as the documentation of ws has it. */
function ping(sockets) {
  for (const socket of sockets) {
    if (!socket.isAlive) {
      socket.terminate();
      continue;
    }
    socket.isAlive = false;
    socket.ping();
  }
}

const { values: options } = parseArgs({ options: { cork: { type: "boolean", default: false } } });
const server = new WebSocketServer({ host: HOST, port: 0, perMessageDeflate: false, maxPayload: MESSAGE_BYTES_MAX });
server.on("connection", (socket, request) => accept(socket, request, options.cork));
server.on("listening", () => console.log(`ws listening on http://${HOST}:${server.address().port}`));
setInterval(() => ping(server.clients), PING_MS);
