/** From what a page wrote down to figures. Knows no browser. */

/** The way of a millisecond at full speed, in units: `plugins/arena` moves by 12 in 50 ms. */
export const SPEED = 12 / 50;
/** The walls, as far as a disc comes, and a bit. */
const WALLS = [17, 1_583];
/** Keys must have been down for this long before a disc is expected to go. */
const HELD_MS = 150;
/** What keys do within this is one turn. */
const ONE_TURN_MS = 30;
/** Slower than this share of full speed is standing still; and from this share on, a turn is to be seen. */
const STILL = 0.25;
const TURNED = 0.5;
/** A turn that is not seen after this long was not to be: somebody was in the way. */
const TURN_MS_MAX = 500;
const WAYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/** The value below which `part` of all are. */
export function quantile(values, part) {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

/** How many of them are so, from 0 to 1. */
export function share(values, condition) {
  return values.length === 0 ? Number.NaN : values.filter(condition).length / values.length;
}

/** How evenly frames come: `frames` are pairs of the time that the browser gives them, and when it called. */
export function frameFigures(frames) {
  const gaps = (index) => frames.slice(1).map((frame, before) => frame[index] - frames[before][index]);
  const [intervals, calls] = [gaps(0), gaps(1)];
  return {
    frames: frames.length,
    frames_per_second: frames.length < 2 ? 0 : (1_000 * intervals.length) / (frames.at(-1)[0] - frames[0][0]),
    interval_ms: spread(intervals),
    over_25_ms: share(intervals, (ms) => ms > 25),
    over_50_ms: share(intervals, (ms) => ms > 50),
    /** The same by when the page was called. */
    call_interval_ms: spread(calls),
    called_late_ms: spread(frames.map(([at_ms, called_ms]) => called_ms - at_ms)),
  };
}

/** What the page did itself, and how what it drew went from one picture to the next. */
export function arenaFigures({ frames, pictures, turns: keys, tasks }) {
  const drawn = pictures.filter(({ me }) => me);
  const turns = settled(keys);
  return {
    ...frameFigures(frames),
    long_tasks: tasks.length,
    work_ms: spread(pictures.map(({ work_ms }) => work_ms)),
    own: drawn.length > 1 ? ownFigures(drawn, turns) : undefined,
    others: drawn.length > 1 ? othersFigures(drawn) : undefined,
  };
}

function spread(values) {
  const at = (part) => quantile(values, part);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** Successive pictures, with the time between them. */
function* steps(drawn) {
  for (const [index, after] of drawn.entries()) {
    const before = drawn[index - 1];
    if (before && after.at_ms > before.at_ms) yield { before, after, passed_ms: after.at_ms - before.at_ms };
  }
}

function way([x, y], [was_x, was_y]) {
  return Math.hypot(x - was_x, y - was_y);
}

/** One's own disc: how far it goes beyond what its speed allows, and whether it stands where it should go. */
function ownFigures(drawn, turns) {
  const [excesses, speeds] = [[], []];
  for (const { before, after, passed_ms } of steps(drawn)) {
    const gone = way(after.me, before.me);
    excesses.push(Math.max(0, gone - SPEED * passed_ms));
    if (isToGo(before, after, turns)) speeds.push(gone / (SPEED * passed_ms));
  }
  return {
    excess_units: spread(excesses),
    excess_over_1_unit: share(excesses, (units) => units > 1),
    excess_over_4_units: share(excesses, (units) => units > 4),
    held_steps: speeds.length,
    still_while_held: share(speeds, (speed) => speed < STILL),
    turn_ms: spread(turnTimes(drawn, turns)),
  };
}

/** Whoever turns lets one key go and presses another: that is one turn, when both are done. */
function settled(turns) {
  return turns.filter(({ at_ms }, index) => !(turns[index + 1]?.at_ms - at_ms < ONE_TURN_MS));
}

/** Where keys point, as a way of length 1; undefined where they cancel out. */
function pointed(keys) {
  let [x, y] = [0, 0];
  for (const key of keys) {
    x += WAYS[key]?.[0] ?? 0;
    y += WAYS[key]?.[1] ?? 0;
  }
  const length = Math.hypot(x, y);
  return length === 0 ? undefined : [x / length, y / length];
}

/** Whether the same keys were down for long, and there is no wall. */
function isToGo(before, after, turns) {
  const turn = turns.findLast(({ at_ms }) => at_ms <= after.at_ms);
  if (!turn || !pointed(turn.keys) || before.at_ms - turn.at_ms < HELD_MS) return false;
  return after.me.every((along) => along > WALLS[0] && along < WALLS[1]);
}

/** From the keys that ask for a way of at least a right angle to the picture in which that is the way. */
function turnTimes(drawn, turns) {
  const times = [];
  for (const [index, { at_ms, keys }] of turns.entries()) {
    const [to, from] = [pointed(keys), pointed(turns[index - 1]?.keys ?? [])];
    const until_ms = Math.min(at_ms + TURN_MS_MAX, turns[index + 1]?.at_ms ?? Number.POSITIVE_INFINITY);
    if (!to || (from && to[0] * from[0] + to[1] * from[1] > 0.01)) continue;
    const goes = ({ before, after, passed_ms }) => {
      const along = (after.me[0] - before.me[0]) * to[0] + (after.me[1] - before.me[1]) * to[1];
      return along > TURNED * SPEED * passed_ms;
    };
    const near = drawn.filter((picture) => picture.at_ms > at_ms - 100 && picture.at_ms <= until_ms);
    const first = [...steps(near)].find((step) => step.after.at_ms >= at_ms && goes(step));
    if (first) times.push(first.after.at_ms - at_ms);
  }
  return times;
}

/** The others, who go at full speed nearly all the time: how evenly they do so in the pictures. */
function othersFigures(drawn) {
  const [excesses, speeds] = [[], []];
  for (const { before, after, passed_ms } of steps(drawn)) {
    const were = new Map(before.others.map(([id, x, y]) => [id, [x, y]]));
    for (const [id, x, y] of after.others) {
      const was = were.get(id);
      if (!was) continue;
      const gone = way([x, y], was);
      excesses.push(Math.max(0, gone - SPEED * passed_ms));
      speeds.push(gone / (SPEED * passed_ms));
    }
  }
  return {
    in_sight: excesses.length / (drawn.length - 1),
    excess_units: spread(excesses),
    excess_over_4_units: share(excesses, (units) => units > 4),
    still: share(speeds, (speed) => speed < STILL),
    speed: spread(speeds),
  };
}
