import assert from "node:assert/strict";
import { test } from "node:test";
import { faultText, framesOf } from "../src/fault.ts";
// @ts-expect-error The build's tools are plain JavaScript.
import { lineTable } from "../tools/lines.mjs";

// Lines 1 and 2 are a.ts's 1 and 2, line 3 comes from nowhere, line 4 is b.ts's 11, line 5 a.ts's 1.
const map = { sources: ["a.ts", "b.ts"], mappings: "AAAA;AACA;;ACSA,CAAC;ADVA" };
const table = lineTable(map, (source: string) => `src/${source}`);

test("each line of a bundle is found in its source", () => {
  const places = [1, 2, 3, 4, 5].map((line) => framesOf(`    at f (/bundle.js:${line}:1)`, table)[0]?.place);
  assert.deepEqual(places, ["src/a.ts:1", "src/a.ts:2", undefined, "src/b.ts:11", "src/a.ts:1"]);
});

test("a stack is shown in the author's lines, the SDK's left out", () => {
  const own = lineTable(map, (source: string) => (source === "a.ts" ? "src/a.ts" : "parlor-plugin/b.ts"));
  const stack = "    at hit (/bundle.js:2:5)\n    at step (/bundle.js:4:1)\n    at forEach (native)\n";
  assert.deepEqual(framesOf(stack, own), [{ name: "hit", place: "src/a.ts:2" }]);
  assert.deepEqual(framesOf("    at step (/bundle.js:4:1)\n", own), [{ name: "step", place: "parlor-plugin/b.ts:11" }]);
  assert.equal(faultText("text"), "something was thrown that is no Error: text");
});
