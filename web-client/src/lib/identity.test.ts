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

describe("a tab", () => {
  it("remembers its session over a reload", async () => {
    const env = new FakeEnvironment();
    new Identity(env, URL).remember(credentials);
    expect(await new Identity(env, URL).recall()).toEqual(credentials);
    expect(await new Identity(env, "ws://other.test/ws").recall()).toBeUndefined();
  });

  it("leaves a session alone that another tab holds, until that lets go", async () => {
    const env = Object.assign(new FakeEnvironment(), { locks: lockManager() });
    const first = new Identity(env, URL);
    first.remember(credentials);
    const duplicate = new Identity(env, URL);
    expect(await duplicate.recall()).toBeUndefined();
    const stored = new Map(env.stored);
    first.forget();
    for (const [key, value] of stored) env.stored.set(key, value);
    await settle();
    expect(await duplicate.recall()).toEqual(credentials);
  });

  it("ignores what it did not write", async () => {
    const env = new FakeEnvironment();
    for (const bad of ["", "null", "{}", '{"session":1,"resume_token":"t"}']) {
      env.stored.set(`parlor:${URL}`, bad);
      expect(await new Identity(env, URL).recall()).toBeUndefined();
    }
  });
});
