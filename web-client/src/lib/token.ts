/**
 * The token by which a server knows its users. It is told in a frame, never in an address or a header, so that no log
 * has it. Where the application gives a function, each connection gets a token of its own, and a connection that
 * outlasts its token gets the next one in time.
 */

import type { Environment } from "./environment";

/** A token, or where to get one; `undefined` connects without. */
export type TokenSource = string | (() => string | undefined | Promise<string | undefined>);

/** A token is renewed after this part of the time that it had left. */
export const RENEW_AFTER = 0.8;
/** Timers of browsers do not reach much further than this. */
const TIMER_MAX_MS = 24 * 3_600_000;
const TIMER_MIN_MS = 1_000;

export class Tokens {
  readonly #env: Pick<Environment, "after">;
  readonly #renewed: (token: string) => void;
  readonly #failed: (error: Error) => void;
  #source: TokenSource | undefined;
  #current: string | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(
    env: Pick<Environment, "after">,
    source: TokenSource | undefined,
    events: { renewed(token: string): void; failed(error: Error): void },
  ) {
    this.#env = env;
    this.#source = source;
    this.#renewed = (token) => events.renewed(token);
    this.#failed = (error) => events.failed(error);
    if (typeof source === "string") this.#current = source;
  }

  /** The token for the connection that is there or is to come. */
  get current(): string | undefined {
    return this.#current;
  }

  /** Takes tokens from somewhere else from now on. */
  replace(source: TokenSource): void {
    this.#source = source;
    this.#current = typeof source === "string" ? source : undefined;
  }

  /** Gets a token for the next connection; nothing to wait for where there is only one. */
  prepare(): Promise<void> | undefined {
    const source = this.#source;
    return typeof source === "function" ? this.#fetch(source) : undefined;
  }

  /** The connection stands: sees to a new token before this one ends. `clock_ms` is the server's time. */
  keepFresh(clock_ms: () => number): void {
    this.rest();
    const source = this.#source;
    const expires_ms = this.#current === undefined ? undefined : expiryOf(this.#current);
    if (typeof source !== "function" || expires_ms === undefined) return;
    const due_ms = (expires_ms - clock_ms()) * RENEW_AFTER;
    const renew = async () => {
      const before = this.#current;
      try {
        await this.#fetch(source);
        // Stopped, or replaced, while the token was on its way.
        if (this.#cancelTimer !== cancel) return;
        if (this.#current !== undefined && this.#current !== before) this.#renewed(this.#current);
      } catch (error) {
        if (this.#cancelTimer !== cancel) return;
        this.#failed(error instanceof Error ? error : new Error(String(error)));
      }
      this.keepFresh(clock_ms);
    };
    const isFar = due_ms > TIMER_MAX_MS;
    const cancel = this.#env.after(
      Math.min(Math.max(due_ms, TIMER_MIN_MS), TIMER_MAX_MS),
      isFar ? () => this.keepFresh(clock_ms) : () => void renew(),
    );
    this.#cancelTimer = cancel;
  }

  /** The connection is gone. */
  rest(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  async #fetch(source: () => string | undefined | Promise<string | undefined>): Promise<void> {
    const token = await source();
    if (this.#source === source) this.#current = token;
  }
}

/** When a JSON Web Token ends, in milliseconds since 1970; undefined where it does not say, or is none. */
export function expiryOf(token: string): number | undefined {
  try {
    const claims = token.split(".")[1] ?? "";
    const raw: unknown = JSON.parse(atob(claims.replace(/-/g, "+").replace(/_/g, "/")));
    const seconds = typeof raw === "object" && raw !== null && "exp" in raw ? raw.exp : undefined;
    return typeof seconds === "number" ? seconds * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
