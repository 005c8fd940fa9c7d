/**
 * One WebSocket, speaking frames. It lives from the attempt to open until the end and is never used again; once it was
 * closed from this side, or replaced, nothing that still comes from its socket is passed on.
 */

import { decodeServer, encodeClient, isSubprotocol } from "./codecs";
import type { Message, Subprotocol } from "./codecs";
import type { Environment, Socket } from "./environment";
import { FrameError } from "./protocol";
import type { ClientFrame, ServerFrame } from "./protocol";

/** What a transport tells its owner. */
export interface TransportEvents {
  opened(subprotocol: Subprotocol): void;
  received(frame: ServerFrame, bytes: number): void;
  /** A message that is no frame; the connection goes on. */
  unreadable(error: Error): void;
  closed(end: { code: number; reason: string; wasOpen: boolean }): void;
}

/** The state of a socket that can be written to. */
const OPEN = 1;

export class Transport {
  #socket: Socket | undefined;
  #subprotocol: Subprotocol | undefined;
  readonly #events: TransportEvents;

  constructor(env: Environment, url: string, offer: readonly Subprotocol[], events: TransportEvents) {
    this.#events = events;
    const socket = env.openSocket(url, offer);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
  }

  /** Sends a frame and tells its size on the wire, or 0 where the socket is not open. */
  send(frame: ClientFrame): number {
    if (!this.#socket || !this.#subprotocol) return 0;
    // The other end may be closing it, of which the event is still to come: a browser complains of what is sent then.
    if ((this.#socket.readyState ?? OPEN) > OPEN) return 0;
    const message = encodeClient(this.#subprotocol, frame);
    this.#socket.send(message);
    return messageBytes(message);
  }

  /** Says farewell: the session is over. No further event comes. */
  close(): void {
    this.#end(1000, "client closed");
  }

  /** Ends the connection while the session is to go on over another one. No further event comes. */
  abandon(): void {
    // Any code but 1000 is a lost connection to the server, after which it keeps the session.
    this.#end(4000, "client reconnects");
  }

  /** Ends the connection as if the network had. */
  drop(reason: string): void {
    const wasOpen = this.#subprotocol !== undefined;
    this.abandon();
    this.#events.closed({ code: 1006, reason, wasOpen });
  }

  #end(code: number, reason: string): void {
    const socket = this.#socket;
    this.#detach();
    socket?.close(code, reason);
  }

  #opened(socket: Socket): void {
    if (!isSubprotocol(socket.protocol)) return;
    this.#subprotocol = socket.protocol;
    this.#events.opened(socket.protocol);
  }

  #received(data: unknown): void {
    if (!this.#subprotocol) return;
    const message = data instanceof ArrayBuffer ? new Uint8Array(data) : String(data);
    let frame: ServerFrame;
    try {
      frame = decodeServer(this.#subprotocol, message);
    } catch (error) {
      // A newer server may say things that this client has no name for.
      if (error instanceof FrameError && error.code === "UNKNOWN_MESSAGE_TYPE") return;
      this.#events.unreadable(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#events.received(frame, messageBytes(message));
  }

  #closed(code: number, reason: string): void {
    if (this.#socket) this.#events.closed({ code, reason, wasOpen: this.#detach() });
  }

  /** Lets go of the socket, so that none of its events arrives any more; tells whether it had opened. */
  #detach(): boolean {
    const wasOpen = this.#subprotocol !== undefined;
    if (this.#socket) {
      this.#socket.onopen = null;
      this.#socket.onmessage = null;
      this.#socket.onclose = null;
    }
    this.#socket = undefined;
    this.#subprotocol = undefined;
    return wasOpen;
  }
}

function messageBytes(message: Message | Uint8Array): number {
  return typeof message === "string" ? new TextEncoder().encode(message).length : message.length;
}
