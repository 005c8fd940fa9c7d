// What is said of an error that a room threw: its text, and where in the author's files it was thrown.

/** Where each line of the bundle comes from, as `tools/lines.mjs` writes it; the build puts it in. */
declare const PARLOR_LINES: LineTable | undefined;

/** The author's files, and for each line of the bundle `file:line`, or nothing for the line after that of the line before. */
export interface LineTable {
  readonly files: readonly string[];
  readonly lines: string;
}

const FRAMES_MAX = 12;

/** The error, its place, and the way to it, as one text. */
export function faultText(error: unknown): string {
  if (!(error instanceof Error)) return `something was thrown that is no Error: ${String(error)}`;
  const frames = framesOf(error.stack ?? "", typeof PARLOR_LINES === "undefined" ? undefined : PARLOR_LINES);
  const [first] = frames;
  const place = first === undefined ? "" : ` at ${first.place}`;
  const way = frames.map(({ name, place: at }) => `\n  at ${name} (${at})`).join("");
  return `${error.name}: ${error.message}${place}${way}`;
}

/** The author's frames of a stack, the innermost first; the SDK's, where there are no others. */
export function framesOf(stack: string, table: LineTable | undefined): { name: string; place: string }[] {
  const frames: { name: string; place: string }[] = [];
  for (const line of stack.split("\n")) {
    const found = /^\s*at (\S+) \(?.*?:(\d+)(?::\d+)?\)?$/.exec(line);
    if (found === null) continue;
    const [, name = "", at = ""] = found;
    const place = placeOf(Number(at), table);
    if (place !== undefined) frames.push({ name, place });
  }
  const authors = frames.filter(({ place }) => !place.startsWith("parlor-plugin/"));
  return (authors.length > 0 ? authors : frames).slice(0, FRAMES_MAX);
}

/** The file and line that a line of the bundle comes from. */
export function placeOf(line: number, table: LineTable | undefined): string | undefined {
  if (table === undefined) return undefined;
  let [file, at] = [-1, 0];
  let number = 0;
  for (const entry of table.lines.split(",")) {
    number += 1;
    if (entry === "") at += 1;
    else [file = -1, at = 0] = entry.split(":").map(Number);
    if (number === line) break;
  }
  const name = table.files[file];
  return name === undefined || number < line ? undefined : `${name}:${at}`;
}
