//! The paths inside the server: from a frame that a client sent to the room, through the room, and to the loops of sessions.
//!
//! Each was taken before, with as much as is counted, so that what happens only the first time is not counted.

use std::hint::black_box;

use gungraun::prelude::*;
use parlor_counts::{client_message, grids, server_message};
use parlor_proto::{ClientFrame, Payload, ServerFrame, Subprotocol};
use parlor_server::hot::{Batch, Clients, Inputs, Outcome, Plugin, Room, Session, ViewState};

const MEMBERS: usize = 4;
const CLIENTS: usize = 100;
/// How often each was done before.
const BEFORE: u64 = 3;

/// Little, in the encoding that takes least: how much encoding takes is counted elsewhere.
fn said() -> Payload {
    Payload::from_json(r#"{"type":"capture","cell":40}"#).expect("it is JSON")
}

/// So many, who speak these in turn.
fn speaking(count: usize, subprotocols: &[Subprotocol]) -> Vec<Subprotocol> {
    subprotocols.iter().copied().cycle().take(count).collect()
}

fn session() -> (&'static mut Session, ClientFrame) {
    let frame = client_message();
    let ClientFrame::RoomMessage(message) = &frame else {
        unreachable!("it is a message to a room");
    };
    let session = Box::leak(Box::new(Session::new(&message.room)));
    for _ in 0..BEFORE {
        assert!(session.route(frame.clone()), "the room takes it");
        assert!(session.take(), "it is in its mailbox");
    }
    (session, frame)
}

#[library_benchmark]
#[bench::message(setup = session)]
fn route((session, frame): (&'static mut Session, ClientFrame)) -> bool {
    black_box(session).route(black_box(frame))
}

/// A room in which so many messages at a time were said.
fn room(count: usize, plugin: Plugin) -> &'static mut Room {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let members = speaking(MEMBERS, &[Subprotocol::Binary]);
    let room = Box::leak(Box::new(Room::new(folder.path(), &members, plugin, said())));
    for _ in 0..BEFORE {
        let inputs = room.inputs(count);
        let mut batch = room.batch(inputs);
        let outcome = room.outcome(&mut batch);
        room.record(&batch, &outcome);
        room.apply(&batch, outcome);
        assert!(room.empty() > 0, "members are sent something");
    }
    room
}

fn inputs(count: usize) -> (&'static mut Room, Inputs) {
    let room = room(count, Plugin::Answers);
    let inputs = room.inputs(count);
    (room, inputs)
}

#[library_benchmark(setup = inputs)]
#[bench::one_message(1)]
#[bench::sixteen_messages(16)]
fn room_batch((room, inputs): (&'static mut Room, Inputs)) -> Batch {
    black_box(room).batch(black_box(inputs))
}

type Ran = (&'static mut Room, &'static mut Batch, Outcome);

fn ran(plugin: Plugin) -> Ran {
    let room = room(16, plugin);
    let inputs = room.inputs(16);
    let batch = Box::leak(Box::new(room.batch(inputs)));
    let outcome = room.outcome(batch);
    (room, batch, outcome)
}

#[library_benchmark(setup = ran)]
#[bench::sixteen_messages(Plugin::Answers)]
fn room_record((room, batch, outcome): Ran) -> Outcome {
    black_box(room).record(black_box(batch), &outcome);
    outcome
}

#[library_benchmark(setup = ran)]
#[bench::sixteen_sends(Plugin::Tells)]
#[bench::sixteen_replies(Plugin::Answers)]
fn room_apply((room, batch, outcome): Ran) {
    black_box(room).apply(black_box(batch), outcome);
}

fn clients(subprotocols: &[Subprotocol]) -> (&'static mut Clients, ServerFrame) {
    let clients = Clients::new(&speaking(CLIENTS, subprotocols));
    let clients = Box::leak(Box::new(clients));
    for _ in 0..BEFORE {
        clients.send(server_message());
        assert_eq!(clients.take(), CLIENTS, "each is sent it");
        clients.clear();
    }
    (clients, server_message())
}

#[library_benchmark(setup = clients)]
#[bench::one_encoding(&[Subprotocol::Json])]
#[bench::three_encodings(&Subprotocol::ALL)]
fn fan_out((clients, frame): (&'static mut Clients, ServerFrame)) {
    black_box(clients).send(black_box(frame));
}

/// This state of a view, which differs from any other by the same.
fn state(clients: &Clients, view: &str, version: u64) -> ViewState {
    let (before, after) = grids();
    let patch = before.patch_to(&after).expect("a cell is little of it");
    clients.state(view, version, after.value().clone(), patch)
}

fn viewers() -> (&'static Clients, ViewState) {
    let clients = Clients::new(&speaking(CLIENTS, &[Subprotocol::Binary]));
    let clients = Box::leak(Box::new(clients));
    for version in 1..=BEFORE {
        clients.send_state(state(clients, "board", version));
        assert_eq!(clients.take(), CLIENTS, "each is sent it");
        clients.clear();
    }
    (clients, state(clients, "board", BEFORE + 1))
}

#[library_benchmark]
#[bench::patch(setup = viewers)]
fn fan_out_state((clients, state): (&'static Clients, ViewState)) {
    black_box(clients).send_state(black_box(state));
}

/// A client for which so many frames wait, and so many states.
fn waiting(frames: usize, views: usize) -> &'static mut Clients {
    let clients = Box::leak(Box::new(Clients::new(&[Subprotocol::Binary])));
    for version in 1..=BEFORE + 1 {
        clients.clear();
        for _ in 0..frames {
            clients.send(server_message());
        }
        for view in 0..views {
            clients.send_state(state(clients, &view.to_string(), version));
        }
        if version <= BEFORE {
            assert_eq!(clients.take(), frames + views, "all of it waits");
        }
    }
    clients
}

#[library_benchmark(setup = waiting)]
#[bench::sixteen_frames(16, 0)]
#[bench::four_states(0, 4)]
fn outbox_take(clients: &'static mut Clients) -> usize {
    black_box(clients).take()
}

library_benchmark_group!(
    name = server,
    benchmarks = [
        route,
        room_batch,
        room_record,
        room_apply,
        fan_out,
        fan_out_state,
        outbox_take
    ]
);

main!(library_benchmark_groups = server);
