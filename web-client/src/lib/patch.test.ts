/** Patches that lie: wherever one says another index or length, it is refused with a code or applied to the letter. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseValue } from "./codecs/json";
import { ParlorError } from "./errors";
import { applyPatch } from "./patch";
import { normalise } from "./value";
import type { Value } from "./value";

interface Vector {
  readonly name: string;
  readonly state: string;
  readonly json: string;
}

const file = new URL("../../../proto/vectors/patches.json", import.meta.url);
const VECTORS = JSON.parse(readFileSync(file, "utf8")) as Vector[];

/** What an index or a length is replaced by. */
const LIES: readonly Value[] = [
  -1,
  1_000,
  2 ** 31,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  2n ** 63n,
  2n ** 64n - 1n,
  -(2n ** 63n),
  0.5,
  1e300,
  null,
  true,
  "0",
  "__proto__",
  "length",
  new Uint8Array(4),
  [],
  [[]],
  {},
  { "=": {}, "-": 1 },
  { "-": 1_000 },
  { "-": -1 },
  { "-": 2n ** 64n - 1n },
  { "+": 1 },
  { "+": [], "-": 2 ** 32 },
];

/** Every patch that is `patch` but for one thing in it: another value, one more, or one fewer. */
function* lies(patch: Value): Generator<Value> {
  yield* LIES;
  if (Array.isArray(patch)) {
    for (let at = 0; at < patch.length; at += 1) {
      yield [...patch.slice(0, at), ...patch.slice(at + 1)];
      yield [...patch.slice(0, at), patch[at] as Value, ...patch.slice(at)];
      for (const lie of lies(patch[at] as Value)) yield [...patch.slice(0, at), lie, ...patch.slice(at + 1)];
    }
  } else if (typeof patch === "object" && patch !== null && !(patch instanceof Uint8Array)) {
    for (const [key, value] of Object.entries(patch)) {
      for (const lie of lies(value as Value)) yield { ...patch, [key]: lie };
      yield { ...patch, [`${key}!`]: value };
    }
  }
}

/** What comes of a patch: a state, or the code that refuses it. Anything else that is thrown is a fault of ours. */
function outcome(state: Value, patch: Value): { readonly state: Value } | { readonly code: string } {
  try {
    return { state: applyPatch(state, patch) };
  } catch (error) {
    if (error instanceof ParlorError) return { code: error.code };
    throw error;
  }
}

const CODES: readonly string[] = ["INVALID_PATCH", "PATCH_MISMATCH"];

describe("a patch that lies about an index or a length", () => {
  for (const { name, state: text, json } of VECTORS) {
    it(`is refused with a code, or does what it says: ${name} (PT7, PT8)`, () => {
      let refused = 0;
      for (const patch of lies(parseValue(json))) {
        const state = parseValue(text);
        const result = outcome(state, patch);
        expect(state).toEqual(parseValue(text));
        if ("state" in result) {
          expect(normalise(result.state)).toEqual(result.state);
        } else {
          refused += 1;
          expect(CODES).toContain(result.code);
        }
      }
      expect(refused).toBeGreaterThan(10);
    });
  }

  it("leaves no trace outside of the state", () => {
    const patch = ["__proto__", { "=": { polluted: true } }];
    const patched = applyPatch(parseValue("{}"), patch);
    expect(Object.keys(patched as object)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(outcome(parseValue("{}"), ["__proto__", []])).toEqual({ code: "PATCH_MISMATCH" });
    expect(outcome(parseValue("{}"), ["constructor", {}])).toEqual({ code: "PATCH_MISMATCH" });
  });
});
