/** Results outlive their match, and the server. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ownServer } from "./own-server.mjs";
import {
  captureCells,
  finalScores,
  FROM_THE_MIDDLE,
  launch,
  makePrivateRoom,
  ownNumber,
  startWithBots,
  tab,
} from "./support.mjs";

let browser;
let server;
before(async () => {
  browser = await launch();
  server = await ownServer();
});
after(async () => {
  await browser.close();
  await server.close();
});

describe("the leaderboard", { timeout: 120_000 }, () => {
  it("names who played a match to its end, over a reload and over the server's end", async () => {
    const marie = await tab(browser, { name: "Marie", server: server.url, loses: true });
    const { page } = marie;
    await page.getByText("First place is free.").waitFor();
    await makePrivateRoom(page);
    await startWithBots(page);
    const own = await ownNumber(page);
    await captureCells(page, 81, FROM_THE_MIDDLE);
    const scores = await finalScores(page);
    const score = scores.find(({ id }) => id === own).score;
    const hasWon = scores[0].id === own && scores[1].score < score;
    const expected = [["1", "Marieguest", hasWon ? "1" : "0", String(score), "1"]];

    await page.goto(server.url);
    await page.getByTestId("leaderboard").waitFor();
    assert.deepEqual(await rows(page), expected, "bots are not on it");
    await server.stop();
    await server.startAgain();
    await page.reload();
    await page.getByTestId("leaderboard").getByText("Marie").waitFor();
    assert.deepEqual(await rows(page), expected);
    await marie.close();

    const phone = await tab(browser, { name: "Ada", server: server.url, phone: true });
    await phone.page.getByTestId("leaderboard").getByText("Marie").waitFor();
    const [width, inner] = await phone.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert(width <= inner, `the page is ${width} pixels wide on a screen of ${inner}`);
    await phone.close();
  });
});

async function rows(page) {
  const found = page.getByTestId("leaderboard").locator("tbody tr");
  return found.evaluateAll((all) => all.map((one) => [...one.cells].map((cell) => cell.textContent)));
}
