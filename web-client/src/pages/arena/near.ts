/** The view `near` of the plugin `arena`, read into types: who and what is around this member. */

import { isMap } from "../../lib";
import type { Value } from "../../lib";
import type { Steer, Vector } from "./motion";

/** What a member sees, in units. */
export interface Near {
  /** The direction that holds for this member. */
  readonly steer: Steer;
  readonly points: number;
  /** Where everybody in sight is, this member among them. */
  readonly discs: ReadonlyMap<number, Vector>;
  readonly orbs: ReadonlyMap<number, Vector>;
}

const CELL = 128;
const CELLS_IN_ROW = 13;

/** Undefined for what is no such view. */
export function readNear(value: Value | undefined): Near | undefined {
  if (!isMap(value)) return undefined;
  const [x, y, points] = numbers(value["me"]);
  if (x === undefined || y === undefined || points === undefined) return undefined;
  const [ids, cells, at] = [numbers(value["ids"]), numbers(value["cells"]), value["at"]];
  if (!(at instanceof Uint8Array)) return undefined;
  const discs = new Map<number, Vector>();
  for (const [index, id] of ids.entries()) {
    const [cell, right, down] = [cells[index], at[2 * index], at[2 * index + 1]];
    if (cell === undefined || right === undefined || down === undefined) return undefined;
    const [column, row] = [cell % CELLS_IN_ROW, Math.floor(cell / CELLS_IN_ROW)];
    discs.set(id, { x: column * CELL + right, y: row * CELL + down });
  }
  return { steer: { x, y }, points, discs, orbs: readOrbs(value["orbs"]) };
}

function readOrbs(value: Value | undefined): Map<number, Vector> {
  const orbs = new Map<number, Vector>();
  for (const [orb, place] of Object.entries(isMap(value) ? value : {})) {
    const [x, y] = numbers(place);
    if (x !== undefined && y !== undefined) orbs.set(Number(orb), { x, y });
  }
  return orbs;
}

function numbers(value: Value | undefined): readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number") ? (value as number[]) : [];
}
