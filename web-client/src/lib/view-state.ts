/** One view of a room as the server has made it known: what its states and patches came to. */

import { applyPatch } from "./patch";
import type { Server } from "./protocol";
import { stateHash } from "./state-hash";
import { isMap } from "./value";
import type { Value } from "./value";

/** One view of the room's state. Its value is read-only: what it is, the server says. */
export interface View<State = Value> {
  readonly value: State;
  readonly tick: number;
  readonly version: number;
}

/**
 * What a frame makes of the view that is there; undefined where the whole must be asked for: there is no view that the
 * patch could be for, or it does not fit, or what comes of it has another hash than the server's (ST4).
 */
export function nextView(present: View | undefined, frame: Server<"room_state" | "room_patch">): View | undefined {
  const value = frame.type === "room_state" ? frame.state : patched(present, frame.patch);
  if (value === undefined || stateHash(value) !== frame.hash) return undefined;
  return { value: settled(present?.value, value), tick: frame.tick, version: frame.version };
}

function patched(present: View | undefined, patch: Value): Value | undefined {
  if (present === undefined) return undefined;
  try {
    return applyPatch(present.value, patch);
  } catch {
    return undefined;
  }
}

/**
 * `after`, made read-only, with whatever is in it as it was in `before` replaced by that: so what did not change is the same
 * object, and `===` says so.
 */
export function settled(before: Value | undefined, after: Value): Value {
  if (before === after || typeof after !== "object" || after === null) return after;
  // What a patch left alone, or moved, was settled before.
  if (Object.isFrozen(after)) return after;
  if (after instanceof Uint8Array) return before instanceof Uint8Array && isSameBytes(before, after) ? before : after;
  if (isMap(after)) {
    const old = isMap(before) ? before : undefined;
    const keys = Object.keys(after);
    let isSame = old !== undefined && keys.length === Object.keys(old).length;
    const map = after as Record<string, Value>;
    for (const key of keys) {
      const [was, is] = [old && Object.hasOwn(old, key) ? old[key] : undefined, map[key] as Value];
      const value = settled(was, is);
      if (value !== is) map[key] = value;
      isSame &&= value === was;
    }
    return isSame && old ? old : Object.freeze(map);
  }
  const old = Array.isArray(before) ? (before as readonly Value[]) : undefined;
  const list = after as Value[];
  let isSame = old?.length === list.length;
  for (let index = 0; index < list.length; index += 1) {
    const value = settled(old?.[index], list[index] as Value);
    if (value !== list[index]) list[index] = value;
    isSame &&= value === old?.[index];
  }
  return isSame && old ? old : Object.freeze(list);
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
