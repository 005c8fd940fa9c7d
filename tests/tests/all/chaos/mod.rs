//! What is left of a hostile network when a client does not give up: nothing missed, nothing doubled.

mod broken;
mod restart;
mod storm;

use std::io::Write as _;

/// Whether the tests run in full, as `cargo xtask test --full` does.
pub(crate) fn is_full() -> bool {
    std::env::var_os("PARLOR_FULL").is_some()
}

/// Says what a run amounted to, also where the test passes.
pub(crate) fn report(line: &str) {
    // Past the test's own capture; where stderr is gone nobody wants to know.
    let _ = writeln!(std::io::stderr(), "{line}");
}
