/** The page's colours as a canvas takes them. The theme has them; in the dark they are others. */

import { MARK_COUNT, markPath } from "../ui/marks";

export interface Palette {
  readonly paper: string;
  readonly sheet: string;
  readonly sunk: string;
  readonly ink: string;
  readonly soft: string;
  readonly rule: string;
  readonly orb: string;
  readonly onMark: string;
  readonly sans: string;
  readonly marks: readonly string[];
}

/** How a player is drawn: of 16 colours, eight are filled and eight are rings, each with a shape of its own. */
export interface Look {
  readonly color: string;
  readonly isRing: boolean;
  readonly shape: Path2D;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: read("paper"),
    sheet: read("sheet"),
    sunk: read("sunk"),
    ink: read("ink"),
    soft: read("ink-soft"),
    rule: read("rule"),
    orb: read("mark-3"),
    onMark: read("on-mark"),
    sans: read("sans"),
    marks: Array.from({ length: MARK_COUNT }, (_, index) => read(`mark-${index}`)),
  };
}

const SHAPES: (Path2D | undefined)[] = [];

export function lookOf(palette: Palette, colour: number): Look {
  const index = colour % MARK_COUNT;
  const shape = (SHAPES[index] ??= new Path2D(markPath(index)));
  return { color: palette.marks[index] ?? palette.ink, isRing: colour >= MARK_COUNT, shape };
}
