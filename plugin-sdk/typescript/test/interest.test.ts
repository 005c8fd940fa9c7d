import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Ctx,
  Grid,
  type Interest,
  type Member,
  type MemberId,
  type Position,
  type Reach,
  Rng,
  Room,
  type ShapeOf,
  definePlugin,
  interest,
  shape,
} from "parlor-plugin";
import { TestRoom } from "parlor-plugin/testing";
import { loadState, saveState } from "../src/state.ts";

type Things = [key: number, position: Position][];

const [I32_MIN, I32_MAX, U32_MAX] = [-2_147_483_648, 2_147_483_647, 4_294_967_295];

/** What looking at everything finds. */
function naive(things: Things, [x, y]: Position, radius: number): number[] {
  const squared = (it: number): bigint => BigInt(it) ** 2n;
  const near = things.filter(([, [itsX, itsY]]) => squared(itsX - x) + squared(itsY - y) <= squared(radius));
  return near.map(([key]) => key).sort((a, b) => a - b);
}

/** Each as often as its weight says. */
function oneOf(any: Rng, ...choices: [weight: number, make: () => number][]): number {
  let drawn = any.below(choices.reduce((sum, [weight]) => sum + weight, 0));
  const [, make] = choices.find(([weight]) => (drawn -= weight) < 0)!;
  return make();
}

/** Places close to each other, and a few as far away as can be. */
function coordinate(any: Rng): number {
  const anywhere = () => any.nextU32() | 0;
  return oneOf(any, [8, () => any.range(-300, 300)], [1, anywhere], [1, () => any.pick([I32_MIN, I32_MAX])!]);
}

function position(any: Rng): Position {
  return [coordinate(any), coordinate(any)];
}

/** Things of few keys, so that the same are there again in another list of them. */
function things(any: Rng): Things {
  const found = new Map<number, Position>();
  for (let count = any.below(40); count > 0; count--) found.set(any.below(60), position(any));
  return [...found];
}

/** Checks what should hold of whatever is drawn. */
function property(name: string, check: (any: Rng) => void): void {
  test(name, () => {
    for (let seed = 0; seed < 256; seed++) {
      try {
        check(new Rng(seed, 0));
      } catch (cause) {
        throw new Error(`with the seed ${seed}`, { cause });
      }
    }
  });
}

property("a grid finds what looking at everything finds", (any) => {
  const all = things(any);
  const centre = position(any);
  const radius = oneOf(any, [8, () => any.below(400)], [1, () => any.nextU32()]);
  const cell = oneOf(any, [1, () => any.range(1, 200)], [1, () => Math.max(any.nextU32(), 1)]);
  assert.deepEqual(Grid.of(cell, all).within(centre, radius), naive(all, centre, radius));
});

property("a look is what the rule says of each thing", (any) => {
  const reach: Reach = { radius: any.below(300), margin: any.below(100) };
  const memory: Interest<number, number> = new Map();
  let before: number[] = [];
  for (let steps = any.range(1, 8); steps > 0; steps--) {
    const from = position(any);
    const all = things(any);
    const grid = Grid.of(64, all);
    const near = naive(all, from, reach.radius);
    const inSight = naive(all, from, reach.radius + reach.margin);
    const expected = inSight.filter((key) => near.includes(key) || before.includes(key));
    // A room that was saved and loaded goes on as the one that was not.
    const loaded = loadState(saveState(memory, true)) as typeof memory;
    const sight = interest.look(memory, 7, from, reach, grid);
    assert.deepEqual(interest.look(loaded, 7, from, reach, grid), sight);
    assert.deepEqual(saveState(loaded), saveState(memory));
    const came = expected.filter((key) => !before.includes(key));
    const went = before.filter((key) => !expected.includes(key));
    assert.deepEqual(sight, { seen: expected, came, went });
    before = expected;
  }
});

property("the order in which things were put in does not matter", (any) => {
  const all = things(any);
  const centre = position(any);
  const order = (grid: Grid<number>) => {
    const found: [key: number, squared: number][] = [];
    grid.eachWithin(centre, 500, (key, squared) => found.push([key, squared]));
    return found;
  };
  assert.deepEqual(order(Grid.of(50, all)), order(Grid.of(50, all.toReversed())));
});

test("what moves along the edge does not flicker", () => {
  const reach: Reach = { radius: 100, margin: 10 };
  const memory: Interest<number, number> = new Map();
  const look = (x: number) => interest.look(memory, 9, [0, 0], reach, Grid.of(40, [[1, [x, 0]]]));
  assert.deepEqual(look(101), { seen: [], came: [], went: [] });
  assert.deepEqual(look(100), { seen: [1], came: [1], went: [] });
  assert.deepEqual(look(105), { seen: [1], came: [], went: [] }, "within the margin");
  assert.deepEqual(look(111), { seen: [], came: [], went: [1] });
  assert.deepEqual(look(105), { seen: [], came: [], went: [] }, "not as near again");
});

test("who is forgotten sees everything anew", () => {
  const grid = Grid.of(40, [
    [3, [0, 0]],
    [1, [5, 5]],
  ]);
  const memory: Interest<number, number> = new Map();
  const look = () => interest.look(memory, 9, [1, 1], { radius: 50, margin: 5 }, grid);
  assert.deepEqual(look().came, [1, 3]);
  assert.deepEqual(look().came, []);
  assert.deepEqual(interest.seen(memory, 9), [1, 3]);
  interest.forget(memory, 9);
  assert.deepEqual(interest.seen(memory, 9), []);
  assert.deepEqual(look().came, [1, 3]);
});

