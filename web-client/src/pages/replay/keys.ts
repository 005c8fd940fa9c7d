/** Which key does what, wherever on the page the focus is, unless what has the focus needs the key itself. */

export type KeyAction =
  "toggle" | "start" | "end" | "previous" | "next" | "back" | "forward" | "far-back" | "far-forward";

const KEYS: Readonly<Record<string, KeyAction>> = {
  " ": "toggle",
  k: "toggle",
  Home: "start",
  End: "end",
  ",": "previous",
  ".": "next",
  ArrowLeft: "back",
  ArrowDown: "back",
  ArrowRight: "forward",
  ArrowUp: "forward",
  PageDown: "far-back",
  PageUp: "far-forward",
};

/** Upright keys move along the time line only where it has the focus: elsewhere they scroll. */
const UPRIGHT = ["ArrowUp", "ArrowDown", "PageUp", "PageDown"];
const WAYS = [...UPRIGHT, "ArrowLeft", "ArrowRight", "Home", "End"];

type Key = Pick<KeyboardEvent, "key" | "altKey" | "ctrlKey" | "metaKey" | "defaultPrevented" | "target">;

/** What a key asks for; undefined where it is not ours. */
export function actionOf({ key, altKey, ctrlKey, metaKey, defaultPrevented, target }: Key): KeyAction | undefined {
  if (defaultPrevented || altKey || ctrlKey || metaKey || !Object.hasOwn(KEYS, key)) return undefined;
  const focus = focusOf(target);
  if (focus === "time line") return KEYS[key];
  if (UPRIGHT.includes(key)) return undefined;
  if (key === " " && focus === "button") return undefined;
  if (WAYS.includes(key) && (focus === "board" || focus === "choice" || focus === "scroller")) return undefined;
  if (key === " " && focus === "choice" && !isChosen(target)) return undefined;
  return KEYS[key];
}

/** A choice that is made already has no use for the key. */
function isChosen(target: EventTarget | null): boolean {
  return (target as HTMLInputElement | null)?.matches("input[type=radio]:checked") === true;
}

type Focus = "time line" | "board" | "choice" | "button" | "scroller" | "elsewhere";

function focusOf(target: EventTarget | null): Focus {
  if (!target || !("matches" in target)) return "elsewhere";
  const element = target as Element;
  if (element.matches("input[type=range]")) return "time line";
  if (element.matches("[role=gridcell]")) return "board";
  if (element.matches("input, select, textarea")) return "choice";
  if (element.matches("button, summary, a")) return "button";
  return element.matches("[tabindex]") ? "scroller" : "elsewhere";
}
