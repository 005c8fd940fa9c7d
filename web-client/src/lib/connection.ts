/**
 * The connection that is always wanted: it opens a transport, and another one when that ends, as `reconnect` says. It
 * knows nothing of sessions; whoever owns it calls `established` once the server has said who this is.
 */

import { closeReason, explainClose } from "./close";
import { SUBPROTOCOLS } from "./codecs";
import type { Subprotocol } from "./codecs";
import { likelyCause } from "./diagnose";
import type { Environment } from "./environment";
import type { ClientFrame, ServerFrame } from "./protocol";
import { next } from "./reconnect";
import type { ReconnectHint, ReconnectState } from "./reconnect";
import type { Status } from "./status";
import { Transport } from "./transport";

type Down = Extract<Status, { status: "connecting" | "away" | "closed" }>;

/** A connection that does not stand after this long never will, whatever the browser still hopes for. */
export const OPEN_WITHIN_MS = 15_000;

export interface ConnectionEvents {
  /** There is to be a connection: what it needs first, if that has to be waited for. */
  prepare(): Promise<void> | undefined;
  opened(subprotocol: Subprotocol): void;
  received(frame: ServerFrame, bytes: number): void;
  sent(frame: ClientFrame, bytes: number): void;
  unreadable(error: Error): void;
  /** The transport that was there is gone. */
  ended(): void;
  /** Where things stand while there is no session. */
  down(status: Down): void;
}

export class Connection {
  readonly #env: Environment;
  readonly #url: string;
  readonly #events: ConnectionEvents;
  readonly #offMoment: () => void;
  #offer: readonly Subprotocol[] = SUBPROTOCOLS;
  #state: ReconnectState = { at: "idle" };
  #transport: Transport | undefined;
  /** Until the next attempt, or until this one has taken too long. */
  #cancelTimer: (() => void) | undefined;
  #retry_after_ms = 0;
  #wasEverOpen = false;

  constructor(env: Environment, url: string, events: ConnectionEvents) {
    this.#env = env;
    this.#url = url;
    this.#events = events;
    this.#offMoment = env.onMoment((moment) => this.#step({ hint: moment }));
  }

  start(subprotocol: Subprotocol | undefined): void {
    if (subprotocol) this.#offer = [subprotocol];
    this.#step({ hint: "start" });
  }

  /** The server has said who this is: the connection counts as good. */
  established(): void {
    this.#retry_after_ms = 0;
    this.#wasEverOpen = true;
    this.#step({ hint: "opened" });
  }

  send(frame: ClientFrame): boolean {
    const bytes = this.#transport?.send(frame) ?? 0;
    if (bytes > 0) this.#events.sent(frame, bytes);
    return bytes > 0;
  }

  /** The server asked to stay away for a while. */
  holdOff(retry_after_ms: number): void {
    this.#retry_after_ms = retry_after_ms;
  }

  /** Puts the connection aside; `start` takes it up again. */
  pause(): void {
    this.#letGo((transport) => transport.abandon());
    this.#step({ hint: "pause" });
  }

  /** Loses the connection on purpose. */
  drop(reason = "The connection was dropped by this client."): void {
    this.#transport?.drop(reason);
  }

  /** Starts over at once, perhaps in another subprotocol. */
  restart(subprotocol: Subprotocol | undefined): void {
    if (subprotocol) this.#offer = [subprotocol];
    this.#letGo((transport) => transport.abandon());
    this.#step({ hint: "restart" });
  }

  stop(): void {
    this.#offMoment();
    this.#letGo((transport) => transport.close());
    this.#step({ hint: "stop" });
  }

  #letGo(end: (transport: Transport) => void): void {
    const transport = this.#transport;
    if (!transport) return;
    this.#transport = undefined;
    end(transport);
    this.#events.ended();
  }

  #step(hint: ReconnectHint): void {
    const before = this.#state;
    this.#state = next(before, hint, this.#env.now(), this.#env.random);
    // A timer may fire a little early, so "due" can leave the state as it was: then wait for the rest.
    if (this.#state === before && hint.hint !== "due") return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#state.at === "connecting") void this.#open(this.#state);
    if (this.#state.at === "waiting") {
      const delay_ms = Math.max(0, this.#state.due_ms - this.#env.now());
      this.#cancelTimer = this.#env.after(delay_ms, () => this.#step({ hint: "due" }));
    }
  }

  async #open(connecting: Extract<ReconnectState, { at: "connecting" }>): Promise<void> {
    this.#cancelTimer = this.#env.after(OPEN_WITHIN_MS, () => this.#giveUp());
    this.#events.down({ status: "connecting", attempt: connecting.attempt });
    // Whoever was told may have asked for something else.
    if (this.#state !== connecting) return;
    const preparing = this.#events.prepare();
    try {
      if (preparing) await preparing;
    } catch (error) {
      if (this.#state === connecting) this.#lost(1006, `No token could be had: ${messageOf(error)}`);
      return;
    }
    if (this.#state !== connecting) return;
    try {
      this.#transport = new Transport(this.#env, this.#url, this.#offer, {
        opened: (subprotocol) => this.#events.opened(subprotocol),
        received: (frame, bytes) => this.#events.received(frame, bytes),
        unreadable: (error) => this.#events.unreadable(error),
        closed: (end) => this.#closed(end),
      });
    } catch (error) {
      // Some browsers throw where they will not even try, as for `ws:` on a page loaded over https.
      this.#closed({ code: 1006, reason: messageOf(error), wasOpen: false });
    }
  }

  #giveUp(): void {
    if (this.#transport) this.#transport.drop("The server did not answer in time.");
    else this.#lost(1006, "No token came in time.");
  }

  #closed({ code, reason, wasOpen }: { code: number; reason: string; wasOpen: boolean }): void {
    this.#transport = undefined;
    this.#lost(code, reason);
    if (this.#state.at === "waiting" && !wasOpen) void this.#diagnose(this.#state, code);
  }

  #lost(code: number, reason: string): void {
    this.#events.ended();
    this.#step({ hint: "closed", code, retry_after_ms: this.#retry_after_ms });
    const { name } = closeReason(code);
    const message = explainClose(code, reason);
    if (this.#state.at === "stopped") this.#events.down({ status: "closed", code, name, message });
    else if (this.#state.at === "waiting") this.#away(this.#state, code, message);
  }

  /** Replaces "the connection was lost" by what was probably wrong, unless things have moved on meanwhile. */
  async #diagnose(waiting: Extract<ReconnectState, { at: "waiting" }>, code: number): Promise<void> {
    const message = await likelyCause(this.#url, this.#env, this.#wasEverOpen);
    if (this.#state === waiting) this.#away(waiting, code, message);
  }

  #away(waiting: Extract<ReconnectState, { at: "waiting" }>, code: number, message: string): void {
    const retry_in_ms = Math.max(0, waiting.due_ms - this.#env.now());
    this.#events.down({ status: "away", attempt: waiting.attempt, retry_in_ms, code, message });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
