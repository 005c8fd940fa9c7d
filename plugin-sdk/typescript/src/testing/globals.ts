// What a room's globals show while a test runs one of its methods: room time and the room's chance, as in the component.

import { currentRandom } from "../instance.ts";

/** Runs a call into a room. */
export function asInTheComponent<T>(nowMs: number, call: () => T): T {
  const { random } = Math;
  const { now } = Date;
  Math.random = currentRandom;
  Date.now = () => nowMs;
  try {
    return call();
  } finally {
    Math.random = random;
    Date.now = now;
  }
}
