/**
 * Patches: what became of a list or a map, by the rules PT1 to PT8. What a patch does not name is shared with the state
 * before, so that what did not change is the same object.
 */

import { ParlorError } from "./errors";
import { byBytes, sortedKeys } from "./state-hash";
import { isMap, setEntry } from "./value";
import type { Value, ValueMap } from "./value";

/**
 * The state that `patch` makes of `state`, which stays as it is.
 *
 * @throws ParlorError `INVALID_PATCH` for what is no patch, `PATCH_MISMATCH` for one that is not for this state
 */
export function applyPatch(state: Value, patch: Value): Value {
  if (!Array.isArray(patch) || patch.length % 2 === 1) throw invalid("a patch is a list of places and changes in pairs");
  if (Array.isArray(state)) return patchList(state, patch);
  if (isMap(state)) return patchMap(state, patch);
  throw mismatch("what is here has nothing inside");
}

/** What becomes of one place. */
type Change =
  | { readonly kind: "whole"; readonly value: Value }
  | { readonly kind: "inside"; readonly patch: readonly Value[] }
  /** In a map, where nothing can come, the entry goes. */
  | { readonly kind: "splice"; readonly removed: number; readonly inserted: readonly Value[] };

function patchMap(map: ValueMap, patch: readonly Value[]): ValueMap {
  const changed: Record<string, Value> = { ...map };
  let keys: readonly string[] | undefined;
  let last: string | undefined;
  for (let turn = 0; turn < patch.length; turn += 2) {
    const place = patch[turn] as Value;
    const key = typeof place === "string" ? place : (keys ??= sortedKeys(map))[number(place, "a place")];
    if (key === undefined) throw mismatch(`the map has no place ${String(place)}`);
    if (last !== undefined && byBytes(last, key) >= 0) throw mismatch("places must rise");
    last = key;
    const change = readChange(patch[turn + 1] as Value, false);
    if (change.kind === "whole") {
      setEntry(changed, key, change.value);
      continue;
    }
    if (!Object.hasOwn(map, key)) throw mismatch(`the map has no key ${key}`);
    if (change.kind === "inside") setEntry(changed, key, applyPatch(map[key] as Value, change.patch));
    else delete changed[key];
  }
  return changed;
}

function patchList(list: readonly Value[], patch: readonly Value[]): readonly Value[] {
  const changed: Value[] = [];
  let done = 0;
  const keepUpTo = (end: number) => {
    for (; done < end; done += 1) changed.push(list[done] as Value);
  };
  for (let turn = 0; turn < patch.length; turn += 2) {
    const place = number(patch[turn] as Value, "a place");
    if (place < done) throw mismatch("places must rise");
    if (place > list.length) throw mismatch(`the list has no place ${place}`);
    keepUpTo(place);
    const change = readChange(patch[turn + 1] as Value, true);
    const removed = change.kind === "splice" ? change.removed : 1;
    if (removed > list.length - place) throw mismatch(`the list has no ${removed} items at ${place}`);
    if (change.kind === "splice") for (const item of change.inserted) changed.push(item);
    else changed.push(change.kind === "whole" ? change.value : applyPatch(list[place] as Value, change.patch));
    done += removed;
  }
  keepUpTo(list.length);
  return changed;
}

function readChange(change: Value, isInList: boolean): Change {
  if (Array.isArray(change)) return { kind: "inside", patch: change };
  if (!isMap(change)) return { kind: "whole", value: change };
  const parts = Object.entries(change);
  const [only] = parts;
  if (only === undefined) return { kind: "splice", removed: 1, inserted: [] };
  if (parts.length === 1 && only[0] === "=") return { kind: "whole", value: only[1] };
  let removed = 0;
  let inserted: readonly Value[] = [];
  for (const [part, value] of parts) {
    if (isInList && part === "-") removed = number(value, "how many items go");
    else if (isInList && part === "+" && Array.isArray(value)) inserted = value;
    else throw invalid("there is no such change here");
  }
  return { kind: "splice", removed, inserted };
}

/** An index or a count. Larger integers than a list can be long are a `bigint`. */
function number(value: Value, what: string): number {
  if (typeof value === "bigint" || (Number.isSafeInteger(value) && Number(value) < 0)) {
    throw mismatch(`${what} is ${value}`);
  }
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw invalid(`${what} must be a number`);
  return value;
}

const invalid = (message: string) => new ParlorError("INVALID_PATCH", message);
const mismatch = (message: string) => new ParlorError("PATCH_MISMATCH", message);
