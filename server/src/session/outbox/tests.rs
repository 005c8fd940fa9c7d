use parlor_proto::{Payload, ServerFrame, server};

use super::*;
use crate::telemetry::Metrics;

const CONNECTION: u32 = 0;

fn outbox() -> Outbox {
    let bounds = Bounds {
        frames_max: 4,
        bytes_max: 1000,
    };
    Outbox::new(bounds, Arc::new(QueuedBytes::new(1 << 20)))
}

fn key(view: &str) -> StateKey {
    StateKey {
        room: "room".into(),
        view: view.into(),
    }
}

fn taken(outbox: &Outbox) -> Vec<Outgoing> {
    let mut all = Vec::new();
    outbox.take(&mut all);
    all
}

/// A state of this version, which says this; with a patch from version `base`, if there is one.
fn state(version: u64, says: &str, base: Option<u64>) -> ViewFrames {
    let whole = server::RoomState {
        room: "room".to_owned(),
        epoch: 1,
        tick: 0,
        view: "board".to_owned(),
        version,
        as_of: 0,
        hash: 0,
        handle: 1,
        state: Payload::from_serde(says).unwrap(),
    };
    let patch = base.map(|base| (base, Payload::null()));
    ViewFrames::newest(&Arc::new(Metrics::new()), whole, patch)
}

fn push_state(outbox: &Outbox, connection: u32, view: &str, state: &ViewFrames) {
    outbox.push_state(connection, Subprotocol::Json, key(view), state);
}

/// What is written, each as its text, or for states as what they say, or `patch N`.
fn said(outbox: &Outbox) -> Vec<String> {
    let said = taken(outbox).into_iter().map(|it| match it {
        Outgoing::Message(message) => match Subprotocol::Json.decode_server(&message) {
            Ok(ServerFrame::RoomState(frame)) => frame.state.to_serde().unwrap(),
            Ok(ServerFrame::RoomPatch(frame)) => format!("patch {}", frame.version),
            _ => String::from_utf8(message.to_vec()).unwrap(),
        },
        Outgoing::Control(control) => format!("{control:?}"),
    });
    said.collect()
}

fn message(text: &'static str) -> Outgoing {
    Outgoing::Message(Bytes::from_static(text.as_bytes()))
}

fn overflown(overflow: Overflow) -> Vec<Outgoing> {
    vec![Outgoing::Control(Control::Overflown(overflow))]
}

/// LM6
#[test]
fn a_newer_state_takes_the_place_of_an_unwritten_one_and_goes_behind_what_came_between() {
    let outbox = outbox();
    push_state(&outbox, CONNECTION, "board", &state(1, "old", None));
    outbox.push_all(CONNECTION, Burst(1), ["said".into()]);
    push_state(&outbox, CONNECTION, "board", &state(2, "new", Some(1)));
    push_state(&outbox, CONNECTION, "other", &state(2, "else", None));
    assert_eq!(said(&outbox), ["said", "new", "else"]);
    assert_eq!(outbox.take_states_replaced(), 1);
    assert_eq!(taken(&outbox), []);
    assert_eq!(outbox.node.get(), 0);
}

/// ST2, ST7
#[test]
fn a_patch_goes_only_on_top_of_what_was_written() {
    let outbox = outbox();
    push_state(&outbox, CONNECTION, "board", &state(1, "one", None));
    assert_eq!(said(&outbox), ["one"]);
    push_state(&outbox, CONNECTION, "board", &state(2, "two", Some(1)));
    assert_eq!(said(&outbox), ["patch 2"]);
    push_state(&outbox, CONNECTION, "board", &state(3, "three", Some(2)));
    push_state(&outbox, CONNECTION, "board", &state(4, "four", Some(3)));
    push_state(&outbox, CONNECTION, "board", &state(5, "five", Some(4)));
    assert_eq!(said(&outbox), ["five"]);
    push_state(&outbox, CONNECTION, "board", &state(6, "six", Some(5)));
    assert_eq!(said(&outbox), ["patch 6"]);
    push_state(&outbox, CONNECTION, "board", &state(6, "six", Some(5)));
    assert_eq!(taken(&outbox), [], "it has that");
    push_state(&outbox, CONNECTION, "board", &state(8, "eight", Some(7)));
    assert_eq!(said(&outbox), ["eight"], "it has no seven");
    let next = outbox.turn_over();
    push_state(&outbox, next, "board", &state(9, "nine", Some(8)));
    assert_eq!(
        said(&outbox),
        ["nine"],
        "what the connection before had is gone"
    );
    outbox.forget_states("room");
    push_state(&outbox, next, "board", &state(10, "ten", Some(9)));
    assert_eq!(said(&outbox), ["ten"], "the client left, and came back");
}

