//! Benchmarks by name: each is a load that `parlor bots` puts on a release server.

use std::process::Command;

use anyhow::{Result, bail};

use crate::build::{self, Part, Profile};
use crate::exec;
use crate::server::Server;

/// One benchmark.
struct Bench {
    name: &'static str,
    about: &'static str,
    /// What `parlor bots` is given, besides the server's address.
    bots_args: &'static [&'static str],
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "rooms",
        about: "5,000 small rooms with one member each",
        bots_args: &[
            "--rooms",
            "5000",
            "--players",
            "1",
            "--plugin",
            "echo",
            "--for",
            "30s",
        ],
    },
    Bench {
        name: "grid-bots",
        about: "60 games with 8 players each, 20 ticks a second",
        bots_args: &[
            "--rooms",
            "60",
            "--players",
            "8",
            "--plugin",
            "grid",
            "--for",
            "30s",
        ],
    },
];

/// Runs the named benchmark, or lists what there is.
pub(crate) fn bench(name: Option<&str>) -> Result<()> {
    let Some(name) = name else {
        for bench in BENCHES {
            println!("{:<12} {}", bench.name, bench.about);
        }
        return Ok(());
    };
    let Some(bench) = BENCHES.iter().find(|bench| bench.name == name) else {
        bail!("there is no benchmark {name:?}; `cargo xtask bench` lists them");
    };
    build::build(Part::BINARY, Profile::Release)?;
    let binary = Profile::Release.binary();
    let server = Server::start(&binary)?;
    exec::run(
        Command::new(&binary)
            .arg("bots")
            .args(["--url", &server.url])
            .args(bench.bots_args),
    )
}
