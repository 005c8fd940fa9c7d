import { suite } from "node:test";

import { testPlainServer } from "../../common/plain.mjs";
import { start } from "../../common/testing.mjs";

const path = (relative) => new URL(relative, import.meta.url).pathname;

suite("bun", { timeout: 60_000 }, () => {
  testPlainServer(() => start("bun", path("../node_modules/.bin/bun"), [path("../src/server.js")]));
});
