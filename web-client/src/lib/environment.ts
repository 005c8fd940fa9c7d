/**
 * What the client needs from the browser, gathered in one place so that tests can put something else there. Every
 * member may be missing: in a worker, in an old browser, on a page without a secure context.
 */

/** The part of `WebSocket` that the transport uses. */
export type Socket = Pick<WebSocket, "binaryType" | "protocol" | "onopen" | "onmessage" | "onclose" | "send" | "close"> &
  Partial<Pick<WebSocket, "readyState">>;

/** A moment at which trying again makes sense. */
export type Moment = "online" | "visible";

/** A page goes for good, or is put aside for the way back, or was fetched from there. */
export type PageChange = "gone" | "frozen" | "back";

export interface Environment {
  openSocket(url: string, subprotocols: readonly string[]): Socket;
  /** Milliseconds that only ever rise. */
  now(): number;
  /** Milliseconds since 1970. */
  clock(): number;
  random(): number;
  /** Calls back once; the function returned prevents it. */
  after(delay_ms: number, callback: () => void): () => void;
  onMoment(callback: (moment: Moment) => void): () => void;
  onPageChange(callback: (change: PageChange) => void): () => void;
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined;
  readonly locks: Pick<LockManager, "request"> | undefined;
  readonly online: boolean;
  /** Where the page came from, such as `https://example.org`; empty outside a page. */
  readonly origin: string;
  /** Whether anything answers at a URL, and how. */
  probe(url: string): Promise<"unreachable" | "unavailable" | "reachable">;
}

/** The browser this runs in. */
export function browserEnvironment(): Environment {
  return {
    openSocket: (url, subprotocols) => new WebSocket(url, [...subprotocols]),
    now: () => performance.now(),
    clock: () => Date.now(),
    random: () => Math.random(),
    after: (delay_ms, callback) => {
      const timer = setTimeout(callback, delay_ms);
      return () => clearTimeout(timer);
    },
    onMoment,
    onPageChange,
    storage: sessionStorageIfAllowed(),
    locks: globalThis.navigator?.locks,
    get online() {
      return globalThis.navigator?.onLine ?? true;
    },
    origin: globalThis.location?.origin ?? "",
    probe,
  };
}

function onMoment(callback: (moment: Moment) => void): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  globalThis.addEventListener?.("online", () => callback("online"), { signal });
  const page = globalThis.document;
  page?.addEventListener("visibilitychange", () => page.visibilityState === "visible" && callback("visible"), {
    signal,
  });
  return () => abort.abort();
}

function onPageChange(callback: (change: PageChange) => void): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  const onHide = (event: PageTransitionEvent) => callback(event.persisted ? "frozen" : "gone");
  const onShow = (event: PageTransitionEvent) => event.persisted && callback("back");
  // Not in a worker, and not outside of browsers.
  globalThis.addEventListener?.("pagehide", onHide, { signal });
  globalThis.addEventListener?.("pageshow", onShow, { signal });
  return () => abort.abort();
}

/** Merely reading `sessionStorage` throws where the person forbade it. */
function sessionStorageIfAllowed(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}

async function probe(url: string): Promise<"unreachable" | "unavailable" | "reachable"> {
  try {
    const response = await fetch(url, { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(3_000) });
    return response.status === 503 ? "unavailable" : "reachable";
  } catch {
    return "unreachable";
  }
}
