// From a source map to the small table that is put into a bundle, so that a fault names the author's file and line.

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * The table for a map: `nameOf` says how a source is called, or nothing where its lines are of no interest.
 *
 * Each line of the bundle is `file:line`, or empty where it is the line after that of the line before.
 */
export function lineTable(map, nameOf) {
  const files = [];
  const numbers = new Map();
  const lines = [];
  let last = { file: -1, line: -1 };
  for (const found of firstSources(map)) {
    const name = found === undefined ? undefined : nameOf(map.sources[found.source]);
    if (name === undefined) {
      // No file has this number.
      lines.push("-1:0");
      last = { file: -1, line: -1 };
      continue;
    }
    if (!numbers.has(name)) numbers.set(name, files.push(name) - 1);
    const here = { file: numbers.get(name), line: found.line + 1 };
    lines.push(here.file === last.file && here.line === last.line + 1 ? "" : `${here.file}:${here.line}`);
    last = here;
  }
  return { files, lines: lines.join(",") };
}

/** For each line of the bundle the source and line that its first segment comes from. */
function* firstSources(map) {
  let [source, line] = [0, 0];
  for (const group of map.mappings.split(";")) {
    let first;
    for (const segment of group === "" ? [] : group.split(",")) {
      const [, sourceStep, lineStep] = decodeVlq(segment);
      if (sourceStep === undefined) continue;
      source += sourceStep;
      line += lineStep;
      first ??= { source, line };
    }
    yield first;
  }
}

/** The numbers of one segment. */
function decodeVlq(segment) {
  const numbers = [];
  let [value, shift] = [0, 0];
  for (const char of segment) {
    const digit = BASE64.indexOf(char);
    value |= (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) === 0) {
      numbers.push(value & 1 ? -(value >> 1) : value >> 1);
      [value, shift] = [0, 0];
    }
  }
  return numbers;
}
