/** What was measured, for people. */

/** The picture shows so many pixels of a unit: 1,280 by 800 pixels reach as far as one sees, see `camera.ts`. */
const SCALE = Math.hypot(1_280, 800) / 2 / 384;
const LABEL = 46;
const COLUMN = 17;

export function table({ seed, seconds, weather, link, browser, machine_busy, pages, control }) {
  const [names, all] = [Object.keys(pages), Object.values(pages)];
  const { way_ms, stalls, stall_ms } = weather;
  const held = `${link.stalled} of ${link.chunks}`;
  const lines = [
    `The way to the server: ${way_ms} ms longer each way, which is ${2 * way_ms} ms of round trip; ${percent(stalls)} of`,
    `all chunks, either way, are held for ${stall_ms} ms more, and what comes behind them too (${held} were; seed ${seed}).`,
    `Chunks left the proxy later than meant by ${number(link.late_ms.p50)} ms (p50), ${number(link.late_ms.p99)} ms (p99).`,
    `Chromium ${browser}, headless, drawing on the CPU; the machine's cores were ${percent(machine_busy)} busy.`,
    `Measured for ${seconds} s. The control is an animation that does nothing, in place of the second page, and by itself.`,
    "",
    row("", [...names, "control, beside", "control, alone"]),
  ];
  const figures = [...all, control.beside, control.alone];
  const add = (label, of) => lines.push(row(label, figures.map((it) => of(it))));
  const spread = (label, of, parts = "p50 p95 p99 max") => {
    for (const part of parts.split(" ")) add(`${label}: ${part}`, (it) => number(of(it)?.[part]));
  };
  add("frames a second", (it) => number(it.frames_per_second));
  spread("from frame to frame, ms", (it) => it.interval_ms);
  add("over 25 ms", (it) => percent(it.over_25_ms));
  add("over 50 ms", (it) => percent(it.over_50_ms));
  spread("frame's callback comes late by, ms", (it) => it.called_late_ms, "p50 p99");
  add("tasks over 50 ms", (it) => String(it.long_tasks));
  spread("work for a picture, ms", (it) => it.work_ms, "p50 p99 max");
  lines.push("");
  spread("own disc goes too far, units a picture", (it) => it.own?.excess_units, "p50 p95 p99 max");
  add("the same in pixels: p99", (it) => number(it.own && it.own.excess_units.p99 * SCALE));
  add("too far by over 1 unit", (it) => percent(it.own?.excess_over_1_unit));
  add("too far by over 4 units", (it) => percent(it.own?.excess_over_4_units));
  add("stands still while keys are held", (it) => percent(it.own?.still_while_held));
  spread("from the keys to a turn, ms", (it) => it.own?.turn_ms, "p50 p95");
  add("corrections a second", (it) => number(it.corrections / seconds));
  lines.push("");
  add("others in sight", (it) => number(it.others?.in_sight));
  spread("others go too far, units a picture", (it) => it.others?.excess_units, "p50 p95 p99 max");
  add("too far by over 4 units", (it) => percent(it.others?.excess_over_4_units));
  add("stand still", (it) => percent(it.others?.still));
  lines.push("");
  add("messages a second", (it) => number(it.messages_per_second));
  add("of these, patches", (it) => number(it.patches_per_second));
  add("bytes a second", (it) => number(it.bytes_per_second, 0));
  add("round trip by the page, ms", (it) => number(it.rtt_ms, 0));
  return lines.map((line) => line.trimEnd()).join("\n");
}

function row(label, cells) {
  return label.padEnd(LABEL) + cells.map((cell) => cell.padStart(COLUMN)).join("");
}

function number(value, digits = 2) {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}

function percent(value) {
  return Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : "-";
}
