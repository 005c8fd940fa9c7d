// A test room's storage: in memory, with the host's limits.

import { toUtf8 } from "../bytes.ts";
import type { KvResult } from "../room.ts";
import type { KvEntry, KvRequest } from "../wit.ts";

const KEY_BYTES_MAX = 256;
const VALUE_BYTES_MAX = 64 << 10;
const STORED_BYTES_MAX = 16 << 20;
const KEYS_MAX = 100_000;
const LISTED_MAX = 256;
const LISTED_BYTES_MAX = 256 << 10;

/** What is stored, by key. */
export type Storage = Map<string, Uint8Array>;

const TOO_LARGE: KvResult = { tag: "err", val: "too-large" };
const STORED: KvResult = { tag: "ok", val: { tag: "stored" } };

/** Does one operation. */
export function execute(storage: Storage, request: KvRequest): KvResult {
  const keys = request.tag === "get" ? [request.val] : request.tag === "list" ? request.val.slice(0, 2) : [request.val[0]];
  if (keys.some((key) => toUtf8(key as string).length > KEY_BYTES_MAX)) return TOO_LARGE;
  switch (request.tag) {
    case "get":
      return { tag: "ok", val: { tag: "value", val: storage.get(request.val) ?? null } };
    case "put":
      return put(storage, ...request.val);
    case "compare-and-put": {
      const [key, expected, value] = request.val;
      const present = storage.get(key) ?? null;
      return String(present) === String(expected)
        ? put(storage, key, value)
        : { tag: "ok", val: { tag: "conflict", val: present } };
    }
    case "list":
      return { tag: "ok", val: { tag: "entries", val: list(storage, ...request.val) } };
  }
}

function put(storage: Storage, key: string, value: Uint8Array | null): KvResult {
  if (value === null) {
    storage.delete(key);
    return STORED;
  }
  if (value.length > VALUE_BYTES_MAX) return TOO_LARGE;
  let bytes = toUtf8(key).length + value.length;
  for (const [other, stored] of storage) if (other !== key) bytes += toUtf8(other).length + stored.length;
  const isNew = !storage.has(key);
  if ((isNew && storage.size >= KEYS_MAX) || bytes > STORED_BYTES_MAX) return { tag: "err", val: "quota" };
  storage.set(key, value);
  return STORED;
}

function list(storage: Storage, prefix: string, after: string, count: number): KvEntry[] {
  // UTF-8's order is that of the bytes, which the order of UTF-16 is not.
  const inOrder = [...storage]
    .map(([key, value]) => ({ key, value, order: toUtf8(key) }))
    .filter(({ key, order }) => key.startsWith(prefix) && order > toUtf8(after))
    .sort((one, other) => (one.order < other.order ? -1 : 1));
  const entries: KvEntry[] = [];
  let bytes = 0;
  for (const { key, value, order } of inOrder.slice(0, Math.min(count, LISTED_MAX))) {
    bytes += order.length + value.length;
    if (bytes > LISTED_BYTES_MAX) break;
    entries.push({ key, value });
  }
  return entries;
}
