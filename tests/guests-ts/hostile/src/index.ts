// Does harm on request, as `tests/guests/hostile` does in Rust: in a step by a message `{"do": …}`, in `open` by the room
// option `{"open": {"do": …}}`, and in every tick by `{"tick": {"do": …}}`. Between that it counts, so that tests see
// whether its state survived, and shows what time and chance are here.

import { type Config, type Ctx, type KvResult, type Member, Refusal, Room, type ShapeOf, definePlugin, shape } from "parlor-plugin";
import { type Harm, act, harms } from "./harm.ts";

const harmless = {
  /** Adds to the sum, and answers with it. */
  add: { n: shape.integer() },
  /** Is so large that few of these fill the flight recorder, and the room has to be saved. */
  fill: { filler: shape.text() },
  /** From now on the state cannot be saved. */
  spoil_save: {},
  /** Is refused with a code of the plugin's own. */
  refuse: {},
  /** Is answered with what time and chance are, by each way to ask for them. */
  chance: {},
  /** Remembers a value under a name, and answers with all there are, in order. */
  remember: { name: shape.text(), value: shape.any },
  /** Remembers something beside the state. */
  forget_to_save: {},
  /** Announces itself when so much room time has passed. */
  timer: { after_ms: shape.integer({ min: 0 }) },
};
const input = shape.oneOf("do", { ...harmless, ...harms });
const options = shape.record({
  open: shape.optional(shape.oneOf("do", harms)),
  tick: shape.optional(shape.oneOf("do", harms)),
  refuse: shape.optional(shape.bool),
});
type Input = ShapeOf<typeof input>;

interface State {
  sum: number;
  tick: Harm | null;
  remembered: Map<string, unknown>;
  names: Set<string>;
  unsaved: unknown;
}

/** What no save has. */
let besideTheState = 0;

class Hostile extends Room<State, Input> {
  open(room: Ctx, config: Config): State {
    const { open, tick, refuse } = config.options(options);
    if (refuse === true) throw new Refusal("this room was asked not to open");
    if (open !== undefined) act(room, open);
    return { sum: 0, tick: tick ?? null, remembered: new Map(), names: new Set(), unsaved: null };
  }

  message(room: Ctx, _from: Member, input: Input): void {
    const { state } = this;
    switch (input.do) {
      case "add":
        state.sum += input.n;
        room.reply(state.sum + besideTheState);
        break;
      case "fill":
        room.reply(input.filler.length);
        break;
      case "spoil_save":
        state.unsaved = () => "a function";
        break;
      case "refuse":
        throw new Refusal("NOT_TODAY", "ask another day");
      case "chance":
        room.reply({ now_ms: room.nowMs, date: Date.now(), unit: room.random().unit(), math: Math.random() });
        break;
      case "remember":
        state.remembered.set(input.name, input.value);
        state.names.add(input.name);
        room.reply([[...state.remembered], [...state.names]]);
        break;
      case "forget_to_save":
        besideTheState += 1;
        break;
      case "timer":
        room.setTimer(1, input.after_ms);
        break;
      default:
        // What a failed input changed must not stay.
        state.sum += 1_000_000;
        act(room, input);
        state.sum -= 1_000_000;
        room.reply({ survived: true });
    }
  }

  tick(room: Ctx): void {
    if (this.state.tick !== null) act(room, this.state.tick);
  }

  timer(room: Ctx): void {
    room.broadcast({ timer: room.nowMs });
  }

  kvAnswer(_room: Ctx, _operation: number, _result: KvResult): void {}
}

export default definePlugin(Hostile, {
  name: "hostile-ts",
  input,
  tickHz: 5,
  durability: "snapshot",
  limits: { outputEffects: 1_000, outputBytes: 64 << 10 },
});
