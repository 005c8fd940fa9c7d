//! Frames and payloads in each encoding, and states that change.
//!
//! What each function is given was made by a `setup`, which is not counted.

use std::hint::black_box;

use bytes::Bytes;
use gungraun::prelude::*;
use parlor_counts::{MOVE, client_message, grids, patch_message, prepared, server_message, worlds};
use parlor_proto::{
    ClientFrame, FrameError, PatchError, Payload, ServerFrame, State, Subprotocol, ValueError,
};

type Message = (Subprotocol, Vec<u8>);

fn received(subprotocol: Subprotocol) -> &'static Message {
    let message = subprotocol.encode_client(&client_message()).to_vec();
    prepared((subprotocol, message), |(_, message)| {
        subprotocol.decode_client(message)
    })
}

#[library_benchmark(setup = received)]
#[bench::json(Subprotocol::Json)]
#[bench::binary(Subprotocol::Binary)]
#[bench::proto(Subprotocol::Proto)]
fn decode_room_message(
    (subprotocol, message): &'static Message,
) -> Result<ClientFrame, FrameError> {
    black_box(*subprotocol).decode_client(black_box(message))
}

type Outgoing = (Subprotocol, ServerFrame);

fn to_be_sent(subprotocol: Subprotocol, frame: fn() -> ServerFrame) -> &'static Outgoing {
    prepared((subprotocol, frame()), |(_, frame)| {
        subprotocol.encode_server(frame)
    })
}

#[library_benchmark(setup = to_be_sent)]
#[bench::json(Subprotocol::Json, server_message)]
#[bench::binary(Subprotocol::Binary, server_message)]
#[bench::proto(Subprotocol::Proto, server_message)]
fn encode_room_message((subprotocol, frame): &'static Outgoing) -> Bytes {
    black_box(*subprotocol).encode_server(black_box(frame))
}

#[library_benchmark(setup = to_be_sent)]
#[bench::json(Subprotocol::Json, patch_message)]
#[bench::binary(Subprotocol::Binary, patch_message)]
#[bench::proto(Subprotocol::Proto, patch_message)]
fn encode_room_patch((subprotocol, frame): &'static Outgoing) -> Bytes {
    black_box(*subprotocol).encode_server(black_box(frame))
}

fn json() -> &'static str {
    prepared(MOVE.to_owned(), |json| Payload::from_json(json))
}

#[library_benchmark]
#[bench::json_to_msgpack(setup = json)]
fn transcode_in(json: &'static str) -> Result<Payload, ValueError> {
    Payload::from_json(black_box(json))
}

fn msgpack() -> &'static Payload {
    let payload = Payload::from_json(MOVE).expect("it is JSON");
    prepared(payload, Payload::to_proto)
}

#[library_benchmark]
#[bench::msgpack_to_proto(setup = msgpack)]
fn transcode_out(payload: &'static Payload) -> Vec<u8> {
    black_box(payload).to_proto()
}

type Change = (State, State);

fn changed(states: fn() -> Change) -> &'static Change {
    prepared(states(), |(before, after)| before.patch_to(after))
}

#[library_benchmark(setup = changed)]
#[bench::grid(grids)]
#[bench::entities(worlds)]
fn diff((before, after): &'static Change) -> Option<Payload> {
    black_box(before).patch_to(black_box(after))
}

type Patch = (State, Payload);

fn patch(states: fn() -> Change) -> &'static Patch {
    let (before, after) = states();
    let patch = before.patch_to(&after).expect("little has changed");
    prepared((before, patch), |(before, patch)| before.patched(patch))
}

#[library_benchmark(setup = patch)]
#[bench::grid(grids)]
#[bench::entities(worlds)]
fn apply_patch((before, patch): &'static Patch) -> Result<State, PatchError> {
    black_box(before).patched(black_box(patch))
}

library_benchmark_group!(
    name = proto,
    benchmarks = [
        decode_room_message,
        encode_room_message,
        encode_room_patch,
        transcode_in,
        transcode_out,
        diff,
        apply_patch
    ]
);

main!(library_benchmark_groups = proto);
