/** What an application says to a session, and what it hears from it. */

import type { Subprotocol } from "./codecs";
import type { ClientFrame, Create, Seat, ServerFrame, Visibility } from "./protocol";
import type { Status } from "./status";
import type { TokenSource } from "./token";
import type { ValueMap } from "./value";

/** How to connect. */
export interface ConnectOptions {
  /** The nickname, 1 to 32 characters. */
  readonly name?: string;
  /**
   * A token, where the server asks for one; or a function that gets one, which is called for each connection, and
   * again before the token it gave ends.
   */
  readonly token?: TokenSource;
  /** The one subprotocol to offer; default all, in the client's order of preference. */
  readonly subprotocol?: Subprotocol;
}

/** Which room to join, and what to make where there is none. */
export interface JoinOptions {
  /** The plugin: what a missing room is made of, and what quick match looks for. */
  readonly plugin?: string;
  /** The code of a private room. */
  readonly code?: string;
  readonly create?: Create;
  readonly visibility?: Visibility;
  readonly seat?: Seat;
  /** Options for the plugin; `options.match` must be equal for quick match. */
  readonly options?: ValueMap;
}

/** What the session tells its listeners. */
export interface ParlorEvents {
  status: Status;
  /** The round trip was measured anew. */
  clock: { readonly rtt_ms: number; readonly offset_ms: number };
  /** The server, or this client, has something to say that belongs to no room. */
  notice: { readonly code: string; readonly message: string };
  /** Every frame, in either direction, for tools. */
  frame: { readonly direction: "in" | "out"; readonly frame: ClientFrame | ServerFrame; readonly bytes: number };
}
