/** The three subprotocols behind one interface. */

import { CLIENT_FRAMES, SERVER_FRAMES } from "../protocol";
import type { ClientFrame, ServerFrame } from "../protocol";
import type { FrameOf, FrameTable } from "../protocol/schema";
import { FrameError } from "../protocol/shape";
import * as json from "./json";
import * as msgpack from "./msgpack";
import * as proto from "./proto";

/** The subprotocols, as a WebSocket handshake names them, in this client's order of preference. */
export const SUBPROTOCOLS = ["v1.binary", "v2.proto", "v1.json"] as const;
export type Subprotocol = (typeof SUBPROTOCOLS)[number];

/** One WebSocket message: text for JSON, bytes for the others. */
export type Message = string | Uint8Array<ArrayBuffer>;

/** Whether a name is that of a subprotocol this client speaks. */
export function isSubprotocol(name: string): name is Subprotocol {
  return (SUBPROTOCOLS as readonly string[]).includes(name);
}

/** Writes a frame of `table`. */
export function encode<T extends FrameTable>(subprotocol: Subprotocol, table: T, frame: FrameOf<T>): Message {
  switch (subprotocol) {
    case "v1.json":
      return json.encode(table, frame);
    case "v1.binary":
      return msgpack.encode(table, frame);
    case "v2.proto":
      return proto.encode(table, frame);
  }
}

/** Reads a frame of `table`; throws `FrameError` or `ValueError`. */
export function decode<T extends FrameTable>(
  subprotocol: Subprotocol,
  table: T,
  message: string | Uint8Array,
): FrameOf<T> {
  if (subprotocol === "v1.json") {
    if (typeof message !== "string") throw new FrameError("v1.json is text, and this message is binary");
    return json.decode(table, message);
  }
  if (typeof message === "string") throw new FrameError(`${subprotocol} is binary, and this message is text`);
  return subprotocol === "v1.binary" ? msgpack.decode(table, message) : proto.decode(table, message);
}

/** Writes what a client sends. */
export function encodeClient(subprotocol: Subprotocol, frame: ClientFrame): Message {
  return encode(subprotocol, CLIENT_FRAMES, frame);
}

/** Reads what the server sent. */
export function decodeServer(subprotocol: Subprotocol, message: string | Uint8Array): ServerFrame {
  return decode(subprotocol, SERVER_FRAMES, message);
}
