//! `cargo xtask bench noisy`: what clients that do harm cost the others.
//!
//! All come through a proxy that the server trusts, each from an address of its own, as clients do that are not on the
//! operator's own machine: so what the server does about addresses counts. `noisy-loopback` goes without, and shows what
//! is left: addresses of this machine have no limits of their own, and nobody of it is banned. That is no failure: whoever is
//! on this machine is the operator.
//!
//! The server has a core to itself. The other one is shared by the bots, which play in 25 rooms and chat in 25, and by five hostile
//! processes, which are niced: so the bots send as much in a noisy run as in a quiet one, and what differs is only what
//! the server has to bear. Both are judged by the server's own clock, which a generator that is short of time cannot
//! bend. Quiet and noisy runs come in pairs, every other pair the other way round, on one server for all of them: what
//! noise leaves behind in it, it has to play on with.

mod verdict;

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use self::verdict::{Measured, Pair, Verdict, measured, report, row};
use crate::bench::keep;
use crate::build::{self, Part, Profile};
use crate::load::{
    CLIENT_CORE, Going, Playing, SERVER_CORE, bots, ensure_cores, pinned, serve, summary, wait,
};
use crate::server::Server;

/// A way to run it.
#[derive(Debug)]
pub(crate) struct Noisy {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Whether everybody has an address.
    has_addresses: bool,
}

pub(crate) const NOISY: &[Noisy] = &[
    Noisy {
        name: "noisy",
        about: "25 games and 25 chats beside five kinds of hostile clients, and without: what these cost",
        has_addresses: true,
    },
    Noisy {
        name: "noisy-loopback",
        about: "the same with all of them on this machine, where addresses do not count",
        has_addresses: false,
    },
];

/// The first addresses of the bots, and of the hostile clients: from the networks that are for benchmarks, RFC 2544.
const GAMES_FROM: &str = "198.18.0.0";
const CHATS_FROM: &str = "198.18.128.0";
const HOSTILE_FROM: [u8; 3] = [198, 19, 0];
const PAIRS: usize = 5;
/// Games say how late ticks are, and chats how long inputs take: those of a game wait for its tick, whatever goes on beside it.
const GAMES: &[&str] = &["--rooms", "25", "--players", "4", "--plugin", "grid"];
const CHATS: &[&str] = &[
    "--rooms",
    "25",
    "--players",
    "4",
    "--plugin",
    "chat",
    "--rate",
    "5",
];
const PLAY: &str = "20s";
/// Far longer than bots need to join and play: the noise is ended when they are done.
const NOISE: &str = "120s";
const NOISE_NICENESS: &str = "10";
/// So long the noise goes on before the bots join.
const HEAD_START: Duration = Duration::from_secs(2);
const HOSTILE: &[&str] = &[
    "never-reads",
    "full-speed",
    "connects",
    "slow-handshake",
    "pings",
];

impl Noisy {
    /// Runs all pairs, prints and keeps what was measured, and fails where the noise is not borne.
    pub(crate) fn run(&self) -> Result<()> {
        ensure_cores()?;
        build::build(Part::BINARY, Profile::Release)?;
        let mut serve = serve();
        if self.has_addresses {
            serve.args(["--trusted-proxy", "127.0.0.1"]);
        }
        let server = Server::spawn(&mut serve)?;
        // What is compiled and reserved once is not part of any pair; and what the server keeps for a minute, for clients that
        // may come back, has come to its level only after that.
        self.pair(&server, 0, &mut String::new())?;
        self.play(&server)?;
        let before = resident(&server)?;
        let mut harm = String::new();
        let mut pairs = Vec::with_capacity(PAIRS);
        for number in 0..PAIRS {
            let pair = self.pair(&server, number, &mut harm)?;
            println!("{}", row(number, &pair));
            pairs.push(pair);
        }
        let verdict = Verdict::of(&pairs);
        let report = report(before, &pairs, &verdict, &harm);
        print!("\n{report}");
        let command = self.command();
        let folder = keep(self.name, self.about, &command, &format!("\n{report}"))?;
        println!("kept in {}", folder.display());
        ensure!(
            verdict.is_borne() || !self.has_addresses,
            "the noise is not borne, see above"
        );
        Ok(())
    }

