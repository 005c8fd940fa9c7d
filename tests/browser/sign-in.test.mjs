/** Pages on a server that asks for tokens. */

import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { ownServer } from "./own-server.mjs";
import { launch, ownNumber, tab } from "./support.mjs";

const SECRET = randomBytes(32);
const HOUR_S = 3_600;
/** So short that a connection outlives several of them. */
const BRIEF_S = 4;

let browser;
let server;
before(async () => {
  browser = await launch();
  server = await ownServer({ secret: SECRET });
});
after(async () => {
  await browser.close();
  await server.close();
});

describe("signing in", { concurrency: true, timeout: 60_000 }, () => {
  it("is done by the token in the address, which no server is shown and no bookmark keeps", async () => {
    const token = tokenFor("ada", { name: "Ada Lovelace", lasts_s: HOUR_S });
    const { page, close } = await tab(browser, { name: "Nobody", path: "/?room=salon", server: server.url });
    const asked = [];
    // What is behind the # stays in the browser.
    page.on("request", (request) => asked.push(request.url().split("#")[0] + JSON.stringify(request.headers())));
    page.on("websocket", (socket) => asked.push(socket.url()));
    await page.goto(`${server.url}/?room=salon#token=${token}`);
    // The address differs in its last part only, for which no page is loaded anew.
    await page.reload();
    await page.getByTestId("waiting-room").getByText("Ada Lovelace (you)").waitFor();
    assert.equal(page.url(), `${server.url}/?room=salon`);
    assert(!asked.join().includes(token), "the token is in a frame only");

    const number = await ownNumber(page);
    await page.reload();
    await page.getByTestId("waiting-room").getByText("Ada Lovelace (you)").waitFor();
    assert.equal(await ownNumber(page), number, "the session is resumed");
    await close();
  });

  it("is asked for in words where there is no token, and not over and over (OP2, CL1)", async () => {
    const { page, close } = await tab(browser, { name: "Stranger", server: server.url });
    const notice = page.getByTestId("connection-notice");
    await notice.getByText("asks for a token").getByText("where you sign in").waitFor();
    assert.equal(await page.getByTestId("status").getAttribute("data-status"), "closed");
    await close();
  });

  it("is renewed before it ends, on the same connection (AU5, AU6)", async () => {
    const { page, close } = await tab(browser, { name: "Nobody", path: "/play/", server: server.url });
    let tokens = 0;
    await page.exposeFunction("freshToken", () => {
      tokens += 1;
      return tokenFor("grace", { lasts_s: BRIEF_S });
    });
    const statuses = await page.evaluate(async () => {
      const { connect } = await import("/parlor.js");
      let count = 0;
      const parlor = connect(`${location.origin}/ws`, {
        token: () => {
          count += 1;
          return freshToken();
        },
      });
      const statuses = [];
      parlor.on("status", ({ status }) => statuses.push(status));
      await parlor.ready;
      const room = await parlor.join("renewed", { plugin: "echo" });
      // Two tokens later the first one is long over.
      await new Promise((resolve) => {
        parlor.on("frame", ({ frame }) => frame.type === "welcome" && count >= 4 && resolve());
      });
      await room.send({ type: "echo", data: "still here" });
      parlor.close();
      return statuses;
    });
    // Another connection would show here: the page's own client has one beside it.
    assert.deepEqual(statuses, ["connecting", "open", "closed"]);
    assert(tokens >= 4);
    await close();
  });
});

/** A JWT for a user. */
function tokenFor(sub, { name, lasts_s }) {
  const part = (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  const exp = Math.floor(Date.now() / 1_000) + lasts_s;
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub, exp, ...(name && { name }) })}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}
