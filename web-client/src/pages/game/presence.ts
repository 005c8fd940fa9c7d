/** Who of a room is away: somebody whose connection is lost, and whose seat is kept for a while. */

import type { Member, Parlor, Room } from "../../lib";

/** The members that are away. The client itself is, whenever it has no connection: nobody else could tell it. */
export function awayMembers(
  room: Pick<Room, "you"> & { readonly members: ReadonlyMap<number, Member> },
  { status }: Pick<Parlor["status"], "status">,
): Set<number> {
  const away = [...room.members.values()].filter((member) => member.away).map(({ id }) => id);
  const others = away.filter((id) => id !== room.you.id);
  return new Set(status === "open" ? others : [...others, room.you.id]);
}

/** What is written beside a player's name; empty for nothing. */
export function remarkOn(isYou: boolean, isAway: boolean): string {
  return [...(isYou ? ["you"] : []), ...(isAway ? ["away"] : [])].join(", ");
}

/** The same in a sentence, to be read on a closer look. */
export function explainAway(name: string, isYou: boolean): string {
  return isYou
    ? "Your connection is lost. Your seat is kept while the page tries to come back."
    : `${name} has lost the connection. The seat is kept for a minute.`;
}
