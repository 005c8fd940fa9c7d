import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { closeReason } from "./close";

describe("close codes", () => {
  it("are those of the specification (CL1)", () => {
    const spec = readFileSync(new URL("../../../proto/SPEC.md", import.meta.url), "utf8");
    const rows = [...spec.matchAll(/^\| (\d{4}) \| ([a-z-]+) \| .* \| (\*\*no\*\*|yes) \|$/gm)];
    expect(rows.length).toBeGreaterThan(15);
    for (const [, code, name, mayReconnect] of rows) {
      expect(closeReason(Number(code))).toMatchObject({
        code: Number(code),
        name,
        mayReconnect: mayReconnect === "yes",
      });
    }
  });

  it("take an unknown one for a lost connection", () => {
    expect(closeReason(4999)).toMatchObject({ code: 4999, name: "connection-lost", mayReconnect: true });
  });
});
