//! Every frame of the protocol, once. The `frames!` table below is the only list of names and fields: the map forms
//! (JSON and MessagePack) are read and written from it, and the protobuf form converts field by field, so that a field
//! which `parlor.proto` lacks does not compile.
//!
//! Frames carry what was on the wire, checked for shape only. What a room name may look like, or whether an id rises,
//! is for the session and the room to say.

use crate::{Payload, table::frames, table::records, table::text_enum};

text_enum! {
    /// What a member may do.
    pub enum Seat {
        /// Takes part.
        Player "player",
        /// Watches.
        Spectator "spectator",
    }
}

text_enum! {
    /// What `join_room` does about a room that does not, or does, exist.
    pub enum Create {
        /// Joins the room, or makes it.
        IfMissing "if_missing",
        /// Makes the room, or fails with `ROOM_EXISTS`.
        Always "always",
        /// Joins the room, or fails with `ROOM_NOT_FOUND`.
        Never "never",
    }
}

text_enum! {
    /// Who can find a room.
    pub enum Visibility {
        /// Listed, and open to quick match.
        Public "public",
        /// Not listed; whoever knows the name may join.
        Unlisted "unlisted",
        /// Not listed; joined by its code only.
        Private "private",
    }
}

text_enum! {
    /// What of a room survives a crash of the server.
    pub enum Durability {
        /// Nothing.
        None "none",
        /// The last snapshot.
        Snapshot "snapshot",
        /// Everything acknowledged.
        Journal "journal",
    }
}

records! {
    /// A session in a room.
    pub struct Member {
        /// The number in this room, never reused.
        id: u32,
        /// The nickname.
        name: String,
        /// Player or spectator.
        seat: Seat,
        /// Whether the member is silent or disconnected.
        away: bool,
        /// The authenticated user, where there is one.
        user: Option<String>,
    }

    /// A client's position in a room, in a `resume`.
    pub struct Position {
        /// The room.
        room: String,
        /// The epoch of the last reliable frame the client has.
        epoch: u64,
        /// Its sequence number.
        seq: u64,
    }

    /// A room that was resumed.
    pub struct ResumedRoom {
        /// The room.
        room: String,
        /// The epoch.
        epoch: u64,
        /// The sequence number after which frames follow.
        seq: u64,
        /// The id of the last input that was applied or refused; the next must be greater.
        last_id: u64,
    }

    /// What the server accepts from this client.
    pub struct WireLimits {
        /// The largest message, in bytes on the wire.
        message_bytes_max: u64,
        /// The most rooms at a time.
        rooms_max: u64,
        /// The most messages a second.
        messages_per_second: u64,
    }
}

frames! {
    /// What a client sends.
    pub enum ClientFrame in client {
        /// Says who the client is. In guest mode, sets the nickname.
        Auth "auth" {
            /// A token, where the server asks for one.
            token: Option<String>,
            /// The nickname, 1 to 32 characters.
            name: Option<String>,
        }
        /// Joins a room by name or code, or any room of a plugin.
        #[derive(Default)]
        JoinRoom "join_room" {
            /// The name of the room.
            room: Option<String>,
            /// The code of a private room.
            code: Option<String>,
            /// The plugin: what a missing room is made of, and what quick match looks for.
            plugin: Option<String>,
            /// Whether the room may, must or must not be made. Default `if_missing`.
            create: Option<Create>,
            /// Who can find the room, if it is made. Default `public`.
            visibility: Option<Visibility>,
            /// The seat wanted. Default: player, or spectator where no player's seat is free.
            seat: Option<Seat>,
            /// Options for the plugin, a map; `options.match` must be equal for quick match.
            options: Option<Payload>,
            /// The client's number for this request.
            id: Option<u64>,
        }
        /// Leaves a room.
        LeaveRoom "leave_room" {
            /// The room.
            room: String,
            /// The client's number for this request.
            id: Option<u64>,
        }
        /// Says something in a room.
        RoomMessage "room_message" {
            /// The room.
            room: String,
            /// What.
            data: Payload,
            /// The client's number for this input, rising strictly in this room, where it wants a reply.
            id: Option<u64>,
        }
        /// Takes up an earlier session.
        Resume "resume" {
            /// The session.
            session: String,
            /// The token from the last `welcome` or `resumed`.
            resume_token: String,
            /// Where the client is in each of its rooms.
            rooms: Vec<Position>,
        }
        /// Says what has arrived.
        Ack "ack" {
            /// The room.
            room: String,
            /// The epoch of the last reliable frame.
            epoch: u64,
            /// Its sequence number.
            seq: u64,
            /// How many reliable frames came since the join or the last reset.
            count: u64,
        }
        /// Asks for the whole of a view.
        StateRequest "state_request" {
            /// The room.
            room: String,
            /// The view.
            view: String,
        }
        /// Asks for the public rooms.
        ListRooms "list_rooms" {
            /// Only those of this plugin.
            plugin: Option<String>,
            /// Only those whose metadata has all these entries, a map.
            filter: Option<Payload>,
            /// The client's number for this request.
            id: u64,
        }
        /// Asks for the time.
        Ping "ping" {
            /// The client's own time, which comes back.
            timestamp: u64,
        }
    }
}

