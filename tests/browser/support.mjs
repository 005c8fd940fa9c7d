/** Tabs of a real Chromium for the tests, each with a profile of its own, and with every complaint on record. */

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(new URL("../../web-client/package.json", import.meta.url));
const { chromium } = require("playwright-core");

/** The running server, as `parlor serve` prints it. */
export const SERVER = process.env.PARLOR_URL;
assert(SERVER, "set PARLOR_URL to a running server, such as http://127.0.0.1:8080");

/** A name of this machine that browsers do not trust as such: a page from there has what one without https has. */
export const INSECURE_HOST = "parlor.test";

const IMAGES = fileURLToPath(new URL("../../docs/img/", import.meta.url));
const BROWSERS = [
  process.env.PARLOR_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** How long one thing may take that is not the match itself. */
const STEP_MS = 30_000;
/** A match takes 30 s; on a busy machine the rest takes its time. */
export const MATCH_MS = 45_000;

export async function launch() {
  const executablePath = BROWSERS.find((path) => path && existsSync(path));
  assert(executablePath, "no Chromium found; install the package chromium, or set PARLOR_CHROMIUM");
  const resolver = `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`;
  const args = [resolver, "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run"];
  return chromium.launch({ executablePath, args });
}

/** What a browser writes by itself when a connection does not come about. */
const LOSS = /WebSocket connection to|Failed to load resource: net::/;

/**
 * Opens a tab as somebody called `name`. Whatever the page complained about fails the test; that a connection was lost
 * does not where the test `loses` them.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {{ name: string, path?: string, subprotocol?: string, phone?: boolean, server?: string, loses?: boolean }} options
 */
export async function tab(browser, options) {
  const { name, path = "/", subprotocol = "v1.binary", phone = false, server = SERVER, loses = false } = options;
  const screen = phone
    ? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 }
    : { viewport: { width: 1280, height: 800 } };
  const context = await browser.newContext({ ...screen, colorScheme: "light", reducedMotion: "reduce" });
  await context.addInitScript(
    ([nickname, chosen]) => {
      // The empty page that every tab begins with may store nothing.
      if (location.protocol === "about:") return;
      localStorage.setItem("parlor.name", nickname);
      if (!sessionStorage.getItem("parlor.subprotocol")) sessionStorage.setItem("parlor.subprotocol", chosen);
    },
    [name, subprotocol],
  );
  const complaints = [];
  context.on("console", (message) => {
    if (message.type() !== "error" || (loses && LOSS.test(message.text()))) return;
    complaints.push(`${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (problem) => complaints.push(`uncaught: ${problem.error().stack ?? problem.error().message}`));
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  const sockets = [];
  page.on("websocket", (socket) => sockets.push(socket));
  await page.goto(new URL(path, server).href);
  return {
    page,
    /** The WebSockets that it opened. */
    sockets,
    /** Closes the tab; it must not have complained. */
    async close() {
      await context.close();
      assert.deepEqual(complaints, [], `${name}'s page complained`);
    },
  };
}

/** Makes a private room and waits for its waiting room. */
export async function makePrivateRoom(page) {
  await page.getByTestId("create-private").click();
  await page.getByTestId("waiting-room").waitFor();
}

/** Fills the table with bots and starts the match. */
export async function startWithBots(page) {
  await page.getByTestId("add-bots").click();
  await page.getByTestId("start").click();
  await waitForPhase(page, "active");
}

/** Waits until a page shows `count` players at the table, people and bots. */
export async function waitForPlayers(page, count) {
  await page.getByTestId("scores").locator(".score").nth(count - 1).waitFor();
}

/** The player's number by which a room knows the person at a page. */
export async function ownNumber(page) {
  const row = page.getByTestId("scores").locator(".score.is-you");
  await row.waitFor();
  return Number(await row.getAttribute("data-player"));
}

/** Says something in the chat. */
export async function say(page, text) {
  await page.getByTestId("chat-input").fill(text);
  await page.getByTestId("chat-send").click();
}

/** What was said in the chat, without who came and went. */
export async function chatTexts(page) {
  return page.getByTestId("chat-lines").locator(".chat-line:not(.is-unsaid) .chat-text").allTextContents();
}

/** Waits until a page shows somebody at the table. */
export async function waitForPlayer(page, name) {
  await page.locator("[data-testid=scores] .score:not(.is-away)", { hasText: name }).waitFor();
}

/** Waits until a page shows somebody as away. */
export async function waitForAway(page, name) {
  await page.locator("[data-testid=scores] .score.is-away", { hasText: name }).getByText("away").waitFor();
}

export async function waitForConnection(page) {
  await page.locator("[data-testid=status][data-status=open]").waitFor();
}

export async function waitForPhase(page, phase) {
  await page.locator(`[data-testid=board][data-state=${phase}]`).waitFor();
}

/** Takes free cells, `count` of them or until the match ends. */
export async function captureCells(page, count, order) {
  for (const cell of order.slice(0, count)) {
    const button = page.getByTestId(`cell-${cell}`);
    if (!(await isActive(page))) return;
    if (await button.getAttribute("data-mark")) continue;
    try {
      await button.click();
    } catch (error) {
      // The match ended under the hand, and its result lies over the board.
      if (await isActive(page)) throw error;
    }
  }
}

async function isActive(page) {
  return (await page.getByTestId("board").getAttribute("data-state")) === "active";
}

/** The final scores as a page shows them, the best first. */
export async function finalScores(page) {
  await page.getByTestId("result").waitFor({ timeout: MATCH_MS });
  return page
    .getByTestId("result")
    .locator("[data-player]")
    .evaluateAll((rows) =>
      rows.map((row) => ({
        id: Number(row.dataset.player),
        score: Number(row.querySelector(".place-score").textContent),
      })),
    );
}

/** How many cells of the board each player has. */
export async function cellsByOwner(page) {
  return page.locator(".cell[data-mark]").evaluateAll((cells) => {
    const owners = {};
    for (const cell of cells) owners[cell.dataset.owner] = (owners[cell.dataset.owner] ?? 0) + 1;
    return owners;
  });
}

/** The final board must say what the scores say. */
export async function checkResult(page) {
  const scores = await finalScores(page);
  const owners = await cellsByOwner(page);
  assert(scores.length >= 2, "a match has at least two players");
  for (const { id, score } of scores) assert.equal(owners[id] ?? 0, score, `player ${id} has as many cells as points`);
  return scores;
}

/** For the picture of the lobby only: two more tables, at one of which a match is running. */
export async function furnishLobby(browser, page) {
  if (process.env.PARLOR_SCREENSHOTS !== "1") return { close: async () => {} };
  const tabs = [];
  for (const room of ["corner-table", "friday-night"]) {
    const host = await tab(browser, { name: "Host", path: `/?room=${room}` });
    await host.page.getByTestId("waiting-room").waitFor();
    if (room === "friday-night") await startWithBots(host.page);
    tabs.push(host);
  }
  await page.locator('[data-room="friday-night"]').getByText("Playing", { exact: true }).waitFor();
  await page.locator('[data-room="corner-table"]').waitFor();
  return { close: () => Promise.all(tabs.map((host) => host.close())) };
}

/** A page must not be wider than its window. */
export async function noSidewaysScroll(page) {
  const { inner, whole } = await page.evaluate(() => ({
    inner: innerWidth,
    whole: document.documentElement.scrollWidth,
  }));
  assert(whole <= inner, `the page is ${whole} wide in a window of ${inner}`);
}

/** Keeps a picture for the documentation, when asked to. */
export async function picture(page, name) {
  if (process.env.PARLOR_SCREENSHOTS !== "1") return;
  mkdirSync(IMAGES, { recursive: true });
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${IMAGES}${name}.png`, animations: "disabled", caret: "hide" });
}

/** Cells from the middle outwards, as people play. */
export const FROM_THE_MIDDLE = Array.from({ length: 81 }, (_, cell) => cell).sort((a, b) => distance(a) - distance(b));
/** Cells from the corners inwards. */
export const FROM_THE_CORNERS = [...FROM_THE_MIDDLE].reverse();

function distance(cell) {
  return Math.hypot(Math.floor(cell / 9) - 4, (cell % 9) - 4) + cell / 1_000;
}
