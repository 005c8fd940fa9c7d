/** The arena: people who move in one world, at once on their own screens, and where the server decides in the end. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { faultProxy } from "./fault-proxy.mjs";
import { launch, noSidewaysScroll, picture, SERVER, tab, waitForConnection } from "./support.mjs";

/** To cross the world takes seven seconds; a busy machine takes its time. */
const WALK_MS = 40_000;
const UNITS_APART = 32;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

describe("the arena", { concurrency: true, timeout: 180_000 }, () => {
  it("shows two people to each other as they move, and lets the server decide who is pushed where", async () => {
    const room = unique();
    const [ada, grace] = await Promise.all([inArena("Ada", room), inArena("Grace", room)]);
    await Promise.all([goTo(ada, { x: 700, y: 800 }), goTo(grace, { x: 900, y: 800 })]);
    await Promise.all([seesAt(ada, grace), seesAt(grace, ada)]);
    await ada.page.getByTestId("arena-scores").getByText("Grace").waitFor();

    const before = await facts(grace);
    await walkInto(ada, grace);
    const [pusher, pushed] = await Promise.all([atRest(ada), atRest(grace)]);
    assert(distance(before.server, pushed.server) > 20, "Grace was pushed, and had sent nothing");
    assert(distance(pusher.server, pushed.server) > UNITS_APART - 2, "they do not overlap");
    assert.deepEqual(pusher.others[pushed.you], pushed.server, "both were told the same");
    await Promise.all([ada.close(), grace.close()]);
  });

  it("moves at once where the server is far away and stalls, and ends where the server has it", async () => {
    const proxy = await faultProxy(SERVER, { way_ms: 40, stalls: 0.05, stall_ms: 150 });
    const room = unique();
    const ada = await inArena("Ada", room, { server: proxy.url });
    await goTo(ada, { x: 500, y: 800 });
    await atRest(ada);
    const from = await facts(ada);
    await ada.page.keyboard.down("ArrowRight");
    // The page is ahead of what the server said last by the round trip, so by a stride and a half or more.
    const isAhead = ({ server, predicted, ahead }) => ahead > 1.6 && predicted.x > server.x + 18;
    await until(ada, (known) => known.server.x > from.server.x + 60 && isAhead(known));
    await ada.page.keyboard.up("ArrowRight");
    const rest = await atRest(ada);
    assert(rest.server.x > from.server.x + 60 && rest.server.y === from.server.y, "to the right, and nowhere else");
    assert.match(await ada.page.getByTestId("arena-distance").textContent(), /The server is \d+ ms away/);
    await ada.close();
    await proxy.close();
  });

  it("goes on after a lost connection, as the same member", async () => {
    const proxy = await faultProxy(SERVER);
    const ada = await inArena("Ada", unique(), { server: proxy.url, loses: true });
    await goTo(ada, { x: 800, y: 800 });
    const { you } = await facts(ada);
    await ada.page.keyboard.down("KeyA");
    proxy.cut();
    await ada.page.locator("[data-testid=arena].is-offline").waitFor();
    const lost = await facts(ada);
    proxy.mend();
    await waitForConnection(ada.page);
    await until(ada, ({ server }) => server.x < lost.server.x - 40);
    await ada.page.keyboard.up("KeyA");
    assert.equal((await atRest(ada)).you, you);
    await ada.close();
    await proxy.close();
  });

  it("is played with the mouse, and with a thumb on a phone, and says how long pictures take", async () => {
    const room = unique();
    const [mouse, thumb] = await Promise.all([inArena("Mouse", room), inArena("Thumb", room, { phone: true })]);
    await Promise.all([goTo(mouse, { x: 760, y: 760 }), goTo(thumb, { x: 840, y: 840 })]);
    await noSidewaysScroll(thumb.page);

    const [was, had] = [await atRest(mouse), await atRest(thumb)];
    const box = await mouse.page.getByTestId("arena-canvas").boundingBox();
    await mouse.page.mouse.move(box.x + box.width / 2 - 200, box.y + box.height / 2);
    await mouse.page.mouse.down();
    await until(mouse, ({ server }) => server.x < was.server.x - 50);
    await mouse.page.mouse.up();

    const touch = await thumb.page.context().newCDPSession(thumb.page);
    const at = (x, y) => ({ touchPoints: [{ x, y, id: 1 }] });
    await touch.send("Input.dispatchTouchEvent", { type: "touchStart", ...at(200, 600) });
    await touch.send("Input.dispatchTouchEvent", { type: "touchMove", ...at(200, 690) });
    await until(thumb, ({ server }) => server.y > had.server.y + 50);
    await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await Promise.all([atRest(mouse), atRest(thumb)]);

    const frames = JSON.parse(await mouse.page.getByTestId("arena-stats").getAttribute("data-frames"));
    assert(frames.count > 10 && frames.work_ms.p95 > 0 && frames.interval_ms.mean > 1, JSON.stringify(frames));
    const measures = await mouse.page.evaluate(() => performance.getEntriesByName("arena:frame").length);
    assert(measures > 10);
    await Promise.all([mouse.close(), thumb.close()]);
  });

  it("looks like this with a crowd", { skip: process.env.PARLOR_SCREENSHOTS !== "1" }, async () => {
    const room = unique();
    const crowd = await furnish(room, 70);
    for (const phone of [false, true]) {
      const ada = await inArena("Ada", room, { phone });
      await goTo(ada, { x: 800, y: 800 });
      await ada.page.evaluate(() => document.querySelector("[data-testid=arena-stats]").remove());
      await picture(ada.page, phone ? "arena-phone" : "arena");
      await ada.close();
    }
    await crowd.close();
  });

  it("is found from the lobby", async () => {
    const { page, close } = await tab(browser, { name: "Ida" });
    await page.getByTestId("to-arena").click();
    await page.getByTestId("arena-scores").getByText("Ida").waitFor();
    assert.match(page.url(), /\/arena\/\?room=/);
    await page.getByTestId("leave").click();
    await page.getByTestId("quick-match").waitFor();
    await close();
  });
});

