//! `cargo xtask bench all`: everything on `docs/performance.md` measured anew, and the page written.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{PAGE, SCENARIOS, scenarios};
use crate::{bench, exec};

pub(crate) const NAME: &str = "all";
pub(crate) const ABOUT: &str =
    "every scenario of docs/performance.md one after the other, and then its report";

/// Runs all of them, also those behind one that fails.
pub(crate) fn run() -> Result<()> {
    let minutes = SCENARIOS.iter().map(|scenario| scenario.minutes).sum();
    println!(
        "==> {} scenarios take about {}, and building takes what it takes; use the machine for nothing else meanwhile",
        SCENARIOS.len(),
        human(minutes)
    );
    let start = exec::now();
    let failed = each(scenarios().chain([super::NAME]), |name| {
        println!("\n=== {name} ===");
        bench::bench(Some(name))
    });
    println!("\n==> {}", exec::human(start.elapsed()));
    ensure!(
        failed.is_empty(),
        "these failed, and what {PAGE} says of them is older: {}",
        failed.join(", ")
    );
    Ok(())
}

fn human(minutes: u32) -> String {
    exec::human(Duration::from_secs(60 * u64::from(minutes)))
}

/// Does it for each name, and says for which it failed.
fn each<'n>(
    names: impl Iterator<Item = &'n str>,
    run: impl Fn(&str) -> Result<()>,
) -> Vec<&'n str> {
    let has_failed = |name: &&str| match run(name) {
        Ok(()) => false,
        Err(error) => {
            println!("==> {name} failed: {error:#}");
            true
        }
    };
    names.filter(has_failed).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use anyhow::bail;

    use super::*;

    #[test]
    fn one_that_fails_does_not_keep_the_others_from_running() {
        let ran = RefCell::new(Vec::new());
        let failed = each(["a", "b", "c"].into_iter(), |name| {
            ran.borrow_mut().push(name.to_owned());
            if name == "b" {
                bail!("no");
            }
            Ok(())
        });
        assert_eq!(ran.into_inner(), ["a", "b", "c"]);
        assert_eq!(failed, ["b"]);
    }
}
