/** A box for JSON that says what is wrong with it while one types. */

import { parseValue } from "../../lib";
import type { Value } from "../../lib";
import { h, setText } from "../ui/dom";

let count = 0;

export class JsonInput {
  readonly element: HTMLElement;
  readonly box: HTMLTextAreaElement;
  readonly #problem: HTMLElement;

  constructor(label: string, testid: string, rows: number, initial: string) {
    count += 1;
    this.#problem = h("span", { class: "field-error", attrs: { id: `json-problem-${count}`, role: "status" } });
    this.box = h("textarea", {
      class: "input json-box",
      testid,
      attrs: {
        rows,
        spellcheck: "false",
        autocapitalize: "off",
        autocomplete: "off",
        "aria-describedby": this.#problem.id,
      },
    });
    this.box.value = initial;
    this.box.addEventListener("input", () => void this.read());
    this.element = h(
      "label",
      { class: "field" },
      h("span", { class: "field-label", text: label }),
      this.box,
      this.#problem,
    );
  }

  /** The value, or undefined where the text is none; then the box says why. */
  read(): Value | undefined {
    let value: Value | undefined;
    let problem = "";
    try {
      value = parseValue(this.box.value);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    this.box.setAttribute("aria-invalid", String(problem !== ""));
    setText(this.#problem, problem);
    return value;
  }
}
