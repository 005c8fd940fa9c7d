/** A value as a tree whose branches open and close, and stay as they were when the value changes. */

import { isMap, stringify } from "../../lib";
import type { Value } from "../../lib";
import { h } from "../ui/dom";

const CHILDREN_MAX = 300;
const OPEN_DEPTH = 2;
const OPEN_CHILDREN = 24;

export class Tree {
  readonly element = h("div", { class: "tree" });
  /** What the person opened or closed, by path; anything else follows the rule of `isOpenAtFirst`. */
  readonly #chosen = new Map<string, boolean>();

  show(value: Value): void {
    this.element.replaceChildren(this.#branch("", value, "$", 0));
  }

  #branch(key: string, value: Value, path: string, depth: number): HTMLElement {
    const label = key === "" ? [] : [h("span", { class: "tree-key", text: key })];
    const entries = entriesOf(value);
    if (!entries) return h("div", { class: "tree-leaf" }, ...label, leaf(value));
    const summary = h(
      "summary",
      { class: "tree-branch" },
      ...label,
      h("span", { class: "tree-count", text: countOf(value, entries.length) }),
    );
    const details = h("details", { class: "tree-node" }, summary);
    const fill = () => {
      if (details.children.length > 1) return;
      const children = entries
        .slice(0, CHILDREN_MAX)
        .map(([name, child]) => this.#branch(name, child, `${path}/${name}`, depth + 1));
      if (entries.length > CHILDREN_MAX)
        children.push(h("div", { class: "tree-leaf", text: `and ${entries.length - CHILDREN_MAX} more` }));
      details.append(h("div", { class: "tree-children" }, ...children));
    };
    details.open = this.#chosen.get(path) ?? isOpenAtFirst(depth, entries.length);
    if (details.open) fill();
    summary.addEventListener("click", () => {
      this.#chosen.set(path, !details.open);
      fill();
    });
    return details;
  }
}

function isOpenAtFirst(depth: number, children: number): boolean {
  return depth === 0 || (depth < OPEN_DEPTH && children <= OPEN_CHILDREN);
}

function entriesOf(value: Value): [string, Value][] | undefined {
  if (isMap(value)) return Object.entries(value);
  if (Array.isArray(value)) return value.map((item: Value, index) => [String(index), item]);
  return undefined;
}

function countOf(value: Value, count: number): string {
  return isMap(value) ? `{${count}}` : `[${count}]`;
}

function leaf(value: Value): HTMLElement {
  const kind = value === null ? "null" : value instanceof Uint8Array ? "bytes" : typeof value;
  return h("span", { class: `tree-value is-${kind}`, text: stringify(value) });
}
