/**
 * When to connect again, as a pure function of state, hint, time and chance. It knows nothing of sockets and timers:
 * whoever calls it opens a socket on entering `connecting`, and gives the hint `due` at `due_ms` while `waiting`.
 *
 * The delay is capped exponential backoff with full jitter, so that thousands of clients which lost the same server do
 * not come back in one wave.
 */

import { closeReason } from "./close";

export type ReconnectState =
  | { readonly at: "idle" }
  | { readonly at: "connecting"; readonly attempt: number; readonly since_ms: number }
  | { readonly at: "open"; readonly attempt: number; readonly since_ms: number }
  | { readonly at: "waiting"; readonly attempt: number; readonly due_ms: number; readonly not_before_ms: number }
  | { readonly at: "stopped" };

export type ReconnectHint =
  | { readonly hint: "start" }
  /** Somebody asked for a new connection at once. */
  | { readonly hint: "restart" }
  | { readonly hint: "opened" }
  | { readonly hint: "closed"; readonly code: number; readonly retry_after_ms?: number }
  | { readonly hint: "due" }
  /** The device has a network again. */
  | { readonly hint: "online" }
  /** The page is looked at again. */
  | { readonly hint: "visible" }
  /** The page was put aside. */
  | { readonly hint: "pause" }
  | { readonly hint: "stop" };

export const DELAY_BASE_MS = 500;
export const DELAY_CAP_MS = 15_000;
/** A connection that held this long was a good one: the next loss starts the backoff afresh. */
export const STABLE_AFTER_MS = 5_000;
/** Hints cannot bring two attempts closer together than this. */
export const ATTEMPT_GAP_MS = 500;

export function next(state: ReconnectState, hint: ReconnectHint, now_ms: number, random: () => number): ReconnectState {
  if (hint.hint === "stop") return { at: "stopped" };
  if (hint.hint === "restart") return connect(0, now_ms);
  if (state.at === "stopped") return state;
  if (hint.hint === "pause") return { at: "idle" };
  switch (hint.hint) {
    case "start":
      return state.at === "idle" ? { at: "connecting", attempt: 0, since_ms: now_ms } : state;
    case "opened":
      return state.at === "connecting" ? { at: "open", attempt: state.attempt, since_ms: now_ms } : state;
    case "closed":
      return onClosed(state, hint.code, hint.retry_after_ms ?? 0, now_ms, random);
    case "due":
      return state.at === "waiting" && now_ms >= state.due_ms ? connect(state.attempt, now_ms) : state;
    case "online":
    case "visible":
      return onGoodMoment(state, now_ms);
  }
}

function onClosed(
  state: ReconnectState,
  code: number,
  retry_after_ms: number,
  now_ms: number,
  random: () => number,
): ReconnectState {
  if (state.at !== "connecting" && state.at !== "open") return state;
  if (!closeReason(code).mayReconnect) return { at: "stopped" };
  const held = state.at === "open" && now_ms - state.since_ms >= STABLE_AFTER_MS;
  const attempt = held ? 0 : state.attempt;
  const delay_ms = random() * Math.min(DELAY_CAP_MS, DELAY_BASE_MS * 2 ** attempt);
  const earliest_ms = now_ms + retry_after_ms;
  return {
    at: "waiting",
    attempt: attempt + 1,
    due_ms: earliest_ms + delay_ms,
    not_before_ms: Math.max(earliest_ms, state.since_ms + ATTEMPT_GAP_MS),
  };
}

/** The network or the person is back: wait no longer than decency asks. */
function onGoodMoment(state: ReconnectState, now_ms: number): ReconnectState {
  if (state.at !== "waiting") return state;
  if (now_ms >= state.not_before_ms) return connect(state.attempt, now_ms);
  return { ...state, due_ms: Math.min(state.due_ms, state.not_before_ms) };
}

function connect(attempt: number, now_ms: number): ReconnectState {
  return { at: "connecting", attempt, since_ms: now_ms };
}
