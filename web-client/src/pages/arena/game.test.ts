import { describe, expect, it } from "vitest";
import type { Reply, Value } from "../../lib";
import { Game } from "./game";
import type { SteerInput } from "./game";
import { cut, moved, STILL, TICK_MS, toUnits, UNIT } from "./motion";
import type { Steer, Vector } from "./motion";

const RIGHT: Steer = { x: 127, y: 0 };

function nearOf(place: Vector, steer: Steer): Value {
  const cell = Math.floor(place.y / 128) * 13 + Math.floor(place.x / 128);
  return {
    me: [steer.x, steer.y, 0],
    ids: [7],
    cells: [cell],
    at: Uint8Array.of(place.x % 128, place.y % 128),
    orbs: {},
  };
}

/** A room behind a wire: what is sent arrives `way_ms` later, views and replies come back as late. */
class Wire {
  readonly game: Game;
  now_ms = 0;
  place: Vector = { x: 800 * UNIT, y: 800 * UNIT };
  steer: Steer = STILL;
  readonly sent: SteerInput[] = [];
  readonly #way_ms: number;
  #events: { at_ms: number; act: () => void }[] = [];
  #held: { steer: Steer; answer: (reply: Reply) => void }[] = [];
  /** Answers that are on their way for ever. */
  readonly lost: (() => void)[] = [];
  isLosing = false;

  constructor(way_ms: number) {
    this.#way_ms = way_ms;
    this.game = new Game({
      you: () => 7,
      rtt_ms: () => 2 * way_ms,
      send: (input) => {
        this.sent.push(input);
        return new Promise((answer) =>
          this.#after(way_ms, () => this.#held.push({ steer: cut(input), answer })),
        );
      },
    });
    for (let tick = 1; tick < 200; tick += 1) this.#after(tick * TICK_MS, () => this.#tick(tick));
  }

  #after(delay_ms: number, act: () => void): void {
    this.#events.push({ at_ms: this.now_ms + delay_ms, act });
  }

  #tick(tick: number): void {
    for (const { steer, answer } of this.#held.splice(0)) {
      this.steer = steer;
      const say = () => answer({ tick, data: undefined, repeat: false });
      if (this.isLosing) this.lost.push(say);
      else this.#after(this.#way_ms, say);
    }
    this.place = moved(this.place, this.steer);
    if (this.isLosing) return;
    const value = nearOf(toUnits(this.place), this.steer);
    this.#after(this.#way_ms, () => {
      this.game.onNear(value, tick, this.now_ms);
    });
  }

  /** Lets time pass with pictures in between, and this direction wanted. */
  async pass(ms: number, wanted: Steer): Promise<void> {
    for (const end_ms = this.now_ms + ms; this.now_ms < end_ms; ) {
      this.now_ms += 5;
      const due = this.#events.filter(({ at_ms }) => at_ms <= this.now_ms);
      this.#events = this.#events.filter((event) => !due.includes(event));
      for (const { act } of due.sort((a, b) => a.at_ms - b.at_ms)) act();
      await Promise.resolve();
      this.game.steer(wanted, this.now_ms);
      this.game.frame(this.now_ms);
    }
  }
}

/** A wire that was lost, and is back: the answer to what was sent is on its way still, and the room stopped whom it missed. */
async function cutOff(): Promise<Wire> {
  const wire = new Wire(10);
  await wire.pass(300, STILL);
  wire.isLosing = true;
  await wire.pass(100, RIGHT);
  expect(wire.sent.length).toBe(1);
  wire.game.restart();
  wire.steer = STILL;
  return wire;
}

describe("the game", () => {
  it("draws nothing before the first view", () => {
    expect(new Wire(20).game.frame(0)).toBeUndefined();
  });

  it.each([0, 17, 40, 130])("moves at once, and is where the room has it in the end, %i ms away", async (way_ms) => {
    const wire = new Wire(way_ms);
    await wire.pass(600, STILL);
    await wire.pass(60, RIGHT);
    expect(wire.game.facts?.predicted.x).toBeGreaterThan(800);
    await wire.pass(800, RIGHT);
    await wire.pass(400, { x: 0, y: -60 });
    await wire.pass(800, STILL);
    expect(wire.sent.length).toBe(3);
    const { server, predicted, corrections } = wire.game.facts ?? expect.fail("no view");
    expect(toUnits({ x: predicted.x * UNIT, y: predicted.y * UNIT })).toEqual(server);
    expect(server).toEqual(toUnits(wire.place));
    expect(corrections).toBe(0);
  });

  it("sends no more often than the room ticks", async () => {
    const wire = new Wire(10);
    await wire.pass(200, STILL);
    for (let turn = 0; turn < 100; turn += 1) await wire.pass(5, { x: turn, y: 1 });
    expect(wire.sent.length).toBeLessThanOrEqual(11);
  });

  it("says again what is wanted when the connection is back", async () => {
    const wire = new Wire(10);
    await wire.pass(300, RIGHT);
    wire.game.restart();
    wire.steer = STILL;
    wire.game.steer(RIGHT, wire.now_ms);
    expect(wire.game.frame(wire.now_ms)?.me.x).toBeGreaterThan(800);
    await wire.pass(300, RIGHT);
    expect(wire.sent.map(({ x }) => x)).toEqual([127, 127]);
    expect(wire.steer).toEqual(RIGHT);
  });

  it("says it again, too, where only the answer to it was lost, and nothing moves since", async () => {
    const wire = await cutOff();
    // What the room has then comes once, and the old answer behind it.
    wire.game.onNear(nearOf(toUnits(wire.place), STILL), 9, wire.now_ms);
    await wire.pass(100, RIGHT);
    for (const say of wire.lost) say();
    await wire.pass(100, RIGHT);
    expect(wire.sent.map(({ x }) => x)).toEqual([127, 127]);
    expect(wire.steer).toEqual(RIGHT);
  });

  it("says it again, too, where the room took it and stopped whom it missed in one tick, so that no view tells of either", async () => {
    const wire = await cutOff();
    // The view is of the last tick in which anything changed, and the answer of a later one.
    wire.game.onNear(nearOf(toUnits(wire.place), STILL), 6, wire.now_ms);
    for (const say of wire.lost) say();
    await wire.pass(300, RIGHT);
    expect(wire.sent.map(({ x }) => x)).toEqual([127, 127]);
    expect(wire.steer).toEqual(RIGHT);
  });
});
