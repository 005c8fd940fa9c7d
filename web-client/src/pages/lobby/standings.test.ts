import { describe, expect, it } from "vitest";
import { readStandings, SHOWN_MAX } from "./standings";

describe("the leaderboard", () => {
  it("tells guests from those who have an account", () => {
    const numbers = { wins: 2, best: 40, games: 3 };
    const rows = [
      { name: "Ada", account: "00ff", ...numbers },
      { name: "Ada", account: null, ...numbers },
    ];
    expect(readStandings({ rows })).toEqual([
      { name: "Ada", isGuest: false, ...numbers },
      { name: "Ada", isGuest: true, ...numbers },
    ]);
  });

  it("shows no more than it has room for, the best first", () => {
    const rows = Array.from({ length: 100 }, (_, n) => ({ name: `n${n}`, wins: 100 - n, best: 1, games: 1 }));
    const shown = readStandings({ rows });
    expect(shown).toHaveLength(SHOWN_MAX);
    expect(shown[0]?.name).toBe("n0");
  });

  it("leaves out what is not as it should be", () => {
    const rows = [null, 1, {}, { name: 1, wins: 1, best: 1, games: 1 }, { name: "x", wins: "1", best: 1, games: 1 }];
    for (const bad of [undefined, null, 1, [], {}, { rows: {} }, { rows }]) expect(readStandings(bad)).toEqual([]);
  });
});
