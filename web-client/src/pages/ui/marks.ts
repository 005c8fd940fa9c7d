/** The eight players' marks: one shape each, so that nobody needs to tell colours apart. */

const SVG = "http://www.w3.org/2000/svg";

/** Paths in a box of 24 by 24. The order is that of the colours `--mark-0` to `--mark-7`. */
const MARKS = [
  { name: "circle", path: "M12 4a8 8 0 1 1 0 16a8 8 0 0 1 0-16z" },
  { name: "square", path: "M5 5h14v14H5z" },
  { name: "triangle", path: "M12 3.5L21 19.5H3z" },
  { name: "diamond", path: "M12 2.5L21.5 12L12 21.5L2.5 12z" },
  { name: "cross", path: "M9 3.5h6V9h5.5v6H15v5.5H9V15H3.5V9H9z" },
  { name: "ring", path: "M12 3a9 9 0 1 1 0 18a9 9 0 0 1 0-18zm0 5.4a3.6 3.6 0 1 0 0 7.2a3.6 3.6 0 0 0 0-7.2z" },
  { name: "star", path: "M12 2.2l2.9 6.3 6.9.8-5.1 4.7 1.4 6.8L12 17.4l-6.1 3.4 1.4-6.8L2.2 9.3l6.9-.8z" },
  { name: "bars", path: "M4 4.5h4.2v15H4zM9.9 4.5h4.2v15H9.9zM15.8 4.5H20v15h-4.2z" },
] as const;

/** How many players can be told apart. */
export const MARK_COUNT = MARKS.length;

function markOf(index: number): (typeof MARKS)[number] {
  return MARKS[((index % MARK_COUNT) + MARK_COUNT) % MARK_COUNT] ?? MARKS[0];
}

/** What a mark is called. */
export function markName(index: number): string {
  return markOf(index).name;
}

/** A mark as a path in a box of 24 by 24, to be filled by the even-odd rule. */
export function markPath(index: number): string {
  return markOf(index).path;
}

/** A mark as a drawing that takes the colour of the text around it. */
export function mark(index: number): SVGSVGElement {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", markOf(index).path);
  path.setAttribute("fill-rule", "evenodd");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "mark");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}

/** Gives an element the colour of a mark. */
export function paint(element: HTMLElement, index: number | undefined): void {
  if (index === undefined) delete element.dataset["mark"];
  else element.dataset["mark"] = String(((index % MARK_COUNT) + MARK_COUNT) % MARK_COUNT);
}
