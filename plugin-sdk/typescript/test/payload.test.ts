import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PayloadError, decode, encode } from "parlor-plugin";

// Tests are run in the package's folder.
const vectors = (name: string) => JSON.parse(readFileSync(`../../proto/vectors/${name}`, "utf8"));

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

interface Accepted {
  name: string;
  msgpack: string;
  also?: { msgpack?: string[] };
}

test("golden values are read and written as everywhere else", () => {
  const values: Accepted[] = vectors("values.json");
  assert.ok(values.length > 20);
  for (const { name, msgpack, also } of values) {
    assert.equal(hex(encode(decode(unhex(msgpack)))), msgpack, name);
    for (const other of also?.msgpack ?? []) assert.equal(hex(encode(decode(unhex(other)))), msgpack, `${name}: ${other}`);
  }
});

test("golden values that are refused are refused", () => {
  const refused: { name: string; encoding: string; input: string }[] = vectors("refused-values.json");
  const msgpack = refused.filter(({ encoding }) => encoding === "msgpack");
  assert.ok(msgpack.length > 5);
  for (const { name, input } of msgpack) assert.throws(() => decode(unhex(input)), PayloadError, name);
});

test("maps, sets and what is left out become what the value model has", () => {
  const value = { scores: new Map([[2, "b"], [1, "a"]]), tags: new Set(["x"]), none: undefined, big: 2n ** 64n - 1n, small: 5n };
  assert.deepEqual(decode(encode(value)), { scores: { "1": "a", "2": "b" }, tags: ["x"], big: 2n ** 64n - 1n, small: 5 });
  assert.deepEqual(decode(encode({ bytes: new Uint8Array(300).fill(7) })), { bytes: new Uint8Array(300).fill(7) });
});

test("what is no value of Parlor's is refused with the way to it", () => {
  const refusals: [unknown, string][] = [
    [{ a: [1, { b: Number.NaN }] }, "at `a.1.b`: the number is NaN, which Parlor's values do not have"],
    [[undefined], "at `0`: a undefined, which Parlor's values do not have"],
    [{ f: () => 1 }, "at `f`: a function, which Parlor's values do not have"],
    [{ at: new Date(0) }, "at `at`: a Date, which Parlor's values do not have"],
    [{ text: "\ud800" }, "at `text`: text with half a surrogate pair"],
    [{ big: 2n ** 64n }, "at `big`: 18446744073709551616 is not between -2^63 and 2^64-1"],
    [new Map<unknown, number>([[1, 1], ["1", 2]]), "a map has a key twice, as text and as number"],
    [new Map([[{}, 1]]), "a map's key is neither text nor a whole number"],
  ];
  for (const [value, message] of refusals) assert.throws(() => encode(value), { name: "PayloadError", message });
});

test("nothing nests more than 64 deep, and what holds itself is noticed", () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  assert.deepEqual(decode(encode(nested(64))), nested(64));
  assert.throws(() => encode(nested(65)), PayloadError);
  const self: unknown[] = [];
  self.push(self);
  assert.throws(() => encode(self), PayloadError);
});

test("a length that cannot be costs nothing", () => {
  for (const input of ["ddffffffff", "dfffffffff", "c6ffffffff", "dbffffffff"]) assert.throws(() => decode(unhex(input)), PayloadError);
});

test("a key of JavaScript's own is a key like any other", () => {
  const value = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1, "a": 2}');
  const read = decode(encode(value)) as object;
  assert.deepEqual(Object.keys(read), ["__proto__", "constructor", "a"]);
  assert.equal(Object.getPrototypeOf(read), Object.prototype);
});