frames! {
    /// What the server sends.
    pub enum ServerFrame in server {
        /// The client is known.
        Welcome "welcome" {
            /// The session.
            session: String,
            /// What `resume` needs.
            resume_token: String,
            /// The subprotocol of this connection.
            protocol: String,
            /// After this long without a byte from the client, the server pings.
            heartbeat_ms: u64,
            /// What the server accepts.
            limits: WireLimits,
            /// The server's name and version.
            server: String,
        }
        /// The client is in a room.
        RoomJoined "room_joined" {
            /// The room.
            room: String,
            /// The code by which others may join a private room.
            code: Option<String>,
            /// The plugin's name.
            plugin: String,
            /// The plugin's version.
            version: String,
            /// The SHA-256 of the component, in hex.
            digest: String,
            /// The durability in force.
            durability: Durability,
            /// The client as a member.
            you: Member,
            /// The members, at most 100; empty where presence is not shown.
            members: Vec<Member>,
            /// How many members there are.
            member_count: u64,
            /// The room's epoch.
            epoch: u64,
            /// The last sequence number before this client.
            seq: u64,
            /// The id of the last input that was applied or refused; the next must be greater.
            last_id: u64,
            /// The request's number.
            id: Option<u64>,
        }
        /// The client is no longer in a room.
        RoomLeft "room_left" {
            /// The room.
            room: String,
            /// The request's number.
            id: Option<u64>,
        }
        /// Somebody came.
        UserJoined "user_joined" {
            /// The room.
            room: String,
            /// Who.
            member: Member,
            /// Why.
            reason: Option<String>,
            /// The room's epoch.
            epoch: u64,
            /// This frame's sequence number.
            seq: u64,
        }
        /// Somebody's seat, name or presence changed.
        UserChanged "user_changed" {
            /// The room.
            room: String,
            /// Who, as of now.
            member: Member,
            /// Why.
            reason: Option<String>,
            /// The room's epoch.
            epoch: u64,
            /// This frame's sequence number.
            seq: u64,
        }
        /// Somebody left.
        UserLeft "user_left" {
            /// The room.
            room: String,
            /// Who.
            member: Member,
            /// Why.
            reason: Option<String>,
            /// The room's epoch.
            epoch: u64,
            /// This frame's sequence number.
            seq: u64,
        }
        /// Something was said in a room.
        RoomMessage "room_message" {
            /// The room.
            room: String,
            /// What.
            data: Payload,
            /// The member it is from, where it is from one.
            from: Option<u32>,
            /// The room's epoch.
            epoch: u64,
            /// This frame's sequence number.
            seq: u64,
        }
        /// The earlier session goes on.
        Resumed "resumed" {
            /// The session.
            session: String,
            /// The next token.
            resume_token: String,
            /// The rooms that go on.
            rooms: Vec<ResumedRoom>,
        }
        /// The client's place in a room's history is lost: take this as a fresh start.
        Reset "reset" {
            /// The room.
            room: String,
            /// The room's epoch.
            epoch: u64,
            /// The sequence number after which frames follow.
            seq: u64,
            /// The id of the last input that was applied or refused; the next must be greater.
            last_id: u64,
            /// The members, at most 100.
            members: Vec<Member>,
            /// Why.
            reason: String,
        }
        /// A view of the room's state.
        RoomState "room_state" {
            /// The room.
            room: String,
            /// The room's epoch.
            epoch: u64,
            /// The tick in which it was published.
            tick: u64,
            /// The view.
            view: String,
            /// The view's version, rising.
            version: u64,
            /// The last sequence number before this state.
            as_of: u64,
            /// CRC-32 of the resulting state in canonical MessagePack, keys sorted by bytes.
            hash: u32,
            /// What `room_patch` names this view of this room by.
            handle: u64,
            /// The whole state.
            state: Payload,
        }
        /// What became of a view.
        RoomPatch "room_patch" as list {
            /// Which view: the `handle` of its last `room_state`.
            handle: u64,
            /// The tick in which it was published.
            tick: u64,
            /// The view's version, rising.
            version: u64,
            /// The last sequence number before this state.
            as_of: u64,
            /// CRC-32 of the resulting state in canonical MessagePack, keys sorted by bytes.
            hash: u32,
            /// What changed since the view's last `room_state` or `room_patch`.
            patch: Payload,
        }
        /// A request or an input was done.
        Reply "reply" {
            /// The room, where it was an input.
            room: Option<String>,
            /// The request's number.
            id: u64,
            /// The answer.
            data: Option<Payload>,
            /// The room's epoch.
            epoch: Option<u64>,
            /// The room's sequence number after the input was applied.
            seq: Option<u64>,
            /// The tick in which the input was applied.
            tick: Option<u64>,
            /// `true`: the input had been applied before.
            repeat: Option<bool>,
        }
        /// A request, an input or a frame was refused.
        Error "error" {
            /// What went wrong, in capitals.
            code: String,
            /// What to do next.
            message: String,
            /// The request's number.
            id: Option<u64>,
            /// The room.
            room: Option<String>,
        }
        /// The answer to `ping`.
        Pong "pong" {
            /// The client's time.
            timestamp: u64,
            /// The server's time, in milliseconds since 1970.
            server_time_ms: u64,
        }
        /// Something worth knowing.
        Notice "notice" {
            /// What, in capitals.
            code: String,
            /// The same for a person.
            message: String,
        }
        /// A room is no more.
        RoomClosed "room_closed" {
            /// The room.
            room: String,
            /// Why, in capitals.
            code: String,
            /// The same for a person.
            message: String,
        }
        /// The server is about to close the connection.
        Goaway "goaway" {
            /// Why.
            reason: String,
            /// When to come back, in milliseconds.
            retry_after_ms: u64,
        }
    }
}
