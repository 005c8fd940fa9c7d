/** The rooms that a server lists. */

import { isMap } from "./value";
import type { Value, ValueMap } from "./value";

/** A public room, as a list shows it. */
export interface RoomListing {
  readonly room: string;
  readonly plugin: string;
  readonly players: number;
  readonly players_max: number;
  readonly spectators: number;
  readonly isLocked: boolean;
  /** What the plugin says about the room. */
  readonly metadata: ValueMap;
}

/** Reads the answer to `list_rooms`; what is no room is left out. */
export function readListing(data: Value | undefined): RoomListing[] {
  const rooms = isMap(data) ? data["rooms"] : data;
  return Array.isArray(rooms) ? rooms.flatMap((room: Value) => readRoom(room)) : [];
}

function readRoom(room: Value): RoomListing[] {
  if (!isMap(room)) return [];
  const { room: name, plugin, metadata, locked } = room;
  if (typeof name !== "string" || typeof plugin !== "string") return [];
  return [
    {
      room: name,
      plugin,
      players: count(room["players"]),
      players_max: count(room["players_max"]),
      spectators: count(room["spectators"]),
      isLocked: locked === true,
      metadata: isMap(metadata) ? metadata : {},
    },
  ];
}

function count(value: Value | undefined): number {
  return typeof value === "number" ? value : 0;
}
