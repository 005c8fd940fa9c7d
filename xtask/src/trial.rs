//! Benches that are shorter than they should be, for trying whether they run: `PARLOR_BENCH_SECONDS` is how long one run is measured, and
//! `PARLOR_BENCH_ROUNDS` how often.

use std::env;
use std::str::FromStr;

/// What is kept of a run with any of these is not drawn into the page.
pub(crate) fn is_asked() -> bool {
    env::vars_os().any(|(name, _)| {
        let name = name.to_string_lossy();
        name.starts_with("PARLOR_BENCH_") || name.starts_with("PARLOR_SOAK_")
    })
}

/// How long a run is measured, in seconds.
pub(crate) fn seconds(usual: f64) -> f64 {
    read("PARLOR_BENCH_SECONDS", usual)
}

/// How often each server is measured.
pub(crate) fn rounds(usual: usize) -> usize {
    read("PARLOR_BENCH_ROUNDS", usual)
}

/// What the environment says, where that is a number.
pub(crate) fn read<T: FromStr>(name: &str, usual: T) -> T {
    let value = env::var(name).ok();
    value.and_then(|value| value.parse().ok()).unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_usual() {
        assert_eq!(read("PARLOR_BENCH_NOT_SAID", 5), 5);
    }
}
