import { describe, expect, it } from "vitest";
import { readChat } from "../game/chat-lines";
import { normaliseCode, readRoute, writeRoute } from "./route";
import type { Route } from "./route";
import type { Value } from "../../lib";

describe("the address", () => {
  it("leads back to where it came from", () => {
    const routes: Route[] = [
      { page: "lobby" },
      { page: "room", room: "a.b_c:d-e", isWatching: false },
      { page: "room", room: "grid-1", isWatching: true },
      { page: "code", code: "ABCD2345", isWatching: false },
      { page: "code", code: "ABCD2345", isWatching: true },
    ];
    for (const route of routes) expect(readRoute(writeRoute(route))).toEqual(route);
    expect(writeRoute({ page: "room", room: "x", isWatching: true })).toBe("?room=x&watch");
  });

  it("takes a code as people type it", () => {
    expect(normaliseCode(" abcd 23-45 ")).toBe("ABCD2345");
    expect(readRoute("?code=abcd2345")).toEqual({ page: "code", code: "ABCD2345", isWatching: false });
  });
});

describe("the chat", () => {
  it("reads lines, pages of them, and who is typing", () => {
    const said = { type: "said", n: 1, from: 2, name: "Ada", at_ms: 0, text: "<b>hi</b>" };
    const line = { kind: "said", from: 2, name: "Ada", text: "<b>hi</b>", isPrivate: false };
    expect(readChat(said)).toEqual({ type: "lines", lines: [line], isHistory: false });
    expect(readChat({ type: "history", lines: [said, { type: "joined" }], more: false })).toEqual({
      type: "lines",
      lines: [line],
      isHistory: true,
    });
    expect(readChat({ type: "typing", from: 2, on: true })).toEqual({ type: "typing", from: 2, isOn: true });
    const unknown: Value[] = [null, 1, {}, { type: "said" }, { type: "dance", from: 1, name: "x" }];
    for (const bad of unknown) expect(readChat(bad)).toEqual({ type: "unknown" });
  });
});
