import { describe, expect, it } from "vitest";
import { ATTEMPT_GAP_MS, DELAY_BASE_MS, DELAY_CAP_MS, next, STABLE_AFTER_MS } from "./reconnect";
import type { ReconnectHint, ReconnectState } from "./reconnect";

const always = (chance: number) => () => chance;
const lost: ReconnectHint = { hint: "closed", code: 1006 };

function waitingAfter(attempt: number, chance: number): Extract<ReconnectState, { at: "waiting" }> {
  const state = next({ at: "connecting", attempt, since_ms: 0 }, lost, 0, always(chance));
  if (state.at !== "waiting") throw new Error(`expected waiting, got ${state.at}`);
  return state;
}

describe("reconnect", () => {
  it("doubles the longest delay up to the cap, and draws from all of it (CL3)", () => {
    expect(waitingAfter(0, 1).due_ms).toBe(DELAY_BASE_MS);
    expect(waitingAfter(1, 1).due_ms).toBe(DELAY_BASE_MS * 2);
    expect(waitingAfter(30, 1).due_ms).toBe(DELAY_CAP_MS);
    expect(waitingAfter(30, 0).due_ms).toBe(0);
    expect(waitingAfter(2, 0.25).due_ms).toBe(DELAY_BASE_MS);
  });

  it("never comes back by itself after 1002, 4401, 4403 and 4409 (CL1)", () => {
    for (const code of [1002, 4401, 4403, 4409]) {
      expect(next({ at: "open", attempt: 0, since_ms: 0 }, { hint: "closed", code }, 1, always(0))).toEqual({
        at: "stopped",
      });
    }
    for (const code of [1001, 1006, 1012, 4410, 4429, 4440]) {
      expect(next({ at: "open", attempt: 0, since_ms: 0 }, { hint: "closed", code }, 1, always(0)).at).toBe("waiting");
    }
  });

  it("goes on counting attempts unless the connection held", () => {
    const open: ReconnectState = { at: "open", attempt: 4, since_ms: 0 };
    expect(next(open, lost, STABLE_AFTER_MS - 1, always(1))).toMatchObject({ attempt: 5 });
    expect(next(open, lost, STABLE_AFTER_MS, always(1))).toMatchObject({ attempt: 1 });
  });

  it("stays away as long as the server asked, whatever the hints (CL3)", () => {
    const state = next(
      { at: "open", attempt: 0, since_ms: 0 },
      { hint: "closed", code: 1012, retry_after_ms: 5_000 },
      100,
      always(0),
    );
    expect(state).toMatchObject({ at: "waiting", due_ms: 5_100 });
    expect(next(state, { hint: "online" }, 200, always(0)).at).toBe("waiting");
    expect(next(state, { hint: "due" }, 5_099, always(0)).at).toBe("waiting");
    expect(next(state, { hint: "due" }, 5_100, always(0)).at).toBe("connecting");
  });

  it("tries at once when the network or the person is back, but not twice within the gap", () => {
    const state = waitingAfter(6, 1);
    expect(next(state, { hint: "visible" }, ATTEMPT_GAP_MS, always(1)).at).toBe("connecting");
    expect(next(state, { hint: "online" }, 1, always(1))).toMatchObject({ at: "waiting", due_ms: ATTEMPT_GAP_MS });
  });

  it("rests while the page is put aside, and begins where it was left", () => {
    const paused = next(waitingAfter(6, 1), { hint: "pause" }, 0, always(0));
    expect(paused).toEqual({ at: "idle" });
    for (const hint of ["online", "due", "visible"] as const) expect(next(paused, { hint }, 9, always(0))).toBe(paused);
    expect(next(paused, { hint: "start" }, 9, always(0))).toEqual({ at: "connecting", attempt: 0, since_ms: 9 });
    const stopped: ReconnectState = { at: "stopped" };
    expect(next(stopped, { hint: "pause" }, 0, always(0))).toBe(stopped);
  });

  it("starts afresh only when asked to, once it has stopped", () => {
    const stopped: ReconnectState = { at: "stopped" };
    expect(next(stopped, { hint: "online" }, 0, always(0))).toBe(stopped);
    expect(next(stopped, { hint: "restart" }, 7, always(0))).toEqual({ at: "connecting", attempt: 0, since_ms: 7 });
  });
});