#[test]
fn what_is_known_of_states_is_bounded() {
    let outbox = outbox();
    for view in 0..2 * STATES_KNOWN_MAX {
        push_state(&outbox, CONNECTION, &view.to_string(), &state(1, "", None));
        assert_eq!(taken(&outbox).len(), 1);
    }
    assert!(outbox.lock().known.len() <= STATES_KNOWN_MAX);
}

#[test]
fn what_one_step_sends_fits_and_the_next_step_finds_a_client_that_does_not_read() {
    let outbox = outbox();
    for _ in 0..100 {
        outbox.push_all(CONNECTION, Burst(1), [Bytes::from(vec![0; 100])]);
    }
    assert_eq!(taken(&outbox).len(), 100);
    for _ in 0..100 {
        outbox.push_all(CONNECTION, Burst(2), ["x".into()]);
    }
    outbox.push_all(CONNECTION, Burst(3), ["one more".into()]);
    outbox.push_all(CONNECTION, Burst(4), ["and another".into()]);
    assert_eq!(taken(&outbox), overflown(Overflow::Frames));
    assert_eq!(outbox.node.get(), 0, "what was queued is freed");
}

#[test]
fn what_several_rooms_replay_to_a_new_connection_fits() {
    let outbox = outbox();
    let next = outbox.turn_over();
    for burst in 1..=3 {
        for _ in 0..100 {
            outbox.push_all(next, Burst(burst), ["missed".into()]);
        }
    }
    assert_eq!(taken(&outbox).len(), 300);
    outbox.push_all(next, Burst(4), [Bytes::from(vec![0; 1000])]);
    outbox.push_all(next, Burst(5), ["one more".into()]);
    assert_eq!(taken(&outbox), overflown(Overflow::Bytes));
}

#[test]
fn bytes_are_bounded_like_frames() {
    let outbox = outbox();
    outbox.push_all(CONNECTION, Burst(1), [Bytes::from(vec![0; 1000])]);
    outbox.push_all(CONNECTION, Burst(2), ["one more".into()]);
    assert_eq!(taken(&outbox), overflown(Overflow::Bytes));
}

#[test]
fn a_node_with_too_much_queued_closes_those_who_have_a_share_in_it() {
    let node = Arc::new(QueuedBytes::new(100_000));
    let bounds = Bounds {
        frames_max: 1000,
        bytes_max: 1 << 20,
    };
    let (greedy, modest) = (
        Outbox::new(bounds, Arc::clone(&node)),
        Outbox::new(bounds, Arc::clone(&node)),
    );
    greedy.push_all(CONNECTION, Burst(1), [Bytes::from(vec![0; 99_900])]);
    modest.push_all(CONNECTION, Burst(1), [Bytes::from(vec![0; 1000])]);
    push_state(&greedy, CONNECTION, "board", &state(1, "state", None));
    assert_eq!(taken(&greedy), overflown(Overflow::Node));
    assert_eq!(taken(&modest).len(), 1);
    assert_eq!(node.get(), 0);
}

#[test]
fn states_alone_never_overflow() {
    let outbox = outbox();
    for version in 1..10_000 {
        push_state(&outbox, CONNECTION, "board", &state(version, "x", None));
    }
    assert!(outbox.lock().entries.len() < 20);
    assert_eq!(taken(&outbox).len(), 1);
}

#[test]
fn states_of_a_room_that_was_left_are_not_written() {
    let outbox = outbox();
    push_state(&outbox, CONNECTION, "board", &state(1, "gone", None));
    outbox.forget_states("room");
    assert_eq!(taken(&outbox), []);
    assert_eq!(outbox.node.get(), 0);
}

#[test]
fn a_new_connection_does_not_end_for_what_the_one_before_did() {
    let outbox = outbox();
    outbox.push_control(Control::Overloads("room".into()));
    outbox.push_control(Control::LeftRoom("room".into()));
    outbox.turn_over();
    let left = Outgoing::Control(Control::LeftRoom("room".into()));
    assert_eq!(taken(&outbox), [left]);
}

#[test]
fn what_is_meant_for_an_earlier_connection_is_dropped_and_words_to_the_session_stay() {
    let outbox = outbox();
    outbox.push_all(CONNECTION, Burst(1), ["unwritten".into()]);
    outbox.push_control(Control::LeftRoom("room".into()));
    let next = outbox.turn_over();
    outbox.push_all(CONNECTION, Burst(2), ["late".into()]);
    push_state(&outbox, CONNECTION, "board", &state(1, "late", None));
    outbox.push_all(next, Burst(2), ["new".into()]);
    outbox.push_first(next, "first".into());
    let left = Outgoing::Control(Control::LeftRoom("room".into()));
    assert_eq!(taken(&outbox), [message("first"), left, message("new")]);
}
