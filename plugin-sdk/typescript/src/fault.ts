// What is said of an error that a room threw: its text, and where in the author's files it was thrown.

/** Where each line of the bundle comes from, as `tools/lines.mjs` writes it; the build puts it in. */
declare const PARLOR_LINES: LineTable | undefined;

/**
 * The author's files, and the beginnings of runs of lines, as `line of the bundle:file:line`, joined by semicolons. It is
 * taken apart only when something was thrown, in what is left of the step's time.
 */
export interface LineTable {
  readonly files: readonly string[];
  readonly runs: string;
}

/** How many frames are shown, and how many lines of a stack are looked at for them. */
const FRAMES_MAX = 12;
const LINES_MAX = 40;

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
  if (table === undefined) return [];
  const runs = table.runs.split(";");
  const frames: { name: string; place: string }[] = [];
  for (const line of stack.split("\n").slice(0, LINES_MAX)) {
    const found = /^\s*at (\S+) \(?.*?:(\d+)(?::\d+)?\)?$/.exec(line);
    if (found === null) continue;
    const [, name = "", at = ""] = found;
    const place = placeOf(Number(at), table.files, runs);
    if (place !== undefined) frames.push({ name, place });
  }
  const authors = frames.filter(({ place }) => !place.startsWith("parlor-plugin/"));
  return (authors.length > 0 ? authors : frames).slice(0, FRAMES_MAX);
}

/** The file and line that a line of the bundle comes from. */
function placeOf(line: number, files: readonly string[], runs: readonly string[]): string | undefined {
  let [low, high] = [0, runs.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (Number.parseInt(runs[middle] ?? "", 10) <= line) low = middle;
    else high = middle;
  }
  const [start = 0, file = -1, first = 0] = (runs[low] ?? "").split(":").map(Number);
  const name = files[file];
  return name === undefined || line < start ? undefined : `${name}:${first + line - start}`;
}
