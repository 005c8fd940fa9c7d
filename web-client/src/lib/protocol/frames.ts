/**
 * Every frame of the protocol, once, as in `parlor.proto`; a test compares the two. The types in `protocol.ts`, the
 * check of what arrives and the protobuf codec all follow from this table.
 */

import { bool, frame, list, listFrame, once, oneOf, optional, payload, record, text, u32, u64 } from "./schema";

/** What a member may do. */
export const SEAT = oneOf("player", "spectator");

/** What `join_room` does about a room that does not, or does, exist. */
export const CREATE = oneOf("if_missing", "always", "never");

/** Who can find a room. */
export const VISIBILITY = oneOf("public", "unlisted", "private");

/** What of a room survives a crash of the server. */
export const DURABILITY = oneOf("none", "snapshot", "journal");

/** A session in a room. */
export const MEMBER = record({
  /** The number in this room, never reused. */
  id: once(1, u32),
  /** The nickname. */
  name: once(2, text),
  /** Player or spectator. */
  seat: once(3, SEAT),
  /** Whether the member is silent or disconnected. */
  away: once(4, bool),
  /** The authenticated user, where there is one. */
  user: optional(5, text),
});

/** A client's position in a room, in a `resume`. */
export const POSITION = record({
  /** The room. */
  room: once(1, text),
  /** The epoch of the last reliable frame the client has. */
  epoch: once(2, u64),
  /** Its sequence number. */
  seq: once(3, u64),
});

/** A room that was resumed. */
export const RESUMED = record({
  /** The room. */
  room: once(1, text),
  /** The epoch. */
  epoch: once(2, u64),
  /** The sequence number after which frames follow. */
  seq: once(3, u64),
  /** The id of the last input that was applied or refused; the next must be greater. */
  last_id: once(4, u64),
});

/** What the server accepts from this client. */
export const WIRE_LIMITS = record({
  /** The largest message, in bytes on the wire. */
  message_bytes_max: once(1, u64),
  /** The most rooms at a time. */
  rooms_max: once(2, u64),
  /** The most messages a second. */
  messages_per_second: once(3, u64),
});

/** What a client sends. */
export const CLIENT_FRAMES = {
  /** Says who the client is. In guest mode, sets the nickname. */
  auth: frame(1, {
    /** A token, where the server asks for one. */
    token: optional(1, text),
    /** The nickname, 1 to 32 characters. */
    name: optional(2, text),
  }),
  /** Joins a room by name or code, or any room of a plugin. */
  join_room: frame(2, {
    /** The name of the room. */
    room: optional(1, text),
    /** The code of a private room. */
    code: optional(2, text),
    /** The plugin: what a missing room is made of, and what quick match looks for. */
    plugin: optional(3, text),
    /** Whether the room may, must or must not be made. Default `if_missing`. */
    create: optional(4, CREATE),
    /** Who can find the room, if it is made. Default `public`. */
    visibility: optional(5, VISIBILITY),
    /** The seat wanted. Default: player, or spectator where no player's seat is free. */
    seat: optional(6, SEAT),
    /** Options for the plugin, a map; `options.match` must be equal for quick match. */
    options: optional(7, payload),
    /** The client's number for this request. */
    id: optional(8, u64),
  }),
  /** Leaves a room. */
  leave_room: frame(3, {
    /** The room. */
    room: once(1, text),
    /** The client's number for this request. */
    id: optional(2, u64),
  }),
  /** Says something in a room. */
  room_message: frame(4, {
    /** The room. */
    room: once(1, text),
    /** What. */
    data: once(2, payload),
    /** The client's number for this input, rising strictly in this room, where it wants a reply. */
    id: optional(3, u64),
  }),
  /** Takes up an earlier session. */
  resume: frame(5, {
    /** The session. */
    session: once(1, text),
    /** The token from the last `welcome` or `resumed`. */
    resume_token: once(2, text),
    /** Where the client is in each of its rooms. */
    rooms: list(3, POSITION),
  }),
  /** Says what has arrived. */
  ack: frame(6, {
    /** The room. */
    room: once(1, text),
    /** The epoch of the last reliable frame. */
    epoch: once(2, u64),
    /** Its sequence number. */
    seq: once(3, u64),
    /** How many reliable frames came since the join or the last reset. */
    count: once(4, u64),
  }),
  /** Asks for the whole of a view. */
  state_request: frame(7, {
    /** The room. */
    room: once(1, text),
    /** The view. */
    view: once(2, text),
  }),
  /** Asks for the public rooms. */
  list_rooms: frame(8, {
    /** Only those of this plugin. */
    plugin: optional(1, text),
    /** Only those whose metadata has all these entries, a map. */
    filter: optional(2, payload),
    /** The client's number for this request. */
    id: once(3, u64),
  }),
  /** Asks for the time. */
  ping: frame(9, {
    /** The client's own time, which comes back. */
    timestamp: once(1, u64),
  }),
};

