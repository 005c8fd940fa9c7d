// The load on an arena: bots that roam. Prints in JSON what they were sent, and fails where that was not right.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { Client } from "@colyseus/sdk";

import { Bot } from "./bot.js";
import { FAR_UNITS, NEAR_UNITS } from "./near.js";
import { isWithin } from "./world.js";

/** Each chooses a new direction this often. */
const PERIOD_MS = 500;
/** So many look at every state that they get; all of them look in the end. */
const WATCHERS = 10;
/** Long enough that all have come to rest, and that everybody has been told so. */
const REST_MS = 1_000;
/** Places are rounded to whole units, once on each side. */
const ROUNDING_UNITS = 2;
/** What the kernel counts time in, on every system that there is. */
const TICKS_PER_SECOND = 100;

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    shape: { type: "string", default: "plain" },
    clients: { type: "string", default: "100" },
    "warm-up": { type: "string", default: "10" },
    for: { type: "string", default: "30" },
    "server-pid": { type: "string" },
  },
});

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** The time of a core that a process has taken, in seconds. */
function cpuSeconds(pid) {
  // The name of the program, in brackets, may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop().split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** All that is counted, at this moment. */
function read(bots) {
  const total = (of) => bots.reduce((sum, bot) => sum + of(bot), 0);
  const { user, system } = process.cpuUsage();
  return {
    at: performance.now() / 1_000,
    messages: total((bot) => bot.received.messages),
    payload_bytes: total((bot) => bot.received.payloadBytes),
    framed_bytes: total((bot) => bot.received.framedBytes),
    sent: total((bot) => bot.inputs.sent),
    answered: total((bot) => bot.inputs.answered),
    load_cpu_seconds: (user + system) / 1e6,
    server_cpu_seconds: options["server-pid"] ? cpuSeconds(options["server-pid"]) : Number.NaN,
  };
}

/** What is wrong once all stand still: then it is known where everybody is, and so who must see whom. */
function* faultsAtRest(bots) {
  for (const bot of bots) {
    const seen = bot.seen();
    for (const { id, place } of bots) {
      const shown = seen.get(id);
      const isNear = isWithin(bot.place, place, NEAR_UNITS - ROUNDING_UNITS);
      const isFar = !isWithin(bot.place, place, FAR_UNITS + ROUNDING_UNITS);
      if (isNear && !shown) yield "a member that is near is not seen at rest";
      if (isFar && shown) yield "a member is seen from too far away at rest";
      if (shown && `${shown}` !== `${place}`) yield "a member is not seen where it is at rest";
    }
  }
}

const client = new Client(options.url);
const bots = [];
for (let number = 0; number < Number(options.clients); number += 1) {
  bots.push(await Bot.join(client, options.shape, number));
}
const start = performance.now();
bots.forEach((bot, number) => bot.roam(start + (number * PERIOD_MS) / bots.length, PERIOD_MS));
for (const bot of bots.slice(0, WATCHERS)) bot.watch();

await wait(Number(options["warm-up"]) * 1_000);
const before = read(bots);
await wait(Number(options.for) * 1_000);
const after = read(bots);

await Promise.all(bots.map((bot) => bot.stand()));
await wait(REST_MS);
const faults = {};
const note = (kind, count) => (faults[kind] = (faults[kind] ?? 0) + count);
for (const kind of faultsAtRest(bots)) note(kind, 1);
for (const bot of bots) for (const [kind, count] of bot.faults) note(kind, count);
const unanswered = bots.reduce((sum, bot) => sum + bot.inputs.sent - bot.inputs.answered, 0);
if (unanswered > 0) note("inputs were not answered", unanswered);
await Promise.all(bots.map((bot) => bot.leave()));

const since = (name) => after[name] - before[name];
const seconds = since("at");
const perMember = (name) => since(name) / seconds / bots.length;
const summary = {
  members: bots.length,
  seconds,
  per_member_and_second: {
    messages: perMember("messages"),
    payload_bytes: perMember("payload_bytes"),
    framed_bytes: perMember("framed_bytes"),
  },
  inputs: { sent: since("sent"), answered: since("answered") },
  server_cpu: since("server_cpu_seconds") / seconds,
  load_cpu: since("load_cpu_seconds") / seconds,
  faults,
};
console.log(JSON.stringify(summary));
process.exit(Object.keys(faults).length > 0 ? 1 : 0);
