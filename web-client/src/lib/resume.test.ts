import { beforeEach, describe, expect, it, vi } from "vitest";
import { JOIN_AGAIN_MS } from "./memberships";
import type { ClientFrame } from "./protocol";
import { ACK_AFTER_MS } from "./room";
import type { Parlor } from "./session";
import { FakeEnvironment, member, settle, welcome } from "./testing/fake";
import { Play, URL } from "./testing/play";

let env: FakeEnvironment;
let play: Play;

beforeEach(() => {
  env = new FakeEnvironment();
  play = new Play(env);
});

const place = (room: string, over = {}) => ({ room, epoch: 1, seq: 0, last_id: 0, ...over });
const said = (seq: number, over = {}) =>
  ({ type: "room_message", room: "r", data: seq, epoch: 1, seq, ...over }) as const;

describe("a lost connection", () => {
  it("is resumed with the first frame, from where each room stood, and only what has no answer goes out again (RS1, RS5)", async () => {
    const { parlor, room } = await play.openIn("r", { last_id: 7, epoch: 4 });
    const first = room.send("one");
    const second = room.send("two");
    env.socket.say({ type: "reply", room: "r", id: 8, tick: 3 }, said(9, { epoch: 4 }));
    expect(await first).toEqual({ tick: 3, data: undefined, repeat: false });

    play.comeBack();
    const third = room.send("three");
    expect(env.socket.inbox).toEqual([
      { type: "resume", session: "s1", resume_token: "s1-token", rooms: [{ room: "r", epoch: 4, seq: 9 }] },
    ]);
    play.resume(place("r", { epoch: 4, seq: 9, last_id: 8 }));
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

  it("uses the token of the last `resumed` for the next one (RS6)", async () => {
    await play.openIn("r");
    play.comeBack();
    play.resume(place("r"));
    play.comeBack();
    expect(env.socket.last("resume")).toMatchObject({ session: "s1", resume_token: "t2" });
  });

  it("does not disturb the count of frames, and what was not yet acknowledged is (SQ4)", async () => {
    const { room } = await play.openIn("r");
    const heard = vi.fn();
    room.on("message", heard);
    env.socket.say(said(1), said(2));
    play.comeBack();
    play.resume(place("r", { seq: 4 }));
    env.pass(ACK_AFTER_MS);
    expect(env.socket.last("ack")).toEqual({ type: "ack", room: "r", epoch: 1, seq: 2, count: 2 });
    // What was missed; the first one was on its way already when the connection broke.
    env.socket.say(said(2), said(3), said(4));
    env.pass(ACK_AFTER_MS);
    expect(env.socket.last("ack")).toEqual({ type: "ack", room: "r", epoch: 1, seq: 4, count: 4 });
    expect(heard.mock.calls.map(([{ seq }]) => seq)).toEqual([1, 2, 3, 4]);
  });

  it("begins a new count where the server says reset (SQ4, SQ5)", async () => {
    const { room } = await play.openIn("r");
    env.socket.say(said(1), said(2));
    play.comeBack();
    play.resume(place("r", { seq: 90 }));
    env.socket.say({ type: "reset", ...place("r", { seq: 90 }), members: [member(1)], reason: "window-exceeded" });
    env.socket.say(said(91));
    env.pass(ACK_AFTER_MS);
    expect(env.socket.got("ack")).toEqual([{ type: "ack", room: "r", epoch: 1, seq: 91, count: 1 }]);
    expect(room.position).toEqual({ room: "r", epoch: 1, seq: 91 });
  });

  it("joins a room again that ended with its server, when the session did not (DU3)", async () => {
    const { parlor, room } = await play.openIn("talk");
    const [closed, reset] = [vi.fn(), vi.fn()];
    room.on("closed", closed);
    room.on("reset", reset);
    play.comeBack();
    play.resume();
    expect(env.socket.last("join_room")).toMatchObject({ room: "talk", plugin: "echo" });
    play.letIn("talk");
    await Promise.resolve();
    expect(closed).not.toHaveBeenCalled();
    expect(reset).toHaveBeenCalledWith({ reason: "joined again" });
    expect([...parlor.rooms.values()]).toEqual([room]);
  });

  it("costs no room that was joined but not heard of, and closes those it is no longer in (RS4, RS9)", async () => {
    const { parlor, room } = await play.openIn("gone", { durability: "journal" });
    const closed = vi.fn();
    room.on("closed", closed);
    const join = parlor.join("late", { plugin: "echo" });
    play.comeBack();
    play.resume();
    expect(closed).toHaveBeenCalledWith({ code: "NOT_IN_ROOM", message: expect.stringContaining("removed you") });
    expect(env.socket.got("join_room").map(({ room }) => room)).toEqual(["late"]);
    play.letIn("late");
    expect((await join).name).toBe("late");
    expect([...parlor.rooms.keys()]).toEqual(["late"]);
  });

  it("does not bring back a room that was being left", async () => {
    const { parlor, room } = await play.openIn("r");
    const left = room.leave();
    play.comeBack();
    expect(env.socket.last("resume").rooms).toHaveLength(1);
    play.resume();
    const { id = 0 } = env.socket.last("leave_room");
    env.socket.say({ type: "error", code: "NOT_IN_ROOM", message: "not in it", room: "r", id });
    await left;
    expect(env.socket.got("join_room")).toEqual([]);
    expect(parlor.rooms.size).toBe(0);
  });

  it("is taken up in another subprotocol, without a word from the old connection (RS2)", async () => {
    const { parlor, room } = await play.openIn("r");
    const old = env.socket;
    parlor.reconnect({ subprotocol: "v2.proto" });
    expect(old.closedByClient).toBe(4000);
    old.say(said(5));
    expect(room.position.seq).toBe(0);
    expect(env.socket.offer).toEqual(["v2.proto"]);
    env.socket.accept();
    play.resume(place("r"));
    expect(parlor.status).toMatchObject({ status: "open", subprotocol: "v2.proto" });
  });

  it("tells a name that was chosen meanwhile", async () => {
    const parlor = await play.open({ name: "Ada" });
    play.comeBack();
    expect(env.socket.got("auth")).toEqual([]);
    parlor.rename("Grace");
    play.resume();
    expect(env.socket.got("auth")).toEqual([{ type: "auth", name: "Grace" }]);
  });
});

describe("a session that the server does not know", () => {
  it("is followed by another one in the same rooms, which say reset (RS3)", async () => {
    const { parlor, room } = await play.openIn("r");
    const reset = vi.fn();
    room.on("reset", reset);
    const lost = room.send("one");
    play.comeBack(1012);
    play.refuseResume();
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect(parlor.status).toMatchObject({ status: "open", session: "s2", isResumed: false });
    expect(env.socket.last("join_room")).toMatchObject({ room: "r", plugin: "echo" });
    expect(reset).not.toHaveBeenCalled();
    play.letIn("r", { you: member(5), members: [member(5)] });
    expect(reset).toHaveBeenCalledOnce();
    expect(room.you.id).toBe(5);
    void room.send("after");
    expect(env.socket.last("room_message")).toMatchObject({ data: "after", id: 1 });
  });

  it("closes a room that the next one is not let into", async () => {
    const { parlor, room } = await play.openIn("r");
    const closed = vi.fn();
    room.on("closed", closed);
    play.comeBack();
    play.refuseResume();
    play.refuse("ROOM_FULL");
    await settle();
    expect(closed).toHaveBeenCalledWith({ code: "ROOM_FULL", message: "ROOM_FULL, says the server" });
    expect(parlor.rooms.size).toBe(0);
    await expect(room.send(1)).rejects.toMatchObject({ code: "ROOM_FULL" });
  });

  it("goes on asking where the refusal has nothing to do with the room", async () => {
    const { room } = await play.openIn("r");
    play.comeBack();
    play.refuseResume();
    play.refuse("RATE_LIMIT_EXCEEDED");
    await settle();
    expect(env.socket.got("join_room")).toHaveLength(1);
    env.pass(JOIN_AGAIN_MS * 1.5);
    expect(env.socket.got("join_room")).toHaveLength(2);
    play.letIn("r");
    expect(room.isClosed).toBe(false);
    void room.send("after");
    expect(env.socket.last("room_message")).toMatchObject({ data: "after", id: 1 });
  });

  it("asks once, however often the connection breaks meanwhile", async () => {
    await play.openIn("r");
    play.comeBack();
    play.refuseResume();
    play.comeBack();
    // The room is not the new session's yet: it has no position there.
    expect(env.socket.last("resume")).toMatchObject({ session: "s2", rooms: [] });
    env.socket.say(welcome("fresh"), { type: "resumed", session: "s2", resume_token: "t3", rooms: [] });
    expect(env.socket.got("join_room")).toHaveLength(1);
    play.comeBack();
    play.refuseResume("s3");
    expect(env.socket.got("join_room")).toHaveLength(1);
  });
});

describe("a page", () => {
  /** The first words of the next page in this tab. */
  async function nextPage(): Promise<{ parlor: Parlor; words: ClientFrame[] }> {
    const parlor = await play.connect();
    return { parlor, words: [...env.socket.inbox] };
  }

  it("that is loaded again takes up its session, and goes back into its room as who it was (RS9)", async () => {
    await play.openIn("r");
    env.page("gone");
    const { parlor, words } = await nextPage();
    expect(words).toEqual([{ type: "resume", session: "s1", resume_token: "s1-token", rooms: [] }]);
    const join = parlor.join("r", { plugin: "echo" });
    play.resume();
    expect(parlor.status).toMatchObject({ session: "s1", isResumed: true });
    play.letIn("r", { you: member(4), last_id: 7 });
    const room = await join;
    expect(room.you.id).toBe(4);
    void room.send("on");
    expect(env.socket.last("room_message")).toMatchObject({ id: 8 });
  });

  it("does not say goodbye as it goes, for it may be on its way back; only `close` does (RS8)", async () => {
    const { parlor } = await play.openIn("r");
    const { socket } = env;
    env.page("gone");
    expect(socket.closedByClient).toBeUndefined();
    parlor.close();
    expect(socket.closedByClient).toBe(1000);
    expect((await nextPage()).words).toEqual([]);
  });

  it("starts a session of its own in a duplicated tab, with locks and without", async () => {
    await play.open();
    // Without locks there is nothing in the storage that a duplicate could copy.
    expect((await nextPage()).words).toEqual([]);
    env.stored.set(`parlor:${URL}`, '{"session":"s2","resume_token":"t"}');
    env.locks = { request: () => Promise.reject(new DOMException("held", "AbortError")) } as unknown as LockManager;
    expect((await nextPage()).words).toEqual([]);
  });

  it("that was put aside goes on where it was, by the token of the page that was there meanwhile", async () => {
    const { parlor, room } = await play.openIn("r");
    env.socket.say(said(3));
    const { socket } = env;
    env.page("frozen");
    expect(socket.closedByClient).toBe(4000);
    env.pass(600_000);
    expect(env.sockets).toHaveLength(1);
    env.stored.set(`parlor:${URL}`, '{"session":"s1","resume_token":"newer","isParked":true}');
    env.page("back");
    await settle();
    env.socket.accept();
    expect(env.socket.inbox).toEqual([
      { type: "resume", session: "s1", resume_token: "newer", rooms: [{ room: "r", epoch: 1, seq: 3 }] },
    ]);
    play.resume(place("r", { seq: 3 }));
    expect(parlor.status.status).toBe("open");
    expect(room.isClosed).toBe(false);
  });

  it("that was put aside joins its rooms again where the session is another one by then", async () => {
    const { room } = await play.openIn("r");
    const lost = room.send("one");
    env.page("frozen");
    env.stored.set(`parlor:${URL}`, '{"session":"s9","resume_token":"t","isParked":true}');
    env.page("back");
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await settle();
    env.socket.accept();
    expect(env.socket.last("resume")).toMatchObject({ session: "s9", rooms: [] });
    env.socket.say(welcome("fresh"), { type: "resumed", session: "s9", resume_token: "t2", rooms: [] });
    expect(env.socket.last("join_room")).toMatchObject({ room: "r" });
  });
});

describe("a client that was sent away", () => {
  it("stays away after it was replaced, until somebody asks for it, and then wants its rooms again (RS2)", async () => {
    const { parlor, room } = await play.openIn("r");
    const lost = room.send("one");
    env.socket.lose(4409);
    await expect(lost).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    await expect(room.send("two")).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    expect(parlor.status).toMatchObject({ status: "closed", name: "replaced" });
    env.moment("visible");
    env.pass(600_000);
    expect(env.sockets).toHaveLength(1);

    parlor.reconnect();
    const three = room.send("three");
    env.socket.accept();
    play.resume(place("r", { last_id: 1 }));
    expect(env.socket.got("room_message")).toEqual([{ type: "room_message", room: "r", data: "three", id: 2 }]);
    env.socket.say({ type: "reply", room: "r", id: 2 });
    expect(await three).toMatchObject({ repeat: false });
  });

  it("leaves its rooms for good when it is closed", async () => {
    const { parlor, room } = await play.openIn("r");
    const closed = vi.fn();
    room.on("closed", closed);
    parlor.close();
    expect(closed).toHaveBeenCalledWith({ code: "CONNECTION_CLOSED", message: expect.any(String) });
    expect(parlor.rooms.size).toBe(0);
    await expect(parlor.join("r")).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  });
});
