/**
 * Cells that this player has asked for and that the server has not given or refused yet. They are shown as taken at
 * once; the board that the server publishes has the last word.
 */

export class Optimism {
  /** Cells asked for; `true` once the server said yes and only the board is missing. */
  readonly #asked = new Map<number, boolean>();

  /** Asks for a cell; false where it is not free. */
  ask(cell: number, cells: readonly (number | null)[]): boolean {
    if (cells[cell] !== null || this.#asked.has(cell)) return false;
    this.#asked.set(cell, false);
    return true;
  }

  granted(cell: number): void {
    if (this.#asked.has(cell)) this.#asked.set(cell, true);
  }

  refused(cell: number): void {
    this.#asked.delete(cell);
  }

  /** A new board: what it shows as taken is decided. */
  onBoard(cells: readonly (number | null)[]): void {
    for (const cell of [...this.#asked.keys()]) {
      if (cells[cell] !== null) this.#asked.delete(cell);
    }
  }

  /** A new match, or a cut in the history: nothing that was asked for counts any more. */
  clear(): void {
    this.#asked.clear();
  }

  has(cell: number): boolean {
    return this.#asked.has(cell);
  }

  /** How many cells are shown beyond those that the board counts. */
  get size(): number {
    return this.#asked.size;
  }
}
