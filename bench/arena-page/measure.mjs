/**
 * How smooth the page `/arena/` is, in Chromium, far from a server on which a crowd plays already: see README.md. Prints a
 * table, and leaves it, all figures and a picture of each page in a folder.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { farLink } from "./far-link.mjs";
import { arenaFigures, frameFigures, quantile } from "./figures.mjs";
import { control, probe } from "./probe.mjs";
import { generator } from "./random.mjs";
import { table } from "./table.mjs";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    /** The room of the plugin `arena` in which the crowd is. */
    room: { type: "string" },
    /** Where to put what was measured. */
    out: { type: "string" },
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "30" },
  },
});
// What launches Chromium for the tests, with the same switches, wants to know this.
process.env.PARLOR_URL ??= options.url;
const { launch } = await import("../../tests/browser/support.mjs");

const SEED = Number(options.seed);
const WEATHER = { way_ms: 40, stalls: 0.05, stall_ms: 200, seed: SEED };
const SIZE = { width: 1_280, height: 800 };
const NAMES = ["Ada", "Grace"];
const WARM_UP_MS = 5_000;
const MEASURED_MS = Number(options.seconds) * 1_000;
const CONTROL_MS = 10_000;
/** Keys are held for so long. */
const HOLD_MS = [300, 700];
/** So near to a wall one goes away from it. */
const WALL_UNITS = 200;
const WORLD_UNITS = 1_600;
const WAYS = [-1, 0, 1].flatMap((x) => [-1, 0, 1].map((y) => ({ x, y }))).filter(({ x, y }) => x !== 0 || y !== 0);
/** All of it takes about a minute; what takes much longer hangs. */
const ALL_MS_MAX = 2 * (WARM_UP_MS + MEASURED_MS + 2 * CONTROL_MS) + 60_000;

setTimeout(() => {
  console.error(`not done after ${ALL_MS_MAX / 1_000} s`);
  process.exit(1);
}, ALL_MS_MAX).unref();

const link = await farLink(options.url, WEATHER);
const browser = await launch();
try {
  await measure();
} finally {
  await browser.close();
  await link.close();
}

async function measure() {
  const players = await Promise.all(NAMES.map((name, number) => enter(name, number)));
  await wait(WARM_UP_MS);
  await Promise.all(players.map(({ begin }) => begin()));
  link.take();
  const busy = machineTime();
  await wait(MEASURED_MS);
  const machine_busy = busy();
  const { chunks, stalled, late_ms } = link.take();
  const pages = await Promise.all(players.map(({ end }) => end()));
  mkdirSync(options.out, { recursive: true });
  for (const { name, page } of players) await page.screenshot({ path: join(options.out, `${name.toLowerCase()}.png`) });

  // One page makes place for the control, so that there are as many as before; and then the other goes too.
  await players[1].leave();
  const beside = await controlPage();
  await players[0].leave();
  const alone = await controlPage();

  const measured = {
    seed: SEED,
    seconds: MEASURED_MS / 1_000,
    weather: WEATHER,
    link: { chunks, stalled, late_ms: { p50: quantile(late_ms, 0.5), p99: quantile(late_ms, 0.99) } },
    browser: browser.version(),
    machine_busy,
    pages: Object.fromEntries(NAMES.map((name, index) => [name, pages[index]])),
    control: { beside, alone },
  };
  const text = table(measured);
  console.log(text);
  writeFileSync(join(options.out, "measured.json"), `${JSON.stringify(measured, null, 1)}\n`);
  const complaints = players.flatMap((player) => player.complaints);
  if (complaints.length > 0) throw new Error(`the pages complained: ${complaints.join("; ")}`);
}

