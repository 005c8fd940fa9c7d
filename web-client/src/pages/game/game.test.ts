import { describe, expect, it } from "vitest";
import { Announcer, headline, SCORES_EVERY_MS } from "./announcer";
import { CELL_COUNT, moveFocus, ranking, readBoard } from "./board-state";
import type { BoardState } from "./board-state";
import { Countdown, formatSeconds } from "./countdown";
import { Optimism } from "./optimism";
import { awayMembers, remarkOn } from "./presence";

const free = () => Array<number | null>(CELL_COUNT).fill(null);

function board(over: Partial<BoardState> = {}): BoardState {
  const player = { isBot: false, isPresent: true };
  const players = [
    { ...player, id: 1, name: "Ada", score: 3, mark: 0 },
    { ...player, id: 2, name: "Grace", score: 5, mark: 1 },
  ];
  return { status: "active", time_remaining_ms: 30_000, cells: free(), players, winner: null, ...over };
}

describe("the board as it comes", () => {
  const raw = {
    status: "active",
    time_remaining_ms: 29_000,
    cells: [2, ...free().slice(1)],
    players: [{ id: 2, name: "Ada", color: "teal", score: 1, bot: false, present: true }],
    winner: null,
  };

  it("is read into types", () => {
    const read = readBoard(raw);
    expect(read?.cells[0]).toBe(2);
    expect(read?.players).toEqual([{ id: 2, name: "Ada", score: 1, isBot: false, isPresent: true, mark: 6 }]);
  });

  it("is nothing where it is no board", () => {
    for (const bad of [
      undefined,
      null,
      1,
      {},
      { ...raw, status: "paused" },
      { ...raw, cells: [1] },
      { ...raw, players: null },
    ]) {
      expect(readBoard(bad)).toBeUndefined();
    }
  });

  it("ranks by score and keeps the order of equals", () => {
    expect(ranking(board()).map(({ name }) => name)).toEqual(["Grace", "Ada"]);
  });
});

describe("moving by keyboard", () => {
  it("stops at the edges", () => {
    expect([
      moveFocus(0, "ArrowUp"),
      moveFocus(0, "ArrowLeft"),
      moveFocus(80, "ArrowDown"),
      moveFocus(80, "ArrowRight"),
    ]).toEqual([0, 0, 80, 80]);
    expect([
      moveFocus(40, "ArrowUp"),
      moveFocus(40, "ArrowDown"),
      moveFocus(40, "ArrowLeft"),
      moveFocus(40, "ArrowRight"),
    ]).toEqual([31, 49, 39, 41]);
    expect([moveFocus(40, "Home"), moveFocus(40, "End"), moveFocus(40, "PageUp"), moveFocus(40, "PageDown")]).toEqual([
      36, 44, 4, 76,
    ]);
    expect(moveFocus(40, "Enter")).toBeUndefined();
  });
});

describe("optimism", () => {
  it("shows a cell at once and lets the board decide", () => {
    const optimism = new Optimism();
    expect(optimism.ask(4, free())).toBe(true);
    expect(optimism.ask(4, free())).toBe(false);
    optimism.granted(4);
    optimism.onBoard(free());
    expect(optimism.has(4)).toBe(true);
    optimism.onBoard(free().fill(9, 4, 5));
    expect(optimism.has(4)).toBe(false);
  });

  it("takes back what was refused", () => {
    const optimism = new Optimism();
    optimism.ask(4, free());
    optimism.refused(4);
    expect(optimism.size).toBe(0);
    expect(optimism.ask(4, free().fill(2))).toBe(false);
  });
});

describe("the clock", () => {
  it("counts down from what the server said, and stands still outside a match", () => {
    const countdown = new Countdown();
    countdown.onBoard({ status: "active", time_remaining_ms: 10_000 }, 500);
    expect(countdown.left(1_750)).toBe(8_750);
    expect(countdown.left(60_000)).toBe(0);
    countdown.onBoard({ status: "waiting", time_remaining_ms: 30_000 }, 0);
    expect(countdown.left(9_999)).toBe(30_000);
    expect([formatSeconds(30_000), formatSeconds(7_201), formatSeconds(0)]).toEqual(["30.0", "7.3", "0.0"]);
  });
});

describe("announcements", () => {
  it("come with each phase, and with scores now and then", () => {
    const announcer = new Announcer();
    expect(announcer.onBoard(board({ status: "waiting" }), 1, 0)).toContain("Waiting room");
    expect(announcer.onBoard(board(), 1, 100)).toContain("Go!");
    expect(announcer.onBoard(board(), 1, 100 + SCORES_EVERY_MS - 1)).toBe("");
    expect(announcer.onBoard(board(), 1, 100 + SCORES_EVERY_MS)).toBe("Grace 5, You 3");
    expect(announcer.onBoard(board(), 1, 100 + 2 * SCORES_EVERY_MS)).toBe("");
    expect(announcer.onBoard(board({ status: "completed", winner: 2 }), 1, 40_000)).toBe("Grace wins. Grace 5, You 3");
  });

  it("say who won", () => {
    expect(headline(board({ winner: 1 }), 1)).toBe("You win.");
    expect(headline(board({ winner: null }), 1)).toBe("A draw.");
    expect(headline(board({ winner: 77 }), 1)).toBe("Somebody who left wins.");
  });
});

describe("who is away", () => {
  const member = (id: number, away: boolean) => ({ id, name: `member ${id}`, seat: "player", away }) as const;
  const room = {
    you: member(1, false),
    members: new Map([1, 2, 3].map((id) => [id, member(id, id === 2)])),
  };

  it("is whom the room says, and oneself while there is no connection", () => {
    expect([...awayMembers(room, { status: "open" })]).toEqual([2]);
    expect([...awayMembers(room, { status: "connecting" })]).toEqual([2, 1]);
  });

  it("is not what the room last said of oneself, once one is back", () => {
    const stale = { you: member(1, true), members: new Map([[1, member(1, true)]]) };
    expect([...awayMembers(stale, { status: "open" })]).toEqual([]);
  });

  it("is written beside the name", () => {
    expect([remarkOn(true, true), remarkOn(false, true), remarkOn(true, false), remarkOn(false, false)]).toEqual([
      "you, away",
      "away",
      "you",
      "",
    ]);
  });

  it("is said to who cannot see it", () => {
    const announcer = new Announcer();
    expect(announcer.onMember("Ada", "away")).toBe("Ada lost the connection.");
    expect(announcer.onMember("Ada", "back")).toBe("Ada is back.");
    expect(announcer.onMember("Ada", undefined)).toBe("");
  });
});
