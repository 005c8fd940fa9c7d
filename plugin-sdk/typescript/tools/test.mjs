// Runs a plugin's tests, `test/*.test.ts`, in Node.js: no WebAssembly and no server is needed.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { ALIAS } from "./build.mjs";
import { succeeds } from "./check.mjs";

/** Whether all tests pass. */
export async function testsPass(folder, { version }) {
  const names = (await readdir(join(folder, "test"))).filter((name) => name.endsWith(".test.ts"));
  const out = await mkdtemp(join(tmpdir(), "parlor-plugin-"));
  try {
    await build({
      entryPoints: names.map((name) => resolve(folder, "test", name)),
      absWorkingDir: resolve(folder),
      bundle: true,
      outdir: out,
      outExtension: { ".js": ".mjs" },
      format: "esm",
      platform: "node",
      target: "node20",
      alias: ALIAS,
      define: { PARLOR_PLUGIN_VERSION: JSON.stringify(version) },
      sourcemap: "inline",
      logLevel: "warning",
    });
    const files = names.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
    return await succeeds(process.execPath, ["--enable-source-maps", "--test", ...files], folder);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
