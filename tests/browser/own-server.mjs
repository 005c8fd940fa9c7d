/** A server of a test's own, which it may stop and start again. */

import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { launch } from "./support.mjs";

export const BINARY = process.env.PARLOR_BINARY ?? fileURLToPath(new URL("../../target/debug/parlor", import.meta.url));

/** A browser and a server of their own for all tests of a file: both are there once its tests run. */
export function withOwnServer() {
  const own = {};
  before(async () => {
    own.browser = await launch();
    own.server = await ownServer();
  });
  after(async () => {
    await own.browser.close();
    await own.server.close();
  });
  return own;
}

/**
 * Starts one, which keeps its port and its data as long as the test does.
 *
 * @param {{ host?: string, secret?: Buffer }} options `host` is the name by which pages know it; it listens on this machine
 *   only. With a `secret` it asks for tokens that are signed with it.
 */
export async function ownServer({ host = "127.0.0.1", secret } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "parlor-browser-"));
  const port = await freePort();
  const url = `http://${host}:${port}`;
  const env = {
    ...process.env,
    PARLOR_LISTEN: `127.0.0.1:${port}`,
    PARLOR_ADMIN_LISTEN: "127.0.0.1:0",
    PARLOR_DATA_DIR: join(folder, "data"),
    PARLOR_LOG: "error",
    ...(host === "127.0.0.1" ? {} : { PARLOR_ORIGIN: url }),
    ...(secret ? askForTokens(folder, secret) : {}),
  };
  let child = await start(env);
  const end = async (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  };
  const stop = () => end("SIGTERM");
  return {
    url,
    /** Stops it as an operator does, and waits for its end. */
    stop,
    /** Ends it as a crash does. */
    kill: () => end("SIGKILL"),
    /** Runs `parlor` with these arguments as its operator, and gives what it says. */
    async operate(...args) {
      const { stdout } = await promisify(execFile)(BINARY, args, { env });
      return stdout.trim();
    },
    /** Writes a room's history into a file for `/replay/`. */
    exportReplay(room, path) {
      execFileSync(BINARY, ["replay", room, "--data-dir", join(folder, "data"), "--export", path]);
    },
    async startAgain() {
      child = await start(env);
    },
    async close() {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function askForTokens(folder, secret) {
  const keys = join(folder, "keys.json");
  writeFileSync(keys, JSON.stringify({ keys: [{ kty: "oct", k: secret.toString("base64url") }] }));
  return { PARLOR_AUTH: "jwt", PARLOR_JWT_KEYS: keys, PARLOR_JWT_LEEWAY_SECONDS: "0" };
}

async function start(env) {
  const child = spawn(BINARY, ["serve"], { env, stdio: ["ignore", "pipe", "inherit"] });
  // A test that fails does not come to closing it, and must end all the same.
  child.unref();
  child.stdout.unref();
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.removeListener("exit", end));
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${BINARY} serve ended with ${code} before it listened`)));
    createInterface({ input: child.stdout }).on("line", (line) => line.startsWith("parlor listening on ") && resolve());
  });
  return child;
}

/** A page's origin has a port in it, so the server must be told which before it has one. */
async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
