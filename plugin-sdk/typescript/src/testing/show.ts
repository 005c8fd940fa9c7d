// Values as text, for what a failed test says.

/** A value, much as one would write it. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return typeof value === "string" ? JSON.stringify(value) : String(value);
  if (value instanceof Uint8Array) return `0x${[...value].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  if (Array.isArray(value)) return `[${value.map(show).join(",")}]`;
  if (value instanceof Set) return `Set{${[...value].map(show).join(",")}}`;
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  const name = value instanceof Map ? "Map" : "";
  return `${name}{${entries.map(([key, item]) => `${show(key)}:${show(item)}`).join(",")}}`;
}

/** Whether two values of the value model are the same; maps compare without order. */
export function isSame(one: unknown, other: unknown): boolean {
  return show(sorted(one)) === show(sorted(other));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(entries.map(([key, item]) => [key, sorted(item)]));
}
