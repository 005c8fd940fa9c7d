// Interest: who is near whom in a large world, so that each member is shown the part around it.
//
// A `Grid` says what is within a distance of a place. It holds nothing that must be saved: make one in each tick, from the
// positions there are. An `Interest` remembers what each member was shown, so that what moves along the edge does not
// flicker: a thing comes into sight at one distance, and goes out of it at a longer one. That memory is part of the room's
// state; keep it in a field. A state is made of plain values, so it is a `Map`, and `look`, `seen` and `forget` are
// functions over it.
//
// Positions are integers, in whatever unit the room chooses, and all answers are in the order of the keys: the same events
// lead to the same views, whatever the order in which things were put into the grid.

import { EXACT_MAX } from "./value.ts";

/** What things, and those who look at them, are known by: whole numbers below ±2⁵³, or texts, by their UTF-16 units. */
export type Key = number | string;

/** A place in the world: x and y, whole numbers from −2³¹ to 2³¹−1 in the room's unit. */
export type Position = readonly [x: number, y: number];

/**
 * How far a member sees, in whole numbers from 0 to 2³²−1 of the room's unit. What comes as near as `radius` comes into
 * sight; what is farther than `radius + margin`, or than 2³²−1, goes out of it. The margin should be more than what things
 * move in a few ticks.
 */
export interface Reach {
  readonly radius: number;
  readonly margin: number;
}

/** What a member sees now. */
export interface Sight<K extends Key> {
  /** All of it, in the order of the keys. It is a part of the `Interest`: to keep it in the state, too, copy it. */
  readonly seen: readonly K[];
  /** What came into sight with this look, in the order of the keys. */
  readonly came: K[];
  /** What went out of sight, or is no more, in the order of the keys. */
  readonly went: K[];
}

/**
 * What each member was shown last: `W` are those who look, `K` the things they look at, in the order of their keys. Part of
 * a room's state; `new Map()` is one in which nobody has seen anything yet. Change it by the functions of this module only.
 */
export type Interest<W extends Key, K extends Key> = Map<W, readonly K[]>;

interface Thing<K> {
  readonly key: K;
  readonly x: number;
  readonly y: number;
}

/** What is in a cell, by its column. */
interface Cell<K> {
  readonly at: number;
  readonly things: readonly Thing<K>[];
}

/** The cells of a row that have something in them, by its number. */
interface Row<K> {
  readonly at: number;
  readonly cells: readonly Cell<K>[];
}

const U32_MAX = 4_294_967_295;

/** Where things are, sorted into square cells. A search looks only at the cells that its circle touches. */
export class Grid<K extends Key> {
  private constructor(
    private readonly cell: number,
    /** In order, as are the cells of a row; within a cell in the order of keys. */
    private readonly rows: readonly Row<K>[],
  ) {}

  /**
   * The grid of these things: a `Map` from keys to positions, or any other list of both. Each key should be there once.
   * `cell` is the side of a cell in the room's unit, from 1 to 2³²−1. Cells of about a third of the radius that is searched
   * most serve well.
   *
   * @throws RangeError when the cells have no size, a number is not whole or too large, or keys are both numbers and texts.
   */
  static of<K extends Key>(cell: number, things: Iterable<readonly [key: K, position: Position]>): Grid<K> {
    if (!isU32(cell) || cell === 0) throw new RangeError(`the cells of a grid are ${cell} wide, and not 1 to ${U32_MAX}`);
    const rows = new Map<number, Map<number, Thing<K>[]>>();
    let kind: string | undefined;
    for (const [key, position] of things) {
      checkPosition(position);
      checkKey(key, (kind ??= typeof key));
      const [x, y] = position;
      const row = entry(rows, Math.floor(y / cell), () => new Map<number, Thing<K>[]>());
      entry(row, Math.floor(x / cell), (): Thing<K>[] => []).push({ key, x, y });
    }
    const sorted = [...rows].map(([at, cells]) => ({
      at,
      cells: [...cells].map(([column, inside]) => ({ at: column, things: inside.sort(inOrder) })).sort(byPlace),
    }));
    return new Grid(cell, sorted.sort(byPlace));
  }

  /**
   * Calls `found` with each thing whose distance from `centre` is at most `radius`, and the square of that distance, which
   * is rounded beyond 2⁵³; cell by cell, which is the same order whenever the same things are in the same places.
   *
   * @throws RangeError when the centre is no position, or the radius no whole number from 0 to 2³²−1.
   */
  eachWithin(centre: Position, radius: number, found: (key: K, squared: number) => void): void {
    this.search(centre, radius, (key, dx, dy) => found(key, dx * dx + dy * dy));
  }

  /**
   * What is at most `radius` away from `centre`, in the order of the keys.
   *
   * @throws RangeError as `eachWithin` does.
   */
  within(centre: Position, radius: number): K[] {
    const keys: K[] = [];
    this.search(centre, radius, (key) => keys.push(key));
    return sortedKeys(keys);
  }