function unique() {
  return `arena-${Math.random().toString(36).slice(2, 10)}`;
}

async function inArena(name, room, options = {}) {
  const opened = await tab(browser, { name, path: `/arena/?stats&room=${room}`, ...options });
  await opened.page.locator("[data-testid=arena-stats][data-facts]").waitFor();
  return opened;
}

/** For the pictures only: people who run about. */
async function furnish(room, count) {
  const crowd = await tab(browser, { name: "Crowd", path: "/play/" });
  await crowd.page.evaluate(
    async ([where, size]) => {
      const { connect } = await import("/parlor.js");
      const names = ["Grace", "Edsger", "Barbara", "Alan", "Radia", "Donald", "Frances", "Tony", "Margaret", "Niklaus"];
      for (let number = 0; number < size; number += 1) {
        const joined = await connect("/ws", { name: names[number % names.length] }).join(where, { plugin: "arena" });
        const turn = () => {
          const angle = Math.random() * 2 * Math.PI;
          const [x, y] = [Math.cos(angle), Math.sin(angle)].map((along) => Math.trunc(along * 127));
          joined.send({ type: "steer", x, y });
        };
        turn();
        setInterval(turn, 1_500 + 20 * number);
      }
    },
    [room, count],
  );
  return crowd;
}

/** What the page knows, as `?stats` tells it ten times a second. */
async function facts({ page }) {
  return JSON.parse(await page.getByTestId("arena-stats").getAttribute("data-facts"));
}

/** Waits until what the page knows is so. */
async function until(person, condition) {
  for (const end_ms = Date.now() + WALK_MS; Date.now() < end_ms; ) {
    const known = await facts(person);
    if (condition(known)) return known;
    await person.page.waitForTimeout(30);
  }
  const known = JSON.stringify(await facts(person));
  return assert.fail(`within ${WALK_MS} ms it did not come to this: ${condition}; it is ${known}`);
}

/** Waits until nobody pulls and nothing glides: the page has itself where the server has it. */
async function atRest(person) {
  const isThere = ({ server, predicted }) => distance(server, predicted) < 1;
  for (;;) {
    const { server } = await until(person, isThere);
    // It must be the same still when the next few views have come.
    await person.page.waitForTimeout(500);
    const later = await until(person, isThere);
    if (distance(server, later.server) === 0) return later;
  }
}

/** Walks to about a place, with the keys, as a person would. */
async function goTo(person, to) {
  const { page } = person;
  for (const [axis, less, more] of [
    ["x", "ArrowLeft", "ArrowRight"],
    ["y", "ArrowUp", "ArrowDown"],
  ]) {
    const { server } = await facts(person);
    const isUp = server[axis] < to[axis];
    await page.keyboard.down(isUp ? more : less);
    await until(person, ({ server: at }) => (isUp ? at[axis] >= to[axis] - 20 : at[axis] <= to[axis] + 20));
    await page.keyboard.up(isUp ? more : less);
  }
}

/** Steers towards somebody with the mouse until that one has been moved. */
async function walkInto(person, other) {
  const { page } = person;
  const start = await facts(other);
  const box = await page.getByTestId("arena-canvas").boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  let isDown = false;
  for (const end_ms = Date.now() + WALK_MS; Date.now() < end_ms; ) {
    const [mine, theirs] = await Promise.all([facts(person), facts(other)]);
    if (distance(start.server, theirs.server) > 24) break;
    const way = Math.max(1, distance(mine.server, theirs.server));
    const pull = (axis) => ((theirs.server[axis] - mine.server[axis]) / way) * 150;
    await page.mouse.move(x + pull("x"), y + pull("y"));
    if (!isDown) await page.mouse.down();
    isDown = true;
    await page.waitForTimeout(50);
  }
  await page.mouse.up();
}

/** Waits until somebody has somebody else in sight, where that one is by its own page. */
async function seesAt(person, other) {
  const { you, server } = await atRest(other);
  await until(person, ({ others }) => others[you]?.x === server.x && others[you]?.y === server.y);
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
