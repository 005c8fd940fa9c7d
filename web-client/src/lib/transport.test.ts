import { describe, expect, it, vi } from "vitest";
import { FakeEnvironment } from "./testing/fake";
import { Transport } from "./transport";

function transport() {
  const env = new FakeEnvironment();
  const events = { opened: vi.fn(), received: vi.fn(), unreadable: vi.fn(), closed: vi.fn() };
  const it = new Transport(env, "ws://game.test/ws", ["v1.binary", "v1.json"], events);
  return { it, events, socket: env.socket };
}

describe("a transport", () => {
  it("speaks the subprotocol that the server chose", () => {
    const { it: outbound, events, socket } = transport();
    expect(outbound.send({ type: "ping", timestamp: 1 })).toBe(0);
    socket.accept("v1.json");
    expect(events.opened).toHaveBeenCalledWith("v1.json");
    expect(outbound.send({ type: "ping", timestamp: 1 })).toBe('{"type":"ping","timestamp":1}'.length);
    expect(socket.inbox).toEqual([{ type: "ping", timestamp: 1 }]);
  });

  it("goes on after a message that is no frame, and ignores frames it has no name for (ER4)", () => {
    const { events, socket } = transport();
    socket.accept("v1.json");
    socket.sayRaw('{"type":"from_the_future"}');
    socket.sayRaw(new ArrayBuffer(3));
    socket.say({ type: "notice", code: "A", message: "b" });
    expect(events.unreadable).toHaveBeenCalledTimes(1);
    expect(events.received).toHaveBeenCalledTimes(1);
  });

  it("is silent once it was closed from this side", () => {
    for (const end of ["close", "abandon"] as const) {
      const { it: outbound, events, socket } = transport();
      socket.accept();
      outbound[end]();
      socket.say({ type: "notice", code: "A", message: "b" });
      socket.lose();
      expect(events.received).not.toHaveBeenCalled();
      expect(events.closed).not.toHaveBeenCalled();
      expect(outbound.send({ type: "ping", timestamp: 1 })).toBe(0);
    }
  });

  it("tells whether it had opened", () => {
    const { events, socket } = transport();
    socket.lose(1006);
    expect(events.closed).toHaveBeenCalledWith({ code: 1006, reason: "", wasOpen: false });
  });
});
