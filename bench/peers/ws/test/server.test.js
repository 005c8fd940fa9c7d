import { suite } from "node:test";

import { testPlainServer } from "../../common/plain.mjs";
import { start } from "../../common/testing.mjs";

const program = new URL("../src/server.js", import.meta.url).pathname;

for (const args of [[], ["--cork"]]) {
  suite(["ws", ...args].join(" "), { timeout: 60_000 }, () => {
    testPlainServer(() => start("ws", process.execPath, [program, ...args]));
  });
}
