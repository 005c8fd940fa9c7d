// Made from wit/room.wit by `npm run types`; do not edit. These are the shapes that cross the boundary.

/** A member's number in its room: given out from 1 upwards, never reused. */
export type MemberId = number;

/**
 * Exactly one MessagePack value of Parlor's value model: null, boolean, integer, float, text, bytes, list, or map
 * with text keys. No extension types, no duplicate keys, no NaN or infinity, at most 64 levels deep.
 */
export type Payload = Uint8Array;

/** A timer's number, chosen by the plugin. */
export type TimerId = number;

/** What a member may do: a player takes part, a spectator watches. */
export type Seat = "player" | "spectator";

/**
 * When messages reach the plugin.
 *
 * - `immediate`: As they arrive, several in one batch when the room is busy.
 * - `on-tick`: Gathered, and handed over together with the next tick. Needs a tick rate.
 */
export type Delivery = "immediate" | "on-tick";

/**
 * How much members learn about each other.
 *
 * - `full`: Every join, change and leave is announced. Above 100 members the host falls back to `count`.
 * - `count`: Only how many there are.
 * - `none`: Nothing.
 */
export type Presence = "full" | "count" | "none";

/**
 * How much of a room survives a crash of the server. The operator may raise it.
 *
 * - `none`: Nothing: the room is gone.
 * - `snapshot`: The state of the last snapshot, taken every few seconds and at shutdown.
 * - `journal`: Everything that was acknowledged: each batch is durable before its effects leave the host.
 */
export type Durability = "none" | "snapshot" | "journal";

/**
 * An action that can be reserved for some roles.
 *
 * - `create`: Make a room of this plugin.
 * - `join`: Join a room as a player.
 * - `watch`: Join a room as a spectator.
 * - `administrate`: Use the admin API's room verbs from inside the protocol.
 */
export type Action = "create" | "join" | "watch" | "administrate";

/** Who may do one action. An action without an entry is open to everybody. */
export interface Permission {
  /** The action. */
  readonly action: Action;
  /** Any one of these roles suffices. Empty: nobody. */
  readonly roles: string[];
}

/** What the plugin asks for beyond or below the host's defaults; the operator's ceiling wins. `none` takes the default. */
export interface Limits {
  /** Linear memory in bytes (default 16 MiB). */
  readonly memoryBytes: number | null;
  /** CPU time of one step in milliseconds (default 20). */
  readonly stepCpuMs: number | null;
  /** One message from a member in bytes of MessagePack (default 64 KiB). */
  readonly payloadBytes: number | null;
  /** All effects of one step in bytes (default 1 MiB). */
  readonly outputBytes: number | null;
  /** All effects of one step (default 10,000). */
  readonly outputEffects: number | null;
}

/** What a plugin is. It must be the same at every call. */
export interface Description {
  /** The name rooms are made by: 1 to 64 of `a-z 0-9 - _`. */
  readonly name: string;
  /** The version, by semver. */
  readonly version: string;
  /** The version of this contract the plugin was built against, `0.1.0`. */
  readonly abi: string;
  /** Ticks per second, 0 (none) to 128. */
  readonly tickHz: number;
  /** How many players a room holds, at least 1. */
  readonly playersMax: number;
  /** How many spectators a room holds; 0 admits none. */
  readonly spectatorsMax: number;
  /** When messages are delivered. */
  readonly delivery: Delivery;
  /** What members learn about each other. */
  readonly presence: Presence;
  /** What survives a crash. */
  readonly durability: Durability;
  /** The version of what `save` writes, the number `load` gets to see. */
  readonly stateSchema: number;
  /** The least time between two state frames of one view, in milliseconds. `none`: one tick, or every step without ticks. */
  readonly stateIntervalMs: number | null;
  /** A member silent for this long is shown as away. `none`: never. */
  readonly awayAfterMs: number | null;
  /** What it needs. */
  readonly limits: Limits;
  /** Who may do what. */
  readonly permissions: Permission[];
}

/** What a room is opened with. */
export interface Config {
  /** The room's name. */
  readonly room: string;
  /** The seed that all of the room's randomness is derived from. */
  readonly seed: number;
  /** The operator's settings for this plugin: trusted. A map, empty when there are none. */
  readonly settings: Payload;
  /** The options of the member who made the room: untrusted. A map, empty when there are none. */
  readonly options: Payload;
}

/** A member as the plugin sees it. */
export interface Member {
  /** The number in this room. */
  readonly id: MemberId;
  /** The nickname, 1 to 32 characters, not unique. */
  readonly name: string;
  /** Player or spectator. */
  readonly seat: Seat;
  /** The authenticated user, where there is one. */
  readonly user: string | null;
  /** The user's roles; empty for guests. */
  readonly roles: string[];
}

/**
 * Why a member is no longer there.
 *
 * - `left`: It asked to leave.
 * - `disconnected`: Its connection is gone and was not resumed in time.
 * - `kicked`: The plugin or the operator removed it.
 */
