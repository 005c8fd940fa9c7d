/** What most tests of a session begin with. */

import { PING_EVERY_MS } from "../clock";
import type { ConnectOptions } from "../options";
import type { Resumed, Server } from "../protocol";
import type { Room } from "../room";
import { Parlor } from "../session";
import { joined, settle, welcome } from "./fake";
import type { FakeEnvironment } from "./fake";

export const URL = "ws://game.test/ws";

export class Play {
  readonly env: FakeEnvironment;

  constructor(env: FakeEnvironment) {
    this.env = env;
  }

  /** A client that has opened its socket, and has said its first words. */
  async connect(options: ConnectOptions = {}): Promise<Parlor> {
    const parlor = new Parlor(URL, { subprotocol: "v1.json", ...options }, this.env);
    await settle();
    this.env.socket.accept();
    return parlor;
  }

  /** A client that the server knows, as session `s1`. */
  async open(options: ConnectOptions = {}): Promise<Parlor> {
    const parlor = await this.connect(options);
    this.env.socket.say(welcome());
    return parlor;
  }

  /** The same, in a room. */
  async openIn(room: string, over: Partial<Server<"room_joined">> = {}): Promise<{ parlor: Parlor; room: Room }> {
    const parlor = await this.open();
    const join = parlor.join(room, { plugin: "echo" });
    this.letIn(room, over);
    return { parlor, room: await join };
  }

  /** Answers the last join. */
  letIn(room: string, over: Partial<Server<"room_joined">> = {}): void {
    const { socket } = this.env;
    socket.say(joined(room, { ...over, id: socket.last("join_room").id ?? 0 }));
  }

  /** Refuses the last join. */
  refuse(code: string): void {
    const { socket } = this.env;
    const { id = 0 } = socket.last("join_room");
    socket.say({ type: "error", code, message: `${code}, says the server`, id });
  }

  /** Loses the connection and opens the next one, up to where the client has said its first words. */
  comeBack(code = 1006): void {
    this.env.socket.lose(code);
    this.env.pass(60_000);
    this.env.socket.accept();
  }

  /** Lets time pass on a connection that is alive: every ping has its pong. */
  pass(ms: number): void {
    const { env } = this;
    for (let left_ms = ms; left_ms > 0; left_ms -= PING_EVERY_MS) {
      const { timestamp } = env.socket.last("ping");
      env.socket.say({ type: "pong", timestamp, server_time_ms: env.clock() });
      env.pass(Math.min(left_ms, PING_EVERY_MS));
    }
  }

  resume(...rooms: Resumed[]): void {
    this.env.socket.say(welcome("fresh"), { type: "resumed", session: "s1", resume_token: "t2", rooms });
  }

  refuseResume(session = "s2"): void {
    this.env.socket.say(welcome(session), { type: "error", code: "RESUME_REFUSED", message: "unknown session" });
  }
}
