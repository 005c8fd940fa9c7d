/** Replays: a match is saved and watched again, and a file that is none is refused in words. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  captureCells,
  cellsByOwner,
  checkResult,
  FROM_THE_MIDDLE,
  launch,
  makePrivateRoom,
  noSidewaysScroll,
  picture,
  say,
  startWithBots,
  tab,
} from "./support.mjs";

let browser;
let folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "parlor-replay-"));
  browser = await launch();
});
after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

describe("a replay", { concurrency: true, timeout: 120_000 }, () => {
  it("of a match that was played ends as the match did", async () => {
    const { page, close } = await tab(browser, { name: "Ada" });
    await makePrivateRoom(page);
    await startWithBots(page);
    await say(page, "Good luck!");
    await captureCells(page, 8, FROM_THE_MIDDLE);
    const scores = await checkResult(page);
    const path = await saveReplay(page);

    const file = JSON.parse(readFileSync(path, "utf8"));
    assert.equal(file.format, "parlor-replay");
    assert(file.duration_ms > 25_000 && file.duration_ms < 35_000, `a match takes 30 s, not ${file.duration_ms} ms`);

    const [watched] = await Promise.all([page.waitForEvent("popup"), page.getByTestId("watch-replay").click()]);
    await checkReplay(watched, scores);
    await watched.close();

    await page.goto(new URL("/replay/", page.url()).href);
    await page.getByTestId("replay-file").setInputFiles(path);
    await checkReplay(page, scores);
    await page.getByTestId("replay-lines").getByText("Good luck!").waitFor();
    await seek(page, 18_000);
    await picture(page, "replay");
    await close();
  });

  it("runs, stands still, and goes from change to change, by mouse and by keyboard", async () => {
    const { page, close } = await openReplay("Keys", match());
    await expectTime(page, "0:00.0 / 0:30.0");
    await page.keyboard.press("Space");
    await page.locator("[data-testid=replay-play][data-state=playing]").waitFor();
    await page.getByTestId("speed-8").check({ force: true });
    // Thirty seconds at eight times the speed.
    await page.locator("[data-testid=replay-play][data-state=paused]").waitFor();
    await expectTime(page, "0:30.0 / 0:30.0");
    await page.getByTestId("replay-live").filter({ hasText: "Ada wins." }).waitFor({ state: "attached" });

    await page.getByTestId("replay-restart").click();
    await expectTime(page, "0:00.0 / 0:30.0");
    await page.getByTestId("replay-range").focus();
    for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft"]) await page.keyboard.press(key);
    await expectTime(page, "0:01.0 / 0:30.0");
    await page.keyboard.press(".");
    await expectTime(page, "0:05.0 / 0:30.0");
    assert.deepEqual(await cellsByOwner(page), { 1: 1 });
    const told = page.getByTestId("replay-live").filter({ hasText: "Ada takes row 5, column 5." });
    await told.waitFor({ state: "attached" });
    await page.getByTestId("replay-next").click();
    assert.deepEqual(await cellsByOwner(page), { 1: 1, 2: 1 });
    await page.keyboard.press(",");
    await expectTime(page, "0:05.0 / 0:30.0");
    assert.deepEqual(await cellsByOwner(page), { 1: 1 });
    await page.keyboard.press("End");
    assert.deepEqual(await cellsByOwner(page), { 1: 2, 2: 1 });
    await close();
  });

  it("shows who was there and what was said at that moment", async () => {
    const { page, close } = await openReplay("Then", match());
    const lines = page.getByTestId("replay-lines");
    assert.equal(await lines.locator("li").count(), 0);
    await seek(page, 12_000);
    await lines.getByText("<b>hello</b>").waitFor();
    await page.locator("[data-testid=scores] .score.is-away", { hasText: "Grace" }).waitFor();
    await seek(page, 3_000);
    assert.equal(await lines.locator("li").count(), 0);
    assert.equal(await page.locator("[data-testid=scores] .score.is-away").count(), 0);
    await close();
  });

  it("of another plugin shows its views as they were", async () => {
    const frames = [1, 2, 3].map((clicks) => ({ at_ms: clicks * 1_000, view: "counter", state: { clicks } }));
    const { page, close } = await openReplay("Other", { ...match(), plugin: "counter", duration_ms: 2_500, frames });
    const state = page.getByTestId("replay-state");
    await state.getByText("1", { exact: true }).waitFor();
    await page.getByTestId("replay-next").click();
    await state.getByText("2", { exact: true }).waitFor();
    await page.keyboard.press("End");
    await state.getByText("3", { exact: true }).waitFor();
    await expectTime(page, "0:02.5 / 0:02.5");
    await close();
  });

  it("that is none is refused, and says why", async () => {
    const { page, close } = await tab(browser, { name: "Wrong", path: "/replay/" });
    const bad = {
      "not JSON": "{",
      'its "format" is not "parlor-replay"': "{}",
      "of version 2": JSON.stringify({ ...match(), version: 2 }),
      "frames[1].at_ms is -1": JSON.stringify({
        ...match(),
        frames: [match().frames[0], { at_ms: -1, view: "board", state: 1 }],
      }),
      "it is not text": Buffer.from([0xff, 0xfe, 0x00]),
    };
    for (const [words, content] of Object.entries(bad)) {
      await page
        .getByTestId("replay-file")
        .setInputFiles({ name: "bad.json", mimeType: "application/json", buffer: Buffer.from(content) });
      await page.getByTestId("replay-problem").filter({ hasText: words }).waitFor();
    }
    await chooseFile(page, match());
    await page.getByTestId("replay").waitFor();
    assert(await page.getByTestId("replay-problem").isHidden(), "a good file is shown without complaint");
    await close();
  });

  it("is dropped on the page, or named by its address", async () => {
    const { page, close } = await tab(browser, { name: "Dropper", path: "/replay/" });
    await page.evaluate(
      (json) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([json], "replay.json"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
      },
      JSON.stringify({ ...match(), room: "dropped" }),
    );
    await page.getByTestId("replay-title").filter({ hasText: "dropped" }).waitFor();

    await page.route(new URL("/kept/match.json", page.url()).href, (route) =>
      route.fulfill({ json: { ...match(), room: "fetched" } }),
    );
    await page.goto(new URL("/replay/?url=/kept/match.json", page.url()).href);
    await page.getByTestId("replay-title").filter({ hasText: "fetched" }).waitFor();
    await page.goto(new URL("/replay/?url=https://elsewhere.example/match.json", page.url()).href);
    await page.getByTestId("replay-problem").filter({ hasText: "Only replays of this server" }).waitFor();
    await close();
  });

  it("fits a phone", async () => {
    const { page, close } = await tab(browser, { name: "Pocket", path: "/replay/", phone: true });
    await noSidewaysScroll(page);
    await chooseFile(page, match());
    await seek(page, 20_000);
    await noSidewaysScroll(page);
    const play = await page.getByTestId("replay-play").boundingBox();
    const board = await page.getByTestId("board").boundingBox();
    assert(play.y + play.height <= 844, "the controls are in view");
    assert(board.y + board.height <= play.y, "they do not lie over the board");
    await page.getByTestId("replay-play").tap();
    await page.locator("[data-testid=replay-play][data-state=playing]").waitFor();
    await close();
  });
});

/** Saves the replay of the match whose result a page shows. */
async function saveReplay(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("save-replay").click()]);
  assert.match(download.suggestedFilename(), /^grid-.+-\d{4}-\d\d-\d\d-\d{4}\.json$/);
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

