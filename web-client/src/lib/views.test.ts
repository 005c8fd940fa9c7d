import { describe, expect, it, vi } from "vitest";
import type { Server } from "./protocol";
import { CONFIRMED_FOR_MS } from "./predictions";
import { Room } from "./room";
import { stateHash } from "./state-hash";
import { FakeEnvironment, joined, settle } from "./testing/fake";
import type { Value } from "./value";

type State = { readonly [id: string]: { readonly x: number; readonly hat?: string } };

function roomOf() {
  const env = new FakeEnvironment();
  const send = () => true;
  const link = { send, leave: () => Promise.resolve(), after: env.after, now: env.now };
  const room = new Room<State, Value>(link, joined("r"));
  let version = 0;
  /** The server has another state, in this tick. */
  const state = (value: State, tick = 0) => {
    version += 1;
    const frame = { room: "r", epoch: 1, view: "world", as_of: 0, handle: 1, tick, version } as const;
    room.onState({ type: "room_state", ...frame, hash: stateHash(value), state: structuredClone(value) });
  };
  const reply = (id: number, tick: number): Server<"reply"> => ({ type: "reply", room: "r", id, tick });
  return { room, env, state, reply };
}

describe("changes in detail", () => {
  it("are told where they are, and nowhere else", () => {
    const { room, state } = roomOf();
    const [ann, bob, nothing] = [vi.fn(), vi.fn(), vi.fn()];
    state({ ann: { x: 1 }, bob: { x: 1 } });
    room.watch("world", ["ann", "x"], ann);
    const off = room.watch("world", ["bob"], bob);
    room.watch("world", ["ann", "hat", 0], nothing);
    state({ bob: { x: 1 }, ann: { x: 2 } });
    expect(ann.mock.calls).toEqual([[{ value: 2, previous: 1 }]]);
    expect(bob).not.toHaveBeenCalled();
    state({ ann: { x: 2 } });
    expect(bob.mock.calls).toEqual([[{ value: undefined, previous: { x: 1 } }]]);
    off();
    state({ ann: { x: 2 }, bob: { x: 3 } });
    expect([ann, bob, nothing].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0]);
  });

  it("tell what comes, changes and goes", () => {
    const { room, state } = roomOf();
    const heard: unknown[] = [];
    room.watchEach("world", [], {
      added: (key, value) => heard.push(["added", key, value]),
      changed: (key, value, previous) => heard.push(["changed", key, value, previous]),
      removed: (key, previous) => heard.push(["removed", key, previous]),
    });
    state({ ann: { x: 1 }, bob: { x: 1 } });
    state({ bob: { x: 2 }, cy: { x: 3 } });
    expect(heard).toEqual([
      ["added", "ann", { x: 1 }],
      ["added", "bob", { x: 1 }],
      ["removed", "ann", { x: 1 }],
      ["changed", "bob", { x: 2 }, { x: 1 }],
      ["added", "cy", { x: 3 }],
    ]);
  });
});

describe("predictions", () => {
  const move = (by: number) => (world: State) => ({ ...world, ann: { x: (world["ann"]?.x ?? 0) + by } });
  const anns = (room: Room<State, Value>) => room.shown("world")?.["ann"]?.x;

  it("show at once, stay on top of what comes, and give way to the state that has them in it", async () => {
    const { room, state, reply } = roomOf();
    const shown = vi.fn();
    room.on("shown", shown);
    state({ ann: { x: 0 } }, 1);
    void room.predict("world", "right", move(1));
    void room.predict("world", "right", move(1));
    expect(anns(room)).toBe(2);
    expect(room.views.get("world")?.value["ann"]?.x).toBe(0);
    state({ ann: { x: 0 }, bob: { x: 5 } }, 2);
    expect(room.shown("world")).toEqual({ ann: { x: 2 }, bob: { x: 5 } });
    room.onAnswer(reply(1, 3));
    await settle();
    state({ ann: { x: 1 } }, 3);
    expect(anns(room)).toBe(2);
    room.onAnswer(reply(2, 4));
    await settle();
    state({ ann: { x: 1 }, bob: { x: 6 } }, 3);
    expect(anns(room)).toBe(2);
    state({ ann: { x: 2 } }, 4);
    expect(room.shown("world")).toEqual({ ann: { x: 2 } });
    expect(shown).toHaveBeenCalledTimes(7);
  });

  it("are taken back where the input was refused", async () => {
    const { room, state } = roomOf();
    state({ ann: { x: 0 } });
    const first = room.predict("world", "left", move(-1));
    void room.predict("world", "right", move(10));
    expect(anns(room)).toBe(9);
    room.onAnswer({ type: "error", room: "r", id: 1, code: "REFUSED", message: "a wall" });
    await expect(first).rejects.toThrow("a wall");
    await settle();
    expect(anns(room)).toBe(10);
  });

  it("do not outlive a reply that no state follows", async () => {
    const { room, env, state, reply } = roomOf();
    state({ ann: { x: 0 } });
    void room.predict("world", "jump", move(1));
    room.onAnswer(reply(1, 7));
    await settle();
    expect(anns(room)).toBe(1);
    env.pass(CONFIRMED_FOR_MS);
    expect(anns(room)).toBe(0);
  });
});

describe("interpolation", () => {
  it("leads from one state to the next in the time that lies between states", () => {
    const { room, env, state } = roomOf();
    const seen = () => room.interpolated("world", { numbers: ["x"] });
    expect(seen()).toBeUndefined();
    for (let x = 0; x <= 20; x += 1) {
      state({ ann: { x, hat: `hat ${x}` } });
      env.pass(x < 20 ? 50 : 0);
    }
    expect(seen()).toEqual({ ann: { x: 19, hat: "hat 20" } });
    env.pass(25);
    expect(seen()?.["ann"]?.x).toBeCloseTo(19.5, 1);
    env.pass(100);
    expect(seen()).toEqual({ ann: { x: 20, hat: "hat 20" } });
    state({ ann: { x: 30 }, bob: { x: 4 } });
    expect(seen()).toEqual({ ann: { x: 20 }, bob: { x: 4 } });
  });

  it("is the reader's own where a view is to be read in another way first", () => {
    const { room, env, state } = roomOf();
    expect(room.motion("world")).toBeUndefined();
    state({ ann: { x: 1 } });
    expect(room.motion("world")).toEqual({ before: { ann: { x: 1 } }, after: { ann: { x: 1 } }, part: 0 });
    env.pass(100);
    state({ ann: { x: 2 } });
    env.pass(50);
    const { before, after, part } = room.motion("world") ?? expect.fail("no motion");
    expect([before["ann"]?.x, after["ann"]?.x, part]).toEqual([1, 2, 0.5]);
    expect(after).toBe(room.views.get("world")?.value);
    env.pass(100);
    expect(room.motion("world")?.part).toBe(1.5);
  });

  it("turns the shorter way around", () => {
    const { room, env } = roomOf();
    const frame = { type: "room_state", room: "r", epoch: 1, view: "world", as_of: 0, handle: 1, tick: 0 } as const;
    for (const [version, angle] of [3, -3].entries()) {
      const state = [{ angle }];
      env.pass(100);
      room.onState({ ...frame, version, hash: stateHash(state), state });
    }
    env.pass(50);
    const [ship] = room.interpolated("world", { angles: ["angle"] }) as unknown as { angle: number }[];
    expect(ship?.angle).toBeCloseTo(Math.PI, 5);
  });
});
