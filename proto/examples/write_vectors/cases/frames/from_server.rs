//! What the server sends.

use parlor_proto::{
    Durability, Member, Payload, ResumedRoom, Seat, ServerFrame, WireLimits, server,
};

use super::{Case, payload};

pub(crate) fn all() -> Vec<Case<ServerFrame>> {
    let mut cases = opening();
    cases.extend(joining());
    cases.extend(presence());
    cases.extend(messages());
    cases.extend(answers());
    cases.extend(resuming());
    cases.extend(views());
    cases.extend(endings());
    cases
}

fn player() -> Member {
    Member {
        id: 1,
        name: "Ada".into(),
        seat: Seat::Player,
        away: false,
        user: Some("user-1".into()),
    }
}

fn spectator() -> Member {
    Member {
        id: 4_294_967_295,
        name: "Zoë".into(),
        seat: Seat::Spectator,
        away: true,
        user: None,
    }
}

fn opening() -> Vec<Case<ServerFrame>> {
    let limits = WireLimits {
        message_bytes_max: 1_048_576,
        rooms_max: 32,
        messages_per_second: 100,
    };
    vec![
        (
            "",
            server::Welcome {
                session: "s-1".into(),
                resume_token: "t-1".into(),
                protocol: "v1.json".into(),
                heartbeat_ms: 30_000,
                limits,
                server: "parlor 0.0.0".into(),
            }
            .into(),
        ),
        (
            "",
            server::Pong {
                timestamp: 1_700_000_000_000,
                server_time_ms: 1_700_000_000_042,
            }
            .into(),
        ),
        (
            "",
            server::Notice {
                code: "WILL_RESTART".into(),
                message: "the server restarts in a minute".into(),
            }
            .into(),
        ),
    ]
}

fn joining() -> Vec<Case<ServerFrame>> {
    let least = server::RoomJoined {
        room: "lobby".into(),
        code: None,
        plugin: "chat".into(),
        version: "1.0.0".into(),
        digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
        durability: Durability::None,
        you: spectator(),
        members: vec![],
        member_count: 0,
        epoch: 0,
        seq: 0,
        last_id: 0,
        id: None,
    };
    let full = server::RoomJoined {
        code: Some("ABCD2345".into()),
        durability: Durability::Journal,
        you: player(),
        members: vec![player(), spectator()],
        member_count: 2,
        epoch: 12,
        seq: 345,
        last_id: 6,
        id: Some(1),
        ..least.clone()
    };
    vec![
        (
            "snapshot",
            server::RoomJoined {
                durability: Durability::Snapshot,
                ..full.clone()
            }
            .into(),
        ),
        ("full", full.into()),
        ("least", least.into()),
        (
            "full",
            server::RoomLeft {
                room: "lobby".into(),
                id: Some(2),
            }
            .into(),
        ),
        (
            "least",
            server::RoomLeft {
                room: "lobby".into(),
                id: None,
            }
            .into(),
        ),
    ]
}

fn presence() -> Vec<Case<ServerFrame>> {
    let (room, reason) = ("lobby".to_owned(), Some("kicked".to_owned()));
    vec![
        (
            "full",
            server::UserJoined {
                room: room.clone(),
                member: player(),
                reason: reason.clone(),
                epoch: 12,
                seq: 346,
            }
            .into(),
        ),
        (
            "least",
            server::UserJoined {
                room: room.clone(),
                member: spectator(),
                reason: None,
                epoch: 12,
                seq: 346,
            }
            .into(),
        ),
        (
            "full",
            server::UserChanged {
                room: room.clone(),
                member: player(),
                reason: reason.clone(),
                epoch: 12,
                seq: 347,
            }
            .into(),
        ),
        (
            "least",
            server::UserChanged {
                room: room.clone(),
                member: spectator(),
                reason: None,
                epoch: 12,
                seq: 347,
            }
            .into(),
        ),
        (
            "full",
            server::UserLeft {
                room: room.clone(),
                member: player(),
                reason,
                epoch: 12,
                seq: 348,
            }
            .into(),
        ),
        (
            "least",
            server::UserLeft {
                room,
                member: spectator(),
                reason: None,
                epoch: 12,
                seq: 348,
            }
            .into(),
        ),
    ]
}