/** Goes to the end of a replay, where the scores and the board must be those of the match. */
async function checkReplay(page, scores) {
  await page.getByTestId("replay").waitFor();
  await page.getByTestId("replay-range").focus();
  await page.keyboard.press("Home");
  assert.deepEqual(await cellsByOwner(page), {}, "it begins with a free board");
  await page.keyboard.press("End");
  const shown = await page
    .getByTestId("scores")
    .locator("[data-player]")
    .evaluateAll((rows) =>
      rows.map((row) => ({
        id: Number(row.dataset.player),
        score: Number(row.querySelector(".score-value").textContent),
      })),
    );
  assert.deepEqual(shown, scores);
  const owners = await cellsByOwner(page);
  for (const { id, score } of scores) assert.equal(owners[id] ?? 0, score);
  await page
    .getByTestId("replay-verdict")
    .filter({ hasText: /wins\.|draw/ })
    .waitFor();
}

async function openReplay(name, replay) {
  const opened = await tab(browser, { name, path: "/replay/" });
  await chooseFile(opened.page, replay);
  await opened.page.getByTestId("replay").waitFor();
  return opened;
}

async function chooseFile(page, replay) {
  const buffer = Buffer.from(JSON.stringify(replay));
  await page.getByTestId("replay-file").setInputFiles({ name: "replay.json", mimeType: "application/json", buffer });
}

async function seek(page, position_ms) {
  await page.getByTestId("replay-range").fill(String(position_ms));
}

async function expectTime(page, time) {
  await page.getByTestId("replay-time").filter({ hasText: time }).waitFor();
}

/** A short match of Ada's and Grace's in a room that is an hour old: three cells, a line of chat, a lost connection. */
function match() {
  const start_ms = 3_600_000;
  const board = (at_ms, taken, over = {}) => {
    const cells = Array(81).fill(null);
    for (const [cell, owner] of taken) cells[cell] = owner;
    const score = (id) => taken.filter(([, owner]) => owner === id).length;
    const player = (id, name, color) => ({ id, name, color, score: score(id), bot: false, present: true });
    const players = [player(1, "Ada", "red"), player(2, "Grace", "blue")];
    const state = { status: "active", time_remaining_ms: 30_000 - at_ms, cells, players, winner: null, ...over };
    return { at_ms: start_ms + at_ms, view: "board", state };
  };
  const taken = [
    [40, 1],
    [0, 2],
    [41, 1],
  ];
  const said = { type: "said", from: 9, name: "Ada", text: "<b>hello</b>" };
  return {
    format: "parlor-replay",
    version: 1,
    plugin: "grid",
    plugin_version: "0.0.0",
    room: "friday-night",
    recorded_at: 1_767_225_600_000,
    duration_ms: 30_000,
    members: [
      { id: 1, name: "Ada", seat: "player" },
      { id: 2, name: "Grace", seat: "player" },
    ],
    frames: [
      board(0, []),
      board(5_000, taken.slice(0, 1)),
      { at_ms: start_ms + 6_000, message: { room: "friday-night:chat", from: 9, data: said } },
      board(8_000, taken.slice(0, 2)),
      { at_ms: start_ms + 11_000, member: { id: 2, name: "Grace", change: "away" } },
      { at_ms: start_ms + 14_000, member: { id: 2, name: "Grace", change: "back" } },
      board(20_000, taken),
      board(30_000, taken, { status: "completed", winner: 1 }),
    ],
  };
}
