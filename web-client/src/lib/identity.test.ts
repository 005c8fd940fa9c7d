import { describe, expect, it } from "vitest";
import { Identity } from "./identity";
import { FakeEnvironment, settle } from "./testing/fake";

const URL = "ws://game.test/ws";
const credentials = { session: "s1", resume_token: "t" };

/** Web Locks, as far as two tabs go: a name has one holder, and whoever cannot wait is turned away. */
function lockManager(): LockManager {
  const held = new Set<string>();
  const request = async (name: string, _options: LockOptions, callback: () => Promise<void>) => {
    if (held.has(name)) throw new DOMException("still held", "AbortError");
    held.add(name);
    await callback();
    held.delete(name);
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

  it("has its session back after it was put aside, unless that was taken up elsewhere", async () => {
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

describe("a lock", () => {
  it("that is let go of before it is granted is not held for ever", async () => {
    const env = Object.assign(new FakeEnvironment(), { locks: lockManager() });
    const page = new Identity(env, URL);
    page.remember(credentials);
    page.park();
    await settle();
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
