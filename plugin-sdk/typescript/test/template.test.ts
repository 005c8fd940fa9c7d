// Makes a project of the template as README.md says, and builds, checks and tests it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const PLACEHOLDER = "parlor-room-name";

test("a project of the template builds and passes its tests", () => {
  const project = mkdtempSync(join(tmpdir(), "parlor-template-"));
  try {
    assemble(project, "my-first_room2");
    const run = (...args: string[]): string =>
      execFileSync(process.execPath, ["vendor/parlor-plugin/bin/parlor-plugin.mjs", ...args], {
        cwd: project,
        encoding: "utf8",
        // Or the runner inside would take itself for a part of this one.
        env: { ...process.env, NODE_TEST_CONTEXT: undefined },
      });
    assert.match(run("test"), /# pass 2\n# fail 0/);
    assert.match(run("build"), /dist\/my-first_room2\.wasm: \d+ KiB/);
    assert.ok(statSync(join(project, "dist/my-first_room2.wasm")).size > 1_000_000);
    // A mistake in the types leaves no component behind.
    const index = join(project, "src/index.ts");
    writeFileSync(index, `${readFileSync(index, "utf8")}\nsetTimeout(() => undefined, 1);\n`);
    assert.throws(() => run("build"), (error: { stdout: string }) => /Cannot find name 'setTimeout'/.test(error.stdout));
    assert.throws(() => statSync(join(project, "dist/my-first_room2.wasm")));
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
});

/** What `parlor new --lang ts` does. */
function assemble(project: string, name: string): void {
  cpSync("template", project, { recursive: true });
  let replaced = 0;
  for (const file of readdirSync(project, { recursive: true, encoding: "utf8" })) {
    const path = join(project, file);
    if (!statSync(path).isFile()) continue;
    const text = readFileSync(path, "utf8");
    if (text.includes(PLACEHOLDER)) replaced += 1;
    writeFileSync(path, text.replaceAll(PLACEHOLDER, name));
  }
  assert.equal(replaced, 3);
  const vendored = join(project, "vendor/parlor-plugin");
  for (const part of ["package.json", "README.md", "tsconfig.plugin.json", "bin", "src", "tools"]) {
    cpSync(part, join(vendored, part), { recursive: true });
  }
  cpSync("../wit/room.wit", join(vendored, "wit/room.wit"));
  // In place of `npm install`, which would take longer than all tests together.
  symlinkSync(join(process.cwd(), "node_modules"), join(project, "node_modules"));
}
