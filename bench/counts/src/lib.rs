//! What the benches work on: fixed, and of the size and shape that rooms have.
//!
//! A bench is a function in `benches/` with one `#[bench::name(..)]` for each input. What makes the input is its `setup`,
//! which is not counted; it does the work once, so that what happens only the first time is not counted either, and keeps the
//! input for good, so that freeing it is not.

use std::fmt::Write as _;
use std::hint::black_box;

use parlor_proto::{ClientFrame, Payload, ServerFrame, State, client, server};

/// The bytes of a message on a socket.
pub const MESSAGE_BYTES: usize = 64;

const CELLS: usize = 81;
const PLAYERS: usize = 4;
const ENTITIES: usize = 100;

/// An input, kept to the end of the process, on which the work was done once.
pub fn prepared<T, R>(input: T, work: impl FnOnce(&'static T) -> R) -> &'static T {
    let input = Box::leak(Box::new(input));
    black_box(work(input));
    input
}

/// A move in the grid, as a client asks for it.
#[must_use]
pub fn client_message() -> ClientFrame {
    ClientFrame::RoomMessage(client::RoomMessage {
        room: "grid-417".to_owned(),
        data: payload(r#"{"type":"capture","cell":40}"#),
        id: Some(1_318),
    })
}

/// A line of a chat, as all members get it.
#[must_use]
pub fn server_message() -> ServerFrame {
    ServerFrame::RoomMessage(server::RoomMessage {
        room: "chat-417".to_owned(),
        data: payload(
            r#"{"type":"said","from":7,"name":"Ada","text":"same time tomorrow? I bring the maps"}"#,
        ),
        from: Some(7),
        epoch: 3,
        seq: 48_213,
    })
}

/// What a player of a moving world sends, with texts, integers, floats, a list and maps in it.
pub const MOVE: &str = r#"{"type":"move","step":48213,"at":{"x":1024.25,"y":-77.5,"facing":1.5707963},"speed":{"x":3.5,"y":0},"keys":["up","fire"],"boost":false,"target":null,"note":"caf\u00e9 → north"}"#;

/// A patch of the grid, as all members get it.
#[must_use]
pub fn patch_message() -> ServerFrame {
    let (before, after) = grids();
    ServerFrame::RoomPatch(server::RoomPatch {
        handle: 5,
        tick: 91_442,
        version: 1_318,
        as_of: 48_213,
        hash: after.hash(),
        patch: before
            .patch_to(&after)
            .expect("a cell is little of a board"),
    })
}

/// A board half full, and the same with one more cell captured.
#[must_use]
pub fn grids() -> (State, State) {
    (grid(None), grid(Some(40)))
}

/// A hundred entities, and the same with one of them elsewhere.
#[must_use]
pub fn worlds() -> (State, State) {
    (world(None), world(Some(63)))
}

fn grid(captured: Option<usize>) -> State {
    let mut json = String::from(r#"{"status":"active","time_remaining_ms":17350,"cells":["#);
    for cell in 0..CELLS {
        let owner = if captured == Some(cell) {
            "3".to_owned()
        } else if cell % 2 == 1 {
            (cell % PLAYERS + 1).to_string()
        } else {
            "null".to_owned()
        };
        separate(&mut json, cell);
        json.push_str(&owner);
    }
    json.push_str(r#"],"players":["#);
    for player in 0..PLAYERS {
        let color = ["red", "blue", "green", "yellow"][player];
        let score = 10 + usize::from(captured.is_some() && player == 2);
        separate(&mut json, player);
        write!(
            json,
            r#"{{"id":{},"name":"Player {player}","color":"{color}","score":{score},"bot":false,"present":true}}"#,
            player + 1
        )
        .expect("a string takes everything");
    }
    json.push_str(r#"],"winner":null}"#);
    State::new(&payload(&json))
}

fn world(moved: Option<usize>) -> State {
    let mut json = String::from(r#"{"entities":["#);
    for entity in 0..ENTITIES {
        let x = entity * 17 + if moved == Some(entity) { 3 } else { 0 };
        separate(&mut json, entity);
        write!(
            json,
            r#"{{"id":{entity},"x":{x}.5,"y":{}.25,"health":100}}"#,
            entity * 11
        )
        .expect("a string takes everything");
    }
    json.push_str("]}");
    State::new(&payload(&json))
}

fn separate(json: &mut String, index: usize) {
    if index > 0 {
        json.push(',');
    }
}

fn payload(json: &str) -> Payload {
    Payload::from_json(json).expect("it is JSON")
}