export type LeaveReason = "left" | "disconnected" | "kicked";

/** A member who left. */
export interface Departure {
  /** Who. */
  readonly member: MemberId;
  /** Why. */
  readonly reason: LeaveReason;
}

/** One input of a member. */
export interface Message {
  /** Who sent it. */
  readonly member: MemberId;
  /** What, as MessagePack. */
  readonly payload: Payload;
  /** The client's own number for it, when it wants a reply. */
  readonly id: number | null;
}

/** One tick of the room's clock. */
export interface Tick {
  /** Its place in the schedule, from 1. A gap means that the host was late and merged the missed ticks into this one. */
  readonly number: number;
  /** Room time since the tick before, in milliseconds: a whole multiple of the period. */
  readonly dtMs: number;
}

/** A message from the operator, through the admin API. */
export interface Signal {
  /** Its name. */
  readonly name: string;
  /** What it carries. */
  readonly payload: Payload;
}

/** A stored key and its value. */
export interface KvEntry {
  /** The key. */
  readonly key: string;
  /** The value. */
  readonly value: Uint8Array;
}

/** What a storage operation came to. */
export type KvOutcome =
  /** `get`: the value, `none` where there is no such key. */
  | { tag: "value"; val: Uint8Array | null }
  /** `put`, and a `compare-and-put` that matched: it is stored. */
  | { tag: "stored" }
  /** `compare-and-put`: the value was another one, which is this. */
  | { tag: "conflict"; val: Uint8Array | null }
  /** `list`: the entries in key order. */
  | { tag: "entries"; val: KvEntry[] };

/**
 * Why a storage operation was not done.
 *
 * - `unsupported`: This host has no storage for plugins.
 * - `quota`: The plugin's quota is used up.
 * - `too-large`: The key or the value is too long.
 * - `unavailable`: The storage does not answer at the moment. It was not done.
 */
export type KvError = "unsupported" | "quota" | "too-large" | "unavailable";

/** The answer to a storage operation. */
export interface KvAnswer {
  /** The operation's number, as the plugin chose it. */
  readonly operation: number;
  /** What came of it. */
  readonly outcome: { tag: "ok"; val: KvOutcome } | { tag: "err"; val: KvError };
}

/** One thing that happened to the room. */
export type Event =
  /** Somebody came in. `reject` refuses them. */
  | { tag: "joined"; val: Member }
  /** Somebody is gone. */
  | { tag: "left"; val: Departure }
  /** A member's connection is lost or silent; the seat is kept. */
  | { tag: "away"; val: MemberId }
  /** A member who was away is back. */
  | { tag: "back"; val: MemberId }
  /** A member's name, seat, user or roles are others now, and not by this plugin's doing. */
  | { tag: "changed"; val: Member }
  /** A member lost its place in the room's history: send again what it needs. */
  | { tag: "resync"; val: MemberId }
  /** A member says something. */
  | { tag: "message"; val: Message }
  /** A timer is due. */
  | { tag: "timer"; val: TimerId }
  /** The clock ticks. */
  | { tag: "tick"; val: Tick }
  /** The operator says something. */
  | { tag: "signal"; val: Signal }
  /** A storage operation is done. */
  | { tag: "kv-answer"; val: KvAnswer };

/** What one step is given. Splitting a batch in two must not change what comes of it. */
export interface Batch {
  /** The number of this step, from 1. */
  readonly step: number;
  /** The number of the first of `events` among all of the room's events, from 1. Randomness hangs on this number. */
  readonly firstEvent: number;
  /**
   * The tick that these events are applied in, as replies to them say: the last one, 0 before the first, or where one is
   * among the events, that one.
   */
  readonly tick: number;
  /** Room time in milliseconds: what passed since the room was opened while its server was up. */
  readonly nowMs: number;
  /** The seed given to `open`. */
  readonly seed: number;
  /** What happened, in order. */
  readonly events: Event[];
}

/** Who an effect reaches. */
export type Audience =
  /** All members. */
  | { tag: "everyone" }
  /** These members. */
  | { tag: "only"; val: MemberId[] }
  /** All but these members. */
  | { tag: "except"; val: MemberId[] }
  /** All who have this seat. */
  | { tag: "seat"; val: Seat };

/** Who sees a view. */
export type ViewAudience =
  /** All members. */
  | { tag: "everyone" }
  /** All who have this seat. */
  | { tag: "seat"; val: Seat }
  /** One member. */
  | { tag: "member"; val: MemberId };

/** A message to members: reliable, and in order. */
export interface Send {
  /** Who gets it. */
  readonly to: Audience;
  /** Whom it is shown to be from, where it is from a member. */
  readonly from: MemberId | null;
  /** What it says. */
  readonly payload: Payload;
}

