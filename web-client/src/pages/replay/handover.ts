/**
 * A replay that goes from the game to the player, in a tab of its own so that nobody loses the seat at the table. The new
 * tab asks for it, and asks again when it is reloaded.
 */

import { ReplayError } from "./format";

const WANTED = "parlor-replay-wanted";
const GIVEN = "parlor-replay-given";
const PATH = "/replay/";
/** Tells the new tab that there is something to ask for. */
const FRAGMENT = "#from-game";
const ANSWER_MS = 2_000;

/** The newest of the tabs that were opened, and what it is to be given. */
let given: { readonly tab: Window; readonly text: string } | undefined;

/** Opens the player with a replay; false where the browser lets no tab be opened. */
export function openInPlayer(text: string): boolean {
  const tab = open(PATH + FRAGMENT);
  if (!tab) return false;
  if (!given) addEventListener("message", onWanted);
  given = { tab, text };
  return true;
}

function onWanted({ source, origin, data }: MessageEvent<unknown>): void {
  if (!given || source !== given.tab || origin !== location.origin || data !== WANTED) return;
  given.tab.postMessage([GIVEN, given.text], origin);
}

/** Whether this tab was opened to be given a replay. */
export function isFromGame(): boolean {
  return location.hash === FRAGMENT;
}

/** The replay that this tab was opened with. */
export function takeFromGame(): Promise<string> {
  const game = opener as Window | null;
  return new Promise((resolve, reject) => {
    const onMessage = ({ source, origin, data }: MessageEvent<unknown>) => {
      if (source !== game || origin !== location.origin || !Array.isArray(data)) return;
      const [kind, text] = data as unknown[];
      if (kind === GIVEN && typeof text === "string") resolve(text);
    };
    addEventListener("message", onMessage);
    setTimeout(() => {
      removeEventListener("message", onMessage);
      reject(
        new ReplayError("The game that this replay came from is closed. A replay that you saved can be chosen here."),
      );
    }, ANSWER_MS);
    game?.postMessage(WANTED, location.origin);
  });
}
