import { beforeEach, describe, expect, it, vi } from "vitest";
import { OPEN_WITHIN_MS } from "./connection";
import { FakeEnvironment, settle, welcome } from "./testing/fake";
import { Play } from "./testing/play";
import { expiryOf, RENEW_AFTER } from "./token";

let env: FakeEnvironment;
let play: Play;

beforeEach(() => {
  env = new FakeEnvironment();
  play = new Play(env);
});

const jwt = (claims: object) =>
  `e30.${btoa(JSON.stringify(claims)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "")}.sig`;
/** A token that ends in so many seconds. */
const lasting = (seconds: number) => jwt({ exp: (env.clock() + seconds * 1_000) / 1_000, sub: "käthe?~" });

describe("a token", () => {
  it("is told in the first frame, before a resume, and nowhere else (OP2, AU10)", async () => {
    await play.connect({ token: "secret", name: "Ada" });
    expect(env.socket.inbox).toEqual([{ type: "auth", token: "secret", name: "Ada" }]);
    expect(env.socket.offer.join()).not.toContain("secret");
    env.socket.say(welcome());
    play.comeBack();
    expect(env.socket.inbox.map(({ type }) => type)).toEqual(["auth", "resume"]);
    expect(env.socket.got("auth")).toEqual([{ type: "auth", token: "secret" }]);
  });

  it("is got anew for each connection, before that is opened", async () => {
    const token = vi.fn().mockResolvedValueOnce("one").mockResolvedValueOnce("two");
    await play.open({ token });
    expect(env.socket.got("auth")).toEqual([{ type: "auth", token: "one" }]);
    env.socket.lose();
    env.pass(1_000);
    expect(env.sockets).toHaveLength(1);
    await settle();
    env.socket.accept();
    expect(env.socket.got("auth")).toEqual([{ type: "auth", token: "two" }]);
  });

  it("that cannot be had is a failed attempt, and the next one asks again", async () => {
    const token = vi.fn().mockRejectedValueOnce(new Error("login is down")).mockResolvedValue("t");
    const connecting = play.connect({ token });
    await expect(connecting).rejects.toThrow("opened no socket");
    env.pass(1_000);
    await settle();
    env.socket.accept();
    expect(env.socket.got("auth")).toEqual([{ type: "auth", token: "t" }]);
  });

  it("is not waited for for ever", async () => {
    const token = vi.fn().mockReturnValue(new Promise(() => {}));
    await play.connect({ token }).catch(() => undefined);
    env.pass(OPEN_WITHIN_MS + 1_000);
    expect(token).toHaveBeenCalledTimes(2);
  });

  it("is renewed on the connection before it ends, time and again", async () => {
    const token = vi.fn(async () => lasting(100));
    const parlor = await play.open({ token });
    for (const calls of [1, 2]) {
      play.pass(100_000 * RENEW_AFTER - 1);
      expect(token).toHaveBeenCalledTimes(calls);
      play.pass(1);
      await settle();
      expect(env.socket.got("auth")).toHaveLength(calls + 1);
      env.socket.say(welcome());
    }
    expect(env.sockets).toHaveLength(1);
    expect(parlor.status.status).toBe("open");
  });

  it("ends by the server's clock, which may be ahead of this one", async () => {
    const token = vi.fn(async () => lasting(100));
    await play.open({ token });
    const { timestamp } = env.socket.last("ping");
    env.socket.say({ type: "pong", timestamp, server_time_ms: env.clock() + 90_000 });
    env.pass(10_000 * RENEW_AFTER - 1);
    expect(token).toHaveBeenCalledTimes(1);
    env.pass(1);
    expect(token).toHaveBeenCalledTimes(2);
  });

  it("that is not renewed is missed, and asked for again", async () => {
    const token = vi.fn(async () => lasting(10));
    const parlor = await play.open({ token });
    const notice = vi.fn();
    parlor.on("notice", notice);
    token.mockRejectedValueOnce(new Error("login is down"));
    play.pass(10_000 * RENEW_AFTER);
    await settle();
    expect(notice).toHaveBeenCalledWith({ code: "TOKEN_NOT_RENEWED", message: "login is down" });
    play.pass(2_000);
    await settle();
    expect(env.socket.got("auth")).toHaveLength(2);
  });

  it("can be replaced in-band (AU6)", async () => {
    const parlor = await play.open({ token: "old" });
    parlor.authenticate("new");
    await settle();
    expect(env.socket.got("auth").map(({ token }) => token)).toEqual(["old", "new"]);
    play.comeBack();
    expect(env.socket.got("auth").map(({ token }) => token)).toEqual(["new"]);
  });

  it("can come while the server waits for one", async () => {
    const parlor = await play.connect({ name: "Ada" });
    parlor.authenticate(() => "late");
    await settle();
    expect(env.socket.got("auth").at(-1)).toEqual({ type: "auth", token: "late", name: "Ada" });
  });

  it("that is refused ends the attempts with a word on what to do, until there is a new one (CL1)", async () => {
    const { parlor, room } = await play.openIn("r");
    env.socket.lose(4403, "the token has expired");
    expect(parlor.status).toEqual({
      status: "closed",
      code: 4403,
      name: "token-refused",
      message: "The server does not accept this token; get a new one. It says: the token has expired",
    });
    env.pass(600_000);
    expect(env.sockets).toHaveLength(1);
    parlor.authenticate("new");
    env.socket.accept();
    expect(env.socket.inbox.map(({ type }) => type)).toEqual(["auth", "resume"]);
    play.resume({ room: "r", epoch: 1, seq: 0, last_id: 0 });
    expect(room.isClosed).toBe(false);
  });
});

describe("the end of a token", () => {
  it("is read where it says so", () => {
    expect(expiryOf(jwt({ exp: 1_700_000_000 }))).toBe(1_700_000_000_000);
    for (const opaque of ["", "secret", "a.b.c", jwt({}), jwt({ exp: "soon" })]) {
      expect(expiryOf(opaque)).toBeUndefined();
    }
  });
});
