/** The board: 81 buttons in a grid, one of them in the tab order, moved through by arrow keys. */

import { h } from "../ui/dom";
import { mark, markName, paint } from "../ui/marks";
import { cellName, CELL_COUNT, moveFocus, SIDE } from "./board-state";
import type { BoardState, Player } from "./board-state";
import type { Optimism } from "./optimism";

/** What one cell shows; two equal looks need no change of the page. */
interface Look {
  readonly owner: Player | undefined;
  readonly isYours: boolean;
  readonly isPending: boolean;
}

export class BoardView {
  readonly element: HTMLElement;
  readonly #cells: HTMLButtonElement[] = [];
  readonly #shown: string[] = Array<string>(CELL_COUNT).fill("");
  #focused = Math.floor(CELL_COUNT / 2);

  constructor(onCapture: (cell: number) => void) {
    this.element = h("div", {
      class: "board",
      testid: "board",
      attrs: { role: "grid", "aria-label": "Board, 9 rows of 9 cells" },
    });
    for (let row = 0; row < SIDE; row += 1) {
      const cells = Array.from({ length: SIDE }, (_, column) => this.#makeCell(row * SIDE + column, onCapture));
      this.element.append(h("div", { class: "board-row", attrs: { role: "row" } }, ...cells));
    }
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Shows a board as the player `you` sees it. */
  show(board: BoardState, you: number, optimism: Optimism): void {
    const players = new Map(board.players.map((player) => [player.id, player]));
    this.element.dataset["state"] = board.status;
    this.element.setAttribute("aria-disabled", String(board.status !== "active"));
    for (let cell = 0; cell < CELL_COUNT; cell += 1) {
      const isPending = optimism.has(cell);
      const id = isPending ? you : board.cells[cell];
      const owner = id === null || id === undefined ? undefined : players.get(id);
      this.#showCell(cell, { owner, isYours: owner !== undefined && id === you, isPending });
    }
  }

  /** Shows that a cell was not to be had. */
  shake(cell: number): void {
    const button = this.#cells[cell];
    if (!button) return;
    button.classList.remove("is-refused");
    // Reading the layout between the two makes the animation start again.
    void button.offsetWidth;
    button.classList.add("is-refused");
  }

  focus(): void {
    this.#cells[this.#focused]?.focus();
  }

  #makeCell(cell: number, onCapture: (cell: number) => void): HTMLButtonElement {
    const button = h("button", {
      class: "cell",
      testid: `cell-${cell}`,
      attrs: {
        type: "button",
        role: "gridcell",
        tabindex: cell === this.#focused ? 0 : -1,
        "aria-label": `${cellName(cell)}, free`,
      },
      onclick: () => onCapture(cell),
    });
    // With a mouse a press is meant as it is made; waiting for the release would lose races.
    button.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0) onCapture(cell);
    });
    button.addEventListener("focus", () => this.#rove(cell));
    this.#cells.push(button);
    return button;
  }

  #showCell(cell: number, look: Look): void {
    const { owner, isYours, isPending } = look;
    const key = owner ? `${owner.mark}/${owner.name}/${isYours}/${isPending}` : "";
    const button = this.#cells[cell];
    if (!button || this.#shown[cell] === key) return;
    this.#shown[cell] = key;
    button.classList.toggle("is-yours", isYours);
    button.classList.toggle("is-pending", isPending);
    button.dataset["owner"] = owner ? String(owner.id) : "";
    paint(button, owner?.mark);
    button.replaceChildren(...(owner ? [mark(owner.mark)] : []));
    const label = owner ? `${isYours ? "yours" : owner.name}, ${markName(owner.mark)}` : "free";
    button.setAttribute("aria-label", `${cellName(cell)}, ${label}`);
  }

  #onKey(event: KeyboardEvent): void {
    const target = moveFocus(this.#focused, event.key);
    if (target === undefined || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.#rove(target);
    this.focus();
  }

  #rove(cell: number): void {
    this.#cells[this.#focused]?.setAttribute("tabindex", "-1");
    this.#focused = cell;
    this.#cells[cell]?.setAttribute("tabindex", "0");
  }
}