  /** @internal `eachWithin`, with how far away each thing is in x and in y. */
  search(centre: Position, radius: number, found: (key: K, dx: number, dy: number) => void): void {
    checkPosition(centre);
    checkDistance("the radius", radius);
    const [x, y] = centre;
    const cellOf = (coordinate: number): number => Math.floor(coordinate / this.cell);
    // From one row that has something in it to the next, so that a huge radius costs no more than all that is there.
    for (const row of between(this.rows, cellOf(y - radius), cellOf(y + radius))) {
      for (const { things } of between(row.cells, cellOf(x - radius), cellOf(x + radius))) {
        for (const thing of things) {
          const dx = thing.x - x;
          const dy = thing.y - y;
          if (isWithin(dx, dy, radius)) found(thing.key, dx, dy);
        }
      }
    }
  }
}

/**
 * Has somebody look around from where they are, and remembers what they see. The reach may be another one each time.
 *
 * @throws RangeError when `from` is no position, or a distance no whole number from 0 to 2³²−1.
 */
export function look<W extends Key, K extends Key>(
  interest: Interest<W, K>,
  watcher: W,
  from: Position,
  reach: Reach,
  grid: Grid<K>,
): Sight<K> {
  const { radius, margin } = reach;
  checkDistance("the radius", radius);
  checkDistance("the margin", margin);
  // What is found again is taken out, so that what went is what is left.
  const before = new Set(seen(interest, watcher));
  const now: K[] = [];
  const came: K[] = [];
  grid.search(from, Math.min(radius + margin, U32_MAX), (key, dx, dy) => {
    if (before.delete(key)) now.push(key);
    else if (isWithin(dx, dy, radius)) {
      now.push(key);
      came.push(key);
    }
  });
  const sorted = sortedKeys(now);
  interest.set(watcher, sorted);
  return { seen: sorted, came: sortedKeys(came), went: [...before] };
}

/** What somebody saw when they last looked, in the order of the keys. */
export function seen<W extends Key, K extends Key>(interest: Interest<W, K>, watcher: W): readonly K[] {
  return interest.get(watcher) ?? [];
}

/** Forgets who looks no more: call it when a member leaves. */
export function forget<W extends Key, K extends Key>(interest: Interest<W, K>, watcher: W): void {
  interest.delete(watcher);
}

/** Whether the way by `dx` and `dy` is at most `radius` long. */
function isWithin(dx: number, dy: number, radius: number): boolean {
  const squared = dx * dx + dy * dy;
  const bound = radius * radius;
  if (squared < EXACT_MAX || bound < EXACT_MAX) return squared <= bound;
  // Both may be rounded.
  return BigInt(dx) ** 2n + BigInt(dy) ** 2n <= BigInt(radius) ** 2n;
}

/** The part of an ordered list that lies at `first` to `last`. */
function between<T extends { readonly at: number }>(list: readonly T[], first: number, last: number): readonly T[] {
  return list.slice(indexFrom(list, first), indexFrom(list, last + 1));
}

/** Where in an ordered list what lies at `least` or behind it begins. */
function indexFrom(list: readonly { readonly at: number }[], least: number): number {
  let start = 0;
  let end = list.length;
  while (start < end) {
    const middle = (start + end) >>> 1;
    if ((list[middle] as { at: number }).at < least) start = middle + 1;
    else end = middle;
  }
  return start;
}

/** The keys in their order, by what is built in: a comparison of ours would be called for each pair. */
function sortedKeys<K extends Key>(keys: K[]): K[] {
  if (keys.length < 2) return keys;
  return typeof keys[0] === "number" ? ([...new Float64Array(keys as number[]).sort()] as K[]) : keys.sort();
}

function inOrder<K extends Key>(a: Thing<K>, b: Thing<K>): number {
  if (a.key === b.key) return a.x - b.x || a.y - b.y;
  return a.key < b.key ? -1 : 1;
}

function byPlace(a: { readonly at: number }, b: { readonly at: number }): number {
  return a.at - b.at;
}

/** The value of a key, made where there is none. */
function entry<V>(map: Map<number, V>, key: number, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

function checkKey(key: Key, kind: string): void {
  if (typeof key !== kind) throw new RangeError(`the keys of a grid are all numbers or all texts, and ${key} is not`);
  if (kind === "number" && !Number.isSafeInteger(key)) throw new RangeError(`the key ${key} is not a whole number`);
}

function checkPosition([x, y]: Position): void {
  if ((x | 0) !== x || (y | 0) !== y) throw new RangeError(`the position ${x}, ${y} is not two whole numbers of 32 bits`);
}

function checkDistance(what: string, distance: number): void {
  if (!isU32(distance)) throw new RangeError(`${what} is ${distance}, and not a whole number from 0 to ${U32_MAX}`);
}

function isU32(value: number): boolean {
  return value >>> 0 === value;
}
