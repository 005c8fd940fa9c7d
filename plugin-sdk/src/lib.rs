//! Write Parlor rooms as WebAssembly components.
//!
//! A room is a value that implements [`Room`]: it is opened, members join it, say something, leave. Everything it does to
//! the outside it does through [`Ctx`]. What it must remember is in its own fields, which serde saves and restores; so the
//! host can move the room, replace its code while people are in it, and replay it. [`export!`] makes a plugin of it.
//!
//! ```
//! use parlor_plugin::{export, json, Config, Ctx, Map, Member, MemberId, Result, Room};
//! use serde::{Deserialize, Serialize};
//!
//! /// What members send.
//! #[derive(Deserialize)]
//! #[serde(tag = "type", rename_all = "snake_case")]
//! enum Input {
//!     Click,
//! }
//!
//! /// The room's state.
//! #[derive(Serialize, Deserialize, Default)]
//! struct Counter {
//!     clicks: Map<MemberId, u64>,
//! }
//!
//! impl Room for Counter {
//!     type Input = Input;
//!
//!     fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
//!         Ok(Self::default())
//!     }
//!
//!     fn join(&mut self, room: &mut Ctx, member: &Member) -> Result<()> {
//!         room.send(member.id, &json!({ "type": "hello", "name": member.name }));
//!         Ok(())
//!     }
//!
//!     fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
//!         match input {
//!             Input::Click => *self.clicks.entry(from.id).or_default() += 1,
//!         }
//!         room.state("clicks", &self.clicks);
//!         Ok(())
//!     }
//! }
//!
//! export!(Counter { name: "counter", durability: Snapshot });
//!
//! // A test needs neither WebAssembly nor a server.
//! use parlor_plugin::testing::TestRoom;
//! let mut room = TestRoom::<Counter>::open();
//! let ann = room.join("ann");
//! room.assert_sent(ann, &json!({ "type": "hello", "name": "ann" }));
//! room.push(ann, &json!({ "type": "click" }));
//! assert_eq!(room.view("clicks"), json!({ "1": 1 }));
//! ```
//!
//! # What a room must not do
//!
//! A room is a pure function of its configuration and its events. Time is [`Ctx::now_ms`], chance is [`Ctx::random`], and
//! whatever the room knows is in the fields that serde writes. A `HashMap` iterates in another order after a restore: use
//! [`Map`] and [`Set`]. [`testing::TestRoom`] runs everything twice and says where a room breaks this. `docs/determinism.md`
//! has the whole list, and `docs/storage.md` what outlives a room.
//!
//! # Large worlds
//!
//! [`interest`] finds what is near each member, so that a view for one member ([`Ctx::state_for`]) holds the part of the
//! world around it. `docs/moving-worlds.md` says how that goes together with what clients predict.

#![deny(missing_docs)]

mod config;
mod ctx;
mod export;
#[doc(hidden)]
pub mod guest;
pub mod interest;
mod payload;
mod refusal;
mod rng;
mod room;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod value;

/// What wit-bindgen makes of `wit/room.wit`; [`export!`] and the engine use it.
#[doc(hidden)]
#[expect(
    unsafe_code,
    reason = "calls across the component boundary are unsafe; this is their only place"
)]
#[allow(warnings, reason = "generated code, not ours to style")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "plugin",
        pub_export_macro: true,
        export_macro_name: "export_guest",
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

pub use bindings::parlor::room::host::Level;
pub use bindings::parlor::room::types::{
    Action, Audience, Delivery, Description, Durability, KvAnswer, KvEntry, KvError, KvOutcome,
    KvRequest, LeaveReason, Limits, Member, MemberId, Permission, Presence, Seat, Tick, TimerId,
    ViewAudience,
};
pub use config::Config;
pub use ctx::Ctx;
pub use payload::{Payload, PayloadError};
pub use refusal::{Refusal, Result};
pub use rng::Rng;
pub use room::{Plugin, Room, decode_state};
pub use value::Value;

/// A growing list of bytes that is bytes on the wire too, where a `Vec<u8>` would be a list of numbers.
pub use serde_bytes::ByteBuf as Bytes;
/// Writes a message on the spot: `json!({ "type": "hello", "name": name })`.
///
/// It knows what JSON knows: bytes become a list of numbers, and NaN becomes null. Where that matters, send a struct.
pub use serde_json::json;

/// An ordered map: the same order after a restore, unlike a `HashMap`.
pub type Map<K, V> = std::collections::BTreeMap<K, V>;

/// An ordered set: the same order after a restore, unlike a `HashSet`.
pub type Set<T> = std::collections::BTreeSet<T>;
