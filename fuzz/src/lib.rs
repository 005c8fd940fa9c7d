//! What fuzzing checks of everything that a stranger can send: to a server before it knows who that is, and as a patch to
//! a client.
//!
//! Each function of [`TARGETS`] takes any bytes and panics where a promise is broken. They are here, and not in the
//! fuzz targets, so that the inputs in `corpus/` are replayed by an ordinary test on the stable toolchain; the programs
//! in `targets/`, which need nightly, only hand over libFuzzer's bytes. `cargo xtask fuzz` runs those.
//!
//! The oracles are differential wherever there is a second way to say the same: another encoding, another parser, the
//! way back.

mod decoders;
mod handshake;
#[path = "../../proto/tests/common/oracle.rs"]
mod oracle;
mod patch;
mod patch_bytes;
mod resume_token;
mod websocket;

pub use decoders::{decode_json, decode_msgpack, decode_proto};
pub use handshake::handshake;
pub use patch::patch;
pub use patch_bytes::patch_bytes;
pub use resume_token::resume_token;
pub use websocket::websocket;

/// A check that takes any bytes.
pub type Target = fn(&[u8]);

/// All targets, by the names of their programs and of the folders of their inputs.
pub const TARGETS: &[(&str, Target)] = &[
    ("decode_json", decode_json),
    ("decode_msgpack", decode_msgpack),
    ("decode_proto", decode_proto),
    ("handshake", handshake),
    ("patch", patch),
    ("patch_bytes", patch_bytes),
    ("resume_token", resume_token),
    ("websocket", websocket),
];
