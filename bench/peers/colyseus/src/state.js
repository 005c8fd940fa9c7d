// What clients are shown, in the smallest types of Colyseus' schema that hold it.
//
// Fields with a tag go to those views only that were given the instance with it, all others to everybody: so who comes
// near costs little more than the place.

import { schema, t } from "@colyseus/schema";

/** For the own client only. */
export const OWN = 1;
/** For whoever is near. */
export const NEAR = 2;

/** How long a cell is. */
const CELL_UNITS = 128;
/** How many cells there are in a row. */
const CELLS_IN_ROW = 13;

const cellOf = ([x, y]) => Math.trunc(y / CELL_UNITS) * CELLS_IN_ROW + Math.trunc(x / CELL_UNITS);
const placeIn = (cell, x, y) => [
  (cell % CELLS_IN_ROW) * CELL_UNITS + x,
  Math.trunc(cell / CELLS_IN_ROW) * CELL_UNITS + y,
];

/**
 * How a place is written: as coordinates, which is how one does it; in cells, as the arena of Parlor does; or packed, in as
 * few bytes as there are. What is the same as before is no change to Colyseus, and is not sent.
 */
const PLACES = {
  plain: {
    fields: () => ({ x: t.uint16().view(NEAR), y: t.uint16().view(NEAR) }),
    put(player, [x, y]) {
      [player.x, player.y] = [x, y];
    },
    of: ({ x, y }) => (x === undefined ? undefined : [x, y]),
  },
  cells: {
    fields: () => ({ x: t.uint8().view(NEAR), y: t.uint8().view(NEAR), cell: t.uint8().view(NEAR) }),
    put(player, place) {
      player.cell = cellOf(place);
      [player.x, player.y] = place.map((along) => along % CELL_UNITS);
    },
    of: ({ x, y, cell }) => (cell === undefined ? undefined : placeIn(cell, x, y)),
  },
  packed: {
    fields: () => ({ at: t.uint16().view(NEAR), cell: t.uint8().view(NEAR) }),
    put(player, place) {
      const [x, y] = place.map((along) => along % CELL_UNITS);
      player.cell = cellOf(place);
      player.at = y * CELL_UNITS + x;
    },
    of: ({ at, cell }) => (cell === undefined ? undefined : placeIn(cell, at % CELL_UNITS, Math.trunc(at / CELL_UNITS))),
  },
};

/** The names of the shapes. */
export const SHAPES = Object.keys(PLACES);

/** The classes of one shape, and how places get into it and out again. */
export function shape(name) {
  const { fields, put, of } = PLACES[name];
  const Player = schema(
    {
      ...fields(),
      dx: t.int8().view(OWN),
      dy: t.int8().view(OWN),
      own: t.uint16().view(OWN),
      name: t.string(),
      colour: t.uint8(),
      points: t.uint16(),
    },
    "Player",
  );
  const Orb = schema({ x: t.uint16(), y: t.uint16() }, "Orb");
  const Arena = schema({ players: t.map(Player), orbs: t.map(Orb).view() }, "Arena");
  return { Player, Orb, Arena, put, of };
}
