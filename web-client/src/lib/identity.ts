/**
 * Who this tab is: the session and its resume token, kept in `sessionStorage` so that a reload goes on as the same
 * member. A duplicated tab gets a copy of that storage; a Web Lock on the session, held as long as the tab lives,
 * tells it that the session is taken, and it starts one of its own.
 */

import type { Environment } from "./environment";

/** What `resume` needs. */
export interface Credentials {
  readonly session: string;
  readonly resume_token: string;
}

/** A tab that reloads gives its lock back only once it is gone, which may be after the new page has begun. */
const LOCK_WAIT_MS = 400;

export class Identity {
  readonly #env: Pick<Environment, "storage" | "locks">;
  readonly #key: string;
  #release: (() => void) | undefined;
  #locked: string | undefined;

  constructor(env: Pick<Environment, "storage" | "locks">, url: string) {
    this.#env = env;
    this.#key = `parlor:${url}`;
  }

  /** The session this tab had before it was reloaded, unless another tab has it now. */
  async recall(): Promise<Credentials | undefined> {
    const stored = readCredentials(this.#env.storage?.getItem(this.#key) ?? null);
    if (!stored) return undefined;
    return (await this.#lock(stored.session)) ? stored : undefined;
  }

  /** Keeps the session for after a reload. */
  remember(credentials: Credentials): void {
    try {
      this.#env.storage?.setItem(this.#key, JSON.stringify(credentials));
    } catch {
      // Storage that is full or forbidden costs the reload its session, and nothing else.
    }
    if (this.#locked !== credentials.session) void this.#lock(credentials.session);
  }

  /** Forgets the session: nobody is to take it up again. */
  forget(): void {
    this.#env.storage?.removeItem(this.#key);
    this.#unlock();
  }

  async #lock(session: string): Promise<boolean> {
    this.#unlock();
    this.#locked = session;
    const { locks } = this.#env;
    if (!locks) return true;
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), LOCK_WAIT_MS);
    return new Promise((resolve) => {
      const held = () => {
        clearTimeout(timer);
        resolve(true);
        return new Promise<void>((release) => (this.#release = release));
      };
      locks.request(`parlor:${session}`, { signal: timeout.signal }, held).catch(() => resolve(false));
    });
  }

  #unlock(): void {
    this.#release?.();
    this.#release = undefined;
    this.#locked = undefined;
  }
}

function readCredentials(stored: string | null): Credentials | undefined {
  if (stored === null) return undefined;
  try {
    const raw: unknown = JSON.parse(stored);
    if (typeof raw !== "object" || raw === null || !("session" in raw) || !("resume_token" in raw)) return undefined;
    const { session, resume_token } = raw;
    return typeof session === "string" && typeof resume_token === "string" ? { session, resume_token } : undefined;
  } catch {
    return undefined;
  }
}
