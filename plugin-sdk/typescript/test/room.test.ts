import assert from "node:assert/strict";
import { test } from "node:test";
import { type Config, type Ctx, type KvResult, type Member, Refusal, Room, type Value, decode, definePlugin, encode, shape } from "parlor-plugin";
import { TestRoom } from "parlor-plugin/testing";

/** Does whatever a test asks for. */
type Act = (room: Ctx, state: { notes: Value[]; extra?: unknown }, from: Member) => void;
const acts: Act[] = [];
let beside = 0;

class Any extends Room<{ notes: Value[]; extra?: unknown }, number> {
  open(room: Ctx, config: Config): { notes: Value[] } {
    if (config.options(shape.record({ refuse: shape.optional(shape.bool) })).refuse) throw new Refusal("not today");
    room.state("notes", []);
    return { notes: [] };
  }
  join(room: Ctx, member: Member): void {
    if (member.name === "mallory") throw new Refusal("NOT_YOU", "go away");
    room.send(member.id, { hello: member.name });
  }
  message(room: Ctx, from: Member, act: number): void {
    acts[act]?.(room, this.state, from);
  }
  leave(_room: Ctx, member: Member, reason: string): void {
    this.state.notes.push(`${member.name} ${reason}`);
  }
  timer(room: Ctx, timer: number): void {
    room.broadcast({ timer, at: room.nowMs });
  }
  tick(room: Ctx): void {
    if (this.state.extra === "tick") room.broadcast(room.tick);
  }
  signal(_room: Ctx, name: string, data: Value): void {
    this.state.notes.push([name, data]);
  }
  kvAnswer(_room: Ctx, operation: number, result: KvResult): void {
    const value = result.tag === "ok" && "val" in result.val && result.val.val instanceof Uint8Array ? decode(result.val.val) : result.val;
    this.state.notes.push(operation, JSON.parse(JSON.stringify(value)));
  }
}

const plugin = definePlugin(Any, { name: "any", input: shape.integer(), tickHz: 10, playersMax: 2, spectatorsMax: 1 });

/** A room with ann in it, and a way to have it do something. */
function opened() {
  const room = TestRoom.open(plugin);
  const ann = room.join("ann");
  const act = (what: Act) => room.push(ann, acts.push(what) - 1);
  return { room, ann, act };
}

test("members come and go, and are refused with a code", () => {
  const { room, ann } = opened();
  room.assertSent(ann, { hello: "ann" });
  assert.throws(() => room.join("mallory"), { code: "NOT_YOU" });
  const bob = room.join("bob");
  const cem = room.join("cem");
  assert.deepEqual([room.seat(bob), room.seat(cem)], ["player", "spectator"]);
  assert.throws(() => room.join("dan"), { code: "ROOM_FULL" });
  room.disconnect(bob);
  assert.throws(() => room.leave(bob), /not in the room/);
  assert.throws(() => TestRoom.open(plugin, { options: { refuse: true } }), { code: "REFUSED", message: "not today" });
  assert.throws(() => TestRoom.open(plugin, { options: { refuse: 1 } }), /at `refuse`/);
});

test("messages are answered, refused, or unreadable", () => {
  const { room, ann, act } = opened();
  assert.deepEqual(act((ctx) => ctx.reply([1])), { is: "done", data: [1] });
  assert.deepEqual(act(() => undefined), { is: "done", data: null });
  const refused = act((ctx) => {
    ctx.reply("lost");
    throw new Refusal("TOO_LATE", "come earlier");
  });
  assert.deepEqual(refused, { is: "refused", code: "TOO_LATE", message: "come earlier" });
  assert.deepEqual(room.push(ann, "text"), {
    is: "refused",
    code: "INVALID_PAYLOAD",
    message: `a whole number from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER} was expected, and "text" came`,
  });
  assert.throws(() => new Refusal("lower case", "no"), /is not a refusal code/);
});

