/** The page `/play/` in a real browser against a real server. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, picture, SERVER, tab, waitForConnection } from "./support.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const unique = () => `play-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;

describe("/play/", { concurrency: true, timeout: 60_000 }, () => {
  it("talks to a room of any plugin", async () => {
    const { page, close } = await tab(browser, { name: "Curious", path: "/play/" });
    await page.getByTestId("play-plugin").fill("echo");
    await page.getByTestId("play-room").fill(unique());
    await page.getByTestId("play-join").click();
    await page.getByTestId("play-members").getByText("Curious (you)").waitFor();

    await page.getByTestId("play-input").fill('{"type":"echo","data":');
    await page.getByTestId("play-send").click();
    await page.getByText("not JSON").waitFor();
    assert.equal(await page.locator(".frame[data-type=room_message]").count(), 0, "what is no JSON is not sent");

    await page.getByTestId("play-input").fill('{"type":"echo","data":{"$int":"9007199254740993"}}');
    await page.getByTestId("play-send").click();
    await page.getByTestId("play-answer").filter({ hasText: "Applied" }).waitFor();
    const reply = page.getByTestId("play-frames").locator(".is-in[data-type=room_message]");
    await reply.filter({ hasText: '"echo_reply"' }).filter({ hasText: '{"$int":"9007199254740993"}' }).waitFor();

    await page.getByTestId("play-input").fill('{"type":"nonsense"}');
    await page.getByTestId("play-input").press("Control+Enter");
    await page.getByTestId("play-answer").filter({ hasText: "INVALID_PAYLOAD" }).waitFor();
    await close();
  });

  it("comes back after a dropped connection and a reload", async () => {
    const { page, close } = await tab(browser, { name: "Dropped", path: `/play/?plugin=echo&room=${unique()}` });
    await page.getByTestId("play-members").getByText("Dropped (you)").waitFor();
    await page.getByTestId("play-drop").click();
    await waitForConnection(page);
    await sendEcho(page, "after the drop");
    await page.getByTestId("play-reload").click();
    await page.getByTestId("play-members").getByText("Dropped (you)").waitFor();
    await sendEcho(page, "after the reload");
    await close();
  });

  it("resumes its session after a reload, and starts another one in a duplicated tab", async () => {
    const { page, close } = await tab(browser, { name: "Twin", path: "/play/" });
    await waitForConnection(page);
    const resumes = (of) => of.locator(".is-out[data-type=resume]");

    // A tab opened from a page gets a copy of its sessionStorage, as a duplicated one does.
    const [twin] = await Promise.all([page.waitForEvent("popup"), page.evaluate(() => void open(location.href))]);
    await waitForConnection(twin);
    assert.equal(await resumes(twin).count(), 0);
    await twin.close();

    await page.reload();
    await waitForConnection(page);
    assert.equal(await resumes(page).count(), 1);
    await close();
  });

  it("shows the state as a tree, and the frames one asks for", async () => {
    const { page, close } = await tab(browser, { name: "Watcher", path: `/play/?plugin=grid&room=${unique()}` });
    await page.getByTestId("play-state").getByText('"waiting"').waitFor();
    for (const input of ['{"type":"bots","count":3}', '{"type":"start"}']) {
      await page.getByTestId("play-input").fill(input);
      await page.getByTestId("play-send").click();
      await page.getByTestId("play-answer").filter({ hasText: "Applied" }).waitFor();
    }
    await page.getByTestId("play-state").getByText('"active"').waitFor();
    await page.getByTestId("play-state").locator("summary", { hasText: "players" }).waitFor();
    await page.getByTestId("frames-filter").fill("room_message");
    await page.locator(".frame[data-type=room_message]").first().waitFor();
    assert.equal(await page.locator(".frame[data-type=room_state]").count(), 0);
    await page.getByTestId("frames-filter").fill("");
    await page.locator(".frame[data-type=room_patch]").nth(8).waitFor();
    await picture(page, "play");
    await close();
  });

  it("says what was wrong with a join", async () => {
    const { page, close } = await tab(browser, { name: "Wrong", path: "/play/" });
    await page.getByTestId("play-plugin").fill("no-such-plugin");
    await page.getByTestId("play-join").click();
    await page.getByTestId("play-error").filter({ hasText: "PLUGIN_NOT_FOUND" }).waitFor();
    await close();
  });

  it("serves the client as one module that any page can import", async () => {
    const { page, close } = await tab(browser, { name: "Importer", path: "/play/" });
    const said = await page.evaluate(
      async ([url, room]) => {
        const { connect } = await import(`${url}/parlor.js`);
        const parlor = connect("/ws", { name: "Imported" });
        const joined = await parlor.join(room, { plugin: "echo" });
        const heard = new Promise((resolve) => joined.on("message", ({ data }) => resolve(data)));
        await joined.send({ type: "echo", data: [1, "two", null] });
        const data = await heard;
        parlor.close();
        return data;
      },
      [SERVER, unique()],
    );
    assert.deepEqual(said, { type: "echo_reply", data: [1, "two", null] });
    await close();
  });
});

async function sendEcho(page, text) {
  await page.getByTestId("play-input").fill(JSON.stringify({ type: "echo", data: text }));
  await page.getByTestId("play-send").click();
  await page.getByTestId("play-frames").locator(".is-in[data-type=room_message]").filter({ hasText: text }).waitFor();
}
