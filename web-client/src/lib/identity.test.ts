import { describe, expect, it } from "vitest";
import { Identity } from "./identity";
import { FakeEnvironment, settle } from "./testing/fake";

const URL = "ws://game.test/ws";
const credentials = { session: "s1", resume_token: "t" };

/** Web Locks, as far as two tabs go: a name has one holder, and the others wait for it or give up. */
function lockManager(): LockManager {
  const held = new Map<string, Promise<void>>();
  const request = async (name: string, { signal }: LockOptions, callback: () => Promise<void>) => {
    const before = held.get(name);
    const end = (before ?? Promise.resolve()).then(() => {
      if (signal?.aborted) throw new DOMException("given up", "AbortError");
      return callback();
    });
    held.set(name, end.then(() => {}, () => {}));
    const given_up = new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
    });
    await Promise.race([end, given_up]);
  };
  return { request } as unknown as LockManager;
}

/** Another tab with a copy of what this one has stored. */
function duplicate(env: FakeEnvironment): FakeEnvironment {
  const copy = new FakeEnvironment();
  copy.locks = env.locks;
  for (const [key, value] of env.stored) copy.stored.set(key, value);
  return copy;
}

describe.each(["with locks", "without locks"])("a tab %s", (kind) => {
  function tab(): FakeEnvironment {
    const env = new FakeEnvironment();
    env.locks = kind === "with locks" ? lockManager() : undefined;
    return env;
  }

  it("remembers its session over a reload, and over many", async () => {
    const env = tab();
    const first = new Identity(env, URL);
    first.remember(credentials);
    for (let reload = 0, last = first; reload < 3; reload += 1) {
      last.park();
      await settle();
      last = new Identity(env, URL);
      expect(await last.recall()).toEqual(credentials);
    }
    expect(await new Identity(env, "ws://other.test/ws").recall()).toBeUndefined();
  });

  it("keeps its session to itself while it is there", async () => {
    const env = tab();
    new Identity(env, URL).remember(credentials);
    expect(await new Identity(duplicate(env), URL).recall()).toBeUndefined();
  });

  it("has its session back after it was put aside", async () => {
    const env = tab();
    const page = new Identity(env, URL);
    page.remember(credentials);
    page.park();
    await settle();
    expect(await page.recall()).toEqual(credentials);
  });

  it("leaves nothing behind when it is told to forget", async () => {
    const env = tab();
    const page = new Identity(env, URL);
    page.remember(credentials);
    page.forget();
    page.park();
    await settle();
    expect(await new Identity(env, URL).recall()).toBeUndefined();
  });
});

describe("a tab that crashed", () => {
  it("has its session again, for nobody holds its lock any more", async () => {
    const env = Object.assign(new FakeEnvironment(), { locks: lockManager() });
    new Identity(env, URL).remember(credentials);
    env.locks = lockManager();
    expect(await new Identity(env, URL).recall()).toEqual(credentials);
  });

  it("is a new one where there are no locks", async () => {
    const env = new FakeEnvironment();
    new Identity(env, URL).remember(credentials);
    expect(await new Identity(env, URL).recall()).toBeUndefined();
  });
});

describe("a lock", () => {
  it("is waited for where the page before is slow to go, without holding up the session", async () => {
    const locks = lockManager();
    const env = Object.assign(new FakeEnvironment(), { locks });
    const before = new Identity(env, URL);
    before.remember(credentials);
    await settle();
    env.stored.set(`parlor:${URL}`, JSON.stringify({ ...credentials, isParked: true }));
    expect(await new Identity(env, URL).recall()).toEqual(credentials);
    before.park();
    await settle();
    // The page that waited for it has it now.
    const copy = duplicate(env);
    copy.stored.set(`parlor:${URL}`, JSON.stringify({ ...credentials, isParked: false }));
    expect(await new Identity(copy, URL).recall()).toBeUndefined();
  });

  it("that is let go of before it is granted is not held for ever", async () => {
    const env = Object.assign(new FakeEnvironment(), { locks: lockManager() });
    const page = new Identity(env, URL);
    page.remember(credentials);
    page.park();
    await settle();
    env.stored.set(`parlor:${URL}`, JSON.stringify(credentials));
    expect(await new Identity(env, URL).recall()).toEqual(credentials);
  });
});

describe("what is stored", () => {
  it("is ignored where it is not ours", async () => {
    const env = new FakeEnvironment();
    for (const bad of ["", "null", "{}", '{"session":1,"resume_token":"t"}']) {
      env.stored.set(`parlor:${URL}`, bad);
      expect(await new Identity(env, URL).recall()).toBeUndefined();
    }
  });
});
