/**
 * Who this tab is: the session and its resume token, kept in `sessionStorage` so that a reload goes on as the same
 * member. A duplicated tab gets a copy of that storage, and must not take the session over. So a page says in it when
 * it goes, which is the next page's leave to take the session up. Without that it may be a copy, or what a crash has
 * left: then a Web Lock, which a page holds on its session for as long as it lives, tells the two apart. Where there
 * are no locks, as without https, the session is in the storage only between two pages.
 */

import type { Environment } from "./environment";

/** What `resume` needs. */
export interface Credentials {
  readonly session: string;
  readonly resume_token: string;
}

/** A lock that nobody holds is granted at once, or as soon as a busy browser gets to it. */
const LOCK_WAIT_MS = 400;

/** What is stored: whether the page that wrote it has gone since. */
type Stored = Credentials & { readonly isParked: boolean };

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
    const stored = readStored(this.#env.storage?.getItem(this.#key) ?? null);
    this.#known = undefined;
    if (!stored) return undefined;
    const { isParked, ...credentials } = stored;
    if (isParked) this.remember(credentials);
    else if (this.#env.locks && (await this.#lock(credentials.session, LOCK_WAIT_MS))) this.#known = credentials;
    return this.#known;
  }

  /** Keeps the session for after a reload. */
  remember(credentials: Credentials): void {
    this.#known = credentials;
    if (this.#env.locks) this.#store(false);
    else this.#env.storage?.removeItem(this.#key);
    if (this.#locked !== credentials.session) void this.#lock(credentials.session);
  }

  /** The page goes away: the one that follows in this tab may take the session up. */
  park(): void {
    this.#store(true);
    this.#unlock();
  }

  /** Forgets the session: nobody is to take it up again. */
  forget(): void {
    this.#known = undefined;
    this.#env.storage?.removeItem(this.#key);
    this.#unlock();
  }

  #store(isParked: boolean): void {
    if (!this.#known) return;
    try {
      this.#env.storage?.setItem(this.#key, JSON.stringify({ ...this.#known, isParked }));
    } catch {
      // Storage that is full or forbidden costs the reload its session, and nothing else.
    }
  }

  /** Takes the lock of a session, be it that of a page that is still on its way out; tells whether that worked in time. */
  async #lock(session: string, within_ms?: number): Promise<boolean> {
    this.#unlock();
    this.#locked = session;
    const { locks } = this.#env;
    if (!locks) return true;
    // It may be let go of before it is granted.
    const hold = new Promise<void>((release) => (this.#release = release));
    const timeout = new AbortController();
    const timer = within_ms === undefined ? undefined : setTimeout(() => timeout.abort(), within_ms);
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

function readStored(stored: string | null): Stored | undefined {
  if (stored === null) return undefined;
  try {
    const raw: unknown = JSON.parse(stored);
    if (typeof raw !== "object" || raw === null || !("session" in raw) || !("resume_token" in raw)) return undefined;
    const { session, resume_token } = raw;
    const isParked = "isParked" in raw && raw.isParked === true;
    return typeof session === "string" && typeof resume_token === "string"
      ? { session, resume_token, isParked }
      : undefined;
  } catch {
    return undefined;
  }
}
