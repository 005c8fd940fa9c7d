/** What a person chose and would not want to choose again. */

import { isSubprotocol } from "../../lib";
import type { Subprotocol } from "../../lib";

const NAME_KEY = "parlor.name";
const SUBPROTOCOL_KEY = "parlor.subprotocol";
const TOKEN_KEY = "parlor.token";
export const NAME_LENGTH_MAX = 32;

const FIRST = [
  "Amber",
  "Brisk",
  "Copper",
  "Dusky",
  "Ember",
  "Fern",
  "Hazel",
  "Indigo",
  "Juniper",
  "Merry",
  "Opal",
  "Quiet",
  "Russet",
  "Silver",
  "Tawny",
  "Vivid",
];
const SECOND = [
  "Heron",
  "Otter",
  "Finch",
  "Marten",
  "Wren",
  "Badger",
  "Swift",
  "Lynx",
  "Plover",
  "Hare",
  "Raven",
  "Tern",
  "Fox",
  "Moth",
  "Newt",
  "Stoat",
];

/** The nickname, made up at the first visit. */
export function loadName(): string {
  const stored = read("localStorage", NAME_KEY)?.trim();
  if (stored) return stored.slice(0, NAME_LENGTH_MAX);
  const name = `${pick(FIRST)} ${pick(SECOND)}`;
  saveName(name);
  return name;
}

export function saveName(name: string): void {
  write("localStorage", NAME_KEY, name);
}

/** The subprotocol of this tab. */
export function loadSubprotocol(): Subprotocol {
  const stored = read("sessionStorage", SUBPROTOCOL_KEY) ?? "";
  return isSubprotocol(stored) ? stored : "v1.binary";
}

export function saveSubprotocol(subprotocol: Subprotocol): void {
  write("sessionStorage", SUBPROTOCOL_KEY, subprotocol);
}

/**
 * The token that a sign-in page handed over, as `#token=…` in the address: that part no server gets to see. It is taken
 * out of the address, and kept for reloads of this tab.
 */
export function loadToken(): string | undefined {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("token");
  if (given) {
    write("sessionStorage", TOKEN_KEY, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given ?? read("sessionStorage", TOKEN_KEY) ?? undefined;
}

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? "Quiet";
}

type Kind = "localStorage" | "sessionStorage";

/** Where the person forbade storage, even naming it throws. */
function read(kind: Kind, key: string): string | null {
  try {
    return globalThis[kind].getItem(key);
  } catch {
    return null;
  }
}

function write(kind: Kind, key: string, value: string): void {
  try {
    globalThis[kind].setItem(key, value);
  } catch {
    // A browser that keeps nothing asks again the next time.
  }
}
