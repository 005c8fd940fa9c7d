//! Up to 128 people in one world of 1,600 by 1,600 units, who move at 20 Hz, push each other about and gather orbs.
//!
//! It shows the hard case: nobody is sent more than what is near (the view `near`, for each member by itself),
//! everybody's own movement is predicted where they are, and the room decides who was pushed where and who got an orb.

use parlor_plugin::export;

mod motion;
mod near;
mod players;
mod room;
mod world;

pub use room::{Arena, Input};

export!(Arena {
    name: "arena",
    tick_hz: world::TICK_HZ,
    players_max: 128,
    delivery: OnTick,
    presence: Count,
    durability: Snapshot,
});
