//! What clients send.

use parlor_proto::{ClientFrame, Create, Position, Seat, Visibility, client};

use super::{Case, payload};

pub(crate) fn all() -> Vec<Case<ClientFrame>> {
    let mut cases = lobby();
    cases.extend(joining());
    cases.extend(in_a_room());
    cases.extend(resuming());
    cases
}

fn lobby() -> Vec<Case<ClientFrame>> {
    vec![
        (
            "full",
            client::Auth {
                token: Some("secret".into()),
                name: Some("Zoë 🎲".into()),
            }
            .into(),
        ),
        (
            "least",
            client::Auth {
                token: None,
                name: None,
            }
            .into(),
        ),
        (
            "full",
            client::ListRooms {
                plugin: Some("grid".into()),
                filter: Some(payload("{\"status\":\"waiting\"}")),
                id: 7,
            }
            .into(),
        ),
        (
            "least",
            client::ListRooms {
                plugin: None,
                filter: None,
                id: 0,
            }
            .into(),
        ),
    ]
}

fn joining() -> Vec<Case<ClientFrame>> {
    let least = client::JoinRoom::default();
    let by_name = client::JoinRoom {
        room: Some("lobby".into()),
        plugin: Some("chat".into()),
        id: Some(0),
        ..least.clone()
    };
    let quick_match = client::JoinRoom {
        plugin: Some("grid".into()),
        create: Some(Create::IfMissing),
        visibility: Some(Visibility::Public),
        seat: Some(Seat::Player),
        ..least.clone()
    };
    let unlisted = client::JoinRoom {
        room: Some("a.b_c:d-e".into()),
        create: Some(Create::Never),
        visibility: Some(Visibility::Unlisted),
        options: Some(payload("null")),
        ..least.clone()
    };
    let full = client::JoinRoom {
        room: Some("lobby".into()),
        code: Some("ABCD2345".into()),
        plugin: Some("grid".into()),
        create: Some(Create::Always),
        visibility: Some(Visibility::Private),
        seat: Some(Seat::Spectator),
        options: Some(payload("{\"match\":{\"size\":9},\"include_self\":true}")),
        id: Some(1),
    };
    vec![
        ("full", full.into()),
        ("by name", by_name.into()),
        ("quick match", quick_match.into()),
        ("never made, unlisted", unlisted.into()),
        ("least", least.into()),
    ]
}

fn in_a_room() -> Vec<Case<ClientFrame>> {
    let message = |data, id| {
        client::RoomMessage {
            room: "lobby".into(),
            data: payload(data),
            id,
        }
        .into()
    };
    vec![
        (
            "full",
            client::LeaveRoom {
                room: "lobby".into(),
                id: Some(2),
            }
            .into(),
        ),
        (
            "least",
            client::LeaveRoom {
                room: "lobby".into(),
                id: None,
            }
            .into(),
        ),
        (
            "with id",
            message(
                "{\"type\":\"say\",\"text\":\"hello\"}",
                Some(9_007_199_254_740_991),
            ),
        ),
        (
            "without id",
            message("{\"type\":\"capture\",\"cell\":80}", None),
        ),
        ("null", message("null", None)),
        (
            "bytes",
            message(
                "{\"type\":\"file\",\"bytes\":{\"$bytes\":\"AAEC/w==\"}}",
                Some(3),
            ),
        ),
        (
            "large integer",
            message("[{\"$int\":\"18446744073709551615\"},0.5]", Some(4)),
        ),
        ("escaped key", message("{\"$$int\":\"1\"}", Some(5))),
        (
            "64 deep",
            message(&format!("{}{}", "[".repeat(64), "]".repeat(64)), None),
        ),
        (
            "",
            client::StateRequest {
                room: "match-1".into(),
                view: "board".into(),
            }
            .into(),
        ),
        (
            "",
            client::Ping {
                timestamp: 1_700_000_000_000,
            }
            .into(),
        ),
    ]
}

fn resuming() -> Vec<Case<ClientFrame>> {
    let position = |room: &str, epoch, seq| Position {
        room: room.into(),
        epoch,
        seq,
    };
    vec![
        (
            "full",
            client::Resume {
                session: "s-1".into(),
                resume_token: "t-1".into(),
                rooms: vec![position("lobby", 12, 345), position("match-1", 13, 0)],
            }
            .into(),
        ),
        (
            "least",
            client::Resume {
                session: "s-1".into(),
                resume_token: "t-1".into(),
                rooms: vec![],
            }
            .into(),
        ),
        (
            "",
            client::Ack {
                room: "lobby".into(),
                epoch: 12,
                seq: 345,
                count: 340,
            }
            .into(),
        ),
    ]
}
