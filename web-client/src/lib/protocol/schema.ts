/**
 * The vocabulary in which `frames.ts` writes down the protocol, and the types that follow from it. A frame's fields are
 * written once; the TypeScript types, the shape check and the protobuf codec are all read off that one table.
 */

import type { Value } from "../value";

/** What a field can hold. */
export type Kind =
  | { readonly kind: "text" }
  | { readonly kind: "u32" }
  | { readonly kind: "u64" }
  | { readonly kind: "bool" }
  | { readonly kind: "payload" }
  | { readonly kind: "enum"; readonly names: readonly string[] }
  | { readonly kind: "record"; readonly fields: Fields };

/** One field: its protobuf number, what it holds, and how many there may be. */
export interface Field<K extends Kind = Kind, O extends Occurs = Occurs> {
  readonly number: number;
  readonly type: K;
  readonly occurs: O;
}
export type Occurs = "once" | "optional" | "list";
export type Fields = { readonly [name: string]: Field };

/** A frame: its number in the `oneof` of `ClientFrame` or `ServerFrame`, and its fields. */
export interface FrameSchema<F extends Fields = Fields> {
  readonly number: number;
  /** What it is in JSON and MessagePack: a map with its `type`, or the list of its fields. */
  readonly form: "map" | "list";
  readonly fields: F;
}
export type FrameTable = { readonly [type: string]: FrameSchema };

/** Text. */
export const text = { kind: "text" } as const;
/** An unsigned integer of 32 bits. */
export const u32 = { kind: "u32" } as const;
/** An unsigned integer below 2^53, so that a `number` holds it exactly. */
export const u64 = { kind: "u64" } as const;
/** Yes or no. */
export const bool = { kind: "bool" } as const;
/** Any value of the value model. */
export const payload = { kind: "payload" } as const;

/** One of some names, which every encoding writes as text. */
export function oneOf<const N extends readonly string[]>(...names: N) {
  return { kind: "enum", names } as const;
}
/** Fields inside a field. */
export function record<const F extends Fields>(fields: F) {
  return { kind: "record", fields } as const;
}
/** A field that is always there. */
export function once<const K extends Kind>(number: number, type: K): Field<K, "once"> {
  return { number, type, occurs: "once" };
}
/** A field that may be absent. */
export function optional<const K extends Kind>(number: number, type: K): Field<K, "optional"> {
  return { number, type, occurs: "optional" };
}
/** A field with any number of entries. */
export function list<const K extends Kind>(number: number, type: K): Field<K, "list"> {
  return { number, type, occurs: "list" };
}
/** A frame. */
export function frame<const F extends Fields>(number: number, fields: F): FrameSchema<F> {
  return { number, form: "map", fields };
}
/**
 * A frame that is the list of its fields, in the order in which they are written here, wherever others are maps. None may
 * be absent, and only one frame of a table may be a list, for it has no `type`.
 */
export function listFrame<const F extends { readonly [name: string]: Field<Kind, "once"> }>(
  number: number,
  fields: F,
): FrameSchema<F> {
  return { number, form: "list", fields };
}

type Held<K extends Kind> = K extends { kind: "text" }
  ? string
  : K extends { kind: "u32" | "u64" }
    ? number
    : K extends { kind: "bool" }
      ? boolean
      : K extends { kind: "payload" }
        ? Value
        : K extends { kind: "enum"; names: infer N extends readonly string[] }
          ? N[number]
          : K extends { kind: "record"; fields: infer F extends Fields }
            ? Shape<F>
            : never;

/** The object that some fields describe. */
export type Shape<F extends Fields> = {
  readonly [K in keyof F as F[K]["occurs"] extends "optional" ? never : K]: F[K]["occurs"] extends "list"
    ? readonly Held<F[K]["type"]>[]
    : Held<F[K]["type"]>;
} & {
  readonly [K in keyof F as F[K]["occurs"] extends "optional" ? K : never]?: Held<F[K]["type"]>;
};

/** The union of all frames of a table, told apart by `type`. */
export type FrameOf<T extends FrameTable> = {
  [K in keyof T & string]: { readonly type: K } & Shape<T[K]["fields"]>;
}[keyof T & string];
