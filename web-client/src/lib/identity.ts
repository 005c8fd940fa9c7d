/**
 * Who this tab is: the session and its resume token, kept in `sessionStorage` so that a reload goes on as the same
 * member. A duplicated tab gets a copy of that storage, and must not take the session over. So a tab holds a Web Lock
 * on its session for as long as it lives; where a page has no locks, as without https, the session is in the storage
 * only between two pages of the tab, and there is nothing to copy.
 */

import type { Environment } from "./environment";

/** What `resume` needs. */
export interface Credentials {
  readonly session: string;
  readonly resume_token: string;
}

/** A page gives its lock back as it goes; the one that follows in its tab may ask a moment before that. */
const LOCK_WAIT_MS = 400;

export class Identity {
  readonly #env: Pick<Environment, "storage" | "locks">;
  readonly #key: string;
  #known: Credentials | undefined;
  #release: (() => void) | undefined;
  #locked: string | undefined;

  constructor(env: Pick<Environment, "storage" | "locks">, url: string) {
    this.#env = env;
    this.#key = `parlor:${url}`;
  }

  /** The session that this tab had, unless another tab has it now. */
  async recall(): Promise<Credentials | undefined> {
    const stored = readCredentials(this.#env.storage?.getItem(this.#key) ?? null);
    this.#known = undefined;
    if (!stored || !(await this.#lock(stored.session))) return undefined;
    this.#known = stored;
    if (!this.#env.locks) this.#env.storage?.removeItem(this.#key);
    return stored;
  }

  /** Keeps the session for after a reload. */
  remember(credentials: Credentials): void {
    this.#known = credentials;
    if (this.#env.locks) this.#store();
    if (this.#locked !== credentials.session) void this.#lock(credentials.session);
  }

  /** The page goes away: the one that follows in this tab may take the session up. */
  park(): void {
    this.#store();
    this.#unlock();
  }

  /** Forgets the session: nobody is to take it up again. */
  forget(): void {
    this.#known = undefined;
    this.#env.storage?.removeItem(this.#key);
    this.#unlock();
  }

  #store(): void {
    if (!this.#known) return;
    try {
      this.#env.storage?.setItem(this.#key, JSON.stringify(this.#known));
    } catch {
      // Storage that is full or forbidden costs the reload its session, and nothing else.
    }
  }

  async #lock(session: string): Promise<boolean> {
    this.#unlock();
    this.#locked = session;
    const { locks } = this.#env;
    if (!locks) return true;
    // It may be let go of before it is granted.
    const hold = new Promise<void>((release) => (this.#release = release));
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), LOCK_WAIT_MS);
    return new Promise((resolve) => {
      const granted = () => {
        clearTimeout(timer);
        resolve(true);
        return hold;
      };
      locks.request(`parlor:${session}`, { signal: timeout.signal }, granted).catch(() => resolve(false));
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
