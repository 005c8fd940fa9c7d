/** Results outlive their match, and the server. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withOwnServer } from "./own-server.mjs";
import {
  captureCells,
  finalScores,
  FROM_THE_MIDDLE,
  makePrivateRoom,
  ownNumber,
  startWithBots,
  tab,
} from "./support.mjs";

const own = withOwnServer();

describe("the leaderboard", { timeout: 120_000 }, () => {
  it("names who played a match to its end, over a reload and over the server's end", async () => {
    const marie = await tab(own.browser, { name: "Marie", server: own.server.url, loses: true });
    const { page } = marie;
    await page.getByText("First place is free.").waitFor();
    await makePrivateRoom(page);
    await startWithBots(page);
    const number = await ownNumber(page);
    await captureCells(page, 81, FROM_THE_MIDDLE);
    const scores = await finalScores(page);
    const score = scores.find(({ id }) => id === number).score;
    const hasWon = scores[0].id === number && scores[1].score < score;
    const expected = [["1", "Marieguest", hasWon ? "1" : "0", String(score), "1"]];

    // A result waits for up to two seconds, so that matches that end together do not all write at once; the lobby asks again.
    await page.goto(own.server.url);
    await page.getByTestId("leaderboard").waitFor();
    assert.deepEqual(await rows(page), expected, "bots are not on it");
    await own.server.stop();
    await own.server.startAgain();
    await page.reload();
    await page.getByTestId("leaderboard").getByText("Marie").waitFor();
    assert.deepEqual(await rows(page), expected);
    await marie.close();

    const phone = await tab(own.browser, { name: "Ada", server: own.server.url, phone: true });
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
