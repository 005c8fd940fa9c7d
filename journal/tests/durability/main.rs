//! What was durable stays, whatever happens to the machine; what is damaged is said, and never read as something else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod crashes;
mod damage;
mod model;
mod work;