test("what is no refusal is a fault", () => {
  const { act } = opened();
  assert.throws(() => act(() => assert.fail("a bug")), /a bug/);
  assert.throws(() => opened().act((ctx) => ctx.send(7, 1)), /member 7 never was.*PLUGIN_FAILED/);
  assert.throws(() => opened().act((ctx) => ctx.state("a view", 1)), /the view's name/);
  assert.throws(() => opened().act((ctx) => ctx.broadcast(Number.NaN)), /NaN/);
  assert.throws(() => opened().act((ctx) => ctx.setTimer(1, 0.5)), /not a whole number/);
  assert.throws(() => opened().room.signal("x", new Date()), /a Date/);
  assert.throws(() => opened().act((ctx) => ctx.broadcast(new Uint8Array(1 << 21))), /bytes of output/);
});

test("what is kept beside the state, real time and real chance are found out", () => {
  assert.throws(() => opened().act((ctx) => ctx.broadcast((beside += 1))), /not deterministic.*effect 0 differs/s);
  assert.throws(() => opened().act((_, state) => state.notes.push((beside += 1))), /the next state differs/);
  assert.throws(() => opened().act((ctx) => ctx.broadcast(process.hrtime().join())), /not deterministic/);
  const shared = { hp: 1 };
  assert.throws(() => opened().act((_, state) => (state.extra = [shared, shared])), /elsewhere in the state/);
});

test("time and chance of the globals are the room's", () => {
  const { room, act } = opened();
  room.advance(250);
  const { data } = act((ctx) => ctx.reply([Date.now(), ctx.nowMs, Math.random() < 1])) as { data: Value };
  assert.deepEqual(data, [250, 250, true]);
});

test("a room's methods are not async, and its fields are its state's", () => {
  class Late extends Any {
    override async tick(): Promise<void> {}
  }
  const late = TestRoom.open(definePlugin(Late, { name: "late", input: shape.integer(), tickHz: 1 }));
  assert.throws(() => late.tick(), /`tick` returned a promise/);
  class Fields extends Any {
    cache = new Map();
  }
  assert.throws(() => TestRoom.open(definePlugin(Fields, { name: "fields", input: shape.integer() })), /`cache` is a field/);
});

test("timers and ticks come as they are due", () => {
  const { room, ann, act } = opened();
  act((ctx, state) => {
    state.extra = "tick";
    ctx.setTimer(1, 150);
    ctx.setTimer(2, 50);
    ctx.setTimer(3, 60);
    ctx.cancelTimer(3);
  });
  room.takeSent(ann);
  room.advance(200);
  assert.deepEqual(room.takeSent(ann), [{ timer: 2, at: 50 }, 1, { timer: 1, at: 150 }, 2]);
});

test("a gathered message is applied in the tick that it comes with", () => {
  const gathering = definePlugin(Any, { name: "gathering", input: shape.integer(), tickHz: 10, delivery: "on-tick" });
  const room = TestRoom.open(gathering);
  const ann = room.join("ann");
  room.tick(3);
  room.push(ann, acts.push((ctx) => ctx.reply(ctx.tick)) - 1);
  room.tick();
  assert.deepEqual(room.lastAnswer(ann), { is: "done", data: 4 });
});

test("messages, views and seats reach whom they are for", () => {
  const { room, ann, act } = opened();
  const bob = room.join("bob");
  const cem = room.join("cem");
  for (const member of [ann, bob, cem]) room.takeSent(member);
  act((ctx) => {
    ctx.sendFrom(ann, "player", 1);
    ctx.sendExcept(ann, 2);
    ctx.send([ann, cem], 3);
    ctx.stateFor("spectator", "watch", { on: true });
    ctx.stateFor(bob, "hand", [1, 2]);
    ctx.state("hand", []);
    ctx.metadata({ mode: "fast" });
    ctx.lock();
    ctx.setSeat(bob, "spectator");
  });
  assert.deepEqual([ann, bob, cem].map((member) => room.takeSent(member)), [[1, 3], [1, 2], [2, 3]]);
  assert.deepEqual(room.viewFor(cem, "watch"), { on: true });
  assert.throws(() => room.viewFor(ann, "watch"), /no view `watch`/);
  assert.deepEqual([room.metadata, room.isLocked, room.seat(bob)], [{ mode: "fast" }, true, "spectator"]);
  act((ctx) => ctx.kick(bob, "because"));
  assert.deepEqual(room.kicked, [[bob, "because"]]);
  act((ctx) => ctx.close("done"));
  assert.throws(() => room.signal("more"), /the room is closed: done/);
});

test("the storage answers in later steps", () => {
  const { room, act } = opened();
  act((ctx) => {
    ctx.kvPut(1, "public/a", encode({ n: 1 }));
    ctx.kvGet(2, "public/a");
    ctx.kvCompareAndPut(3, "public/a", null, encode(2));
    ctx.kvGet(4, "x".repeat(257));
    ctx.kvDelete(5, "public/a");
    ctx.kvList(6, "public/", "", 10);
  });
  room.runStorage();
  const { data } = act((ctx, state) => ctx.reply(state.notes)) as { data: Value[] };
  assert.deepEqual(data.slice(0, 4), [1, { tag: "stored" }, 2, { n: 1 }]);
  assert.deepEqual(data.slice(6), [4, "too-large", 5, { tag: "stored" }, 6, { tag: "entries", val: [] }]);
  assert.equal(room.storage.size, 0);
});

test("a room goes on from what another one saved", () => {
  const { room, act } = opened();
  act((_, state) => state.notes.push("kept"));
  const later = TestRoom.open(plugin, { resumedFrom: { schema: 1, saved: room.saved } });
  later.signal("more", { n: 1 });
  const read = later.push(1, acts.push((ctx, state) => ctx.reply(state.notes)) - 1);
  assert.deepEqual(read, { is: "done", data: ["kept", ["more", { n: 1 }]] });
  const refused = { resumedFrom: { schema: 2, saved: room.saved } };
  assert.throws(() => TestRoom.open(plugin, refused), /cannot read state schema 2; write `upgrade` for it/);
  assert.throws(() => TestRoom.open(plugin, { resumedFrom: { schema: 1, saved: new Uint8Array([0xc1]) } }), /cannot be read/);
});
