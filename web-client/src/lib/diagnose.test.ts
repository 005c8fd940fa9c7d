import { describe, expect, it } from "vitest";
import { likelyCause } from "./diagnose";

const probe = (answer: "unreachable" | "unavailable" | "reachable") => ({
  online: true,
  origin: "http://game.test",
  probe: () => Promise.resolve(answer),
});

describe("the likely cause of a connection that did not open", () => {
  it("is what the page can find out", async () => {
    const url = "ws://play.test:8080/ws";
    expect(await likelyCause(url, { ...probe("reachable"), online: false })).toContain("offline");
    expect(await likelyCause(url, { ...probe("reachable"), origin: "https://game.test" })).toContain(
      "wss://play.test:8080",
    );
    expect(await likelyCause(url, probe("unreachable"))).toContain("Nothing answers at play.test:8080");
    expect(await likelyCause(url, probe("unavailable"))).toContain("starting or shutting down");
    expect(await likelyCause(url, probe("reachable"))).toContain("http://game.test");
  });

  it("is not the address where that has been good before", async () => {
    const url = "ws://play.test:8080/ws";
    expect(await likelyCause(url, probe("unreachable"), true)).toBe("play.test cannot be reached.");
    expect(await likelyCause(url, probe("reachable"), true)).not.toContain("--origin");
  });
});