/** Somebody who comes into the arena, and steers from then on. */
async function enter(name, number) {
  const context = await browser.newContext({ viewport: SIZE, colorScheme: "light" });
  await context.addInitScript((nickname) => {
    if (location.protocol !== "about:") localStorage.setItem("parlor.name", nickname);
  }, name);
  await context.addInitScript(probe);
  const complaints = [];
  context.on("console", (message) => message.type() === "error" && complaints.push(`${name}: ${message.text()}`));
  context.on("weberror", (problem) => complaints.push(`${name}: ${problem.error().message}`));
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const traffic = countTraffic(page);
  await page.goto(`${link.url}/arena/?${new URLSearchParams({ room: options.room })}&stats`);
  await page.locator("[data-testid=arena-stats][data-facts]").waitFor();
  const hands = new AbortController();
  const steering = steer(page, generator(SEED, 1_000 + number), hands.signal);
  const rtts_ms = [];
  const shown = setInterval(() => {
    // A page that is busy is asked again the next time.
    readRtt(page).then((ms) => ms !== undefined && rtts_ms.push(ms), () => {});
  }, 1_000);
  let corrections = 0;
  return {
    name,
    page,
    complaints,
    async begin() {
      corrections = (await facts(page)).corrections;
      await page.evaluate(() => globalThis.benchProbe.begin());
      traffic.begin();
      rtts_ms.length = 0;
    },
    async end() {
      const came = traffic.end();
      const kept = await page.evaluate(() => globalThis.benchProbe.take());
      corrections = (await facts(page)).corrections - corrections;
      return { ...arenaFigures(kept), ...came, rtt_ms: quantile(rtts_ms, 0.5), corrections };
    },
    async leave() {
      hands.abort();
      clearInterval(shown);
      await steering;
      await context.close();
    },
  };
}

/** Frames of WebSockets that come in, and how many of them are patches. */
function countTraffic(page) {
  let [frames, bytes, patches, start_ms] = [0, 0, 0, 0];
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => {
      frames += 1;
      bytes += payload.length;
      if (isPatch(payload)) patches += 1;
    }),
  );
  return {
    begin() {
      [frames, bytes, patches, start_ms] = [0, 0, 0, performance.now()];
    },
    end() {
      const seconds = (performance.now() - start_ms) / 1_000;
      return {
        messages_per_second: frames / seconds,
        bytes_per_second: bytes / seconds,
        patches_per_second: patches / seconds,
      };
    },
  };
}

/** In `v1.binary` a patch is the one frame that is a list: EN2 of proto/SPEC.md. */
function isPatch(payload) {
  return typeof payload !== "string" && (payload[0] >> 4 === 0x9 || payload[0] === 0xdc);
}

async function facts(page) {
  return JSON.parse(await page.getByTestId("arena-stats").getAttribute("data-facts"));
}

/** The page shows the way to the server, which is half of it. */
async function readRtt(page) {
  const words = await page.getByTestId("arena-distance").textContent({ timeout: 900 });
  const [, way_ms] = words.match(/is ([\d.]+) ms away/) ?? [];
  return way_ms === undefined ? undefined : 2 * Number(way_ms);
}

/** Holds keys, and others after a while, until the signal; away from walls that are near. */
async function steer(page, random, signal) {
  let held = [];
  while (!signal.aborted) {
    const { server } = await facts(page);
    const isGood = (along, at) => (at > WALL_UNITS || along > 0) && (at < WORLD_UNITS - WALL_UNITS || along < 0);
    const ways = WAYS.filter(({ x, y }) => isGood(x, server.x) && isGood(y, server.y));
    const keys = keysOf(ways[Math.floor(random() * ways.length)]);
    const changes = [
      ...held.filter((key) => !keys.includes(key)).map((key) => page.keyboard.up(key)),
      ...keys.filter((key) => !held.includes(key)).map((key) => page.keyboard.down(key)),
    ];
    held = keys;
    await Promise.all(changes);
    const [least, most] = HOLD_MS;
    await wait(least + random() * (most - least));
  }
}

function keysOf({ x, y }) {
  return [x < 0 && "ArrowLeft", x > 0 && "ArrowRight", y < 0 && "ArrowUp", y > 0 && "ArrowDown"].filter(Boolean);
}

async function controlPage() {
  const context = await browser.newContext({ viewport: SIZE, colorScheme: "light" });
  await context.addInitScript(probe);
  const page = await context.newPage();
  await page.goto("about:blank");
  await page.evaluate(control);
  await wait(1_000);
  await page.evaluate(() => globalThis.benchProbe.begin());
  await wait(CONTROL_MS);
  const { frames, tasks } = await page.evaluate(() => globalThis.benchProbe.take());
  await context.close();
  return { ...frameFigures(frames), long_tasks: tasks.length };
}

/** Gives the share of all cores' time, from 0 to 1, that was taken since. */
function machineTime() {
  const read = () => {
    const [, ...times] = readFileSync("/proc/stat", "utf8").split("\n", 1)[0].split(/\s+/).map(Number);
    const all = times.slice(0, 8).reduce((sum, time) => sum + time, 0);
    return { all, idle: times[3] + times[4] };
  };
  const before = read();
  return () => {
    const after = read();
    return 1 - (after.idle - before.idle) / (after.all - before.all);
  };
}
