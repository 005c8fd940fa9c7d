/** Connections that break, pages that are loaded again and servers that restart, as a person sees that. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { faultProxy } from "./fault-proxy.mjs";
import { ownServer } from "./own-server.mjs";
import {
  captureCells,
  chatTexts,
  FROM_THE_CORNERS,
  FROM_THE_MIDDLE,
  INSECURE_HOST,
  launch,
  makePrivateRoom,
  ownNumber,
  say,
  SERVER,
  startWithBots,
  tab,
  waitForAway,
  waitForConnection,
  waitForPhase,
  waitForPlayer,
} from "./support.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

describe("a session", { concurrency: true, timeout: 120_000 }, () => {
  it("outlives F5 in the middle of a game: the same member, the same score, nothing said twice", async () => {
    const { ada, grace } = await twoAtATable({ name: "Ada" }, { name: "Grace" });
    await say(ada.page, "before");
    await grace.page.getByTestId("chat-lines").getByText("before").waitFor();
    await startWithBots(ada.page);
    await captureCells(ada.page, 4, FROM_THE_MIDDLE);
    await ada.page.locator(".cell.is-yours:not(.is-pending)").nth(2).waitFor();
    const number = await ownNumber(ada.page);
    const cells = await ownCells(ada.page, number);

    await ada.page.reload();
    await waitForPhase(ada.page, "active");
    assert.equal(await ownNumber(ada.page), number, "the same member");
    const kept = await ownCells(ada.page, number);
    assert.deepEqual(kept.slice(0, cells.length), cells, "the cells are still hers");
    assert(!(await ada.page.getByTestId("watching").isVisible()), "she plays on");
    await captureCells(ada.page, 4, FROM_THE_CORNERS);
    await ada.page.locator(".cell.is-yours:not(.is-pending)").nth(kept.length).waitFor();

    await say(ada.page, "after");
    await grace.page.getByTestId("chat-lines").getByText("after").waitFor();
    for (const { page } of [ada, grace]) assert.deepEqual(await chatTexts(page), ["before", "after"]);
    assert.equal(await grace.page.getByTestId("chat-lines").getByText("left").count(), 0, "nobody saw her leave");
    await Promise.all([ada.close(), grace.close()]);
  });

  for (const isSecure of [true, false]) {
    it(`is another one in a duplicated tab, and the first one stays, ${isSecure ? "with" : "without"} Web Locks`, async () => {
      const insecure = isSecure ? undefined : await ownServer({ host: INSECURE_HOST });
      const { page, close } = await tab(browser, { name: "Twin", server: insecure?.url ?? SERVER });
      await makePrivateRoom(page);
      assert.equal(await page.evaluate(() => "locks" in navigator), isSecure);
      const number = await ownNumber(page);
      // A tab that a page opens gets a copy of its sessionStorage, as a duplicated one does.
      const [twin] = await Promise.all([page.waitForEvent("popup"), page.evaluate(() => void open(location.href))]);
      await twin.getByTestId("waiting-room").waitFor();
      const other = await ownNumber(twin);
      assert.notEqual(other, number);
      await say(page, "still me");
      await twin.getByTestId("chat-lines").getByText("still me").waitFor();
      assert.equal(await page.getByTestId("status").getAttribute("data-status"), "open");

      // Each of them has its own session to come back to.
      await Promise.all([page.reload(), twin.reload()]);
      assert.deepEqual([await ownNumber(page), await ownNumber(twin)], [number, other]);
      await close();
      await insecure?.close();
    });
  }

  it("outlives a cut connection: the others see away and back, and what was done meanwhile is done once", async () => {
    const proxy = await faultProxy(SERVER);
    const { ada, grace } = await twoAtATable({ name: "Ada", server: proxy.url, loses: true }, { name: "Grace" });
    const number = await ownNumber(ada.page);

    proxy.cut();
    await waitForAway(grace.page, "Ada");
    await ada.page.getByTestId("connection-notice").waitFor();
    await waitForAway(ada.page, "Ada (you, away)");
    await say(ada.page, "said in the dark");
    await ada.page.locator(".chat-line.is-unsaid").waitFor();
    await say(grace.page, "where are you?");
    proxy.mend();
    await waitForConnection(ada.page);
    await waitForPlayer(grace.page, "Ada");
    for (const { page } of [ada, grace])
      await page.locator(".chat-line:not(.is-unsaid)").getByText("said in the dark").waitFor();
    await ada.page.locator(".chat-line.is-unsaid").waitFor({ state: "detached" });
    await ada.page.getByTestId("connection-notice").getByText("missed nothing").waitFor();

    await startWithBots(grace.page);
    await waitForPhase(ada.page, "active");
    proxy.cut();
    await waitForAway(grace.page, "Ada");
    const cell = await ada.page.locator(".cell:not([data-mark])").first().getAttribute("data-testid");
    await ada.page.getByTestId(cell).click();
    await ada.page.locator(`[data-testid=${cell}].is-pending`).waitFor();
    proxy.mend();
    await waitForConnection(ada.page);
    await ada.page.locator(`[data-testid=${cell}][data-mark]:not(.is-pending)`).waitFor();
    await waitForPlayer(grace.page, "Ada");

    assert.equal(await ownNumber(ada.page), number);
    for (const { page } of [ada, grace])
      assert.deepEqual((await chatTexts(page)).toSorted(), ["said in the dark", "where are you?"]);
    await Promise.all([ada.close(), grace.close()]);
    await proxy.close();
  });

  it("does once what it asked for, when it was the answer that got lost (MS5)", async () => {
    const proxy = await faultProxy(SERVER);
    const { ada, grace } = await twoAtATable({ name: "Ada", server: proxy.url, loses: true }, { name: "Grace" });
    proxy.deafen();
    await say(ada.page, "heard?");
    await grace.page.getByTestId("chat-lines").getByText("heard?").waitFor();
    assert.deepEqual(await chatTexts(ada.page), []);
    proxy.cut();
    await waitForAway(grace.page, "Ada");
    proxy.mend();
    await waitForPlayer(grace.page, "Ada");
    // Until the answer is here, the line that waits for it stands below the one that came.
    await ada.page.locator(".chat-line:not(.is-unsaid)").getByText("heard?").waitFor();
    await ada.page.locator(".chat-line.is-unsaid").waitFor({ state: "detached" });
    await say(ada.page, "yes");
    await grace.page.getByTestId("chat-lines").getByText("yes").waitFor();
    for (const { page } of [ada, grace]) assert.deepEqual(await chatTexts(page), ["heard?", "yes"]);
    await Promise.all([ada.close(), grace.close()]);
    await proxy.close();
  });

  it("goes on in the same seats after the server has restarted, by itself", async () => {
    const server = await ownServer();
    const path = "/?room=evening-table";
    const ada = await tab(browser, { name: "Ada", path, server: server.url, loses: true });
    const grace = await tab(browser, { name: "Grace", path, server: server.url, loses: true, subprotocol: "v2.proto" });
    await waitForPlayer(ada.page, "Grace");
    const numbers = await Promise.all([ada, grace].map(({ page }) => ownNumber(page)));
    for (const { page } of [ada, grace]) await page.evaluate(() => (document.body.dataset.loaded = "once"));

    await server.stop();
    for (const { page } of [ada, grace]) await page.locator("[data-testid=status]:not([data-status=open])").waitFor();
    await server.startAgain();
    for (const { page } of [ada, grace]) {
      await waitForConnection(page);
      assert.equal(await page.evaluate(() => document.body.dataset.loaded), "once");
    }
    await waitForPlayer(ada.page, "Grace");
    await waitForPlayer(grace.page, "Ada");
    assert.deepEqual(await Promise.all([ada, grace].map(({ page }) => ownNumber(page))), numbers, "the seats are the same");
    await say(ada.page, "here again");
    await grace.page.getByTestId("chat-lines").getByText("here again").waitFor();
    await Promise.all([ada.close(), grace.close()]);
    await server.close();
  });

  it("is over, and its seat free at once, for who leaves by the front door", async () => {
    const { ada, grace } = await twoAtATable({ name: "Ada" }, { name: "Grace" });
    await ada.page.getByTestId("home").click();
    await ada.page.getByTestId("quick-match").waitFor();
    await grace.page.getByTestId("scores").getByText("Ada").waitFor({ state: "detached" });
    await Promise.all([ada.close(), grace.close()]);
  });
});

/** Two people in a private room of the first one's. */
async function twoAtATable(first, second) {
  const ada = await tab(browser, first);
  await makePrivateRoom(ada.page);
  const grace = await tab(browser, { ...second, path: `/${new URL(ada.page.url()).search}` });
  await waitForPlayer(ada.page, second.name);
  for (const { page } of [ada, grace]) await page.locator("[data-testid=chat-input]:enabled").waitFor();
  return { ada, grace };
}

/** The cells that a board shows as a player's, in their order. */
async function ownCells(page, number) {
  return page
    .locator(`.cell[data-owner="${number}"]:not(.is-pending)`)
    .evaluateAll((cells) => cells.map((cell) => cell.dataset.testid));
}
