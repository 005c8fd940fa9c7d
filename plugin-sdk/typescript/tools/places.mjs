// Where the parts of the SDK lie, in Parlor's checkout as in a project that has the SDK in `vendor/`.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A path in the SDK. */
export function inSdk(path) {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** The contract: inside the SDK where it is vendored, beside it in the checkout. */
export function witFile() {
  const inside = inSdk("wit/room.wit");
  return existsSync(inside) ? inside : inSdk("../wit/room.wit");
}
