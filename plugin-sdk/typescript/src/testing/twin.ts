// Runs a step again on instances that were loaded, and compares.

import { Instance, type Making } from "../instance.ts";
import { decode } from "../payload.ts";
import { loadState } from "../state.ts";
import type { Batch, Effect } from "../wit.ts";
import { show } from "./show.ts";

const HINT = "is part of the state not saved, or real time, real chance or something outside of the room used?";

/**
 * Throws unless the batch's events, run one by one, each on an instance just loaded from what was saved before it, come to
 * the same effects and the same state.
 */
export function compareWithTwin<State, Input>(
  making: Making<State, Input>,
  name: string,
  before: Uint8Array,
  batch: Batch,
  lived: { effects: readonly Effect[]; saved: Uint8Array },
): void {
  let saved = before;
  const effects: Effect[] = [];
  for (const [cause, single] of singles(batch).entries()) {
    const twin = Instance.load(making, making.stateSchema, saved);
    effects.push(...twin.step(single).map((effect) => ({ ...effect, cause })));
    saved = twin.save();
  }
  for (let place = 0; place < Math.max(effects.length, lived.effects.length); place++) {
    const [first, again] = [showEffect(lived.effects[place]), showEffect(effects[place])];
    if (first === again) continue;
    throw unsteady(name, `effect ${place} differs`, first, again);
  }
  if (!sameBytes(lived.saved, saved)) {
    throw unsteady(name, "the next state differs", showState(lived.saved), showState(saved));
  }
}

function unsteady(step: string, what: string, first: string, again: string): Error {
  return new Error(
    `${step}: not deterministic. Run again from the saved state, one event at a time, ${what}; ${HINT}\n  first: ${first}\n  again: ${again}`,
  );
}

/** The batch's events as batches of their own. */
function singles(batch: Batch): Batch[] {
  let { tick } = batch;
  return batch.events.map((event, place) => {
    const single = { ...batch, step: batch.step + place, firstEvent: batch.firstEvent + place, tick, events: [event] };
    if (event.tag === "tick") tick = event.val.number;
    return single;
  });
}

function showEffect(effect: Effect | undefined): string {
  if (effect === undefined) return "nothing";
  const { action, cause } = effect;
  const readable = (value: Uint8Array): unknown => {
    try {
      return decode(value);
    } catch {
      return value;
    }
  };
  const shown = "val" in action ? show(mapBytes(action.val, readable)) : "";
  return `${action.tag} because of event ${cause}: ${shown}`;
}

function mapBytes(value: unknown, change: (bytes: Uint8Array) => unknown): unknown {
  if (value instanceof Uint8Array) return change(value);
  if (Array.isArray(value)) return value.map((item) => mapBytes(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapBytes(item, change)]));
}

function showState(saved: Uint8Array): string {
  const [, state] = loadState(saved) as [unknown, Uint8Array];
  return show(loadState(state));
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