test("cells lie as well on the other side of zero", () => {
  const grid = Grid.of(10, [
    [1, [-1, -1]],
    [2, [1, 1]],
    [3, [-11, 0]],
  ]);
  assert.deepEqual(grid.within([0, 0], 2), [1, 2]);
  assert.deepEqual(grid.within([-10, 0], 1), [3]);
  assert.deepEqual(grid.within([-10, 0], U32_MAX), [1, 2, 3]);
});

test("distances that no number holds are compared exactly", () => {
  // Their squares differ by 1 and are the same number.
  const grid = Grid.of(U32_MAX, [
    [1, [I32_MAX, 0]],
    [2, [I32_MAX, 1]],
  ]);
  assert.deepEqual(grid.within([I32_MIN, 0], U32_MAX), [1]);
  assert.deepEqual(grid.within([I32_MIN, 0], U32_MAX - 1), []);
  const memory: Interest<number, number> = new Map();
  assert.deepEqual(interest.look(memory, 9, [I32_MIN, 0], { radius: U32_MAX - 1, margin: U32_MAX }, grid).seen, []);
  assert.deepEqual(interest.look(memory, 9, [I32_MIN, 0], { radius: U32_MAX, margin: U32_MAX }, grid).seen, [1]);
});

test("keys are in the order of numbers, or of texts", () => {
  const at = (...keys: number[]): Things => keys.map((key) => [key, [0, 0]]);
  assert.deepEqual(Grid.of(1, at(10, 9, -1, 2 ** 40)).within([0, 0], 0), [-1, 9, 10, 2 ** 40]);
  const texts = ["é", "b", "a10", "B", "a9", "a"];
  const grid = Grid.of(1, texts.map((key): [string, Position] => [key, [0, 0]]));
  assert.deepEqual(grid.within([0, 0], 0), ["B", "a", "a10", "a9", "b", "é"]);
  const order: string[] = [];
  grid.eachWithin([0, 0], 0, (key) => order.push(key));
  assert.deepEqual(order, ["B", "a", "a10", "a9", "b", "é"]);
});

test("what is no whole number, or too large, is refused", () => {
  for (const cell of [0, -1, 0.5, Number.NaN, U32_MAX + 1]) {
    assert.throws(() => Grid.of(cell, []), { name: "RangeError", message: /the cells of a grid are .* wide/ });
  }
  const grid = Grid.of<number>(10, [[1, [0, 0]]]);
  for (const place of [[0.5, 0], [0, Number.NaN], [I32_MAX + 1, 0], [0, I32_MIN - 1]] as Position[]) {
    const refusal = { name: "RangeError", message: /the position .* is not two whole numbers of 32 bits/ };
    assert.throws(() => Grid.of(10, [[1, place]]), refusal);
    assert.throws(() => grid.within(place, 1), refusal);
    assert.throws(() => interest.look(new Map(), 9, place, { radius: 1, margin: 1 }, grid), refusal);
  }
  for (const distance of [-1, 0.5, U32_MAX + 1]) {
    const look = (reach: Reach) => interest.look(new Map(), 9, [0, 0], reach, grid);
    assert.throws(() => grid.eachWithin([0, 0], distance, () => undefined), /the radius is .* not a whole number from 0/);
    assert.throws(() => look({ radius: distance, margin: 0 }), /the radius is/);
    assert.throws(() => look({ radius: 0, margin: distance }), /the margin is/);
  }
  const here: Position = [0, 0];
  assert.throws(() => Grid.of(10, [[1.5, here]]), /the key 1.5 is not a whole number/);
  assert.throws(() => Grid.of<number | string>(10, [[1, here], ["a", here]]), /all numbers or all texts, and a is not/);
});

const input = shape.record({ x: shape.integer() });

/** Members stand in a row, and are shown who is near. */
class Near extends Room<{ places: Map<MemberId, Position>; sight: Interest<MemberId, MemberId> }, ShapeOf<typeof input>> {
  open() {
    return { places: new Map(), sight: new Map() };
  }
  join(room: Ctx, member: Member): void {
    this.message(room, member, { x: 0 });
  }
  message(room: Ctx, from: Member, { x }: ShapeOf<typeof input>): void {
    this.state.places.set(from.id, [x, 0]);
    this.show(room);
  }
  leave(room: Ctx, member: Member): void {
    this.state.places.delete(member.id);
    interest.forget(this.state.sight, member.id);
    this.show(room);
  }
  private show(room: Ctx): void {
    const { places, sight } = this.state;
    const grid = Grid.of(40, places);
    for (const [id, place] of places) {
      room.stateFor(id, "near", interest.look(sight, id, place, { radius: 100, margin: 10 }, grid).seen);
    }
  }
}

test("a room keeps it in its state", () => {
  const plugin = definePlugin(Near, { name: "near", input });
  const room = TestRoom.open(plugin);
  const [ann, bob] = [room.join("ann"), room.join("bob")];
  room.push(bob, { x: 105 });
  assert.deepEqual([room.viewFor(ann, "near"), room.viewFor(bob, "near")], [[ann, bob], [ann, bob]]);
  // Another instance goes on with it: what was seen stays in sight within the margin.
  const later = TestRoom.open(plugin, { resumedFrom: { schema: 1, saved: room.saved } });
  later.push(ann, { x: -5 });
  assert.deepEqual(later.viewFor(ann, "near"), [ann, bob]);
  later.push(ann, { x: -6 });
  assert.deepEqual(later.viewFor(ann, "near"), [ann]);
  room.leave(bob);
  assert.deepEqual(room.viewFor(ann, "near"), [ann]);
});
