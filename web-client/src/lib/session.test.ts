import { beforeEach, describe, expect, it, vi } from "vitest";
import { PING_EVERY_MS, PONG_WITHIN_MS } from "./clock";
import type { Server } from "./protocol";
import type { ConnectOptions } from "./options";
import { Parlor } from "./session";
import { FakeEnvironment, joined, member, settle, welcome } from "./testing/fake";

const URL = "ws://game.test/ws";
let env: FakeEnvironment;

beforeEach(() => {
  env = new FakeEnvironment();
});

async function open(options: ConnectOptions = {}): Promise<Parlor> {
  const parlor = new Parlor(URL, { subprotocol: "v1.json", ...options }, env);
  await settle();
  env.socket.accept();
  env.socket.say(welcome());
  return parlor;
}

async function openIn(room: string, over: Partial<Server<"room_joined">> = {}) {
  const parlor = await open();
  const join = parlor.join(room, { plugin: "echo" });
  env.socket.say(joined(room, { ...over, id: env.socket.last("join_room").id ?? 0 }));
  return { parlor, room: await join };
}

/** Loses the connection and opens the next one, up to where the client has said its first word. */
function comeBack(code = 1006): void {
  env.socket.lose(code);
  env.pass(60_000);
  env.socket.accept();
}

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

describe("signing in", () => {
  it("says who it is before it resumes, for a session is its user's only (AU10)", async () => {
    const parlor = new Parlor(URL, { token: "t" }, env);
    await settle();
    env.socket.accept();
    env.socket.say(welcome());
    await parlor.ready;
    comeBack();
    expect(env.socket.inbox).toEqual([
      { type: "auth", token: "t" },
      { type: "resume", session: "s1", resume_token: "s1-token", rooms: [] },
    ]);
    env.socket.say(welcome("fresh"));
    env.socket.say({ type: "resumed", session: "s1", resume_token: "t2", rooms: [] });
    expect(parlor.status).toMatchObject({ status: "open", session: "s1", isResumed: true });
  });

  it("renews its token in place, and comes back with the new one (AU6)", async () => {
    const parlor = new Parlor(URL, { token: "old" }, env);
    await settle();
    env.socket.accept();
    env.socket.say(welcome());
    await parlor.ready;
    parlor.renew("new");
    expect(env.socket.last("auth")).toEqual({ type: "auth", token: "new" });
    env.socket.say(welcome());
    expect(parlor.status).toMatchObject({ status: "open", session: "s1" });
    comeBack();
    expect(env.socket.inbox[0]).toEqual({ type: "auth", token: "new" });
  });
});

