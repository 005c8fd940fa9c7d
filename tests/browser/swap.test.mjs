/** A match whose room goes over to a version with a state of another shape, while it is played. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { withOwnServer } from "./own-server.mjs";
import {
  captureCells,
  cellsByOwner,
  checkResult,
  FROM_THE_CORNERS,
  FROM_THE_MIDDLE,
  ownNumber,
  tab,
  waitForPhase,
} from "./support.mjs";

const NEXT = fileURLToPath(new URL("../../target/bundle/guests/grid-next.wasm", import.meta.url));

const own = withOwnServer();

describe("a match", { timeout: 120_000 }, () => {
  it("goes on when its room changes to a version whose state has another shape, and nobody notices", async () => {
    const open = (name, subprotocol) =>
      tab(own.browser, { name, subprotocol, server: own.server.url, path: "/?room=friday" });
    const ada = await open("Ada", "v1.json");
    await ada.page.getByTestId("waiting-room").waitFor();
    const grace = await open("Grace", "v2.proto");
    await ada.page.getByTestId("waiting-room").getByText("Grace").waitFor();
    const pages = [ada.page, grace.page];
    const pushed = await own.server.operate("plugin", "push", NEXT);
    assert.match(pushed, /^grid@0\.1\.0 .* is taken/);

    await grace.page.getByTestId("start").click();
    await Promise.all(pages.map((page) => waitForPhase(page, "active")));
    await Promise.all([captureCells(ada.page, 8, FROM_THE_MIDDLE), captureCells(grace.page, 6, FROM_THE_CORNERS)]);
    const [first, second] = await Promise.all(pages.map(ownNumber));
    await Promise.all(pages.map((page) => haveCells(page, { [first]: 8, [second]: 6 })));
    const left = await secondsLeft(ada.page);

    const swapped = await own.server.operate("plugin", "swap", "grid@0.1.0", "--room", "friday");
    assert.match(swapped, /^room friday went from 0\.0\.0 \(\w+\) to 0\.1\.0 \(\w+\) and stood still for \d+ µs; .*: same$/m);
    for (const page of pages) assert.deepEqual(await cellsByOwner(page), { [first]: 8, [second]: 6 });
    await Promise.all([
      captureCells(ada.page, 6, FROM_THE_MIDDLE.slice(8)),
      captureCells(grace.page, 6, FROM_THE_CORNERS.slice(6)),
    ]);
    await Promise.all(pages.map((page) => haveCells(page, { [first]: 14, [second]: 12 })));
    const leftThen = await secondsLeft(ada.page);
    assert(leftThen > 0 && leftThen < left, `the clock goes on: ${leftThen} s after ${left} s`);
    const room = JSON.parse(await own.server.operate("room", "inspect", "friday", "--json"));
    assert.equal(room.version, "0.1.0");

    const results = await Promise.all(pages.map(checkResult));
    const expected = [
      { id: first, score: 14 },
      { id: second, score: 12 },
    ];
    assert.deepEqual(results, [expected, expected]);
    for (const { sockets } of [ada, grace]) {
      assert.deepEqual(
        sockets.map((socket) => socket.isClosed()),
        [false],
        "nobody connected again",
      );
    }
    await Promise.all([ada.close(), grace.close()]);
  });
});

/** Waits until a page shows that each player has so many cells, and the scores that go with them. */
async function haveCells(page, counts) {
  for (const [player, count] of Object.entries(counts)) {
    await page.locator(`.cell[data-owner="${player}"]:not(.is-pending)`).nth(count - 1).waitFor();
    const score = page.getByTestId("scores").locator(`.score[data-player="${player}"]`);
    await score.getByText(String(count), { exact: true }).waitFor();
  }
  assert.deepEqual(await cellsByOwner(page), counts);
}

async function secondsLeft(page) {
  return Number(await page.getByTestId("clock").textContent());
}
