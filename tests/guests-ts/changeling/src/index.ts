// One version of many, as `tests/guests/changeling` is in Rust: what it calls itself, and what is wrong with it, stands in
// the component itself, where tests write something else. It counts, and says so to everybody.

import { type Ctx, type KvResult, type Member, type Plugin, Refusal, Room, type ShapeOf, definePlugin, shape } from "parlor-plugin";

/** `version`, padded with spaces to 8 characters, and what it does, to 15. */
const TRAITS = "@@changeling@@; 1.0.0   ;good           ";

// Asked for when it runs: what is known when the component is built stays as it is.
const version = (): string => TRAITS.slice(16, 24).trimEnd();
const does = (trick: string): boolean => TRAITS.slice(25, 40).trimEnd() === trick;
const isOfNextShape = (): boolean => does("next-shape");

const input = shape.oneOf("do", {
  /** Adds, answers with the sum, and tells everybody. */
  add: { n: shape.integer() },
  /** Sets a timer, of which everybody is told. */
  timer: { after_ms: shape.integer({ min: 0 }) },
  /** Writes the sum into the storage, and tells everybody when that is done. */
  store: {},
  /** Says which version this is. */
  version: {},
  /** Says what would be saved. */
  saved: {},
});
type Input = ShapeOf<typeof input>;

interface State {
  sum: number;
  timers: number;
  /** How often something was added, as far as it is known. */
  adds: number;
}

/** What is saved of it. */
type First = Omit<State, "adds">;

/** What is saved by a version of the next shape: a field has another name, and one came. */
type Second = Omit<State, "sum"> & { total: number };

/** No save has it, as no save has it of the version in Rust. */
let events = 0;

function meetTrouble(): void {
  events += 1;
  if (does("traps-tenth") && events >= 10) throw new Error("it traps in its tenth step");
}

class Changeling extends Room<State, Input> {
  open(room: Ctx): State {
    const state = { sum: 0, timers: 0, adds: 0 };
    show(room, state);
    return state;
  }

  join(): void {
    meetTrouble();
  }

  message(room: Ctx, from: Member, input: Input): void {
    meetTrouble();
    const { state } = this;
    switch (input.do) {
      case "add":
        state.sum += input.n;
        state.adds += 1;
        room.reply(state.sum);
        room.broadcast({ sum: state.sum, from: from.id });
        show(room, state);
        break;
      case "timer":
        room.setTimer(1, input.after_ms);
        break;
      case "store":
        room.kvPut(7, "sum", new Uint8Array([state.sum]));
        break;
      case "version":
        room.reply(version());
        break;
      case "saved":
        room.reply(this.save());
        break;
    }
  }

  timer(room: Ctx): void {
    this.state.timers += 1;
    room.broadcast({ timers: this.state.timers });
  }

  kvAnswer(room: Ctx, operation: number, result: KvResult): void {
    room.broadcast({ stored: operation, is_ok: result.tag === "ok" });
  }

  save(): First | Second {
    const { sum, timers, adds } = this.state;
    return isOfNextShape() ? { total: sum, timers, adds } : { sum, timers };
  }

  load(saved: unknown): State {
    if (!isOfNextShape()) return { ...(saved as First), adds: 0 };
    const { total, timers, adds } = saved as Second;
    return { sum: total, timers, adds };
  }

  upgrade(schema: number, saved: unknown): State {
    if (schema !== 1) throw new Refusal(`it knows no such state as that of schema ${schema}`);
    return { ...(saved as First), adds: 0 };
  }
}

function show(room: Ctx, { sum }: State): void {
  room.state("sum", { sum, version: version() });
}

const plugin = definePlugin(Changeling, { name: "changeling-ts", input });

const changeling: Plugin<State, Input> = {
  get description() {
    return { ...plugin.description, version: version(), stateSchema: isOfNextShape() ? 2 : 1 };
  },
  making(log) {
    const making = plugin.making(log);
    return {
      ...making,
      get stateSchema() {
        return changeling.description.stateSchema;
      },
    };
  },
};

export default changeling;
