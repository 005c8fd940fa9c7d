/** The leaderboard as grid stores it. What is not as it should be is left out. */

/** How many are shown. The plugin keeps more, so that they can climb. */
export const SHOWN_MAX = 20;

export interface Standing {
  readonly name: string;
  /** Guests are known by nothing but their names. */
  readonly isGuest: boolean;
  readonly wins: number;
  /** The most cells of one match. */
  readonly best: number;
  readonly games: number;
}

/** Reads what `/storage/grid/public/leaderboard` says. */
export function readStandings(value: unknown): readonly Standing[] {
  const rows = isRecord(value) ? value["rows"] : undefined;
  if (!Array.isArray(rows)) return [];
  return rows.flatMap(readStanding).slice(0, SHOWN_MAX);
}

function readStanding(row: unknown): Standing[] {
  if (!isRecord(row)) return [];
  const { name, account, wins, best, games } = row;
  if (typeof name !== "string" || typeof wins !== "number" || typeof best !== "number" || typeof games !== "number") {
    return [];
  }
  return [{ name, isGuest: typeof account !== "string", wins, best, games }];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
