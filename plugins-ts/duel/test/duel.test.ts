import assert from "node:assert/strict";
import { test } from "node:test";
import { TestRoom, savedRoom } from "parlor-plugin/testing";
import duel from "../src/index.ts";

interface Arena {
  phase: string;
  round: number;
  walls: Uint8Array;
  players: { id: number; name: string; number: number; wins: number; at?: [number, number]; out: boolean }[];
  winner: number | null;
}

type DuelRoom = ReturnType<typeof open>;

function open() {
  return TestRoom.open(duel);
}

function arena(room: DuelRoom): Arena {
  return room.view("arena") as unknown as Arena;
}

function riding(): { room: DuelRoom; ann: number; bob: number } {
  const room = open();
  const [ann, bob] = [room.join("ann"), room.join("bob")];
  room.advance(3_000);
  assert.equal(arena(room).phase, "riding");
  return { room, ann, bob };
}

test("a round begins three seconds after there are two, and not with one", () => {
  const room = open();
  room.join("ann");
  room.advance(10_000);
  assert.equal(arena(room).phase, "waiting");
  const bob = room.join("bob");
  assert.equal(arena(room).phase, "countdown");
  room.leave(bob);
  assert.equal(arena(room).phase, "waiting");
  room.advance(5_000);
  assert.equal(arena(room).phase, "waiting");
});

test("riders draw walls, and who rides into the border is out", () => {
  const { room, ann, bob } = riding();
  room.push(ann, { type: "turn", to: "north" });
  room.push(bob, { type: "turn", to: "south" });
  room.tick();
  // Where they began, the move at the moment of the beginning, and one more.
  assert.equal(arena(room).walls.filter((wall) => wall !== 0).length, 6);
  // Ann turns back and forth, bob rides on into the border.
  for (const to of ["east", "south", "east", "south", "east", "south", "east", "south", "east", "south", "east", "south"]) {
    room.push(ann, { type: "turn", to });
    room.tick();
  }
  room.tick(8);
  const { phase, winner, players } = arena(room);
  assert.deepEqual({ phase, winner }, { phase: "over", winner: ann });
  assert.deepEqual(players.map(({ wins, out }) => ({ wins, out })), [{ wins: 1, out: false }, { wins: 0, out: true }]);
  room.assertSent(bob, { type: "round_over", round: 1, winner: ann });
});

test("the next round comes by itself", () => {
  const { room, bob } = riding();
  room.leave(bob);
  assert.equal(arena(room).phase, "over");
  room.join("cem");
  room.advance(7_000);
  assert.deepEqual({ phase: arena(room).phase, round: arena(room).round }, { phase: "riding", round: 2 });
});

test("what cannot be is refused with a reason", () => {
  const { room, ann } = riding();
  const code = (input: unknown): unknown => {
    const answer = room.push(ann, input);
    return answer.is === "refused" ? answer.code : answer.is;
  };
  assert.equal(code({ type: "turn", to: "west" }), "NO_WAY_BACK");
  assert.equal(code({ type: "turn", to: "up" }), "INVALID_PAYLOAD");
  assert.equal(code({ type: "turn", to: "south" }), "done");
  room.tick(40);
  assert.equal(code({ type: "turn", to: "north" }), "NOT_RIDING");
});

test("idle ticks cost nothing", () => {
  const room = open();
  room.join("ann");
  room.tick(3);
  assert.equal(room.effectsOfLastStep, 0);
});

test("a room of the first schema goes on with its points", () => {
  const ann = { id: 1, name: "ann", seat: "player" as const, user: null, roles: [] };
  const old = {
    phase: "over",
    round: 3,
    players: new Map([[1, { name: "ann", number: 1 }]]),
    points: new Map([[1, 2]]),
    riders: new Map(),
    walls: new Uint8Array(640),
    winner: 1,
  };
  const room = TestRoom.open(duel, { resumedFrom: { schema: 1, saved: savedRoom(old, [ann]) } });
  room.join("bob");
  assert.deepEqual(arena(room).players.map(({ name, wins }) => ({ name, wins })), [
    { name: "ann", wins: 2 },
    { name: "bob", wins: 0 },
  ]);
});
