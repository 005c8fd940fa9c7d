use parlor_proto::{Durability, Member, State};
use serde_json::{Value, json};

use super::*;
use crate::account::CELLS;
use crate::dialect::tests::{seat, written};

const TEXT: &str = "0123456789abcdef0123456789abcdef";
const ROOM: &str = "room-1";

/// A client that has joined, in the epoch 7, behind the seq 100.
fn joined(subprotocol: Subprotocol, kind: Kind, asks_replies: bool) -> Parlor {
    let mut dialect = Parlor::new(subprotocol, asks_replies, seat(kind, TEXT.len()));
    for (frame, expected) in [
        (welcome(0), "None"),
        (room_joined(), "Some(Joined { member: 5 })"),
    ] {
        assert_eq!(
            hear(&mut dialect, &frame),
            Ok((expected.to_owned(), vec![]))
        );
    }
    dialect
}

fn welcome(messages_per_second: u64) -> ServerFrame {
    ServerFrame::Welcome(server::Welcome {
        session: "s".to_owned(),
        resume_token: "t".to_owned(),
        protocol: "v1.json".to_owned(),
        heartbeat_ms: 30_000,
        limits: WireLimits {
            message_bytes_max: 1 << 20,
            rooms_max: 32,
            messages_per_second,
        },
        server: "parlor".to_owned(),
    })
}

fn room_joined() -> ServerFrame {
    ServerFrame::RoomJoined(server::RoomJoined {
        room: ROOM.to_owned(),
        code: None,
        plugin: "echo".to_owned(),
        version: "1".to_owned(),
        digest: "0".to_owned(),
        durability: Durability::None,
        you: Member {
            id: 5,
            name: "bench 3".to_owned(),
            seat: Chair::Player,
            away: false,
            user: None,
        },
        members: Vec::new(),
        member_count: 1,
        epoch: 7,
        seq: 100,
        last_id: 0,
        id: Some(JOIN_ID),
    })
}

/// What a frame says, in words, and what is said to it.
fn hear(dialect: &mut Parlor, frame: &ServerFrame) -> Result<(String, Vec<ClientFrame>), Misread> {
    let subprotocol = dialect.subprotocol;
    let bytes = subprotocol.encode_server(frame);
    let message = Message {
        is_text: subprotocol.is_text(),
        bytes: &bytes,
        at_us: 0,
    };
    let mut words = Ok(String::new());
    let answers = written(|outbound| {
        words = dialect
            .read(message, outbound)
            .map(|heard| format!("{heard:?}"));
    });
    Ok((words?, decoded(subprotocol, &answers)))
}

fn decoded(subprotocol: Subprotocol, messages: &[Vec<u8>]) -> Vec<ClientFrame> {
    let decode = |bytes: &Vec<u8>| subprotocol.decode_client(bytes).expect("it is a frame");
    messages.iter().map(decode).collect()
}

fn message(json: &str, from: Option<u32>, seq: u64) -> ServerFrame {
    ServerFrame::RoomMessage(server::RoomMessage {
        room: ROOM.to_owned(),
        data: Payload::from_json(json).unwrap(),
        from,
        epoch: 7,
        seq,
    })
}

fn said(from: Option<u32>, text: &str) -> Result<(String, Vec<ClientFrame>), Misread> {
    let heard = Heard::Said {
        id: None,
        from,
        text: text.as_bytes(),
    };
    Ok((format!("{:?}", Some(heard)), vec![]))
}

