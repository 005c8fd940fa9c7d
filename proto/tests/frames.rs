//! Frames, as properties that hold for any payload and any number.

use parlor_proto::{
    ClientFrame, Create, ErrorCode, FrameError, Member, NUMBER_MAX, Payload, Seat, ServerFrame,
    Subprotocol, client, server,
};
use proptest::{collection, option, prelude::*};

mod common;

fn payload() -> impl Strategy<Value = Payload> {
    common::value().prop_map(|value| value.to_payload().expect("the strategy makes only values"))
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(NUMBER_MAX), 0..=NUMBER_MAX]
}

fn member() -> impl Strategy<Value = Member> {
    let seat = proptest::sample::select(Seat::ALL);
    (
        any::<u32>(),
        any::<String>(),
        seat,
        any::<bool>(),
        option::of(any::<String>()),
    )
        .prop_map(|(id, name, seat, away, user)| Member {
            id,
            name,
            seat,
            away,
            user,
        })
}

fn client_frame() -> impl Strategy<Value = ClientFrame> {
    let message = (any::<String>(), payload(), option::of(number()))
        .prop_map(|(room, data, id)| client::RoomMessage { room, data, id }.into());
    let create = option::of(proptest::sample::select(Create::ALL));
    let texts = (
        option::of(any::<String>()),
        option::of(any::<String>()),
        option::of(any::<String>()),
    );
    let join = (texts, create, option::of(payload()), option::of(number())).prop_map(
        |(texts, create, options, id)| {
            let (room, code, plugin) = texts;
            client::JoinRoom {
                room,
                code,
                plugin,
                create,
                visibility: None,
                seat: None,
                options,
                id,
            }
            .into()
        },
    );
    prop_oneof![message, join]
}

fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let message = (
        any::<String>(),
        payload(),
        option::of(any::<u32>()),
        number(),
        number(),
    )
        .prop_map(|(room, data, from, epoch, seq)| {
            server::RoomMessage {
                room,
                data,
                from,
                epoch,
                seq,
            }
            .into()
        });
    let reset = (any::<String>(), number(), collection::vec(member(), 0..20)).prop_map(
        |(room, seq, members)| {
            server::Reset {
                room,
                epoch: 1,
                seq,
                last_id: 0,
                members,
                reason: String::new(),
            }
            .into()
        },
    );
    let state = (any::<String>(), payload(), any::<u32>(), number(), number());
    let state = state.prop_map(|(view, state, hash, tick, handle)| {
        let room = "r".to_owned();
        server::RoomState {
            room,
            epoch: 1,
            tick,
            view,
            version: 1,
            as_of: 2,
            hash,
            handle,
            state,
        }
        .into()
    });
    let patch = (
        payload(),
        any::<u32>(),
        [number(), number(), number(), number()],
    );
    let patch = patch.prop_map(|(patch, hash, [handle, tick, version, as_of])| {
        server::RoomPatch {
            handle,
            tick,
            version,
            as_of,
            hash,
            patch,
        }
        .into()
    });
    prop_oneof![message, reset, state, patch]
}

proptest! {
    #[test]
    fn en1_client_frames_survive_every_encoding(frame in client_frame()) {
        for subprotocol in Subprotocol::ALL {
            let message = subprotocol.encode_client(&frame);
            prop_assert_eq!(subprotocol.decode_client(&message), Ok(frame.clone()));
        }
    }

    #[test]
    fn en1_server_frames_survive_every_encoding(frame in server_frame()) {
        for subprotocol in Subprotocol::ALL {
            let message = subprotocol.encode_server(&frame);
            prop_assert_eq!(subprotocol.decode_server(&message), Ok(frame.clone()));
        }
    }

    /// The direct writers of frames and the transcoder of values must not differ.
    #[test]
    fn en2_json_and_messagepack_of_a_frame_are_the_same_value(frame in server_frame()) {
        let json = Subprotocol::Json.encode_server(&frame);
        let msgpack = Subprotocol::Binary.encode_server(&frame);
        let text = std::str::from_utf8(&json).expect("JSON is text");
        prop_assert_eq!(Payload::from_json(text), Payload::from_msgpack(&msgpack));
    }
}

#[test]
fn hs2_subprotocols_are_known_by_name_and_index() {
    for (index, subprotocol) in Subprotocol::ALL.into_iter().enumerate() {
        assert_eq!(subprotocol.index(), index);
        assert_eq!(
            Subprotocol::from_name(subprotocol.name()),
            Some(subprotocol)
        );
    }
    assert_eq!(
        Subprotocol::ALL.map(Subprotocol::name),
        ["v1.json", "v1.binary", "v2.proto"]
    );
    assert_eq!(
        Subprotocol::ALL.map(Subprotocol::is_text),
        [true, false, false]
    );
    assert_eq!(Subprotocol::from_name("V1.JSON"), None);
}

