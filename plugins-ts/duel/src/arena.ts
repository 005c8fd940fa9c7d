// The rules: riders draw walls behind them, and who rides into one is out. Knows no members and no messages.

import type { Rng } from "parlor-plugin";

export const WIDTH = 32;
export const HEIGHT = 20;

export const HEADINGS = ["north", "east", "south", "west"] as const;
export type Heading = (typeof HEADINGS)[number];

const STEPS: Record<Heading, readonly [x: number, y: number]> = {
  north: [0, -1],
  east: [1, 0],
  south: [0, 1],
  west: [-1, 0],
};

/** One who rides. */
export interface Rider {
  x: number;
  y: number;
  heading: Heading;
  /** What was asked for since the last move. */
  turn: Heading | null;
  isOut: boolean;
}

/** The walls, row by row: 0 where there is none, else the number of who drew it. */
export type Walls = Uint8Array;

export function noWalls(): Walls {
  return new Uint8Array(WIDTH * HEIGHT);
}

/** A rider in its own quarter, riding towards the middle. */
export function placed(quarter: number, random: Rng): Rider {
  const isEast = quarter === 1 || quarter === 2;
  const isSouth = quarter >= 2;
  return {
    x: (isEast ? WIDTH - 10 : 3) + random.below(7),
    y: (isSouth ? HEIGHT - 7 : 2) + random.below(5),
    heading: isEast ? "west" : "east",
    turn: null,
    isOut: false,
  };
}

/** Notes a turn for the next move; nobody turns round on the spot. */
export function turn(rider: Rider, to: Heading): boolean {
  const [x, y] = STEPS[rider.heading];
  const [toX, toY] = STEPS[to];
  if (x + toX === 0 && y + toY === 0) return false;
  rider.turn = to;
  return true;
}

/** Moves all riders at once. Who meets a wall, the border or another rider is out. */
export function move(walls: Walls, riders: ReadonlyMap<number, Rider>): void {
  const aims = new Map<number, number>();
  for (const [number, rider] of riders) {
    if (rider.isOut) continue;
    rider.heading = rider.turn ?? rider.heading;
    rider.turn = null;
    const [x, y] = STEPS[rider.heading];
    const cell = cellAt(rider.x + x, rider.y + y);
    if (cell === undefined || walls[cell] !== 0) rider.isOut = true;
    else aims.set(number, cell);
  }
  const counts = new Map<number, number>();
  for (const cell of aims.values()) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  for (const [number, cell] of aims) {
    const rider = riders.get(number) as Rider;
    walls[cell] = number;
    if (counts.get(cell) !== 1) rider.isOut = true;
    [rider.x, rider.y] = [cell % WIDTH, Math.floor(cell / WIDTH)];
  }
}

/** The place of a cell among the walls, if it is inside. */
export function cellAt(x: number, y: number): number | undefined {
  return x >= 0 && x < WIDTH && y >= 0 && y < HEIGHT ? y * WIDTH + x : undefined;
}
