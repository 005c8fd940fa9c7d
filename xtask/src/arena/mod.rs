//! `cargo xtask bench arena`: a hundred members who all move, each of whom is shown what is near, by Parlor in each of its
//! encodings and by other servers.
//!
//! One after the other each server has a core to itself, and its clients the other. All are measured once in each round, so
//! that what changes on the machine meanwhile is not the difference between them. Every client decodes all it gets, and
//! the loads fail where that is not right: see `bench/peers/README.md`.

mod report;

use std::time::Duration;

use anyhow::Result;

use self::report::{Measured, Split, report, row};
use crate::bench::keep;
use crate::build::{self, Part, Profile};
use crate::load::{CLIENT_CORE, SERVER_CORE, ensure_cores, number, play, serve};
use crate::peers::{COLYSEUS_CELLS, COLYSEUS_PACKED, COLYSEUS_PLAIN, Peer};
use crate::server::Server;

/// Servers to be compared.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The first of them is what the others are compared with.
    subjects: &'static [Subject],
}

/// A server, and how it is spoken to.
#[derive(Debug)]
enum Subject {
    Peer(&'static Peer),
    /// Parlor, by the name of a subprotocol.
    Parlor(&'static str),
}

pub(crate) const ARENAS: &[Arena] = &[
    Arena {
        name: "arena",
        about: "100 members who move at 20 Hz: bytes and CPU, beside Colyseus",
        subjects: &[
            Subject::Peer(&COLYSEUS_CELLS),
            Subject::Parlor("v1.json"),
            Subject::Parlor("v1.binary"),
            Subject::Parlor("v2.proto"),
        ],
    },
    Arena {
        name: "arena-shapes",
        about: "the same with Colyseus alone: how much the shape of its state matters",
        subjects: &[
            Subject::Peer(&COLYSEUS_CELLS),
            Subject::Peer(&COLYSEUS_PLAIN),
            Subject::Peer(&COLYSEUS_PACKED),
        ],
    },
];

const ROUNDS: usize = 3;
const MEMBERS: &str = "100";
const WARM_UP: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(30);

impl Arena {
    /// Runs all rounds, and prints and keeps what was measured.
    pub(crate) fn run(&self) -> Result<()> {
        ensure_cores()?;
        build::build(Part::BINARY, Profile::Release)?;
        for peer in self.peers() {
            peer.install()?;
        }
        let mut rounds = vec![Vec::with_capacity(ROUNDS); self.subjects.len()];
        for round in 0..ROUNDS {
            println!("round {} of {ROUNDS}", round + 1);
            for (subject, measured) in self.subjects.iter().zip(&mut rounds) {
                let once = subject.measure()?;
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
        let folder = keep(self.name, self.about, &command(), &format!("\n{report}\n"))?;
        println!("kept in {}", folder.display());
        Ok(())
    }

    fn peers(&self) -> impl Iterator<Item = &'static Peer> {
        self.subjects.iter().filter_map(|subject| match subject {
            Subject::Peer(peer) => Some(*peer),
            Subject::Parlor(_) => None,
        })
    }
}

/// What is run, for whoever reads the report.
fn command() -> String {
    let (warm_up, measured) = (WARM_UP.as_secs(), MEASURED.as_secs());
    format!(
        "taskset -c {SERVER_CORE} parlor serve; taskset -c {CLIENT_CORE} parlor bots --plugin arena --rooms 1 \
         --players {MEMBERS} --warm-up {warm_up}s --for {measured}s --subprotocol NAME; the peers likewise, by their \
         src/server.js and src/load.js"
    )
}

impl Subject {
    fn name(&self) -> &'static str {
        match self {
            Self::Peer(peer) => peer.name,
            Self::Parlor(subprotocol) => subprotocol,
        }
    }

    /// Measures it once, on a fresh server.
    fn measure(&self) -> Result<Measured> {
        match self {
            Self::Peer(peer) => measure_peer(peer),
            Self::Parlor(subprotocol) => measure_parlor(subprotocol),
        }
    }
}

fn measure_peer(peer: &'static Peer) -> Result<Measured> {
    let summary = peer.start()?.load(WARM_UP, MEASURED)?;
    let each = |name: &str| number(&summary, &format!("/per_member_and_second/{name}"));
    Ok(Measured {
        messages: each("messages")?,
        payload_bytes: each("payload_bytes")?,
        framed_bytes: each("framed_bytes")?,
        server_cpu: number(&summary, "/server_cpu")?,
        load_cpu: number(&summary, "/load_cpu")?,
        split: None,
    })
}

fn measure_parlor(subprotocol: &str) -> Result<Measured> {
    let server = Server::spawn(&mut serve())?;
    let data_dir = server.data_dir().display().to_string();
    let [warm_up, measured] = [WARM_UP, MEASURED].map(|time| format!("{}s", time.as_secs()));
    let process = server.id().to_string();
    let summary = play(
        &server,
        &[
            "--plugin",
            "arena",
            "--rooms",
            "1",
            "--players",
            MEMBERS,
            "--subprotocol",
            subprotocol,
            "--warm-up",
            &warm_up,
            "--for",
            &measured,
            "--server-pid",
            &process,
            "--admin-url",
            &server.admin_url,
            "--data-dir",
            &data_dir,
        ],
    )?;
    let each = |name: &str| number(&summary, &format!("/members/{subprotocol}/{name}"));
    let seconds = number(&summary, "/seconds")?;
    let stage = |name: &str| -> Result<f64> {
        Ok(number(&summary, &format!("/server/work/{name}"))? / seconds)
    };
    Ok(Measured {
        messages: each("frames_per_second")?,
        payload_bytes: each("bytes_per_second")?,
        framed_bytes: each("framed_bytes_per_second")?,
        server_cpu: number(&summary, "/cpu/server")?,
        load_cpu: number(&summary, "/cpu/bots")?,
        split: Some(Split {
            plugin: stage("plugin")?,
            diff: stage("diff")?,
            encode: stage("encode")?,
            write: stage("write")?,
        }),
    })
}