fn messages() -> Vec<Case<ServerFrame>> {
    let message = |data, from| {
        server::RoomMessage {
            room: "lobby".into(),
            data: payload(data),
            from,
            epoch: 12,
            seq: 349,
        }
        .into()
    };
    vec![
        (
            "from a member",
            message("{\"type\":\"say\",\"text\":\"hello \\\"you\\\"\"}", Some(1)),
        ),
        (
            "from the room",
            message("[1,2.5,null,{\"$bytes\":\"AP8=\"}]", None),
        ),
        ("null", message("null", Some(0))),
    ]
}

fn answers() -> Vec<Case<ServerFrame>> {
    vec![
        (
            "full",
            server::Reply {
                room: Some("lobby".into()),
                id: 3,
                data: Some(payload("{\"tick\":5}")),
                epoch: Some(12),
                seq: Some(350),
                tick: Some(0),
                repeat: Some(true),
            }
            .into(),
        ),
        (
            "null data",
            server::Reply {
                room: None,
                id: 3,
                data: Some(Payload::null()),
                epoch: None,
                seq: None,
                tick: None,
                repeat: Some(false),
            }
            .into(),
        ),
        (
            "least",
            server::Reply {
                room: None,
                id: 0,
                data: None,
                epoch: None,
                seq: None,
                tick: None,
                repeat: None,
            }
            .into(),
        ),
        (
            "full",
            server::Error {
                code: "ROOM_FULL".into(),
                message: "no free seat; join as a spectator".into(),
                id: Some(1),
                room: Some("lobby".into()),
            }
            .into(),
        ),
        (
            "least",
            server::Error {
                code: "INVALID_VALUE".into(),
                message: "line 1\nline 2".into(),
                id: None,
                room: None,
            }
            .into(),
        ),
    ]
}

fn resuming() -> Vec<Case<ServerFrame>> {
    let room = ResumedRoom {
        room: "lobby".into(),
        epoch: 12,
        seq: 345,
        last_id: 6,
    };
    vec![
        (
            "full",
            server::Resumed {
                session: "s-1".into(),
                resume_token: "t-2".into(),
                rooms: vec![room],
            }
            .into(),
        ),
        (
            "least",
            server::Resumed {
                session: "s-1".into(),
                resume_token: "t-2".into(),
                rooms: vec![],
            }
            .into(),
        ),
        (
            "full",
            server::Reset {
                room: "lobby".into(),
                epoch: 13,
                seq: 400,
                last_id: 6,
                members: vec![player(), spectator()],
                reason: "history-lost".into(),
            }
            .into(),
        ),
        (
            "least",
            server::Reset {
                room: "lobby".into(),
                epoch: 13,
                seq: 0,
                last_id: 0,
                members: vec![],
                reason: String::new(),
            }
            .into(),
        ),
    ]
}

fn views() -> Vec<Case<ServerFrame>> {
    let state = payload("{\"status\":\"active\",\"cells\":[null,1],\"time_remaining_ms\":29950}");
    let full = server::RoomState {
        room: "match-1".into(),
        epoch: 12,
        tick: 20,
        view: "board".into(),
        version: 3,
        as_of: 345,
        hash: state.state_hash(),
        handle: 7,
        state,
    };
    let count = payload("{\"count\":101}");
    vec![
        (
            "full",
            server::RoomPatch {
                handle: 7,
                tick: 21,
                version: 4,
                as_of: 346,
                hash: 0x89ab_cdef,
                patch: payload("[1,\"active\"]"),
            }
            .into(),
        ),
        (
            "least",
            server::RoomPatch {
                handle: 0,
                tick: 0,
                version: 0,
                as_of: 0,
                hash: 0,
                patch: Payload::null(),
            }
            .into(),
        ),
        (
            "presence",
            server::RoomState {
                view: "$presence".into(),
                hash: count.state_hash(),
                state: count,
                ..full.clone()
            }
            .into(),
        ),
        (
            "null",
            server::RoomState {
                hash: Payload::null().state_hash(),
                state: Payload::null(),
                ..full.clone()
            }
            .into(),
        ),
        ("full", full.into()),
    ]
}

fn endings() -> Vec<Case<ServerFrame>> {
    vec![
        (
            "",
            server::RoomClosed {
                room: "match-1".into(),
                code: "PLUGIN_FAILED".into(),
                message: "the plugin grid@1.0.0 broke".into(),
            }
            .into(),
        ),
        (
            "",
            server::Goaway {
                reason: "restart".into(),
                retry_after_ms: 2_000,
            }
            .into(),
        ),
    ]
}