#[test]
fn the_join_names_the_plugin_and_what_the_room_is_made_with() {
    for subprotocol in Subprotocol::ALL {
        for (kind, plugin, options) in [
            (Kind::Echo, "echo", None),
            (
                Kind::Fanout,
                "broadcast",
                Some(json!({"include_self": true})),
            ),
            (Kind::Match, "grid", None),
            (Kind::Many, "metronome", None),
        ] {
            let mut dialect = Parlor::new(subprotocol, false, seat(kind, TEXT.len()));
            assert_eq!(dialect.request().subprotocol, Some(subprotocol.name()));
            let messages = written(|outbound| dialect.open(outbound));
            let frames = decoded(subprotocol, &messages);
            let [ClientFrame::Auth(_), ClientFrame::JoinRoom(join)] = &frames[..] else {
                panic!("a name and a join, not {frames:?}");
            };
            assert_eq!(join.room.as_deref(), Some(ROOM));
            assert_eq!(join.plugin.as_deref(), Some(plugin));
            assert_eq!(join.options, options.as_ref().map(payload));
        }
    }
}

/// As the plugin `echo` writes it.
fn reply(text: &str) -> String {
    format!(r#"{{"type":"echo_reply","data":"{text}"}}"#)
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[test]
fn inputs_are_what_the_plugins_read() {
    let echo = format!(r#"{{"type":"echo","data":"{TEXT}"}}"#);
    for subprotocol in Subprotocol::ALL {
        for (kind, asks_replies, data, id) in [
            (Kind::Echo, false, echo.clone(), None),
            (Kind::Echo, true, echo.clone(), Some(9)),
            (Kind::Fanout, false, quoted(TEXT), None),
        ] {
            let mut dialect = joined(subprotocol, kind, asks_replies);
            let messages = written(|outbound| dialect.say(9, TEXT.as_bytes(), outbound));
            let expected = dialect.input(Payload::from_json(&data).unwrap(), id);
            assert_eq!(decoded(subprotocol, &messages), [expected]);
        }
        let mut dialect = joined(subprotocol, Kind::Match, false);
        let messages = written(|outbound| dialect.take_cell(9, 80, outbound));
        let data = Payload::from_json(r#"{"type":"capture","cell":80}"#).unwrap();
        assert_eq!(
            decoded(subprotocol, &messages),
            [dialect.input(data, Some(9))]
        );
    }
}

#[test]
fn what_is_said_is_read_in_each_encoding() {
    for subprotocol in Subprotocol::ALL {
        let mut dialect = joined(subprotocol, Kind::Echo, false);
        for (seq, json, text) in [
            (101, reply(TEXT), TEXT),
            (102, reply("short"), "short"),
            (103, r#"{"data":"x","type":"echo_reply"}"#.to_owned(), "x"),
            (
                104,
                r#"{"type":"another"}"#.to_owned(),
                r#"{"type":"another"}"#,
            ),
            (105, "7".to_owned(), "7"),
        ] {
            let heard = hear(&mut dialect, &message(&json, None, seq));
            assert_eq!(heard, said(None, text), "{json}");
        }
        let mut dialect = joined(subprotocol, Kind::Fanout, false);
        for (seq, text) in [(101, TEXT), (102, "short")] {
            let heard = hear(&mut dialect, &message(&quoted(text), Some(4), seq));
            assert_eq!(heard, said(Some(4), text));
        }
    }
}

#[test]
fn messages_of_json_are_read_without_a_parser() {
    for (kind, data, from) in [
        (Kind::Echo, reply(TEXT), None),
        (Kind::Fanout, quoted(TEXT), Some(4)),
    ] {
        let dialect = joined(Subprotocol::Json, kind, false);
        let bytes = Subprotocol::Json.encode_server(&message(&data, from, 101));
        let expected = words::Said {
            from,
            epoch: 7,
            seq: 101,
            text: TEXT.as_bytes(),
        };
        assert_eq!(dialect.words.read(&bytes), Some(expected));
    }
}

#[test]
fn every_64th_message_is_acknowledged() {
    let mut dialect = joined(Subprotocol::Json, Kind::Fanout, false);
    for seq in 101..=164 {
        let (_, answers) = hear(&mut dialect, &message(&quoted(TEXT), Some(4), seq)).unwrap();
        let expected: &[ClientFrame] = match seq {
            164 => &[client::Ack {
                room: ROOM.to_owned(),
                epoch: 7,
                seq: 164,
                count: 64,
            }
            .into()],
            _ => &[],
        };
        assert_eq!(answers, expected, "{seq}");
    }
}

#[test]
fn answers_and_refusals_are_told_apart() {
    let mut dialect = joined(Subprotocol::Proto, Kind::Match, false);
    let reply = ServerFrame::Reply(server::Reply {
        room: Some(ROOM.to_owned()),
        id: 3,
        data: None,
        epoch: Some(7),
        seq: Some(100),
        tick: Some(9),
        repeat: None,
    });
    let refusal = |id| {
        ServerFrame::Error(server::Error {
            code: "CELL_TAKEN".to_owned(),
            message: "somebody has this cell".to_owned(),
            id,
            room: Some(ROOM.to_owned()),
        })
    };
    for (frame, id, is_accepted) in [(reply, 3, true), (refusal(Some(4)), 4, false)] {
        let expected = format!("{:?}", Some(Heard::Answered { id, is_accepted }));
        assert_eq!(hear(&mut dialect, &frame), Ok((expected, vec![])));
    }
    assert!(matches!(
        hear(&mut dialect, &refusal(None)),
        Err(Misread::Refused { .. })
    ));
}

#[test]
fn who_comes_for_somebody_else_asks_until_that_one_is_out() {
    let full = ServerFrame::Error(server::Error {
        code: ErrorCode::RoomFull.as_str().to_owned(),
        message: "no seat is free".to_owned(),
        id: Some(JOIN_ID),
        room: Some(ROOM.to_owned()),
    });
    let on_turn = |turn| {
        let seat = seat(Kind::Match, TEXT.len());
        Parlor::new(Subprotocol::Binary, false, Seat { turn, ..seat })
    };
    hear(&mut on_turn(0), &full).unwrap_err();
    let mut next = on_turn(1);
    for _ in 0..JOINS_MAX {
        let (heard, said) = hear(&mut next, &full).unwrap();
        assert_eq!(heard, "None");
        assert!(matches!(said[..], [ClientFrame::JoinRoom(_)]));
    }
    hear(&mut next, &full).unwrap_err();
}

#[test]
fn a_message_that_does_not_move_on_is_refused() {
    let mut dialect = joined(Subprotocol::Json, Kind::Fanout, false);
    let frame = message(&quoted(TEXT), Some(4), 100);
    assert!(matches!(
        hear(&mut dialect, &frame),
        Err(Misread::Protocol(_))
    ));
}

#[test]
fn a_server_that_would_refuse_what_comes_is_none_to_measure() {
    let check = |kind, rate, limit| {
        let seat = Seat {
            rate,
            ..seat(kind, TEXT.len())
        };
        hear(
            &mut Parlor::new(Subprotocol::Json, false, seat),
            &welcome(limit),
        )
    };
    assert!(check(Kind::Match, 80.0, 100).is_ok());
    assert!(check(Kind::Echo, f64::INFINITY, 0).is_ok());
    let refused = check(Kind::Echo, f64::INFINITY, 100).unwrap_err();
    assert!(refused.to_string().contains("--limits off"));
}

#[test]
fn a_clock_is_heard_by_the_number_of_its_tick() {
    for subprotocol in Subprotocol::ALL {
        let mut dialect = joined(subprotocol, Kind::Many, false);
        let ServerFrame::RoomState(mut frame) = state(&json!(12), 12) else {
            panic!("it is a state");
        };
        frame.view = BEAT.to_owned();
        let expected = format!("{:?}", Some(Heard::Tick { number: 12 }));
        let heard = hear(&mut dialect, &ServerFrame::RoomState(frame));
        assert_eq!(heard, Ok((expected, vec![])));
    }
}

#[test]
fn who_makes_noise_names_its_plugin_and_what_its_room_is_made_with() {
    let options = payload(&json!({"loops": 3}));
    let seat = seat(Kind::Many, TEXT.len());
    let mut dialect = Parlor::in_room_of(seat, "hostile", options.clone());
    let messages = written(|outbound| dialect.open(outbound));
    let frames = decoded(Subprotocol::Binary, &messages);
    let [_, ClientFrame::JoinRoom(join)] = &frames[..] else {
        panic!("a name and a join, not {frames:?}");
    };
    assert_eq!(join.plugin.as_deref(), Some("hostile"));
    assert_eq!(join.options.as_ref(), Some(&options));
}

#[test]
fn only_who_comes_for_somebody_else_may_begin_by_watching() {
    let ServerFrame::RoomJoined(mut frame) = room_joined() else {
        panic!("it is a join");
    };
    frame.you.seat = Chair::Spectator;
    let frame = ServerFrame::RoomJoined(frame);
    for (turn, is_taken) in [(0, false), (1, true)] {
        let seat = Seat {
            turn,
            ..seat(Kind::Match, TEXT.len())
        };
        let mut dialect = Parlor::new(Subprotocol::Json, false, seat);
        assert_eq!(hear(&mut dialect, &frame).is_ok(), is_taken, "{turn}");
    }
}

fn board(status: &str, players: usize, taken: &[(usize, u32)]) -> Value {
    let mut cells = vec![Value::Null; CELLS];
    for (cell, owner) in taken {
        cells[*cell] = json!(owner);
    }
    json!({"status": status, "time_remaining_ms": 5, "cells": cells, "players": vec![1; players], "winner": null})
}

fn state(board: &Value, tick: u64) -> ServerFrame {
    let state = payload(board);
    ServerFrame::RoomState(server::RoomState {
        room: ROOM.to_owned(),
        epoch: 7,
        tick,
        view: game::VIEW.to_owned(),
        version: tick,
        as_of: 100,
        hash: state.state_hash(),
        handle: 1,
        state,
    })
}

#[test]
fn the_first_player_has_the_first_match_begin_when_all_are_seated() {
    let mut dialect = joined(Subprotocol::Json, Kind::Match, false);
    let mut answers = |status: &str, players, tick| {
        let frame = state(&board(status, players, &[]), tick);
        let (_, answers) = hear(&mut dialect, &frame).unwrap();
        answers
    };
    let urge = |input: &str| {
        let data = payload(&json!({"type": input}));
        let room = ROOM.to_owned();
        ClientFrame::from(client::RoomMessage {
            room,
            data,
            id: None,
        })
    };
    assert_eq!(answers("waiting", 1, 1), []);
    assert_eq!(answers("waiting", 2, 2), [urge("start")]);
    assert_eq!(answers("waiting", 2, 3), [], "it is on its way");
    assert_eq!(answers("active", 2, 4), []);
    assert_eq!(answers("completed", 2, 5), [], "others may not know yet");
    let asked = written(|outbound| dialect.next_board(outbound));
    assert_eq!(decoded(Subprotocol::Json, &asked), [urge("rematch")]);
}

#[test]
fn patches_are_followed() {
    let mut dialect = joined(Subprotocol::Binary, Kind::Match, false);
    let (before, after) = (board("active", 2, &[]), board("active", 2, &[(40, 5)]));
    hear(&mut dialect, &state(&before, 1)).unwrap();
    let [old, new] = [&before, &after].map(|board| State::new(&payload(board)));
    let patch = ServerFrame::RoomPatch(server::RoomPatch {
        handle: 1,
        tick: 2,
        version: 2,
        as_of: 100,
        hash: new.hash(),
        patch: old.patch_to(&new).expect("a patch is smaller"),
    });
    let mut cells = [0; CELLS];
    cells[40] = 5;
    let expected = Heard::Board {
        tick: 2,
        cells: &cells,
        is_open: true,
    };
    let expected = (format!("{:?}", Some(expected)), vec![]);
    assert_eq!(hear(&mut dialect, &patch), Ok(expected));
}
