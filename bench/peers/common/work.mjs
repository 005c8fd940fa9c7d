// What the servers have in common that are written in JavaScript: what a well-formed input is, the board of a match, and the
// clock of its ticks. So they do the same, and differ in how they speak to clients.

/** So often a match applies what came. */
export const TICK_HZ = 20;
/** A board has nine rows of nine. */
export const CELLS = 81;
/** Larger messages are refused: far more than any that the work has. */
export const MESSAGE_BYTES_MAX = 64 * 1024;

const NAME_CHARS_MAX = 64;
const KINDS = new Set(["echo", "fanout", "match"]);

export const isKind = (value) => KINDS.has(value);
export const isName = (value) => typeof value === "string" && value !== "" && value.length <= NAME_CHARS_MAX;
export const isId = (value) => Number.isSafeInteger(value) && value >= 0;
export const isCell = (value) => Number.isInteger(value) && value >= 0 && value < CELLS;
export const isObject = (value) => typeof value === "object" && value !== null;

/** A board that nobody has a cell of. */
export const emptyBoard = () => new Array(CELLS).fill(null);

/** A board and the inputs that wait for its next tick. Sends nothing itself: `step` says what is to be sent. */
export class Match {
  tick = 0;
  /** The member that has each cell, or null. */
  board = emptyBoard();
  #taken = 0;
  #inputs = [];

  /** Keeps an input for the next tick; `from` is whoever is to be told of that. */
  input(from, member, id, cell) {
    this.#inputs.push({ from, member, id, cell });
  }

  /**
   * One tick: a board that was full is emptied, then the inputs are applied in the order in which they came. Each cell that
   * changed is named once, with whom it has in the end; one that a member takes again has not changed.
   */
  step() {
    this.tick += 1;
    const isEmptied = this.#taken === CELLS;
    if (isEmptied) {
      this.board.fill(null);
      this.#taken = 0;
    }
    const inputs = this.#inputs;
    this.#inputs = [];
    const changed = new Set();
    for (const { member, cell } of inputs) {
      if (this.board[cell] === member) continue;
      if (this.board[cell] === null) this.#taken += 1;
      this.board[cell] = member;
      changed.add(cell);
    }
    return { tick: this.tick, isEmptied, inputs, cells: Array.from(changed, (cell) => [cell, this.board[cell]]) };
  }
}

/** When a tick is due after the one that was due at `due`: those that were missed are left out, and the beat is kept. */
export function nextDue(due, now, periodMs) {
  const next = due + periodMs;
  return next > now ? next : next + Math.ceil((now - next) / periodMs) * periodMs;
}

/** Calls back in each period, by a schedule that does not drift as `setInterval` does. Returns what ends that. */
export function every(periodMs, call) {
  let due = performance.now();
  let timer;
  const wait = () => {
    const now = performance.now();
    due = nextDue(due, now, periodMs);
    timer = setTimeout(() => {
      call();
      wait();
    }, due - now);
  };
  wait();
  return () => clearTimeout(timer);
}
