//! `cargo xtask bench echo` and its like: Parlor, other servers and a floor in Rust at the same work, by `bench/load`, which
//! accounts for every message.
//!
//! One after the other each server has a core to itself, and the load the other. All are measured once in each round, on a
//! fresh process, so that what changes on the machine meanwhile is not the difference between them.

mod report;
pub(crate) mod subject;

use anyhow::Result;

use self::report::{Measured, mixture, report, row};
use self::subject::{
    BINARY, JSON, LOAD, MIXED, NATIVE_UNSYNCED, PROTO, SENDERS, Subject, UNSYNCED, prepare,
    versions, words,
};
use crate::bench::keep_raw;
use crate::load::{CLIENT_CORE, SERVER_CORE};
use crate::peers::{BUN, COLYSEUS, SOCKETIO, WS};
use crate::raw::{Raw, Round};
use crate::trial;

/// Servers at one kind of work.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// What the load is told.
    load: &'static [&'static str],
    /// The first of them is what the others are compared with.
    subjects: &'static [Subject],
}

pub(crate) const COMPARISONS: &[Comparison] = &[
    Comparison {
        name: "echo",
        about: "200 connections in 25 rooms, each with one message on its way: beside other servers",
        load: &["echo", "--window", "1"],
        subjects: SENDERS,
    },
    Comparison {
        name: "echo-16",
        about: "the same with 16 messages of each connection on their way",
        load: &["echo", "--window", "16"],
        subjects: SENDERS,
    },
    Comparison {
        name: "fanout",
        about: "a room of 1,000 who hear 100 messages a second: beside other servers",
        load: &["fanout"],
        subjects: SENDERS,
    },
    Comparison {
        name: "match",
        about: "60 matches of 8 players at 20 Hz, 10 inputs a second each: beside other servers",
        load: &["match"],
        subjects: &[
            UNSYNCED,
            JSON,
            NATIVE_UNSYNCED,
            Subject::Peer(&BUN),
            Subject::Peer(&WS),
            Subject::Peer(&SOCKETIO),
            Subject::Peer(&COLYSEUS),
        ],
    },
    Comparison {
        name: "mixed",
        about: "the room of 1,000 with a third of its members on each of Parlor's encodings: beside each of them alone",
        load: &["fanout"],
        subjects: &[JSON, BINARY, PROTO, MIXED],
    },
];

const ROUNDS: usize = 5;
const WARM_UP_SECONDS: f64 = 2.0;
const MEASURED_SECONDS: f64 = 5.0;

impl Comparison {
    /// Runs all rounds, and prints and keeps what was measured.
    pub(crate) fn run(&self) -> Result<()> {
        prepare(self.subjects)?;
        let work = self.work();
        let count = trial::rounds(ROUNDS);
        let mut raw = Raw {
            versions: versions(self.subjects)?,
            unit: "messages",
            ..Raw::default()
        };
        let mut rounds = vec![Vec::with_capacity(count); self.subjects.len()];
        for round in 1..=count {
            println!("round {round} of {count}");
            for (subject, measured) in self.subjects.iter().zip(&mut rounds) {
                let said = subject.start()?.load(&work)?;
                let once = Measured::of(&said)?;
                println!("{}", row(subject.name(), &once));
                measured.push(once);
                raw.rounds.push(Round::new(subject.name(), round, said));
            }
        }
        let names = self.subjects.iter().map(Subject::name);
        let rounds: Vec<_> = names.zip(rounds).collect();
        let mut report = report(&rounds);
        if let Some(mixture) = mixture(&rounds, MIXED.name()) {
            report.push_str(&mixture);
        }
        print!("\n{report}");
        for (peer, versions) in &raw.versions {
            report.push_str(&format!("\n{peer}: {versions}"));
        }
        keep_raw(self.name, self.about, &self.command(), &report, &raw)
    }

    /// What the load is told, for all of them.
    fn work(&self) -> Vec<String> {
        let measured = trial::seconds(MEASURED_SECONDS);
        words(&format!(
            "{} --warm-up {WARM_UP_SECONDS} --seconds {measured}",
            self.load.join(" ")
        ))
    }

    /// What is run, for whoever reads the report.
    fn command(&self) -> String {
        format!(
            "taskset -c {SERVER_CORE} SERVER; taskset -c {CLIENT_CORE} {LOAD} {} --target NAME; Parlor with --limits off",
            self.work().join(" ")
        )
    }
}
