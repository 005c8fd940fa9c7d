/** Before there is a replay: where one comes from, and the way to choose a file. */

import { button, h } from "../ui/dom";

export class OpenerView {
  readonly element: HTMLElement;
  /** The browser's own control: to lie somewhere on the page, unseen. */
  readonly input = h("input", {
    testid: "replay-file",
    attrs: { type: "file", accept: ".json,application/json", hidden: true },
  });

  constructor(onFile: (file: File) => void) {
    this.input.addEventListener("change", () => {
      const file = this.input.files?.[0];
      if (file) onFile(file);
      // So that the same file can be chosen again, perhaps after it was mended.
      this.input.value = "";
    });
    const choose = button("Choose a file", { kind: "primary", testid: "replay-choose", onclick: () => this.choose() });
    this.element = h(
      "main",
      { class: "opener" },
      h(
        "section",
        { class: "opener-card" },
        h("h1", { text: "Watch it again." }),
        h("p", { class: "lede", text: "Every match can be kept, and played back move by move." }),
        h("div", { class: "opener-drop" }, choose, h("p", { class: "hint", text: "or drop it anywhere on this page" })),
        h(
          "p",
          { class: "hint" },
          "After a match, choose ",
          h("b", { text: "Save replay" }),
          " to get such a file. The file stays on this device: it is not uploaded.",
        ),
      ),
    );
  }

  /** Opens the browser's own choice of files. */
  choose(): void {
    this.input.click();
  }
}
