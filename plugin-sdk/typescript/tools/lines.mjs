// From a source map to the small table that is put into a bundle, so that a fault names the author's file and line.

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * The table for a map: `nameOf` says how a source is called, or nothing where its lines are of no interest.
 *
 * It has the beginnings of runs, as `line of the bundle:file:line`: what follows a line of the bundle comes from what follows
 * its source. Lines that come from nowhere are of the file -1.
 */
export function lineTable(map, nameOf) {
  const files = [];
  const numbers = new Map();
  const runs = [];
  let at = 0;
  let next = { file: undefined, line: 0 };
  for (const found of firstSources(map)) {
    at += 1;
    const name = found === undefined ? undefined : nameOf(map.sources[found.source]);
    if (name !== undefined && !numbers.has(name)) numbers.set(name, files.push(name) - 1);
    const here = name === undefined ? { file: -1, line: next.line } : { file: numbers.get(name), line: found.line + 1 };
    if (here.file !== next.file || here.line !== next.line) runs.push(`${at}:${here.file}:${here.line}`);
    next = { file: here.file, line: here.line + 1 };
  }
  return { files, runs: runs.join(";") };
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