#[test]
fn en3_null_is_absent_but_for_a_payload_and_a_list_may_be_left_out() {
    let json = |text: &str| Subprotocol::Json.decode_client(text.as_bytes());
    assert_eq!(
        json(r#"{"type":"auth","name":null}"#),
        json(r#"{"type":"auth"}"#)
    );
    let Ok(ClientFrame::RoomMessage(message)) =
        json(r#"{"type":"room_message","room":"r","data":null,"id":null}"#)
    else {
        panic!("null is a payload");
    };
    assert_eq!((message.data, message.id), (Payload::null(), None));
    let Ok(ClientFrame::Resume(resume)) =
        json(r#"{"type":"resume","session":"s","resume_token":"t"}"#)
    else {
        panic!("a list may be left out");
    };
    assert!(resume.rooms.is_empty());
    for missing in [
        r#"{"type":"room_message","room":"r"}"#,
        r#"{"type":"room_message","room":null,"data":1}"#,
    ] {
        let error = json(missing).expect_err(missing);
        assert_eq!(error.code(), ErrorCode::InvalidMessageFormat, "{missing}");
    }
}

#[test]
fn en4_in_protobuf_what_is_not_there_is_zero_and_one_frame_is() {
    let proto = |message: &[u8]| Subprotocol::Proto.decode_client(message);
    // Field 9 is `ping`, and empty.
    let ping = client::Ping { timestamp: 0 };
    assert_eq!(proto(&[9 << 3 | 2, 0]), Ok(ping.into()));
    let error = proto(&[]).expect_err("no frame is set");
    assert_eq!(error.code(), ErrorCode::UnknownMessageType);
}

/// Reads a `ping` with this timestamp, as JSON has it.
fn ping(subprotocol: Subprotocol, timestamp: &str) -> Result<ClientFrame, FrameError> {
    let json = format!(r#"{{"type":"ping","timestamp":{timestamp}}}"#);
    match subprotocol {
        Subprotocol::Json => subprotocol.decode_client(json.as_bytes()),
        Subprotocol::Binary => {
            let frame = Payload::from_json(&json).expect("a value");
            subprotocol.decode_client(frame.as_msgpack())
        }
        Subprotocol::Proto => {
            let mut timestamp: u64 = timestamp.parse().expect("proto has no other numbers");
            let mut varint = vec![1 << 3];
            while timestamp > 0x7f {
                varint.push(timestamp.to_le_bytes()[0] | 0x80);
                timestamp >>= 7;
            }
            varint.push(timestamp.to_le_bytes()[0]);
            let length = u8::try_from(varint.len()).expect("a short message");
            subprotocol.decode_client(&[&[9 << 3 | 2, length], varint.as_slice()].concat())
        }
    }
}

#[test]
fn lm5_numbers_are_integers_from_0_to_2_53_minus_1() {
    for subprotocol in Subprotocol::ALL {
        for timestamp in [0, 1, NUMBER_MAX] {
            let frame = ping(subprotocol, &timestamp.to_string());
            assert_eq!(frame, Ok(client::Ping { timestamp }.into()));
        }
        let error = ping(subprotocol, "9007199254740992").expect_err("2^53");
        assert_eq!(error.code(), ErrorCode::InvalidMessageFormat);
    }
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary] {
        for other in ["-1", "0.5", "\"1\"", "true"] {
            let error = ping(subprotocol, other).expect_err(other);
            assert_eq!(error.code(), ErrorCode::InvalidMessageFormat, "{other}");
        }
    }
}

#[test]
fn lm5_a_u32_ends_at_2_32_minus_1() {
    let from = |from: u64| {
        let json = format!(
            r#"{{"type":"room_message","room":"r","data":1,"from":{from},"epoch":1,"seq":1}}"#
        );
        Subprotocol::Json.decode_server(json.as_bytes())
    };
    assert!(from(u64::from(u32::MAX)).is_ok());
    let error = from(u64::from(u32::MAX) + 1).expect_err("2^32");
    assert_eq!(error.code(), ErrorCode::InvalidMessageFormat);
}

#[test]
fn frames_know_their_type() {
    let frame = ClientFrame::from(client::Ping { timestamp: 1 });
    assert_eq!(frame.type_name(), "ping");
    assert!(ClientFrame::TYPES.contains(&"ping"));
    assert!(!ClientFrame::TYPES.contains(&"pong"));
}

/// EN2: the one frame that is a list.
#[test]
fn en2_a_patch_is_the_list_of_its_fields() {
    let patch = ServerFrame::from(server::RoomPatch {
        handle: 7,
        tick: 1_234,
        version: 56,
        as_of: 345,
        hash: 0xDEAD_BEEF,
        patch: Payload::from_json("[0,[40,2]]").expect("JSON"),
    });
    let json = "[7,1234,56,345,3735928559,[0,[40,2]]]";
    assert_eq!(Subprotocol::Json.encode_server(&patch), json);
    let read = |json: &str| Subprotocol::Json.decode_server(json.as_bytes());
    assert_eq!(read(json), Ok(patch.clone()));
    // ER4: items that a reader does not know.
    let longer = "[7,1234,56,345,3735928559,[0,[40,2]],null,{\"more\":[1]}]";
    assert_eq!(read(longer), Ok(patch));
    for (wrong, field) in [
        ("[]", "handle"),
        ("[7,1234,56,345,3735928559]", "patch"),
        ("[null,1234,56,345,3735928559,0]", "handle"),
        ("[7,1234,\"56\",345,3735928559,0]", "version"),
        ("[7,1234,56,345,4294967296,0]", "hash"),
    ] {
        let error = read(wrong).expect_err(wrong);
        assert_eq!(error.code(), ErrorCode::InvalidMessageFormat);
        assert!(error.to_string().contains(field), "{wrong}: {error}");
    }
    let map =
        r#"{"type":"room_patch","handle":7,"tick":1,"version":1,"as_of":1,"hash":1,"patch":0}"#;
    assert!(read(map).is_err(), "it is no map");
    let client = Subprotocol::Json.decode_client(json.as_bytes());
    assert!(client.is_err(), "clients send none");
}
