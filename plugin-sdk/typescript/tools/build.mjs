// From a plugin's sources to its component: one bundle, one componentize-qjs.
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { componentize } from "componentize-qjs";
import { build } from "esbuild";
import { lineTable } from "./lines.mjs";
import { inSdk, witFile } from "./places.mjs";

/** What the room is compiled for: the newest JavaScript that QuickJS has in full. */
const TARGET = "es2023";

/** How `parlor-plugin` is found, wherever the SDK lies. */
export const ALIAS = {
  "parlor-plugin": inSdk("src/index.ts"),
  "parlor-plugin/testing": inSdk("src/testing/index.ts"),
};

/** Builds the component of the plugin in `folder`, and says how large it and its script are. */
export async function buildComponent(folder, { name, version }, output) {
  const script = await bundle(folder, version);
  const { component } = await componentize({
    witPath: dirname(witFile()),
    jsSource: script,
    sync: true,
  });
  await mkdir(dirname(output), { recursive: true });
  // Whoever watches the file never sees half of it.
  await writeFile(`${output}.part`, component);
  await rename(`${output}.part`, output);
  return { name, scriptBytes: script.length, componentBytes: component.length };
}

/** The plugin and the SDK as one script. It is not minified: faults name its functions. */
async function bundle(folder, version) {
  const plugin = JSON.stringify(resolve(folder, "src/index.ts"));
  const entry = `
    import host from "parlor:room/host";
    import plugin from ${plugin};
    import { guestOf } from ${JSON.stringify(inSdk("src/plugin.ts"))};
    export const guest = guestOf(plugin, host);`;
  const result = await build({
    stdin: { contents: entry, resolveDir: folder, sourcefile: "entry.js" },
    absWorkingDir: resolve(folder),
    bundle: true,
    write: false,
    format: "esm",
    target: TARGET,
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["parlor:room/host"],
    alias: ALIAS,
    define: { PARLOR_PLUGIN_VERSION: JSON.stringify(version) },
    sourcemap: "external",
    outfile: "bundle.js",
    logLevel: "silent",
  });
  const [map, script] = result.outputFiles;
  const table = lineTable(JSON.parse(map.text), (source) => sourceName(folder, source));
  // Behind everything else, so that it moves no line.
  return `${script.text}\nvar PARLOR_LINES = ${JSON.stringify(table)};\n`;
}

/** How a fault calls a source: by its path in the project, or in the SDK. */
function sourceName(folder, source) {
  const path = resolve(folder, source);
  const sdk = relative(inSdk("."), path);
  if (!sdk.startsWith("..")) return `parlor-plugin/${sdk}`;
  const own = relative(resolve(folder), path);
  return own === "entry.js" ? undefined : own;
}
