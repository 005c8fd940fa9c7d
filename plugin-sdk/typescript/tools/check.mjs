// Type checks a plugin: `tsconfig.json`, and `test/tsconfig.json` where there are tests.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Whether all types fit; what does not is printed. */
export async function typesFit(folder) {
  const require = createRequire(import.meta.url);
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  for (const project of ["tsconfig.json", "test/tsconfig.json"]) {
    const path = join(folder, project);
    if (existsSync(path) && !(await succeeds(process.execPath, [tsc, "--project", path], folder))) return false;
  }
  return true;
}

/** Runs a program with its output on ours. */
export function succeeds(program, args, folder) {
  return new Promise((settle, reject) => {
    const child = spawn(program, args, { cwd: folder, stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => settle(code === 0));
  });
}
