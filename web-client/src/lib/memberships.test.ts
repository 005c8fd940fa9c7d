import { beforeEach, describe, expect, it } from "vitest";
import { SUBPROTOCOLS } from "./codecs";
import type { Server } from "./protocol";
import { stateHash } from "./state-hash";
import { FakeEnvironment } from "./testing/fake";
import { Play } from "./testing/play";
import type { Value } from "./value";

let env: FakeEnvironment;
let play: Play;

beforeEach(() => {
  env = new FakeEnvironment();
  play = new Play(env);
});

const whole = (room: string, view: string, handle: number, state: Value, version = 1): Server<"room_state"> => ({
  type: "room_state",
  room,
  epoch: 1,
  tick: version,
  view,
  version,
  as_of: 0,
  hash: stateHash(state),
  handle,
  state,
});

/** A patch by which `a` becomes `after`, where there is nothing else. */
const change = (handle: number, after: number, version = 2): Server<"room_patch"> => ({
  type: "room_patch",
  handle,
  tick: version,
  version,
  as_of: 0,
  hash: stateHash({ a: after }),
  patch: [0, after],
});

const requests = () => env.socket.got("state_request").map(({ room, view }) => `${room}/${view}`);

describe("patches", () => {
  it.each(SUBPROTOCOLS)("go to the view that their handle names, in %s (ST2)", async (subprotocol) => {
    const parlor = await play.open({ subprotocol });
    for (const name of ["r", "s"]) {
      const join = parlor.join(name, { plugin: "echo" });
      play.letIn(name);
      await join;
    }
    env.socket.say(whole("r", "v", 1, { a: 1 }), whole("r", "w", 2, { a: 1 }), whole("s", "v", 3, { a: 1 }));
    env.socket.say(change(3, 30), change(2, 20), change(3, 31, 3));
    const value = (room: string, view: string) => parlor.rooms.get(room)?.views.get(view)?.value;
    expect([value("r", "v"), value("r", "w"), value("s", "v")]).toEqual([{ a: 1 }, { a: 20 }, { a: 31 }]);
    expect(requests()).toEqual([]);
  });

  it("are for nobody where nobody knows their handle", async () => {
    const { room } = await play.openIn("r");
    env.socket.say(whole("r", "v", 1, { a: 1 }), change(2, 2), whole("other", "v", 3, { a: 1 }), change(3, 2));
    expect([...room.views.values()]).toEqual([{ value: { a: 1 }, tick: 1, version: 1 }]);
    expect(requests()).toEqual([]);
  });

  it("are not for a view that has another handle by now", async () => {
    const { room } = await play.openIn("r");
    env.socket.say(whole("r", "v", 1, { a: 1 }), whole("r", "v", 2, { a: 5 }, 2), change(1, 6, 3));
    expect(room.views.get("v")).toEqual({ value: { a: 5 }, tick: 2, version: 2 });
    env.socket.say(change(2, 6, 4));
    expect(room.views.get("v")).toEqual({ value: { a: 6 }, tick: 4, version: 4 });
    expect(requests()).toEqual([]);
  });

  it("are for this connection only: on the next one the whole comes first (ST7)", async () => {
    const { room } = await play.openIn("r");
    env.socket.say(whole("r", "v", 1, { a: 1 }));
    play.comeBack();
    play.resume({ room: "r", epoch: 1, seq: 0, last_id: 0 });
    env.socket.say(change(1, 2), whole("r", "w", 1, { a: 7 }), change(1, 8));
    expect(room.views.get("v")?.value).toEqual({ a: 1 });
    expect(room.views.get("w")?.value).toEqual({ a: 8 });
    expect(requests()).toEqual([]);
  });

  it("of a room that was left are for nobody", async () => {
    const { parlor, room } = await play.openIn("r");
    env.socket.say(whole("r", "v", 1, { a: 1 }));
    env.socket.say({ type: "room_closed", room: "r", code: "ROOM_CLOSED", message: "it is over" });
    const join = parlor.join("r", { plugin: "echo" });
    play.letIn("r");
    const again = await join;
    env.socket.say(change(1, 2));
    expect([room.views.get("v")?.value, again.views.size]).toEqual([{ a: 1 }, 0]);
    expect(requests()).toEqual([]);
  });

  it("that are wrong make the client ask once for that view, and for no other (ST4)", async () => {
    const { room } = await play.openIn("r");
    env.socket.say(whole("r", "v", 1, { a: 1 }), whole("r", "w", 2, { a: 1 }));
    env.socket.say({ ...change(1, 2), hash: 0 }, change(1, 3, 3), change(2, 2));
    expect(requests()).toEqual(["r/v"]);
    expect([...room.views.values()].map(({ value }) => value)).toEqual([{ a: 1 }, { a: 2 }]);
    env.socket.say(whole("r", "v", 1, { a: 4 }, 4), change(1, 5, 5));
    expect(room.views.get("v")?.value).toEqual({ a: 5 });
    expect(requests()).toEqual(["r/v"]);
  });
});
