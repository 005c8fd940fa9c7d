import { describe, expect, it } from "vitest";
import { socketUrl } from "./index";

describe("the address of a server", () => {
  it("may be written in any of the usual ways", () => {
    const page = "https://play.example.org/room?x=1#top";
    expect(socketUrl("/ws", page)).toBe("wss://play.example.org/ws");
    expect(socketUrl("http://localhost:8080/ws", page)).toBe("ws://localhost:8080/ws");
    expect(socketUrl("wss://other.example.org/ws?a=b#c", undefined)).toBe("wss://other.example.org/ws?a=b");
  });
});
