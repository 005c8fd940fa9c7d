import { describe, expect, it, vi } from "vitest";
import type { ClientFrame, Server } from "./protocol";
import { ACK_AFTER_FRAMES, ACK_AFTER_MS, HEAL_EVERY_MS, Room } from "./room";
import { stateHash } from "./state-hash";
import { FakeEnvironment, joined, member } from "./testing/fake";
import { isMap } from "./value";
import type { Value } from "./value";

function roomOf(over: Parameters<typeof joined>[1] = {}) {
  const env = new FakeEnvironment();
  const sent: ClientFrame[] = [];
  const send = (frame: ClientFrame) => sent.push(frame) > 0;
  const room = new Room({ send, leave: () => Promise.resolve(), after: env.after, now: env.now }, joined("r", over));
  return { room, sent, env };
}

const said = (seq: number, epoch = 1) => ({ type: "room_message", room: "r", data: seq, epoch, seq }) as const;

describe("a room", () => {
  it("acks once for many frames, with how many there were (SQ4)", () => {
    const { room, sent, env } = roomOf({ seq: 10 });
    for (const seq of [11, 14, 15]) room.onReliable(said(seq));
    expect(sent).toEqual([]);
    env.pass(ACK_AFTER_MS);
    expect(sent).toEqual([{ type: "ack", room: "r", epoch: 1, seq: 15, count: 3 }]);
    for (let seq = 16; seq < 16 + ACK_AFTER_FRAMES; seq += 1) room.onReliable(said(seq));
    expect(sent).toHaveLength(2);
    env.pass(ACK_AFTER_MS);
    expect(sent).toHaveLength(2);
  });

  it("passes on each frame once", () => {
    const { room } = roomOf();
    const message = vi.fn();
    room.on("message", message);
    for (const seq of [1, 2, 2, 1, 3]) room.onReliable(said(seq));
    expect(message.mock.calls.map(([{ seq }]) => seq)).toEqual([1, 2, 3]);
  });

  it("keeps the members as they come, change and go", () => {
    const { room } = roomOf();
    const change = vi.fn();
    room.on("member", change);
    const renamed = { ...member(2), name: "Grace" };
    room.onReliable({ type: "user_joined", room: "r", member: member(2), epoch: 1, seq: 1 });
    room.onReliable({ type: "user_changed", room: "r", member: renamed, epoch: 1, seq: 2 });
    expect([...room.members.values()].map(({ name }) => name)).toEqual(["member 1", "Grace"]);
    expect(room.memberCount).toBe(2);
    room.onReliable({ type: "user_left", room: "r", member: renamed, reason: "kicked", epoch: 1, seq: 3 });
    expect(room.memberCount).toBe(1);
    expect(change.mock.lastCall).toEqual([{ change: "left", member: renamed, reason: "kicked" }]);
  });

  const board = (version: number, state: Value, over: Partial<Server<"room_state">> = {}): Server<"room_state"> => ({
    type: "room_state",
    room: "r",
    epoch: 1,
    view: "board",
    as_of: 0,
    tick: version,
    version,
    hash: stateHash(state),
    handle: 1,
    state,
    ...over,
  });
  /** A patch that leads to `state`, as the server says. */
  const change = (version: number, patch: Value, state: Value): Server<"room_patch"> => ({
    type: "room_patch",
    handle: 1,
    tick: version,
    version,
    as_of: 0,
    hash: stateHash(state),
    patch,
  });

  it("keeps the latest of each view, which patches lead to, and what did not change as it was (ST2)", () => {
    const { room, sent } = roomOf();
    room.onState(board(1, { a: 1, b: [1] }));
    const before = room.views.get("board");
    room.onPatch("board", change(2, ["a", 2], { a: 2, b: [1] }));
    expect(room.views.get("board")).toEqual({ value: { a: 2, b: [1] }, tick: 2, version: 2 });
    room.onState(board(3, { b: [1], a: 3 }));
    const after = room.views.get("board");
    expect(after?.value).toEqual({ a: 3, b: [1] });
    const items = (view: typeof before) => (isMap(view?.value) ? view.value["b"] : undefined);
    expect(items(after)).toBe(items(before));
    expect(Object.isFrozen(after?.value) && Object.isFrozen(items(after))).toBe(true);
    expect(sent).toEqual([]);
  });

  const request = { type: "state_request", room: "r", view: "board" };

  it.each([
    ["a patch that is none", (room: Room) => room.onPatch("board", change(2, ["c"], { a: 2 }))],
    ["a patch that does not fit", (room: Room) => room.onPatch("board", change(2, ["c", []], { a: 2 }))],
    ["a patch that leads elsewhere", (room: Room) => room.onPatch("board", change(2, ["a", 9], { a: 2 }))],
    ["a state that is another", (room: Room) => room.onState(board(2, { a: 2 }, { hash: 7 }))],
  ])("asks for the whole until it comes, and takes no patch meanwhile: %s (ST4, ST5, PT8)", (_, wrong) => {
    const { room, sent, env } = roomOf();
    const state = vi.fn();
    room.on("state", state);
    room.onState(board(1, { a: 1 }));
    wrong(room);
    expect(sent).toEqual([request]);
    // This one would fit what is there, by accident: the server's state has another one in between.
    room.onPatch("board", change(3, ["a", 3], { a: 3 }));
    // PT7: whatever is wrong, what was there stays.
    expect(room.views.get("board")).toEqual({ value: { a: 1 }, tick: 1, version: 1 });
    expect(sent).toEqual([request]);
    env.pass(HEAL_EVERY_MS);
    expect(sent).toEqual([request, request]);
    room.onPatch("board", change(4, ["a", 4], { a: 4 }));
    room.onState(board(5, { a: 5 }));
    room.onPatch("board", change(6, ["a", 6], { a: 6 }));
    env.pass(10 * HEAL_EVERY_MS);
    expect(sent).toHaveLength(2);
    expect(state.mock.calls.map(([{ version }]) => version)).toEqual([1, 5, 6]);
  });

  it("asks for nothing while there is no connection: the whole comes with the next one (ST7)", () => {
    const { room, sent, env } = roomOf();
    room.onState(board(1, { a: 1 }));
    room.onPatch("board", change(2, ["a", 9], { a: 2 }));
    room.onAway();
    env.pass(10 * HEAL_EVERY_MS);
    expect(sent).toEqual([request]);
  });

  it("has nothing to patch after a reset, before the whole comes", () => {
    const { room, sent } = roomOf();
    room.onState(board(1, { a: 1 }));
    room.onReset({ epoch: 9, seq: 2, last_id: 0, members: [], reason: "too far behind" });
    room.onPatch("board", change(2, ["a", 2], { a: 2 }));
    expect(room.views.get("board")).toBeUndefined();
    expect(sent).toEqual([request]);
    room.onState(board(3, { a: 3 }));
    expect(room.views.get("board")?.value).toEqual({ a: 3 });
  });

  it("counts the members where they are not told of one by one (JN14)", () => {
    const { room } = roomOf();
    room.onState(board(1, { count: 250 }, { view: "$presence" }));
    expect(room.memberCount).toBe(250);
  });

  it("takes a reset for a fresh start (SQ5)", () => {
    const { room, sent, env } = roomOf({ seq: 5 });
    room.onReliable(said(6));
    const reset = vi.fn();
    room.on("reset", reset);
    room.onReset({ epoch: 9, seq: 2, last_id: 0, members: [member(3)], reason: "too far behind" });
    expect(reset).toHaveBeenCalledWith({ reason: "too far behind" });
    expect([...room.members.keys()]).toEqual([3]);
    room.onReliable(said(3, 9));
    env.pass(ACK_AFTER_MS);
    expect(sent.at(-1)).toEqual({ type: "ack", room: "r", epoch: 9, seq: 3, count: 1 });
  });

  it("refuses to send what is no value", async () => {
    const { room, sent } = roomOf();
    await expect(room.send(Number.NaN)).rejects.toThrow("only finite numbers");
    expect(sent).toEqual([]);
  });

  it("goes on when a listener throws", () => {
    const { room } = roomOf();
    const later = vi.spyOn(globalThis, "queueMicrotask").mockImplementation(() => {});
    const after = vi.fn();
    room.on("message", () => {
      throw new Error("listener");
    });
    room.on("message", after);
    room.onReliable(said(1));
    expect(after).toHaveBeenCalledOnce();
    expect(later.mock.calls[0]?.[0]).toThrow("listener");
    later.mockRestore();
  });
});
