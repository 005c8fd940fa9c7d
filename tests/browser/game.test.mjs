/** The game in a real browser against a real server. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  captureCells,
  checkResult,
  finalScores,
  FROM_THE_CORNERS,
  FROM_THE_MIDDLE,
  furnishLobby,
  launch,
  makePrivateRoom,
  noSidewaysScroll,
  picture,
  startWithBots,
  tab,
  waitForConnection,
  waitForPhase,
  waitForPlayers,
} from "./support.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

describe("the game", { concurrency: true, timeout: 120_000 }, () => {
  it("is played by two tabs in two encodings, which agree on the result", async () => {
    const ada = await tab(browser, { name: "Ada", subprotocol: "v1.json" });
    await ada.page.getByTestId("quick-match").click();
    await ada.page.getByTestId("waiting-room").waitFor();
    const room = new URL(ada.page.url()).searchParams.get("room");

    const grace = await tab(browser, { name: "Grace", subprotocol: "v2.proto" });
    const listed = grace.page.locator(`[data-room="${room}"]`);
    await listed.getByText("Waiting").waitFor();
    const others = await furnishLobby(browser, grace.page);
    await picture(grace.page, "lobby");
    await others.close();
    await listed.getByRole("button", { name: "Join" }).click();
    await ada.page.getByTestId("waiting-room").getByText("Grace").waitFor();

    await ada.page.getByTestId("add-bots").click();
    // The start is on another connection than the bots: it could come first, and the match begin without them.
    await waitForPlayers(grace.page, 4);
    await grace.page.getByTestId("start").click();
    await waitForPhase(ada.page, "active");
    await Promise.all([captureCells(ada.page, 9, FROM_THE_MIDDLE), captureCells(grace.page, 7, FROM_THE_CORNERS)]);
    await ada.page.getByTestId("chat-input").fill("Good luck!");
    await ada.page.getByTestId("chat-send").click();
    await grace.page.getByTestId("chat-lines").getByText("Good luck!").waitFor();
    await grace.page.getByTestId("chat-input").fill("You will need it.");
    await grace.page.getByTestId("chat-send").click();
    await ada.page.getByTestId("chat-lines").getByText("You will need it.").waitFor();
    await ada.page.locator(".cell[data-mark]").nth(20).waitFor();
    await picture(ada.page, "game");
    await captureCells(ada.page, 24, FROM_THE_MIDDLE.slice(9));

    const [seenByAda, seenByGrace] = await Promise.all([checkResult(ada.page), checkResult(grace.page)]);
    assert.deepEqual(seenByAda, seenByGrace);
    assert(
      seenByAda.every(({ score }) => score > 0),
      "everybody took a cell",
    );
    await picture(ada.page, "result");
    await grace.page.getByTestId("rematch").click();
    await Promise.all([waitForPhase(ada.page, "active"), waitForPhase(grace.page, "active")]);
    await Promise.all([ada.close(), grace.close()]);
  });

  for (const subprotocol of ["v1.json", "v1.binary", "v2.proto"]) {
    it(`is played by one tab against bots in ${subprotocol}`, async () => {
      const { page, close } = await tab(browser, { name: `Solo ${subprotocol}`, subprotocol });
      await makePrivateRoom(page);
      assert.equal(await page.getByTestId("subprotocol").inputValue(), subprotocol);
      await startWithBots(page);
      await captureCells(page, 6, FROM_THE_MIDDLE);
      await page.getByTestId("rtt").filter({ hasText: "ms" }).waitFor();
      const scores = await checkResult(page);
      assert.equal(scores.length, 4);
      assert.match(await page.getByTestId("clock").textContent(), /^0\.0$/);
      await close();
    });
  }

  it("is played by keyboard alone, and says what happens", async () => {
    const { page, close } = await tab(browser, { name: "Keys" });
    await makePrivateRoom(page);
    await page.getByTestId("add-bots").focus();
    await page.keyboard.press("Enter");
    await page.locator("[data-testid=start]:enabled").focus();
    await page.keyboard.press("Enter");
    await waitForPhase(page, "active");
    await page.locator("[data-testid=cell-40]:focus").waitFor();
    for (const key of ["ArrowUp", "ArrowLeft", "Home", "PageUp"]) await page.keyboard.press(key);
    await page.locator("[data-testid=cell-0]:focus").waitFor();
    await captureByKeyboard(page);
    await page
      .getByTestId("live")
      .filter({ hasText: /Go!|You \d/ })
      .waitFor({ state: "attached" });
    assert.equal(await page.locator('.cell[tabindex="0"]').count(), 1, "one cell is in the tab order");
    await close();
  });

  it("fits a phone", async () => {
    const { page, close } = await tab(browser, { name: "Pocket", phone: true });
    await noSidewaysScroll(page);
    await makePrivateRoom(page);
    await page.getByTestId("add-bots").tap();
    await page.getByTestId("start").tap();
    await waitForPhase(page, "active");
    for (const cell of FROM_THE_MIDDLE.slice(0, 5)) await page.getByTestId(`cell-${cell}`).tap();
    await page.locator(".cell.is-yours:not(.is-pending)").first().waitFor();
    await noSidewaysScroll(page);
    const board = await page.getByTestId("board").boundingBox();
    assert(board.width >= 340 && board.y + board.height <= 844, "the whole board is in view");
    await page.locator(".cell[data-mark]").nth(15).waitFor();
    await picture(page, "phone");
    await close();
  });

  it("is watched by who comes late, who can then take a seat", async () => {
    const host = await tab(browser, { name: "Host" });
    await makePrivateRoom(host.page);
    await startWithBots(host.page);
    const late = await tab(browser, { name: "Late", path: `/${new URL(host.page.url()).search}` });
    await late.page.getByTestId("watching").waitFor();
    await waitForPhase(late.page, "active");
    await late.page.getByTestId("cell-0").click();
    assert.equal(await late.page.locator(".cell.is-yours").count(), 0, "who watches takes nothing");
    await late.page.getByTestId("chat-input").fill("<b>bold</b>");
    await late.page.getByTestId("chat-send").click();
    await host.page.getByTestId("chat-lines").getByText("<b>bold</b>").waitFor();
    await finalScores(host.page);
    await host.page.getByTestId("rematch").click();
    await late.page.getByTestId("scores").getByText("Late (you)").waitFor();
    await Promise.all([host.close(), late.close()]);
  });

  it("comes back after a reload, and in another subprotocol", async () => {
    const { page, close } = await tab(browser, { name: "Back" });
    await page.getByTestId("create-private").click();
    const code = await page.getByTestId("room-code").textContent();
    const other = await tab(browser, { name: "Anchor", path: `/?code=${code}` });
    await page.getByTestId("waiting-room").getByText("Anchor").waitFor();

    await page.reload();
    await page.getByTestId("waiting-room").getByText("Back (you)").waitFor();
    assert.equal(await page.getByTestId("room-code").textContent(), code);

    await page.getByTestId("subprotocol").selectOption("v2.proto");
    await waitForConnection(page);
    await other.page.getByTestId("waiting-room").getByText("Back", { exact: true }).first().waitFor();
    await page.getByTestId("start").click();
    await Promise.all([waitForPhase(page, "active"), waitForPhase(other.page, "active")]);
    await Promise.all([close(), other.close()]);
  });

  it("says so when a code leads nowhere", async () => {
    const { page, close } = await tab(browser, { name: "Lost", path: "/?code=AAAAAAAA" });
    await page.getByTestId("lobby-problem").filter({ hasText: "No room has this code" }).waitFor();
    await close();
  });
});

/** Moves along the first row until a cell is captured; a bot may be there first, but not everywhere. */
async function captureByKeyboard(page) {
  for (let cell = 0; cell < 9; cell += 1) {
    await page.locator(`[data-testid=cell-${cell}]:focus`).waitFor();
    await page.keyboard.press("Space");
    await page.locator(`[data-testid=cell-${cell}][data-mark]:not(.is-pending)`).waitFor();
    const label = await page.getByTestId(`cell-${cell}`).getAttribute("aria-label");
    if (label === `row 1, column ${cell + 1}, yours, circle`) return;
    await page.keyboard.press("ArrowRight");
  }
  assert.fail("no cell of the first row could be captured");
}
