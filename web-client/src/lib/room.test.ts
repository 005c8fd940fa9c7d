import { describe, expect, it, vi } from "vitest";
import type { ClientFrame } from "./protocol";
import { ACK_AFTER_FRAMES, ACK_AFTER_MS, Room } from "./room";
import { FakeEnvironment, joined, member } from "./testing/fake";

function roomOf(over: Parameters<typeof joined>[1] = {}) {
  const env = new FakeEnvironment();
  const sent: ClientFrame[] = [];
  const send = (frame: ClientFrame) => sent.push(frame) > 0;
  const room = new Room({ send, leave: () => Promise.resolve(), after: env.after }, joined("r", over));
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

  it("keeps the latest of each view, and asks for the whole when it cannot apply a patch (ST5)", () => {
    const { room, sent } = roomOf();
    const state = { type: "room_state", room: "r", epoch: 1, view: "board", as_of: 0, hash: 0 } as const;
    room.onState({ ...state, tick: 1, version: 1, state: { a: 1 } });
    room.onState({ ...state, tick: 2, version: 2, base: 1, patch: { a: 2 } });
    expect(room.views.get("board")).toEqual({ value: { a: 1 }, tick: 1, version: 1 });
    expect(sent).toEqual([{ type: "state_request", room: "r", view: "board" }]);
  });

  it("counts the members where they are not told of one by one (JN14)", () => {
    const { room } = roomOf();
    const state = { type: "room_state", room: "r", epoch: 1, as_of: 0, hash: 0, tick: 0, version: 1 } as const;
    room.onState({ ...state, view: "$presence", state: { count: 250 } });
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
