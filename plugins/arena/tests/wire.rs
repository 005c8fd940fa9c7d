//! What a crowd costs on the wire: 100 members who all move all the time. `cargo test --test wire -- --nocapture` shows
//! it.
#![expect(clippy::print_stdout, reason = "it shows what it measured")]

use parlor_plugin::{Map, MemberId, json, testing::TestRoom};
use parlor_plugin_arena::Arena;
use parlor_proto::{Payload, ServerFrame, State, Subprotocol, server};

const MEMBERS: usize = 100;
const TICKS: u32 = 60;

/// A direction that is cut to full speed, another one each time.
fn direction(turn: u32) -> (i32, i32) {
    let mixed = turn.wrapping_mul(0x9e37_79b9) >> 8;
    let along = i32::try_from(mixed % 255).expect("below 255") - 127;
    match mixed / 255 % 4 {
        0 => (127, along),
        1 => (-127, along),
        2 => (along, 127),
        _ => (along, -127),
    }
}

fn state(room: &TestRoom<Arena>, member: MemberId) -> State {
    let view = parlor_plugin::Payload::of(room.view_for(member, "near")).expect("a view");
    State::new(&Payload::from_msgpack(view.as_bytes()).expect("a payload"))
}

fn frame(subprotocol: Subprotocol, next: &State, patch: Payload) -> usize {
    let frame = ServerFrame::RoomPatch(server::RoomPatch {
        handle: 700,
        tick: 1_234,
        version: 123_456,
        as_of: 157,
        hash: next.hash(),
        patch,
    });
    subprotocol.encode_server(&frame).len()
}

#[test]
fn a_patch_of_a_crowd_takes_few_bytes() {
    let mut room = TestRoom::<Arena>::open();
    let members: Vec<MemberId> = (0..MEMBERS)
        .map(|n| room.join(&format!("bot {n}")))
        .collect();
    room.tick(1);
    let mut before: Map<MemberId, State> = Map::new();
    let (mut patches, mut patch_bytes, mut seen) = (0, 0, 0);
    let mut frames = [0; 3];
    for tick in 0..TICKS {
        for (n, member) in (0..).zip(&members) {
            // Each of them every tenth tick, so twice a second.
            if (tick + n) % 10 == 0 {
                let (x, y) = direction(tick * 1_000 + n);
                room.push(*member, &json!({ "type": "steer", "x": x, "y": y }));
            }
        }
        room.tick(1);
        for member in &members {
            let next = state(&room, *member);
            if let Some(patch) = before.get(member).and_then(|before| before.patch_to(&next))
                && tick > TICKS / 2
            {
                patches += 1;
                patch_bytes += patch.as_msgpack().len();
                seen += seen_in(&room, *member);
                for (bytes, subprotocol) in frames.iter_mut().zip(Subprotocol::ALL) {
                    *bytes += frame(subprotocol, &next, patch.clone());
                }
            }
            before.insert(*member, next);
        }
    }
    let mean = |bytes: usize| bytes as f64 / f64::from(patches);
    let report = format!(
        "in sight {:.1}, a patch {:.1} bytes; frames: {}",
        mean(seen),
        mean(patch_bytes),
        Subprotocol::ALL
            .iter()
            .zip(frames)
            .map(|(subprotocol, bytes)| format!("{} {:.0} bytes", subprotocol.name(), mean(bytes)))
            .collect::<Vec<_>>()
            .join(", ")
    );
    println!("{report}");
    assert!(mean(patch_bytes) < 4.0 * mean(seen) + 20.0, "{report}");
}

fn seen_in(room: &TestRoom<Arena>, member: MemberId) -> usize {
    #[derive(serde::Deserialize)]
    struct Near {
        ids: Vec<MemberId>,
    }
    let view = parlor_plugin::Payload::of(room.view_for(member, "near")).expect("a view");
    view.read::<Near>().expect("the members in sight").ids.len()
}
