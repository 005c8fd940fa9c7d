import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { closeReason, explainClose } from "./close";

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

  it("are explained in the server's words, and for a token with what to do", () => {
    expect(explainClose(1012, "")).toBe("The server is restarting.");
    expect(explainClose(1012, "back at nine")).toBe("back at nine");
    expect(explainClose(4401, "no token came")).toBe("The server asks for a token; connect with one. It says: no token came");
  });

  it("take an unknown one for a lost connection", () => {
    expect(closeReason(4999)).toMatchObject({ code: 4999, name: "connection-lost", mayReconnect: true });
  });
});
