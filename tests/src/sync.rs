//! Proof that states arrive as they were shown, in both client libraries.
//!
//! A [`Play`] has a room show values out of the whole value model, to everybody, to seats and to members, while clients
//! made of `parlor-proto` and clients made of the SDK that pages load join, leave, lose their connections, do not read,
//! and come back in another encoding. Each writes down what it has after each frame. [`check`] is a pure function that
//! holds that against what was shown.

mod check;
mod director;
mod history;
mod member;
mod node;
mod recorder;
mod run;
mod tally;
mod values;

use std::sync::Arc;

use parlor_proto::Seat;
use rand::Rng;

pub use check::{Kind, Violation, check};
pub use history::{Audience, Deed, Event, History, Library, Record};
pub use run::Play;
pub use tally::Tally;

/// The room, and the guest that it is made of.
const ROOM: &str = "hall";
const PLUGIN: &str = "shows";

/// What a client is told to do.
#[derive(Debug)]
enum Command {
    /// Takes another connection.
    Reconnect,
    /// Leaves the room, and comes again for this seat.
    Rejoin(Seat),
    /// Makes what it has of a view something else than the server has.
    Spoil(Arc<str>),
    /// Asks for the whole of a view.
    Request(Arc<str>),
    /// Says that it did all that it was told before the end of this round.
    Heed(u64),
}

fn seat_of(rng: &mut impl Rng) -> Seat {
    if rng.random() {
        Seat::Player
    } else {
        Seat::Spectator
    }
}
