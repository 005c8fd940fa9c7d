/** `parlor-client`: join rooms on a Parlor server from a browser. */

import { browserEnvironment } from "./environment";
import { Parlor } from "./session";
import type { ConnectOptions } from "./options";

/**
 * Connects to a server and stays connected until `close`.
 *
 * @param url where the server's WebSocket is, such as `wss://example.org/ws`; a path, or an `http` address, also does
 */
export function connect(url = "/ws", options: ConnectOptions = {}): Parlor {
  return new Parlor(socketUrl(url, globalThis.location?.href), options, browserEnvironment());
}

/** The absolute address of a WebSocket, from whatever names it. */
export function socketUrl(url: string, base: string | undefined): string {
  const absolute = new URL(url, base);
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  absolute.hash = "";
  return absolute.href;
}

export { closeReason } from "./close";
export type { CloseReason } from "./close";
export { isSubprotocol, SUBPROTOCOLS } from "./codecs";
export type { Subprotocol } from "./codecs";
export { parseValue, stringify, valueFromJson } from "./codecs/json";
export { ParlorError } from "./errors";
export type { Reply } from "./inputs";
export { interpolate } from "./interpolate";
export type { MovingFields } from "./interpolate";
export type { RoomListing } from "./listing";
export type {
  Client,
  ClientFrame,
  Create,
  Durability,
  Member,
  Seat,
  Server,
  ServerFrame,
  Visibility,
} from "./protocol";
export type { Room } from "./room";
export type { RoomEvents } from "./room";
export type { Parlor } from "./session";
export type { ConnectOptions, JoinOptions, ParlorEvents } from "./options";
export type { LocalChange } from "./predictions";
export type { Status } from "./status";
export type { TokenSource } from "./token";
export { isMap, ValueError } from "./value";
export type { Value, ValueMap } from "./value";
export type { View } from "./view-state";
export type { Motion } from "./views";
export type { Change, EachListener, Path } from "./watch";
