import { describe, expect, it } from "vitest";
import { actionOf } from "./keys";

/** An element that is what one of these selectors names. */
function element(...selectors: string[]): EventTarget {
  const matches = (selector: string) => selector.split(", ").some((one) => selectors.includes(one));
  return { matches } as unknown as EventTarget;
}

const PLAIN = { altKey: false, ctrlKey: false, metaKey: false, defaultPrevented: false };
const press = (key: string, target: EventTarget | null = null, over: Partial<typeof PLAIN> = {}) =>
  actionOf({ ...PLAIN, key, target, ...over });

describe("keys", () => {
  it("play, and move along the time line", () => {
    expect([" ", "k", "ArrowLeft", "ArrowRight", ",", ".", "Home", "End"].map((key) => press(key))).toEqual([
      "toggle",
      "toggle",
      "back",
      "forward",
      "previous",
      "next",
      "start",
      "end",
    ]);
  });

  it("are left to the browser where it has a use for them", () => {
    expect(press("x")).toBeUndefined();
    expect(press("constructor")).toBeUndefined();
    expect(press("ArrowLeft", null, { altKey: true })).toBeUndefined();
    expect(press(" ", null, { defaultPrevented: true })).toBeUndefined();
    expect([press("PageDown"), press("ArrowUp")]).toEqual([undefined, undefined]);
  });

  it("are left to what has the focus where that needs them", () => {
    const button = element("button");
    expect([press(" ", button), press("ArrowLeft", button)]).toEqual([undefined, "back"]);
    const cell = element("[role=gridcell]", "button", "[tabindex]");
    expect([press(" ", cell), press("ArrowLeft", cell), press(".", cell)]).toEqual(["toggle", undefined, "next"]);
    const radio = element("input");
    expect([press(" ", radio), press("ArrowLeft", radio)]).toEqual([undefined, undefined]);
    expect(press(" ", element("input", "input[type=radio]:checked"))).toBe("toggle");
    expect([press("Home", element("[tabindex]")), press(" ", element("[tabindex]"))]).toEqual([undefined, "toggle"]);
  });

  it("all move along the time line where it has the focus", () => {
    const range = element("input[type=range]", "input");
    expect(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "End"].map((key) => press(key, range))).toEqual([
      "forward",
      "back",
      "far-forward",
      "far-back",
      "end",
    ]);
  });
});
