//! `cargo xtask bench echo` and its like: Parlor, other servers and a floor in Rust at the same work, by `bench/load`, which
//! accounts for every message.
//!
//! One after the other each server has a core to itself, and the load the other. All are measured once in each round, on a
//! fresh process, so that what changes on the machine meanwhile is not the difference between them.

mod report;

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use self::report::{Measured, report, row};
use crate::bench::keep;
use crate::build::{self, Part, Profile};
use crate::exec::{self, cargo};
use crate::load::{CLIENT_CORE, SERVER_CORE, Serving, ensure_cores, pinned, serve};
use crate::peers::{BUN, COLYSEUS, Peer, SOCKETIO, WS, WS_CORK};
use crate::server::Server;

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

/// A server, and how it is spoken to.
#[derive(Debug)]
enum Subject {
    /// As little as a server can do.
    Floor,
    Peer(&'static Peer),
    Parlor(Parlor),
}

/// Parlor, as it is started and spoken to.
#[derive(Debug)]
struct Parlor {
    name: &'static str,
    subprotocol: &'static str,
    serve: &'static [&'static str],
}

const JSON: Subject = Subject::Parlor(Parlor {
    name: "parlor, v1.json",
    subprotocol: "v1.json",
    serve: &[],
});
const BINARY: Subject = Subject::Parlor(Parlor {
    name: "parlor, v1.binary",
    subprotocol: "v1.binary",
    serve: &[],
});
const PROTO: Subject = Subject::Parlor(Parlor {
    name: "parlor, v2.proto",
    subprotocol: "v2.proto",
    serve: &[],
});
/// As the others do it: what is in a room is gone with the server.
const FORGETFUL: Subject = Subject::Parlor(Parlor {
    name: "parlor, no journal",
    subprotocol: "v1.json",
    serve: &["--durability", "grid=none"],
});

/// Whatever sends messages on.
const SENDERS: &[Subject] = &[
    Subject::Floor,
    JSON,
    BINARY,
    PROTO,
    Subject::Peer(&BUN),
    Subject::Peer(&WS),
    Subject::Peer(&WS_CORK),
    Subject::Peer(&SOCKETIO),
    Subject::Peer(&COLYSEUS),
];

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
            FORGETFUL,
            JSON,
            Subject::Peer(&BUN),
            Subject::Peer(&WS),
            Subject::Peer(&SOCKETIO),
            Subject::Peer(&COLYSEUS),
        ],
    },
];

const ROUNDS: usize = 5;
const WARM_UP_SECONDS: &str = "2";
const MEASURED_SECONDS: &str = "10";

impl Comparison {
    /// Runs all rounds, and prints and keeps what was measured.
    pub(crate) fn run(&self) -> Result<()> {
        ensure_cores()?;
        build::build(Part::BINARY, Profile::Release)?;
        exec::run(cargo("build").args([
            "--workspace",
            "--bin",
            LOAD,
            "--bin",
            FLOOR,
            "--release",
        ]))?;
        for peer in self.peers() {
            peer.install()?;
        }
        let mut rounds = vec![Vec::with_capacity(ROUNDS); self.subjects.len()];
        for round in 0..ROUNDS {
            println!("round {} of {ROUNDS}", round + 1);
            for (subject, measured) in self.subjects.iter().zip(&mut rounds) {
                let once = self.measure(subject)?;
                println!("{}", row(subject.name(), &once));
                measured.push(once);
            }
        }
        let names = self.subjects.iter().map(Subject::name);
        let rounds: Vec<_> = names.zip(rounds).collect();
        let mut report = report(&rounds);
        print!("\n{report}");
        for peer in self.peers() {
            report.push_str(&format!("\n{}: {}", peer.name, peer.versions()?));
        }
        let folder = keep(
            self.name,
            self.about,
            &self.command(),
            &format!("\n{report}\n"),
        )?;
        println!("kept in {}", folder.display());
        Ok(())
    }

    fn peers(&self) -> impl Iterator<Item = &'static Peer> {
        self.subjects.iter().filter_map(|subject| match subject {
            Subject::Peer(peer) => Some(*peer),
            Subject::Floor | Subject::Parlor(_) => None,
        })
    }

    /// What is run, for whoever reads the report.
    fn command(&self) -> String {
        format!(
            "taskset -c {SERVER_CORE} SERVER; taskset -c {CLIENT_CORE} {LOAD} {} --target NAME --warm-up {WARM_UP_SECONDS} \
             --seconds {MEASURED_SECONDS}; Parlor with --limits off",
            self.load.join(" ")
        )
    }

    /// Measures a server once, on a fresh process.
    fn measure(&self, subject: &Subject) -> Result<Measured> {
        match subject {
            Subject::Floor => {
                let mut command = pinned(SERVER_CORE);
                command.arg(Profile::Release.binary().with_file_name(FLOOR));
                let floor = Serving::start(&mut command, "floor listening on ")
                    .context("failed to start the floor")?;
                self.load("floor", &floor.url, floor.id(), &[])
            }
            Subject::Peer(peer) => {
                let server = peer.start()?;
                self.load(peer.folder, &server.serving.url, server.serving.id(), &[])
            }
            Subject::Parlor(parlor) => {
                let mut command = serve();
                command.args(["--limits", "off"]).args(parlor.serve);
                let server = Server::spawn(&mut command)?;
                let spoken = ["--subprotocol", parlor.subprotocol];
                self.load("parlor", &server.url, server.id(), &spoken)
            }
        }
    }

    fn load(&self, target: &str, url: &str, process: u32, more: &[&str]) -> Result<Measured> {
        let output = pinned(CLIENT_CORE)
            .arg(Profile::Release.binary().with_file_name(LOAD))
            .args(self.load)
            .args(["--target", target, "--url", url])
            .args(["--server-pid", &process.to_string()])
            .args(["--warm-up", WARM_UP_SECONDS, "--seconds", MEASURED_SECONDS])
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("failed to run the load")?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "what {target} sent was not right: {}\n{said}",
            output.status
        );
        let said: Json =
            serde_json::from_str(&said).context("failed to read what the load says")?;
        Measured::of(&said)
    }
}

impl Subject {
    fn name(&self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Peer(peer) => peer.name,
            Self::Parlor(parlor) => parlor.name,
        }
    }
}

const LOAD: &str = "parlor-bench";
const FLOOR: &str = "parlor-floor";
