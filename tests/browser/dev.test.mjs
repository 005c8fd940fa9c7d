/** `parlor new` and `parlor dev` as those have them who write plugins: a saved file shows in the open tab, without a reload. */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { BINARY } from "./own-server.mjs";
import { launch, tab } from "./support.mjs";

const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url));
/** The first build makes everything that a plugin depends on. */
const BUILD_MS = 300_000;
/** How often a file is saved whose effect is waited for. */
const SAVES = 3;

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** What is put into the template, so that what its author wrote shows by itself, and where. */
const LANGUAGES = {
  rust: {
    source: "src/lib.rs",
    tick: ["export!(Counter { ", "export!(Counter { tick_hz: 8, "],
    says: (words) => [
      "    fn message(",
      `    fn tick(&mut self, room: &mut Ctx, _tick: parlor_plugin::Tick) {\n        room.state("says", &${words});\n    }\n\n    fn message(`,
    ],
    prepare: () => {},
  },
  ts: {
    source: "src/index.ts",
    tick: ["  input,\n", "  input,\n  tickHz: 8,\n"],
    says: (words) => ["  message(", `  tick(room: Ctx): void {\n    room.state("says", ${words});\n  }\n\n  message(`],
    prepare: linkPackages,
  },
};

describe("parlor dev", { timeout: 2 * BUILD_MS }, () => {
  for (const [lang, { source, tick, says, prepare }] of Object.entries(LANGUAGES)) {
    it(`shows in the open tab what is saved, with the state kept, in ${lang}`, async (test) => {
      const folder = mkdtempSync(join(tmpdir(), "parlor-dev-"));
      test.after(() => rmSync(folder, { recursive: true }));
      execFileSync(BINARY, ["new", "tally", "--lang", lang], { cwd: folder });
      const project = join(folder, "tally");
      prepare(project);
      const dev = startDev(project);
      test.after(() => dev.end());
      const [, url] = await dev.says(/play it: (http:\S+)/);

      const { page, close } = await tab(browser, { name: "Author", path: url });
      await page.getByTestId("play-members").getByText("Author (you)").waitFor();
      await page.evaluate(() => (globalThis.isTheSame = true));
      await click(page);
      await showsClicks(page, 1);

      const path = join(project, source);
      const template = readFileSync(path, "utf8");
      const seconds = [];
      for (let save = 1; save <= SAVES; save += 1) {
        const words = `"saved ${save} times"`;
        const text = replaced(replaced(template, tick), says(words));
        const start = performance.now();
        writeFileSync(path, text);
        await page.getByTestId("play-state").getByText(words).waitFor({ timeout: BUILD_MS });
        seconds.push((performance.now() - start) / 1_000);
      }
      test.diagnostic(`from save to effect in ${lang}: ${seconds.map((it) => it.toFixed(1)).join(", ")} s`);

      writeFileSync(path, `${template}\nthis does not compile`);
      await dev.says(/failed to build the plugin/);
      await click(page);
      await showsClicks(page, 2);
      assert(await page.evaluate(() => globalThis.isTheSame), "the page was loaded again");
      await close();
    });
  }
});

async function click(page) {
  await page.getByTestId("play-input").fill('{"type":"click"}');
  await page.getByTestId("play-send").click();
  await page.getByTestId("play-answer").filter({ hasText: "Applied" }).waitFor();
}

/** Waits until the page shows the view of the clicks with so many of them. */
async function showsClicks(page, count) {
  const view = page.getByTestId("play-state").locator(".view").filter({ has: page.locator("code", { hasText: "clicks" }) });
  await view.locator(".tree-value", { hasText: new RegExp(`^${count}$`) }).waitFor();
}

function replaced(text, [before, after]) {
  assert(text.includes(before), `${before} is not in the template`);
  return text.replace(before, after);
}

/** In place of `npm install`, which needs a registry: the packages that the checkout has. */
function linkPackages(project) {
  const packages = join(CHECKOUT, "plugin-sdk/typescript/node_modules");
  const linked = join(project, "node_modules");
  mkdirSync(join(linked, ".bin"), { recursive: true });
  for (const name of readdirSync(packages)) {
    if (!name.startsWith(".")) symlinkSync(join(packages, name), join(linked, name));
  }
  symlinkSync("../vendor/parlor-plugin", join(linked, "parlor-plugin"));
  symlinkSync("../parlor-plugin/bin/parlor-plugin.mjs", join(linked, ".bin/parlor-plugin"));
  chmodSync(join(linked, ".bin/parlor-plugin"), 0o755);
}

/** Starts it on free ports; what it compiles is kept from one run to the next. */
function startDev(project) {
  const args = ["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  const env = { ...process.env, CARGO_TARGET_DIR: join(CHECKOUT, "target/tutorial"), CARGO_NET_OFFLINE: "true" };
  const child = spawn(BINARY, args, { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  // A test that is broken off does not come to ending it.
  process.once("exit", () => child.kill());
  const told = [];
  const waiting = new Set();
  const hear = (line) => {
    told.push(line);
    for (const look of waiting) look();
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", hear);
  let heard = 0;
  return {
    /** Waits for the next line like this; a complaint is none that was waited for. */
    says(pattern) {
      return new Promise((resolve, reject) => {
        const look = () => {
          while (heard < told.length) {
            const found = pattern.exec(told[heard]);
            heard += 1;
            if (found) return settle(resolve, found);
            if (told[heard - 1].startsWith("!!! ")) return give("it complained");
          }
        };
        const settle = (how, what) => {
          waiting.delete(look);
          clearTimeout(patience);
          how(what);
        };
        const give = (why) => settle(reject, new Error(`${why} before it said ${pattern}:\n${told.join("\n")}`));
        const patience = setTimeout(() => give("too long"), BUILD_MS);
        void ended.then((code) => give(`parlor dev ended with ${code}`));
        waiting.add(look);
        look();
      });
    },
    async end() {
      child.kill("SIGINT");
      await ended;
    },
  };
}