/** What the server sends. */
export const SERVER_FRAMES = {
  /** The client is known. */
  welcome: frame(1, {
    /** The session. */
    session: once(1, text),
    /** What `resume` needs. */
    resume_token: once(2, text),
    /** The subprotocol of this connection. */
    protocol: once(3, text),
    /** After this long without a byte from the client, the server pings. */
    heartbeat_ms: once(4, u64),
    /** What the server accepts. */
    limits: once(5, WIRE_LIMITS),
    /** The server's name and version. */
    server: once(6, text),
  }),
  /** The client is in a room. */
  room_joined: frame(2, {
    /** The room. */
    room: once(1, text),
    /** The code by which others may join a private room. */
    code: optional(2, text),
    /** The plugin's name. */
    plugin: once(3, text),
    /** The plugin's version. */
    version: once(4, text),
    /** The SHA-256 of the component, in hex. */
    digest: once(5, text),
    /** The durability in force. */
    durability: once(6, DURABILITY),
    /** The client as a member. */
    you: once(7, MEMBER),
    /** The members, at most 100; empty where presence is not shown. */
    members: list(8, MEMBER),
    /** How many members there are. */
    member_count: once(9, u64),
    /** The room's epoch. */
    epoch: once(10, u64),
    /** The last sequence number before this client. */
    seq: once(11, u64),
    /** The id of the last input that was applied or refused; the next must be greater. */
    last_id: once(12, u64),
    /** The request's number. */
    id: optional(13, u64),
  }),
  /** The client is no longer in a room. */
  room_left: frame(3, {
    /** The room. */
    room: once(1, text),
    /** The request's number. */
    id: optional(2, u64),
  }),
  /** Somebody came. */
  user_joined: frame(4, {
    /** The room. */
    room: once(1, text),
    /** Who. */
    member: once(2, MEMBER),
    /** Why. */
    reason: optional(3, text),
    /** The room's epoch. */
    epoch: once(4, u64),
    /** This frame's sequence number. */
    seq: once(5, u64),
  }),
  /** Somebody's seat, name or presence changed. */
  user_changed: frame(5, {
    /** The room. */
    room: once(1, text),
    /** Who, as of now. */
    member: once(2, MEMBER),
    /** Why. */
    reason: optional(3, text),
    /** The room's epoch. */
    epoch: once(4, u64),
    /** This frame's sequence number. */
    seq: once(5, u64),
  }),
  /** Somebody left. */
  user_left: frame(6, {
    /** The room. */
    room: once(1, text),
    /** Who. */
    member: once(2, MEMBER),
    /** Why. */
    reason: optional(3, text),
    /** The room's epoch. */
    epoch: once(4, u64),
    /** This frame's sequence number. */
    seq: once(5, u64),
  }),
  /** Something was said in a room. */
  room_message: frame(7, {
    /** The room. */
    room: once(1, text),
    /** What. */
    data: once(2, payload),
    /** The member it is from, where it is from one. */
    from: optional(3, u32),
    /** The room's epoch. */
    epoch: once(4, u64),
    /** This frame's sequence number. */
    seq: once(5, u64),
  }),
  /** The earlier session goes on. */
  resumed: frame(8, {
    /** The session. */
    session: once(1, text),
    /** The next token. */
    resume_token: once(2, text),
    /** The rooms that go on. */
    rooms: list(3, RESUMED),
  }),
  /** The client's place in a room's history is lost: take this as a fresh start. */
  reset: frame(9, {
    /** The room. */
    room: once(1, text),
    /** The room's epoch. */
    epoch: once(2, u64),
    /** The sequence number after which frames follow. */
    seq: once(3, u64),
    /** The id of the last input that was applied or refused; the next must be greater. */
    last_id: once(4, u64),
    /** The members, at most 100. */
    members: list(5, MEMBER),
    /** Why. */
    reason: once(6, text),
  }),
  /** A view of the room's state. */
  room_state: frame(10, {
    /** The room. */
    room: once(1, text),
    /** The room's epoch. */
    epoch: once(2, u64),
    /** The tick in which it was published. */
    tick: once(3, u64),
    /** The view. */
    view: once(4, text),
    /** The view's version, rising. */
    version: once(5, u64),
    /** The last sequence number before this state. */
    as_of: once(6, u64),
    /** CRC-32 of the resulting state in canonical MessagePack, keys sorted by bytes. */
    hash: once(7, u32),
    /** What `room_patch` names this view of this room by. */
    handle: once(8, u64),
    /** The whole state. */
    state: once(9, payload),
  }),
  /** What became of a view. */
  room_patch: listFrame(11, {
    /** Which view: the `handle` of its last `room_state`. */
    handle: once(1, u64),
    /** The tick in which it was published. */
    tick: once(2, u64),
    /** The view's version, rising. */
    version: once(3, u64),
    /** The last sequence number before this state. */
    as_of: once(4, u64),
    /** CRC-32 of the resulting state in canonical MessagePack, keys sorted by bytes. */
    hash: once(5, u32),
    /** What changed since the view's last `room_state` or `room_patch`. */
    patch: once(6, payload),
  }),
  /** A request or an input was done. */
  reply: frame(12, {
    /** The room, where it was an input. */
    room: optional(1, text),
    /** The request's number. */
    id: once(2, u64),
    /** The answer. */
    data: optional(3, payload),
    /** The room's epoch. */
    epoch: optional(4, u64),
    /** The room's sequence number after the input was applied. */
    seq: optional(5, u64),
    /** The tick in which the input was applied. */
    tick: optional(6, u64),
    /** `true`: the input had been applied before. */
    repeat: optional(7, bool),
  }),
  /** A request, an input or a frame was refused. */
  error: frame(13, {
    /** What went wrong, in capitals. */
    code: once(1, text),
    /** What to do next. */
    message: once(2, text),
    /** The request's number. */
    id: optional(3, u64),
    /** The room. */
    room: optional(4, text),
  }),
  /** The answer to `ping`. */
  pong: frame(14, {
    /** The client's time. */
    timestamp: once(1, u64),
    /** The server's time, in milliseconds since 1970. */
    server_time_ms: once(2, u64),
  }),
  /** Something worth knowing. */
  notice: frame(15, {
    /** What, in capitals. */
    code: once(1, text),
    /** The same for a person. */
    message: once(2, text),
  }),
  /** A room is no more. */
  room_closed: frame(16, {
    /** The room. */
    room: once(1, text),
    /** Why, in capitals. */
    code: once(2, text),
    /** The same for a person. */
    message: once(3, text),
  }),
  /** The server is about to close the connection. */
  goaway: frame(17, {
    /** Why. */
    reason: once(1, text),
    /** When to come back, in milliseconds. */
    retry_after_ms: once(2, u64),
  }),
};
