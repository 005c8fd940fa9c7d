// The arena: who moves where, who pushes whom, who gets which orb. It is what `plugins/arena` computes, in the same whole
// numbers, so that both servers have the same work. It knows no network and no Colyseus.

/** Places are counted in these parts of a unit. */
export const UNIT = 256;
export const TICK_HZ = 20;
export const MEMBERS_MAX = 128;
export const ORBS = 64;
/** The length of a wall. */
const WORLD = 1_600 * UNIT;
const RADIUS = 16 * UNIT;
const ORB_RADIUS = 8 * UNIT;
/** The way of a tick at full speed: 240 units a second. */
const STRIDE = 12 * UNIT;
/** The length of a direction at full speed. */
export const FULL = 127;
/** How often a place is sought at which nobody is, for who comes. */
const TRIES = 16;

/** Divides whole numbers as the plugin's language does: what is left over is dropped. */
const divide = (dividend, divisor) => Math.trunc(dividend / divisor);

/** The whole part of a square root. */
function wholeRoot(square) {
  const root = Math.floor(Math.sqrt(square));
  // The square is exact, its root may be rounded up to the next whole number.
  return root * root > square ? root - 1 : root;
}

/** A direction, cut to full speed. */
export function steer(x, y) {
  const square = x * x + y * y;
  if (square <= FULL * FULL) return { x, y };
  // Rounded up, so that nobody is faster by rounding.
  const length = wholeRoot(square - 1) + 1;
  return { x: divide(x * FULL, length), y: divide(y * FULL, length) };
}

/** The nearest place at which a disc is inside the walls. */
function withinWalls([x, y]) {
  const inside = (along) => Math.min(Math.max(along, RADIUS), WORLD - RADIUS);
  return [inside(x), inside(y)];
}

/** Where a disc is a tick later, if nobody pushes it. */
export function moved([x, y], direction) {
  return withinWalls([x + divide(direction.x * STRIDE, FULL), y + divide(direction.y * STRIDE, FULL)]);
}

/** How far the second of two discs is pushed away from the first, which is pushed as far the other way. */
export function push([oneX, oneY], [otherX, otherY]) {
  const [x, y] = [otherX - oneX, otherY - oneY];
  const apart = wholeRoot(x * x + y * y);
  const overlap = 2 * RADIUS - apart;
  if (overlap <= 0) return [0, 0];
  const half = divide(overlap + 1, 2);
  return apart === 0 ? [half, 0] : [divide(x * half, apart), divide(y * half, apart)];
}

/** Whether two places are at most this far apart. */
export function isWithin([oneX, oneY], [otherX, otherY], distance) {
  const [x, y] = [otherX - oneX, otherY - oneY];
  return x * x + y * y <= distance * distance;
}

/** A part of a place in whole units, as clients are shown it. */
export const toUnits = (along) => divide(along + UNIT / 2, UNIT);

export class World {
  /** By id, in rising order. */
  discs = new Map();
  orbs;
  #random;

  /** `random` gives numbers from 0 to below 1. */
  constructor(random) {
    this.#random = random;
    this.orbs = Array.from({ length: ORBS }, () => this.#anywhere());
  }

  /** Puts a disc where nobody is, as far as such a place is found. Ids rise from one to the next. */
  enter(id) {
    const isFree = (place) => [...this.discs.values()].every((disc) => !isWithin(disc.place, place, 2 * RADIUS));
    let place = this.#anywhere();
    for (let tries = 0; tries < TRIES && !isFree(place); tries += 1) place = this.#anywhere();
    const disc = { place, steer: { x: 0, y: 0 } };
    this.discs.set(id, disc);
    return disc;
  }

  /** Moves everybody by one tick. */
  walk() {
    for (const disc of this.discs.values()) disc.place = moved(disc.place, disc.steer);
    for (const [one, other] of this.#overlaps()) {
      const [x, y] = push(one.place, other.place);
      one.place = [one.place[0] - x, one.place[1] - y];
      other.place = [other.place[0] + x, other.place[1] + y];
    }
    for (const disc of this.discs.values()) disc.place = withinWalls(disc.place);
  }

  /** All pairs that overlap, in the order of their ids. */
  #overlaps() {
    const discs = [...this.discs.values()];
    const pairs = [];
    discs.forEach((one, index) => {
      for (const other of discs.slice(index + 1)) {
        if (isWithin(one.place, other.place, 2 * RADIUS)) pairs.push([one, other]);
      }
    });
    return pairs;
  }

  /** Gives each orb to whoever touches it, to the lowest id where several do, and lays it somewhere else. The ids. */
  gather() {
    const takers = [];
    this.orbs.forEach((orb, index) => {
      for (const [id, disc] of this.discs) {
        if (!isWithin(disc.place, orb, RADIUS + ORB_RADIUS)) continue;
        takers.push(id);
        this.orbs[index] = this.#anywhere();
        break;
      }
    });
    return takers;
  }

  #anywhere() {
    const along = () => RADIUS + Math.floor(this.#random() * (WORLD - 2 * RADIUS + 1));
    return [along(), along()];
  }
}
