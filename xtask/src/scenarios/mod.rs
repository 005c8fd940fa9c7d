//! Benches of one question each, most of them beside other servers: how many play before it is late, what a connection and a room take,
//! how fast people come in, what harm does to the others, how soon a server is there, and how it is when there is more of everything.

mod growth;
mod idle;
mod many;
mod noisy_room;
mod ramp;
mod soak;
mod start;
mod storm;
mod table;

use anyhow::Result;
use serde_json::Value as Json;

use self::table::{Column, table};
use crate::bench::keep_raw;
use crate::compare::subject::{Subject, prepare, versions};
use crate::raw::{Raw, Round};
use crate::trial;

/// A bench of its own.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    run: fn(&Scenario) -> Result<()>,
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "ramp",
        about: "how many play in matches before the p99 from an input to everybody's screen exceeds two ticks of 50 ms",
        run: ramp::run,
    },
    Scenario {
        name: "many",
        about: "5,000 rooms with one member each that tick once a second: how late they are, and what a room takes",
        run: many::run,
    },
    Scenario {
        name: "idle",
        about: "18,000 connections in rooms of 8 that say nothing: what each takes of memory",
        run: idle::run,
    },
    Scenario {
        name: "join-storm",
        about: "10,000 connections that come in as fast as they can, 200 at a time",
        run: storm::run,
    },
    Scenario {
        name: "noisy-room",
        about: "60 matches beside a room that burns as much as it may in every step, and without",
        run: noisy_room::run,
    },
    Scenario {
        name: "start",
        about: "from the start of the server to the first answer, with and without compiled code; and how long a new room takes",
        run: start::run,
    },
    Scenario {
        name: "growth",
        about: "messages a CPU second against rooms, members, the length of messages, and connections",
        run: growth::run,
    },
    Scenario {
        name: "soak",
        about: "60 matches for an hour in which players come and go: memory, descriptors and threads",
        run: soak::run,
    },
];

impl Scenario {
    pub(crate) fn run(&self) -> Result<()> {
        (self.run)(self)
    }

    /// Measures all of these in turn, as often as is said, and keeps what comes of it.
    fn compare(
        &self,
        subjects: &[Subject],
        rounds: usize,
        kept: &Kept<'_>,
        measure: impl Fn(&Subject) -> Result<Json>,
    ) -> Result<()> {
        prepare(subjects)?;
        let count = trial::rounds(rounds);
        let mut rounds = Vec::new();
        for round in 1..=count {
            println!("round {round} of {count}");
            for subject in subjects {
                let said = measure(subject)?;
                println!("{:<32} {said}", subject.name());
                rounds.push(Round::new(subject.name(), round, said));
            }
        }
        self.keep(subjects, rounds, kept)
    }

    /// Prints and keeps what was measured.
    fn keep(&self, subjects: &[Subject], rounds: Vec<Round>, kept: &Kept<'_>) -> Result<()> {
        let mut report = table(&rounds, kept.columns);
        report.push_str(&format!("\n{}\n", kept.remark));
        print!("\n{report}");
        let raw = Raw {
            unit: kept.unit,
            versions: versions(subjects)?,
            rounds,
        };
        for (peer, versions) in &raw.versions {
            report.push_str(&format!("\n{peer}: {versions}"));
        }
        keep_raw(self.name, self.about, &kept.command, &report, &raw)
    }
}

/// What is kept beside the numbers.
struct Kept<'a> {
    unit: &'static str,
    /// What is run, for whoever reads the report.
    command: String,
    columns: &'a [Column],
    remark: &'a str,
}
