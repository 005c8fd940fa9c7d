/** The view `players` of the plugin `arena`, read into types; and the list of scores made of it. */

import { isMap } from "../../lib";
import type { Value } from "../../lib";

export interface Player {
  readonly id: number;
  readonly name: string;
  readonly colour: number;
  readonly points: number;
}

/** A line of the list. */
export interface Row extends Player {
  readonly rank: number;
  readonly isYou: boolean;
}

export function readPlayers(value: Value | undefined): Map<number, Player> {
  const players = new Map<number, Player>();
  for (const [key, entry] of Object.entries(isMap(value) ? value : {})) {
    if (!isMap(entry)) continue;
    const { name, colour, points } = entry;
    if (typeof name !== "string" || typeof colour !== "number" || typeof points !== "number") continue;
    players.set(Number(key), { id: Number(key), name, colour, points });
  }
  return players;
}

/**
 * The best, and oneself behind them where one is not among them. One's own points are known sooner than the others'.
 */
export function ranking(players: Iterable<Player>, you: number, points: number | undefined, count: number): Row[] {
  const isOwn = ({ id }: Player) => id === you && points !== undefined;
  const known = [...players].map((player) => (isOwn(player) ? { ...player, points: points ?? 0 } : player));
  known.sort((a, b) => b.points - a.points || a.id - b.id);
  const rank = ({ points: own }: Player) => 1 + known.filter((other) => other.points > own).length;
  const rows = known.map((player) => ({ ...player, rank: rank(player), isYou: player.id === you }));
  const best = rows.slice(0, count);
  const own = rows.find(({ isYou }) => isYou);
  return own && !best.includes(own) ? [...best.slice(0, count - 1), own] : best;
}
