#!/usr/bin/env node
// Builds, checks and tests the plugin in this folder.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readFileSync } from "node:fs";

const USAGE = `parlor-plugin build [--out FILE] [--no-check]   make a component of src/index.ts, dist/NAME.wasm by default
parlor-plugin check                             check the types
parlor-plugin test                              run test/*.test.ts`;

const folder = process.cwd();
const [command, ...args] = process.argv.slice(2);

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  console.error(`failed to ${command}: ${error.message}`);
  process.exitCode = 1;
}

async function run() {
  switch (command) {
    case "build":
      return buildPlugin();
    case "check":
      return (await import("../tools/check.mjs")).typesFit(folder);
    case "test":
      return (await import("../tools/test.mjs")).testsPass(folder, manifest());
    default:
      console.error(USAGE);
      return false;
  }
}

/** Types are checked beside the build, which takes longer; a component whose types do not fit is not left behind. */
async function buildPlugin() {
  const { name, version } = manifest();
  const output = option("--out") ?? join(folder, "dist", `${name}.wasm`);
  const { buildComponent } = await import("../tools/build.mjs");
  const { typesFit } = await import("../tools/check.mjs");
  const checking = args.includes("--no-check") ? true : typesFit(folder);
  const [fit, built] = await Promise.allSettled([checking, buildComponent(folder, { name, version }, output)]);
  if (fit.status === "rejected") throw fit.reason;
  if (!fit.value) {
    await rm(output, { force: true });
    return false;
  }
  if (built.status === "rejected") throw built.reason;
  const kib = (bytes) => `${Math.round(bytes / 1024)} KiB`;
  const { scriptBytes, componentBytes } = built.value;
  console.log(`${output}: ${kib(componentBytes)}, of which the script is ${kib(scriptBytes)}`);
  return true;
}

function manifest() {
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (typeof name !== "string" || typeof version !== "string") {
    throw new Error("find `name` and `version` in package.json; run this in a plugin's folder");
  }
  return { name: name.split("/").at(-1), version };
}

function option(name) {
  const at = args.indexOf(name);
  if (at < 0) return undefined;
  if (args[at + 1] === undefined) throw new Error(`read the command line: ${name} needs a file`);
  return args[at + 1];
}
