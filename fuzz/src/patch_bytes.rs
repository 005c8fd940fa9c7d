//! Patches as they come off the wire: whatever the bytes are, and wherever they lie about an index or a length, they
//! are applied as the specification says, or refused with a code.

use parlor_proto::{
    CopyFault, Payload, ServerFrame, State, Subprotocol, Value, ValueError, ViewCopies, ViewFault,
    server,
};

use crate::oracle;

/// The view that patches are for.
const HANDLE: u64 = 3;

/// What a patch may be for, each beside what it became of: lists and maps, short and long, within each other.
const STATES: [[&str; 2]; 6] = [
    ["[1,2,3]", "[1,9,3]"],
    [
        r#"{"a":1,"b":[true,null],"c":{"$bytes":"AAECAwQFBgc="},"stays":"xxxxxxxxxxxxxxxx"}"#,
        r#"{"a":2,"b":[true,[]],"d":-1.25,"stays":"xxxxxxxxxxxxxxxx"}"#,
    ],
    [
        r#"{"cells":[null,1,null,null,2,null,null,null],"players":[{"id":1,"score":1},{"id":2,"score":1}],"status":"active"}"#,
        r#"{"cells":[null,1,2,null,2,null,null,null],"players":[{"id":1,"score":1},{"id":2,"score":2}],"status":"active"}"#,
    ],
    [
        "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]",
        "[0,1,2,3,30,31,4,5,6,7,8,9,14,15,16,17,18,200]",
    ],
    [
        r#"{"\ufb00":2,"🎲":{"\ue000":[[[[5,"xxxxxxxxxxxxxxxx"]]]]},"":0}"#,
        r#"{"\ufb00":2,"🎲":{"\ue000":[[[[6,"xxxxxxxxxxxxxxxx"]]]]},"":1}"#,
    ],
    ["7", "8"],
];

/// The first byte says which state the patch is for, the second how the others are read.
pub fn patch_bytes(input: &[u8]) {
    let [which, how, rest @ ..] = input else {
        return;
    };
    let [old, new] = STATES[usize::from(*which) % STATES.len()].map(state_of);
    match how % 5 {
        0 => check_patch(&old, Payload::from_msgpack(rest)),
        1 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                check_patch(&old, Payload::from_json(text));
            }
        }
        2 => check_patch(&old, Payload::from_proto(rest)),
        3 => check_frame(&old, usize::from(how / 5), rest),
        _ => {
            if let Some(patch) = old.patch_to(&new) {
                check_patch(&old, Payload::from_msgpack(lied(patch.as_msgpack(), rest)));
            }
        }
    }
}

fn state_of(json: &str) -> State {
    State::new(&Payload::from_json(json).expect("these are values"))
}

/// An honest patch in which some bytes say something else: each two of `lies` are a place and what is there.
fn lied(patch: &[u8], lies: &[u8]) -> Vec<u8> {
    let mut bytes = patch.to_vec();
    for lie in lies.chunks_exact(2) {
        let place = usize::from(lie[0]) % bytes.len();
        bytes[place] = lie[1];
    }
    bytes
}

/// PT1 to PT8.
fn check_patch(old: &State, patch: Result<Payload, ValueError>) {
    let patch = match patch {
        Ok(patch) => patch,
        Err(error) => {
            let code = error.code().as_str();
            return assert!(matches!(code, "INVALID_VALUE" | "INVALID_MESSAGE_FORMAT"));
        }
    };
    let wanted = oracle::patched(&Value::from(old.value()), &Value::from(&patch));
    match (old.patched(&patch), wanted) {
        (Ok(patched), Some(wanted)) => {
            assert_eq!(Value::from(patched.value()), wanted);
            let again = Payload::from_msgpack(patched.value().as_msgpack());
            assert_eq!(
                again.as_ref(),
                Ok(patched.value()),
                "what comes of it is a value"
            );
            assert_eq!(State::new(patched.value()), patched, "it is in order");
        }
        (Err(error), None) => {
            assert!(matches!(error.code(), "INVALID_PATCH" | "PATCH_MISMATCH"));
            assert!(error.at < patch.as_msgpack().len() && error.to_string().len() < 200);
        }
        (patched, wanted) => panic!(
            "{:?} with {patch:?}: {patched:?}, but the plain way says {wanted:?}",
            old.value()
        ),
    }
}

/// ST2, ST4: a whole frame. Whatever a client takes for its state has the hash that the frame says.
fn check_frame(old: &State, subprotocol: usize, message: &[u8]) {
    let subprotocol = Subprotocol::ALL[subprotocol % Subprotocol::ALL.len()];
    let frame = match subprotocol.decode_server(message) {
        Ok(frame) => frame,
        Err(error) => return assert!(!error.code().as_str().is_empty()),
    };
    let mut copies = copies_of(old);
    let (version, hash) = match &frame {
        ServerFrame::RoomState(it) => (it.version, it.hash),
        ServerFrame::RoomPatch(it) => (it.version, it.hash),
        _ => return,
    };
    if let ServerFrame::RoomPatch(patch) = &frame {
        check_honest(old, patch);
    }
    match copies.take(frame) {
        Ok(Some(ServerFrame::RoomState(state))) => {
            assert_eq!((state.version, state.hash), (version, hash));
            assert_eq!(State::new(&state.state).hash(), hash);
            let copy = copies.get(&state.room, &state.view).expect("it has it now");
            assert_eq!(copy.state.value(), &state.state.sorted());
        }
        Ok(other) => panic!("a view became {other:?}"),
        Err(ViewFault::Wrong {
            room, view, fault, ..
        }) => {
            assert_eq!(copies.get(&room, &view), None, "it waits for the whole");
            match fault {
                CopyFault::Patch(error) => {
                    assert!(matches!(error.code(), "INVALID_PATCH" | "PATCH_MISMATCH"));
                }
                CopyFault::OtherHash { wanted, actual } => assert_ne!(wanted, actual),
            }
        }
        Err(ViewFault::Unknown { handle }) => assert_ne!(handle, HANDLE),
    }
}

/// The same frame with the handle and the hash that it should have is taken.
fn check_honest(old: &State, patch: &server::RoomPatch) {
    let Ok(state) = old.patched(&patch.patch) else {
        return;
    };
    let honest = server::RoomPatch {
        handle: HANDLE,
        hash: state.hash(),
        ..patch.clone()
    };
    let mut copies = copies_of(old);
    let taken = copies.take(honest.into());
    assert!(matches!(taken, Ok(Some(_))), "it fits, and has its hash");
    assert_eq!(copies.get("room", "view").map(|it| &it.state), Some(&state));
}

/// A client that has this.
fn copies_of(state: &State) -> ViewCopies {
    let whole = server::RoomState {
        room: "room".to_owned(),
        epoch: 1,
        tick: 1,
        view: "view".to_owned(),
        version: 1,
        as_of: 0,
        hash: state.hash(),
        handle: HANDLE,
        state: state.value().clone(),
    };
    let mut copies = ViewCopies::default();
    let taken = copies.take(whole.into());
    assert!(taken.is_ok(), "a whole state fits");
    copies
}