/** A coded refusal. */
export interface Refusal {
  /** A code in capitals, `[A-Z][A-Z0-9_]{0,47}`. */
  readonly code: string;
  /** What to do next, for a person. */
  readonly message: string;
}

/** A view of the state: the latest value wins, and members are sent what changed. */
export interface State {
  /** The view's name: 1 to 64 of `A-Z a-z 0-9 . _ : -`. */
  readonly view: string;
  /** Who sees it. The same name with another audience is another view. */
  readonly audience: ViewAudience;
  /** The whole value of the view. */
  readonly value: Payload;
}

/** A removal of a member. */
export interface Kick {
  /** Who. */
  readonly member: MemberId;
  /** What the member is told. */
  readonly reason: string;
}

/** A timer to set. Setting a timer that runs replaces it. */
export interface SetTimer {
  /** Which. */
  readonly timer: TimerId;
  /** Due after this much room time, in milliseconds. */
  readonly afterMs: number;
}

/** A change of seat. */
export interface SetSeat {
  /** Whose. */
  readonly member: MemberId;
  /** The new seat. Capacity is the plugin's business here. */
  readonly seat: Seat;
}

/** What a storage operation does. Keys are the plugin's own: rooms of one plugin share them, other plugins do not. */
export type KvRequest =
  /** Reads a key. */
  | { tag: "get"; val: string }
  /** Writes a key; `none` deletes it. */
  | { tag: "put"; val: [string, Uint8Array | null] }
  /** Writes a key if its value still is the first one given; `none` is no value. */
  | { tag: "compare-and-put"; val: [string, Uint8Array | null, Uint8Array | null] }
  /**
   * Reads up to this many entries, and at most 256 and 256 KiB, whose keys begin with the prefix and come after the
   * second text.
   */
  | { tag: "list"; val: [string, string, number] };

/**
 * A storage operation. It is run when its step is done, and answered by an event of a later step, when what it did and
 * what it saw is durable.
 */
export interface Kv {
  /** The plugin's own number for it. */
  readonly operation: number;
  /** What to do. */
  readonly request: KvRequest;
}

/** One thing the host is to do. */
export type ActionEffect =
  /** Send a message. */
  | { tag: "send"; val: Send }
  /** Answer the message named by `cause`. Without this it is answered with no data. */
  | { tag: "reply"; val: { tag: "ok"; val: Payload } | { tag: "err"; val: Refusal } }
  /** Refuse the join named by `cause`: it is as if the member had never come, and no `left` follows. */
  | { tag: "reject"; val: Refusal }
  /** Publish a view. */
  | { tag: "state"; val: State }
  /** Withdraw a view. */
  | { tag: "drop-state"; val: [string, ViewAudience] }
  /** Remove a member. */
  | { tag: "kick"; val: Kick }
  /** Move a member to another seat. */
  | { tag: "set-seat"; val: SetSeat }
  /** Start a timer. */
  | { tag: "set-timer"; val: SetTimer }
  /** Stop a timer. */
  | { tag: "cancel-timer"; val: TimerId }
  /** Lock the room (`true`: nobody new may join as a player) or unlock it. */
  | { tag: "lock"; val: boolean }
  /** What listings show of the room: a map. */
  | { tag: "metadata"; val: Payload }
  /** Close the room; the text is what members are told. */
  | { tag: "close"; val: string }
  /** Use the storage. */
  | { tag: "kv"; val: Kv };

/** What a step asks the host to do. */
export interface Effect {
  /** Which of the batch's events it answers, counted from 0; `none` where it answers none. */
  readonly cause: number | null;
  /** What to do. */
  readonly action: ActionEffect;
}

/** An answer that is a refusal and not a fault. */
export interface Failure {
  /** What went wrong and what to do about it, for a person. */
  readonly message: string;
}

/**
 * How important a log line is.
 *
 * - `debug`: Fine detail.
 * - `info`: Normal life.
 * - `warn`: Something to look at.
 * - `error`: Something is broken.
 */
export type Level = "debug" | "info" | "warn" | "error";

/** What the host does for a plugin while it runs. */
export interface Host {
  /**
   * Writes a line to the host's log, with the plugin's and the room's name. 64 KiB a second; what is over is dropped
   * and counted.
   */
  log(level: Level, message: string): void;
}

/** What a plugin is asked to do. */
export interface Guest {
  /** Says what the plugin is. Called when it is loaded, and again to see that the answer stays the same. */
  describe(): Description;
  /** Begins a room. A failure refuses the room, and its message is what the member who asked for it is told. */
  open(config: Config): Effect[];
  /** Runs one step. A failure is a fault, like a trap: refuse a single input with `reply` or `reject` instead. */
  step(batch: Batch): Effect[];
  /** Writes down the whole state, such that `load` brings it back exactly. */
  save(): Uint8Array;
  /** Takes up a state that `save` of this or an older version wrote, into an instance that nothing else was called on. */
  load(schema: number, bytes: Uint8Array): void;
}
