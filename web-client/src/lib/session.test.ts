import { beforeEach, describe, expect, it, vi } from "vitest";
import { PING_EVERY_MS, PONG_WITHIN_MS } from "./clock";
import { OPEN_WITHIN_MS } from "./connection";
import { Parlor } from "./session";
import { FakeEnvironment, joined, member, settle, welcome } from "./testing/fake";
import { Play, URL } from "./testing/play";

let env: FakeEnvironment;
let play: Play;

beforeEach(() => {
  env = new FakeEnvironment();
  play = new Play(env);
});

describe("opening", () => {
  it("offers every subprotocol unless told which", async () => {
    new Parlor(URL, {}, env);
    await settle();
    expect(env.socket.offer).toEqual(["v1.binary", "v2.proto", "v1.json"]);
  });

  it("says who it is before anything else, and is open once the server knows", async () => {
    const parlor = new Parlor(URL, { subprotocol: "v2.proto", name: "Ada", token: "t" }, env);
    const join = parlor.join("lobby");
    await settle();
    env.socket.accept();
    expect(env.socket.inbox).toEqual([{ type: "auth", name: "Ada", token: "t" }]);
    expect(parlor.status.status).toBe("connecting");
    env.socket.say(welcome());
    await parlor.ready;
    expect(parlor.status).toMatchObject({ status: "open", session: "s1", subprotocol: "v2.proto", isResumed: false });
    env.socket.say(joined("lobby", { id: env.socket.last("join_room").id ?? 0 }));
    expect((await join).you).toEqual(member(1));
  });

  it("names the likely cause when nothing answers, and goes on trying", async () => {
    const parlor = new Parlor(URL, {}, env);
    await settle();
    env.socket.lose();
    await expect(parlor.ready).rejects.toThrow("lost");
    await settle();
    expect(parlor.status).toMatchObject({
      status: "away",
      code: 1006,
      message: expect.stringContaining("Nothing answers at game.test"),
    });
    env.pass(1_000);
    expect(env.sockets).toHaveLength(2);
  });

  it("does not wait for ever for a server that does not answer", async () => {
    const parlor = new Parlor(URL, { subprotocol: "v1.json" }, env);
    await settle();
    env.socket.accept();
    env.pass(OPEN_WITHIN_MS);
    expect(env.socket.closedByClient).toBe(4000);
    expect(parlor.status).toMatchObject({ status: "away", message: "The server did not answer in time." });
    env.pass(1_000);
    expect(env.sockets).toHaveLength(2);
  });

  it("says what a browser says that will not even try", async () => {
    env.openSocket = () => {
      throw new DOMException("insecure", "SecurityError");
    };
    const parlor = new Parlor(URL, {}, env);
    await settle();
    expect(parlor.status).toMatchObject({ status: "away", code: 1006 });
  });

  it("gives up where no subprotocol is shared, in the server's words", async () => {
    const parlor = new Parlor(URL, { subprotocol: "v1.json" }, env);
    const join = parlor.join("lobby");
    await settle();
    env.socket.accept();
    env.socket.lose(1002, "this server speaks v9.cbor");
    await expect(join).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    expect(parlor.status).toEqual({
      status: "closed",
      code: 1002,
      name: "protocol-error",
      message: "this server speaks v9.cbor",
    });
    env.pass(600_000);
    expect(env.sockets).toHaveLength(1);
  });
});

describe("requests", () => {
  it("reads the list of rooms (JN12)", async () => {
    const parlor = await play.open();
    const list = parlor.listRooms({ plugin: "grid", filter: { status: "waiting" } });
    const { id, plugin, filter } = env.socket.last("list_rooms");
    expect({ plugin, filter }).toEqual({ plugin: "grid", filter: { status: "waiting" } });
    const room = {
      room: "a",
      plugin: "grid",
      players: 2,
      players_max: 8,
      spectators: 1,
      locked: false,
      metadata: { status: "waiting" },
    };
    env.socket.say({ type: "reply", id, data: [room, "nonsense"] });
    const { locked: isLocked, ...rest } = room;
    expect(await list).toEqual([{ ...rest, isLocked }]);
  });

  it("goes out again after a loss, as it was, so that a quick match finds the room it found before (RS9)", async () => {
    const parlor = await play.open();
    const named = parlor.join("r", { plugin: "echo" });
    const anywhere = parlor.join(undefined, { plugin: "echo" });
    const asked = env.socket.got("join_room");
    play.comeBack();
    play.resume();
    expect(env.socket.got("join_room")).toEqual(asked);
    const [first, second] = asked.map(({ id }) => id ?? 0);
    env.socket.say(joined("r", { id: first ?? 0 }), joined("found", { id: second ?? 0 }));
    expect((await named).name).toBe("r");
    expect((await anywhere).name).toBe("found");
  });

  it("tells of refusals that belong to no request", async () => {
    const parlor = await play.open();
    const notice = vi.fn();
    parlor.on("notice", notice);
    env.socket.say({ type: "error", code: "RATE_LIMIT_EXCEEDED", message: "slow down" });
    env.socket.sayRaw("{");
    expect(notice.mock.calls.map(([{ code }]) => code)).toEqual(["RATE_LIMIT_EXCEEDED", "UNREADABLE_FRAME"]);
  });

  it("leaves a room", async () => {
    const { parlor, room } = await play.openIn("r");
    const closed = vi.fn();
    room.on("closed", closed);
    const left = room.leave();
    env.socket.say({ type: "room_left", room: "r", id: env.socket.last("leave_room").id ?? 0 });
    await left;
    expect(closed).toHaveBeenCalledWith({ code: "LEFT", message: expect.any(String) });
    expect(parlor.rooms.size).toBe(0);
  });
});

describe("the clock", () => {
  it("measures the round trip and the server's clock", async () => {
    const parlor = await play.open();
    const { timestamp } = env.socket.last("ping");
    env.pass(40);
    env.socket.say({ type: "pong", timestamp, server_time_ms: env.clock() - 20 + 5_000 });
    expect(parlor.rtt).toBe(40);
    expect(parlor.serverTime - env.clock()).toBe(5_000);
  });

  it("takes a connection for dead when pings go unanswered", async () => {
    const parlor = await play.open();
    env.pass(PONG_WITHIN_MS + PING_EVERY_MS);
    expect(env.sockets[0]?.closedByClient).toBe(4000);
    expect(parlor.status.status).not.toBe("open");
  });

  it("stays away as long as a goaway asks (CL3)", async () => {
    await play.open();
    env.socket.say({ type: "goaway", reason: "restart", retry_after_ms: 5_000 });
    env.socket.lose(1012);
    env.pass(4_999);
    expect(env.sockets).toHaveLength(1);
    env.pass(600);
    expect(env.sockets).toHaveLength(2);
  });
});
