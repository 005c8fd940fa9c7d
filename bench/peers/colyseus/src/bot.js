// One client: joins by Colyseus' own SDK, steers, and has the SDK decode everything that it is sent.

import { FAR_UNITS } from "./near.js";
import { shape } from "./state.js";
import { FULL, isWithin } from "./world.js";

/** Places are rounded to whole units, once on each side. */
const ROUNDING_UNITS = 2;

/** So many bytes come before a message from a server: RFC 6455, section 5.2. */
export function headerBytes(payloadBytes) {
  if (payloadBytes < 126) return 2;
  return payloadBytes < 65_536 ? 4 : 10;
}

export class Bot {
  received = { messages: 0, payloadBytes: 0, framedBytes: 0 };
  inputs = { sent: 0, answered: 0 };
  /** What was wrong, and how often. */
  faults = new Map();
  #room;
  #placeOf;
  #timer;
  #ownId;

  /** A client that is in the room, and has been sent its state. */
  static async join(client, shapeName, number) {
    const bot = new Bot();
    bot.#placeOf = shape(shapeName).of;
    bot.#room = await client.joinOrCreate(`arena-${shapeName}`, { name: `bot ${number}` });
    const { events } = bot.#room.connection;
    const decode = events.onmessage;
    events.onmessage = (event) => {
      const bytes = event.data.byteLength;
      bot.received.messages += 1;
      bot.received.payloadBytes += bytes;
      bot.received.framedBytes += bytes + headerBytes(bytes);
      decode(event);
    };
    bot.#room.onLeave((code) => bot.#fault(`the connection ended with ${code}`));
    bot.#room.onError((code, message) => bot.#fault(`an error came: ${code} ${message}`));
    await new Promise((done) => bot.#room.onStateChange.once(done));
    return bot;
  }

  /** The own member. The fields for it are sent to nobody else. */
  get id() {
    if (this.#ownId === undefined) {
      for (const [id, player] of this.#room.state.players) if (player.dx !== undefined) this.#ownId = id;
    }
    return this.#ownId;
  }

  /** What is known of a member. */
  player(id) {
    return this.#room.state.players.get(id);
  }

  get place() {
    return this.#placeOf(this.player(this.id));
  }

  /** The places of all who are in sight, by their ids; the own one among them. */
  seen() {
    const seen = new Map();
    for (const [id, player] of this.#room.state.players) {
      const place = this.#placeOf(player);
      if (place) seen.set(id, place);
    }
    return seen;
  }

  /** Calls back with every state that comes. */
  onState(callback) {
    this.#room.onStateChange(callback);
  }

  /** From now on looks at every state that comes: nobody is in sight who is too far away. */
  watch() {
    this.onState(() => {
      const from = this.place;
      for (const place of this.seen().values()) {
        if (!isWithin(from, place, FAR_UNITS + ROUNDING_UNITS)) this.#fault("a member was seen from too far away");
      }
    });
  }

  /** From the time `due` on, takes another direction at full speed every `periodMs`. */
  roam(due, periodMs) {
    const delay = Math.max(due - performance.now(), 0);
    this.#timer = setTimeout(() => {
      const angle = Math.random() * 2 * Math.PI;
      void this.steer(Math.trunc(FULL * Math.cos(angle)), Math.trunc(FULL * Math.sin(angle)));
      this.roam(due + periodMs, periodMs);
    }, delay);
  }

  async stand() {
    clearTimeout(this.#timer);
    await this.steer(0, 0);
  }

  async steer(x, y) {
    this.inputs.sent += 1;
    try {
      const tick = await this.#room.request("steer", { x, y });
      if (Number.isInteger(tick)) this.inputs.answered += 1;
    } catch (error) {
      this.#fault(`an input failed: ${error.message}`);
    }
  }

  /** The room's id. */
  get roomId() {
    return this.#room.roomId;
  }

  leave() {
    this.#room.onLeave.clear();
    return this.#room.leave();
  }

  #fault(kind) {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }
}
