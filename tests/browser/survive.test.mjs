/** A match that outlives its server, and the file that the journal makes of it. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ownServer } from "./own-server.mjs";
import {
  captureCells,
  cellsByOwner,
  checkResult,
  FROM_THE_MIDDLE,
  launch,
  ownNumber,
  startWithBots,
  tab,
  waitForPhase,
} from "./support.mjs";

let browser;
let folder;
before(async () => {
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), "parlor-survive-"));
});
after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

describe("a match", { timeout: 120_000 }, () => {
  it("goes on where it was when its server was killed, and can be watched from the journal", async () => {
    const server = await ownServer();
    const path = "/?room=survivor";
    const ada = await tab(browser, { name: "Ada", server: server.url, path, loses: true });
    await ada.page.getByTestId("waiting-room").waitFor();
    await startWithBots(ada.page);
    await captureCells(ada.page, 8, FROM_THE_MIDDLE);
    const me = await ownNumber(ada.page);
    await ada.page.locator(`.cell[data-owner="${me}"]:not(.is-pending)`).nth(2).waitFor();
    const before = (await cellsByOwner(ada.page))[me];

    await server.kill();
    await ada.page.locator("[data-testid=status]:not([data-status=open])").waitFor();
    await server.startAgain();
    await ada.page.locator("[data-testid=status][data-status=open]").waitFor();
    await waitForPhase(ada.page, "active");
    assert.equal(await ownNumber(ada.page), me, "the seat is the same");
    assert((await cellsByOwner(ada.page))[me] >= before, "what was captured still is");

    await captureCells(ada.page, 16, FROM_THE_MIDDLE.slice(8));
    const scores = await checkResult(ada.page);
    await ada.close();

    const file = join(folder, "match.json");
    server.exportReplay("survivor", file);
    await server.close();
    const { page, close } = await tab(browser, { name: "Watcher", path: "/replay/" });
    await page.getByTestId("replay-file").setInputFiles(file);
    await page.getByTestId("replay").waitFor();
    await page.getByTestId("replay-range").focus();
    await page.keyboard.press("End");
    const owners = await cellsByOwner(page);
    for (const { id, score } of scores) assert.equal(owners[id] ?? 0, score, `player ${id} has as many cells as points`);
    await close();
  });
});
