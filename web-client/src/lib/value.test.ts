import { describe, expect, it } from "vitest";
import { parseValue, stringify } from "./codecs/json";
import { DEPTH_MAX, normalise, ValueError } from "./value";

describe("values", () => {
  it("writes every integer in one form", () => {
    expect(normalise(5n)).toBe(5);
    expect(normalise(-0)).toBe(0);
    expect(normalise(2 ** 53)).toBe(2n ** 53n);
    expect(normalise(2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
    expect(normalise(2 ** 60)).toBe(2 ** 60);
  });

  it("refuses what no payload can carry, and says where it was", () => {
    const deep = Array.from({ length: DEPTH_MAX + 1 }).reduce<unknown>((inner) => [inner], 1);
    for (const bad of [
      NaN,
      Infinity,
      2n ** 64n,
      -(2n ** 63n) - 1n,
      "\ud800",
      { "\udc00": 1 },
      new Date(),
      () => 1,
      undefined,
      deep,
    ]) {
      expect(() => normalise(bad)).toThrow(ValueError);
    }
    expect(() => normalise({ a: [1, { b: NaN }] })).toThrow("$.a[1].b is NaN");
  });

  it("keeps a key called __proto__ a key", () => {
    const parsed = parseValue('{"__proto__":1,"a":2}');
    expect(Object.keys(parsed as object)).toEqual(["__proto__", "a"]);
    expect(stringify(parsed)).toBe('{"__proto__":1,"a":2}');
  });

  it("escapes in JSON what JSON has no form for", () => {
    expect(stringify(new Uint8Array([1, 2, 255]))).toBe('{"$bytes":"AQL/"}');
    expect(stringify(2n ** 63n)).toBe('{"$int":"9223372036854775808"}');
    expect(stringify({ $x: 1 })).toBe('{"$$x":1}');
    expect(stringify({ $x: 1, y: 2 })).toBe('{"$x":1,"y":2}');
    expect(stringify(2 ** 60)).toBe("1.152921504606847e+18");
    for (const value of [new Uint8Array(40_000), 2n ** 63n, { $bytes: "no" }, { $$int: [1.5] }, 2 ** 60, -1e300]) {
      expect(parseValue(stringify(value))).toEqual(value);
    }
  });

  it("refuses escapes that stand for nothing", () => {
    for (const bad of [
      '{"$bytes":"A"}',
      '{"$bytes":1}',
      '{"$int":"01"}',
      '{"$int":"1e3"}',
      '{"$int":5}',
      '{"$other":1}',
    ]) {
      expect(() => parseValue(bad)).toThrow(ValueError);
    }
  });
});
