// What a room is opened with.

import { decode } from "./payload.ts";
import { Refusal } from "./refusal.ts";
import type { Shape } from "./shape.ts";
import type { Value } from "./value.ts";
import type { Config as WitConfig } from "./wit.ts";

/** What a room is opened with. */
export class Config {
  /** @internal Only the host's calls make one. */
  constructor(private readonly config: WitConfig) {}

  /** The room's name. */
  get room(): string {
    return this.config.room;
  }

  /**
   * The operator's settings for this plugin, read as what the plugin wants. They are trusted.
   *
   * @throws Refusal when they do not fit; the room is then refused and the message says why.
   */
  settings<T>(shape: Shape<T>): T {
    return read("the plugin's settings", this.config.settings, shape);
  }

  /**
   * The options of the member who made the room, read as what the plugin wants. They are untrusted.
   *
   * @throws Refusal when they do not fit; the room is then refused and the message says why.
   */
  options<T>(shape: Shape<T>): T {
    return read("the room's options", this.config.options, shape);
  }
}

function read<T>(what: string, payload: Uint8Array, shape: Shape<T>): T {
  const value: Value = decode(payload);
  try {
    return shape(value);
  } catch (error) {
    throw new Refusal(`${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
