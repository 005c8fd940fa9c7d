import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { describe, expect, it } from "vitest";
import { DEPTH_MAX } from "../value";
import type { Value } from "../value";
import { readValue, writeValue } from "./proto-value";

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const written = (value: Value) => {
  const writer = new BinaryWriter();
  writeValue(writer, value);
  return Buffer.from(writer.finish()).toString("hex");
};

describe("a list of unsigned integers (VL7)", () => {
  it("is written packed", () => {
    expect(written([1, 300])).toBe("52050a0301ac02");
  });

  it.each([
    ["packed", "52 05 0a03 01ac02", [1, 300]],
    ["one by one", "52 05 0801 08ac02", [1, 300]],
    ["both in turns", "52 0a 0801 0a020203 0804 0a00", [1, 2, 3, 4]],
    ["empty", "52 00", []],
    ["empty and packed", "52 02 0a00", []],
    ["with a field of later", "52 06 1001 0801 1a00", [1]],
    ["with a long zero", "52 0a 0a08 8080808080808000", [0]],
    ["as a list of values", "42 09 0a021802 0a0318d804", [1, 300]],
  ])("is read: %s", (_, hex, list) => {
    expect(readValue(bytes(hex))).toEqual(list);
  });

  it("holds integers of any size, each in its one form", () => {
    const around = [7, 8, 14, 21, 28, 31, 32, 35, 42, 48, 49, 50, 53, 56, 63].flatMap((bits) =>
      [-1n, 0n, 1n].map((off) => 2n ** BigInt(bits) + off),
    );
    const list = [0n, ...around, 2n ** 64n - 1n].map((item) => (item < 2n ** 53n ? Number(item) : item));
    expect(written(list)).toMatch(/^52/);
    expect(readValue(bytes(written(list)))).toEqual(list);
  });

  it("is not what a list with anything else in it is written as", () => {
    for (const list of [[], [1, -1], [1, 0.5], [1, true], [1, [2]], [2 ** 60], [1, -(2n ** 60n)]]) {
      expect(written(list)).toMatch(/^42/);
      expect(readValue(bytes(written(list)))).toEqual(list);
    }
  });

  it.each([
    ["an integer that ends too soon", "52 03 0a01 80"],
    ["an integer of eleven bytes", "52 0d 0a0b ffffffffffffffffffffff"],
    ["a packed list that ends too soon", "52 02 0a05"],
    ["another wire type", "52 05 0d00000000"],
    ["two kinds", "52 02 0801 52 02 0801"],
  ])("is refused: %s", (_, hex) => {
    expect(() => readValue(bytes(hex))).toThrow();
  });

  it("is one level deep (LM2)", () => {
    const nested = (levels: number, inside: Value): Value => (levels === 0 ? inside : [nested(levels - 1, inside)]);
    const read = (value: Value) => readValue(bytes(written(value)));
    expect(read(nested(DEPTH_MAX - 1, [1]))).toEqual(nested(DEPTH_MAX - 1, [1]));
    expect(() => read(nested(DEPTH_MAX, [1]))).toThrow("nested deeper");
  });
});
