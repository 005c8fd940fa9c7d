// From a room to a plugin.

import { Instance, type Making, currentRandom } from "./instance.ts";
import { faultText } from "./fault.ts";
import { Refusal } from "./refusal.ts";
import type { Room } from "./room.ts";
import type { Shape } from "./shape.ts";
import type { Delivery, Description, Durability, Guest, Host, Level, Limits, Permission, Presence } from "./wit.ts";

/** The contract's version, as `describe` names it. */
const ABI = "0.1.0";

/** The version in the plugin's `package.json`; the build puts it in. */
declare const PARLOR_PLUGIN_VERSION: string | undefined;

/** What a plugin is. What is left out has the value in brackets. */
export interface Definition<Input> {
  /** Rooms are made by this: 1 to 64 of `a-z 0-9 - _`. */
  name: string;
  /** What members send; a message that does not fit is answered with `INVALID_PAYLOAD`. */
  input: Shape<Input>;
  /** The version, by semver [that of `package.json`]. */
  version?: string;
  /** Ticks a second, 0 to 128 [0]. */
  tickHz?: number;
  /** How many players a room holds [100]. */
  playersMax?: number;
  /** How many spectators a room holds [0]. */
  spectatorsMax?: number;
  /** When messages are delivered [`immediate`]. */
  delivery?: Delivery;
  /** What members learn about each other [`full`]. */
  presence?: Presence;
  /** What survives a crash of the server [`none`]. */
  durability?: Durability;
  /** Raise it when the state's shape changes, and write `Room.upgrade` [1]. */
  stateSchema?: number;
  /** The least time between two state frames of one view [one tick, or every step without ticks]. */
  stateIntervalMs?: number;
  /** A member silent for this long is shown as away [never]. */
  awayAfterMs?: number;
  /** What it needs [the host's defaults]. */
  limits?: Partial<Limits>;
  /** Who may do what [everybody everything]. */
  permissions?: Permission[];
}

/** A plugin, for the build and for tests. */
export interface Plugin<State, Input> {
  readonly description: Description;
  /** @internal */
  making(log: (level: Level, line: string) => void): Making<State, Input>;
}

/** Makes a plugin of a room. It is the default export of the plugin's `src/index.ts`. */
export function definePlugin<State, Input>(
  RoomClass: new () => Room<State, Input>,
  definition: Definition<Input>,
): Plugin<State, Input> {
  const { input } = definition;
  const description = describe(definition);
  return {
    description,
    making: (log) => ({ Room: RoomClass, input, stateSchema: description.stateSchema, log }),
  };
}

function describe<Input>(definition: Definition<Input>): Description {
  const { limits = {} } = definition;
  return {
    name: definition.name,
    version: definition.version ?? (typeof PARLOR_PLUGIN_VERSION === "string" ? PARLOR_PLUGIN_VERSION : "0.0.0"),
    abi: ABI,
    tickHz: definition.tickHz ?? 0,
    playersMax: definition.playersMax ?? 100,
    spectatorsMax: definition.spectatorsMax ?? 0,
    delivery: definition.delivery ?? "immediate",
    presence: definition.presence ?? "full",
    durability: definition.durability ?? "none",
    stateSchema: definition.stateSchema ?? 1,
    stateIntervalMs: definition.stateIntervalMs ?? null,
    awayAfterMs: definition.awayAfterMs ?? null,
    limits: {
      memoryBytes: limits.memoryBytes ?? null,
      stepCpuMs: limits.stepCpuMs ?? null,
      payloadBytes: limits.payloadBytes ?? null,
      outputBytes: limits.outputBytes ?? null,
      outputEffects: limits.outputEffects ?? null,
    },
    permissions: definition.permissions ?? [],
  };
}

/** The component's exports, for a plugin in this component. The build's entry calls it; a plugin does not. */
export function guestOf<State, Input>(plugin: Plugin<State, Input>, host: Host): Guest {
  const log = (level: Level, line: string): void => host.log(level, line);
  prepareGlobals(log);
  const making = plugin.making(log);
  let instance: Instance<State, Input> | null = null;
  const room = (): Instance<State, Input> => {
    if (instance === null) throw new Error("the host calls `open` or `load` first");
    return instance;
  };
  return {
    describe: () => plugin.description,
    open: (config) =>
      answering(log, () => {
        const opened = Instance.open(making, config);
        instance = opened.instance;
        return opened.effects;
      }),
    step: (batch) => trapping(log, () => room().step(batch)),
    save: () => trapping(log, () => room().save()),
    load: (schema, bytes) =>
      answering(log, () => {
        instance = Instance.load(making, schema, bytes);
      }),
  };
}

type Log = (level: Level, line: string) => void;

/** Runs a call in which a refusal is an answer: the runtime makes the contract's `failure` of what is thrown here. */
function answering<T>(log: Log, call: () => T): T {
  return trapping(log, call, (error) => {
    if (error instanceof Refusal) throw { message: error.message };
  });
}

/** Runs a call. What it throws is logged with its text and its place before it becomes a trap, which has neither. */
function trapping<T>(log: Log, call: () => T, unless?: (error: unknown) => void): T {
  try {
    return call();
  } catch (error) {
    unless?.(error);
    const text = faultText(error);
    log("error", `panic: ${text}`);
    throw new Error(text);
  }
}

/** Makes of the globals what a room may use: chance that can be replayed, and a console that is the log. */
function prepareGlobals(log: Log): void {
  Math.random = currentRandom;
  const scope = globalThis as unknown as Record<string, unknown>;
  // They show when memory is given back, which is another moment in a room that was restored.
  delete scope.WeakRef;
  delete scope.FinalizationRegistry;
  const line = (level: Level) => (...values: unknown[]) => log(level, values.map(shown).join(" "));
  scope.console = { debug: line("debug"), log: line("info"), info: line("info"), warn: line("warn"), error: line("error") };
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return faultText(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