describe("resuming", () => {
  it("resumes with its first frame, from where each room stood, and sends again only what has no answer (RS1, RS5)", async () => {
    const { parlor, room } = await openIn("r", { last_id: 7, epoch: 4 });
    const first = room.send("one");
    const second = room.send("two");
    env.socket.say({ type: "reply", room: "r", id: 8, tick: 3 });
    env.socket.say({ type: "room_message", room: "r", data: "hi", epoch: 4, seq: 9 });
    expect(await first).toEqual({ tick: 3, data: undefined, repeat: false });

    comeBack();
    const third = room.send("three");
    expect(env.socket.inbox).toEqual([
      { type: "resume", session: "s1", resume_token: "s1-token", rooms: [{ room: "r", epoch: 4, seq: 9 }] },
    ]);
    env.socket.say(welcome("fresh"));
    env.socket.say({
      type: "resumed",
      session: "s1",
      resume_token: "t2",
      rooms: [{ room: "r", epoch: 4, seq: 9, last_id: 8 }],
    });
    expect(env.socket.got("room_message")).toEqual([
      { type: "room_message", room: "r", data: "two", id: 9 },
      { type: "room_message", room: "r", data: "three", id: 10 },
    ]);
    expect(parlor.status).toMatchObject({ status: "open", session: "s1", isResumed: true });
    env.socket.say(
      { type: "reply", room: "r", id: 9, repeat: true },
      { type: "error", room: "r", id: 10, code: "REFUSED", message: "no" },
    );
    expect(await second).toMatchObject({ repeat: true });
    await expect(third).rejects.toMatchObject({ code: "REFUSED", room: "r" });
  });

  it("joins the same rooms again when the server refuses, and says reset (RS3)", async () => {
    const { parlor, room } = await openIn("r");
    const reset = vi.fn();
    room.on("reset", reset);
    const lost = room.send("one");
    comeBack();
    env.socket.say(welcome("s2"));
    env.socket.say({ type: "error", code: "RESUME_REFUSED", message: "unknown session" });
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect(parlor.status).toMatchObject({ status: "open", session: "s2", isResumed: false });
    const again = env.socket.last("join_room");
    expect(again).toMatchObject({ room: "r", plugin: "echo", seat: "player" });
    expect(reset).not.toHaveBeenCalled();
    env.socket.say(joined("r", { you: member(5), members: [member(5)], id: again.id ?? 0 }));
    expect(reset).toHaveBeenCalledOnce();
    expect(room.you.id).toBe(5);
    void room.send("after");
    expect(env.socket.last("room_message")).toMatchObject({ data: "after", id: 1 });
  });

  it("closes a room that cannot be joined again", async () => {
    const { parlor, room } = await openIn("r");
    const closed = vi.fn();
    room.on("closed", closed);
    comeBack();
    env.socket.say(welcome("s2"), { type: "error", code: "RESUME_REFUSED", message: "unknown session" });
    env.socket.say({
      type: "error",
      code: "ROOM_FULL",
      message: "try another room",
      id: env.socket.last("join_room").id ?? 0,
    });
    await settle();
    expect(closed).toHaveBeenCalledWith({ code: "ROOM_FULL", message: "try another room" });
    expect(parlor.rooms.size).toBe(0);
    await expect(room.send(1)).rejects.toMatchObject({ code: "ROOM_FULL" });
  });

  it("takes up the session of before a reload, and the member it was", async () => {
    const { parlor: before } = await openIn("r");
    const reloaded = new Parlor(URL, { subprotocol: "v1.json" }, env);
    await settle();
    env.socket.accept();
    expect(env.socket.last("resume")).toMatchObject({ session: "s1", resume_token: "s1-token" });
    env.socket.say(welcome("fresh"), { type: "resumed", session: "s1", resume_token: "t2", rooms: [] });
    expect(reloaded.status).toMatchObject({ session: "s1", isResumed: true });
    expect(before).not.toBe(reloaded);
  });

  it("joins afresh a room that only the session of before the reload was in", async () => {
    const parlor = await open();
    const join = parlor.join("r", { plugin: "echo" });
    env.socket.say({
      type: "error",
      code: "ALREADY_IN_ROOM",
      message: "in it",
      room: "r",
      id: env.socket.last("join_room").id ?? 0,
    });
    await settle();
    env.socket.say({ type: "room_left", room: "r", id: env.socket.last("leave_room").id ?? 0 });
    await settle();
    expect(env.socket.got("join_room")).toHaveLength(2);
    env.socket.say(joined("r", { id: env.socket.last("join_room").id ?? 0 }));
    expect((await join).name).toBe("r");
  });

  it("starts a session of its own in a duplicated tab", async () => {
    await open();
    env.locks = { request: () => Promise.reject(new DOMException("held", "AbortError")) } as unknown as LockManager;
    new Parlor(URL, { subprotocol: "v1.json" }, env);
    await settle();
    env.socket.accept();
    expect(env.socket.inbox).toEqual([]);
  });

  it("changes the subprotocol without losing the session", async () => {
    const { parlor, room } = await openIn("r");
    const old = env.socket;
    parlor.reconnect({ subprotocol: "v2.proto" });
    expect(old.closedByClient).toBe(4000);
    old.say({ type: "room_message", room: "r", data: "late", epoch: 1, seq: 5 });
    expect(room.position.seq).toBe(0);
    expect(env.socket.offer).toEqual(["v2.proto"]);
    env.socket.accept();
    env.socket.say(welcome("fresh"), {
      type: "resumed",
      session: "s1",
      resume_token: "t2",
      rooms: [{ room: "r", epoch: 1, seq: 0, last_id: 0 }],
    });
    expect(parlor.status).toMatchObject({ status: "open", subprotocol: "v2.proto" });
  });

  it("stays away after it was replaced, until asked to come back (RS2)", async () => {
    const { parlor, room } = await openIn("r");
    env.socket.lose(4409);
    expect(parlor.status).toMatchObject({ status: "closed", name: "replaced" });
    expect(room.isClosed).toBe(true);
    env.moment("visible");
    expect(env.sockets).toHaveLength(1);
    parlor.reconnect();
    expect(env.sockets).toHaveLength(2);
  });
});

describe("requests", () => {
  it("reads the list of rooms (JN12)", async () => {
    const parlor = await open();
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

  it("asks again after a loss, except where that could make a second room", async () => {
    const parlor = await open();
    const named = parlor.join("r", { plugin: "echo" });
    const anywhere = parlor.join(undefined, { plugin: "echo" });
    comeBack();
    await expect(anywhere).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    env.socket.say(welcome("fresh"), { type: "resumed", session: "s1", resume_token: "t2", rooms: [] });
    expect(env.socket.got("join_room")).toHaveLength(1);
    env.socket.say(joined("r", { id: env.socket.last("join_room").id ?? 0 }));
    expect((await named).name).toBe("r");
  });

  it("tells of refusals that belong to no request", async () => {
    const parlor = await open();
    const notice = vi.fn();
    parlor.on("notice", notice);
    env.socket.say({ type: "error", code: "RATE_LIMIT_EXCEEDED", message: "slow down" });
    env.socket.sayRaw("{");
    expect(notice.mock.calls.map(([{ code }]) => code)).toEqual(["RATE_LIMIT_EXCEEDED", "UNREADABLE_FRAME"]);
  });

  it("leaves a room", async () => {
    const { parlor, room } = await openIn("r");
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
    const parlor = await open();
    const { timestamp } = env.socket.last("ping");
    env.pass(40);
    env.socket.say({ type: "pong", timestamp, server_time_ms: env.clock() - 20 + 5_000 });
    expect(parlor.rtt).toBe(40);
    expect(parlor.serverTime - env.clock()).toBe(5_000);
  });

  it("takes a connection for dead when pings go unanswered", async () => {
    const parlor = await open();
    env.pass(PONG_WITHIN_MS + PING_EVERY_MS);
    expect(env.sockets[0]?.closedByClient).toBe(4000);
    expect(parlor.status.status).not.toBe("open");
  });

  it("stays away as long as a goaway asks (CL3)", async () => {
    await open();
    env.socket.say({ type: "goaway", reason: "restart", retry_after_ms: 5_000 });
    env.socket.lose(1012);
    env.pass(4_999);
    expect(env.sockets).toHaveLength(1);
    env.pass(600);
    expect(env.sockets).toHaveLength(2);
  });
});