    /// What is run, for whoever reads the report.
    fn command(&self) -> String {
        let [trust, from] = if self.has_addresses {
            [" --trusted-proxy 127.0.0.1", " --forwarded-for ADDRESS"]
        } else {
            ["", ""]
        };
        format!(
            "taskset -c {SERVER_CORE} parlor serve{trust}; \
             taskset -c {CLIENT_CORE} parlor bots {} --for {PLAY}{from}; the same with {}; \
             nice -n {NOISE_NICENESS} taskset -c {CLIENT_CORE} parlor bots --hostile {{{}}}{from}",
            GAMES.join(" "),
            CHATS.join(" "),
            HOSTILE.join(",")
        )
    }

    /// A quiet run and a noisy one; every other time the other way round.
    fn pair(&self, server: &Server, number: usize, harm: &mut String) -> Result<Pair> {
        let (quiet, noisy) = if number.is_multiple_of(2) {
            let quiet = self.play(server)?;
            (quiet, self.play_beside_noise(server, number, harm)?)
        } else {
            let noisy = self.play_beside_noise(server, number, harm)?;
            (self.play(server)?, noisy)
        };
        Ok(Pair {
            quiet,
            noisy,
            kilobytes: resident(server)?,
        })
    }

    /// The bots play once, and chat.
    fn play(&self, server: &Server) -> Result<Measured> {
        let games = self.start(server, GAMES, GAMES_FROM)?;
        let chats = self.start(server, CHATS, CHATS_FROM)?;
        let (games, chats) = (summary(&games.output()?)?, summary(&chats.output()?)?);
        measured(&games, &chats)
            .with_context(|| format!("the server did not time this run:\n{games}\n{chats}"))
    }

    /// Starts some of the bots.
    fn start(&self, server: &Server, args: &[&str], from: &str) -> Result<Going> {
        let mut command = pinned(CLIENT_CORE);
        bots(&mut command, server);
        command
            .args(args)
            .args(["--for", PLAY, "--admin-url", &server.admin_url])
            .arg("--data-dir")
            .arg(server.data_dir())
            .stderr(Stdio::inherit());
        if self.has_addresses {
            command.args(["--forwarded-for", from]);
        }
        Going::start(&mut command)
    }

    /// The bots play once while all hostile clients are at it. Says what these did.
    fn play_beside_noise(
        &self,
        server: &Server,
        number: usize,
        harm: &mut String,
    ) -> Result<Measured> {
        let hostile = HOSTILE.iter().enumerate().map(|(kind, name)| {
            let mut command = Command::new("nice");
            command
                .args(["-n", NOISE_NICENESS])
                .args(["taskset", "-c", CLIENT_CORE]);
            bots(&mut command, server);
            command
                .args(["--for", NOISE, "--hostile", name])
                .stderr(Stdio::null());
            if self.has_addresses {
                // Other addresses each time: those of the last time may be banned.
                let [a, b, c] = HOSTILE_FROM;
                let last = number * HOSTILE.len() + kind;
                command.args(["--forwarded-for", &format!("{a}.{b}.{c}.{last}")]);
            }
            Playing::start(&mut command)
        });
        let noise = hostile.collect::<Result<Vec<_>>>()?;
        wait(HEAD_START);
        let measured = self.play(server)?;
        harm.clear();
        for noise in noise {
            writeln!(harm, "{}", noise.end()?)?;
        }
        Ok(measured)
    }
}

/// What the server holds, in kilobytes.
fn resident(server: &Server) -> Result<u64> {
    let kilobytes = server.resident_kilobytes();
    kilobytes.context("failed to read the server's memory")
}
