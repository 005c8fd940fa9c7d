// The harm, one case each.

import { type Ctx, type ShapeOf, shape } from "parlor-plugin";

const count = { count: shape.integer({ min: 0 }) };
const bytes = { bytes: shape.integer({ min: 0 }) };

export const harms = {
  /** Loops for ever. */
  spin: {},
  /** Takes this much memory. */
  allocate: { mib: shape.integer({ min: 0 }) },
  /** Calls itself so many times; 0 is without end. */
  recurse: { depth: shape.integer({ min: 0 }) },
  /** Throws. */
  throw: {},
  /** Throws what is no `Error`. */
  throw_text: {},
  /** Goes wrong as programs do. */
  undefined: {},
  /** Asks for this many effects. */
  effects: count,
  /** Sends this many bytes to everyone. */
  output: bytes,
  /** Asks this many times for a stored key. */
  storage: count,
  /** Logs that many lines of that many bytes. */
  log: { lines: shape.integer(), ...bytes },
  /** Sends to a member who never was. */
  unknown_member: {},
  /** Sends what is no value of Parlor's. */
  send_nan: {},
};

const harm = shape.oneOf("do", harms);
export type Harm = ShapeOf<typeof harm>;

export function act(room: Ctx, harm: Harm): void {
  switch (harm.do) {
    case "spin":
      for (;;);
    case "allocate": {
      const taken: ArrayBuffer[] = [];
      for (let mib = 0; mib < harm.mib; mib++) taken.push(new ArrayBuffer(1 << 20));
      break;
    }
    case "recurse":
      recurse(harm.depth === 0 ? Infinity : harm.depth);
      break;
    case "throw":
      throw new Error("this error was asked for");
    case "throw_text":
      throw "this text was asked for";
    case "undefined":
      (undefined as unknown as { call: () => void }).call();
      break;
    case "effects":
      for (let n = 0; n < harm.count; n++) room.unlock();
      break;
    case "output":
      room.broadcast(new Uint8Array(harm.bytes));
      break;
    case "storage":
      for (let operation = 0; operation < harm.count; operation++) room.kvGet(operation, "key");
      break;
    case "log":
      for (let line = 0; line < harm.lines; line++) room.info("x".repeat(harm.bytes));
      break;
    case "unknown_member":
      room.send(1_000_000, "nobody");
      break;
    case "send_nan":
      room.broadcast({ scores: [1, { points: Number.NaN }] });
      break;
  }
}

function recurse(depth: number): number {
  return depth === 0 ? 0 : recurse(depth - 1) + 1;
}
