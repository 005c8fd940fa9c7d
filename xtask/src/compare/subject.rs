//! The servers that are compared, and how each is started and put under load.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use crate::build::{self, Part, Profile};
use crate::exec::{self, cargo};
use crate::load::{CLIENT_CORE, SERVER_CORE, Serving, ensure_cores, pinned, serve};
use crate::peers::{BUN, COLYSEUS, Peer, PeerServer, SOCKETIO, WS, WS_CORK};
use crate::server::Server;

/// The load, the floor, and Parlor with native rooms.
pub(crate) const LOAD: &str = "parlor-bench";
const FLOOR: &str = "parlor-floor";
const NATIVE: &str = "parlor-native";

/// A server, and how it is spoken to.
#[derive(Debug)]
pub(crate) enum Subject {
    /// As little as a server can do.
    Floor,
    Peer(&'static Peer),
    Parlor(Parlor),
}

/// Parlor, as it is started and spoken to.
#[derive(Debug)]
pub(crate) struct Parlor {
    pub(crate) name: &'static str,
    pub(crate) subprotocol: &'static str,
    pub(crate) serve: &'static [&'static str],
    /// Whether its plugins are compiled into it, without a sandbox.
    pub(crate) is_native: bool,
}

/// As near as Parlor comes to the others, in which what is in a room is gone with the server: it can raise what a plugin declares, and not
/// lower it. So matches are written down, but nothing waits until that is on the disk.
const NO_SYNC: &[&str] = &["--fsync", "never"];

pub(crate) const JSON: Subject = Subject::Parlor(Parlor {
    name: "parlor, v1.json",
    subprotocol: "v1.json",
    serve: &[],
    is_native: false,
});
pub(crate) const BINARY: Subject = Subject::Parlor(Parlor {
    name: "parlor, v1.binary",
    subprotocol: "v1.binary",
    serve: &[],
    is_native: false,
});
pub(crate) const PROTO: Subject = Subject::Parlor(Parlor {
    name: "parlor, v2.proto",
    subprotocol: "v2.proto",
    serve: &[],
    is_native: false,
});
/// A third of the clients on each of the three.
pub(crate) const MIXED: Subject = Subject::Parlor(Parlor {
    name: "parlor, mixed",
    subprotocol: "mixed",
    serve: &[],
    is_native: false,
});
pub(crate) const UNSYNCED: Subject = Subject::Parlor(Parlor {
    name: "parlor, v1.json, no sync",
    subprotocol: "v1.json",
    serve: NO_SYNC,
    is_native: false,
});
pub(crate) const UNSYNCED_BINARY: Subject = Subject::Parlor(Parlor {
    name: "parlor, v1.binary, no sync",
    subprotocol: "v1.binary",
    serve: NO_SYNC,
    is_native: false,
});

/// What the sandbox costs is the difference to [`BINARY`].
const NATIVE_BINARY: Subject = Subject::Parlor(Parlor {
    name: "parlor, v1.binary, native",
    subprotocol: "v1.binary",
    serve: &[],
    is_native: true,
});
/// And here to [`UNSYNCED`].
pub(crate) const NATIVE_UNSYNCED: Subject = Subject::Parlor(Parlor {
    name: "parlor, v1.json, native",
    subprotocol: "v1.json",
    serve: NO_SYNC,
    is_native: true,
});

/// Whatever sends messages on.
pub(crate) const SENDERS: &[Subject] = &[
    Subject::Floor,
    JSON,
    BINARY,
    PROTO,
    NATIVE_BINARY,
    Subject::Peer(&BUN),
    Subject::Peer(&WS),
    Subject::Peer(&WS_CORK),
    Subject::Peer(&SOCKETIO),
    Subject::Peer(&COLYSEUS),
];

/// Builds and installs what these are made of, and the load.
pub(crate) fn prepare(subjects: &[Subject]) -> Result<()> {
    ensure_cores()?;
    build::build(Part::BINARY, Profile::Release)?;
    let bins = [LOAD, FLOOR, NATIVE].into_iter();
    let bins = bins.flat_map(|name| ["--bin", name]);
    exec::run(cargo("build").args(["--workspace", "--release"]).args(bins))?;
    peers(subjects).try_for_each(Peer::install)
}

fn peers(subjects: &[Subject]) -> impl Iterator<Item = &'static Peer> {
    subjects.iter().filter_map(|subject| match subject {
        Subject::Peer(peer) => Some(*peer),
        Subject::Floor | Subject::Parlor(_) => None,
    })
}

/// What the peers among them are made of.
pub(crate) fn versions(subjects: &[Subject]) -> Result<BTreeMap<String, String>> {
    let versions = peers(subjects).map(|peer| Ok((peer.name.to_owned(), peer.versions()?)));
    versions.collect()
}

impl Subject {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Peer(peer) => peer.name,
            Self::Parlor(parlor) => parlor.name,
        }
    }

    /// Starts a fresh process on the server's core.
    pub(crate) fn start(&self) -> Result<Running> {
        self.start_with(&[])
    }

    /// The same, and Parlor with these arguments too.
    pub(crate) fn start_with(&self, more: &[&str]) -> Result<Running> {
        Ok(match self {
            Self::Floor => {
                let mut command = bench_program(SERVER_CORE, FLOOR);
                let floor = Serving::start(&mut command, "floor listening on ")
                    .context("failed to start the floor")?;
                Running {
                    process: Process::Floor(floor),
                    target: "floor",
                    subprotocol: None,
                }
            }
            Self::Peer(peer) => Running {
                process: Process::Peer(peer.start()?),
                target: peer.folder,
                subprotocol: None,
            },
            Self::Parlor(parlor) => {
                let mut command = if parlor.is_native {
                    bench_program(SERVER_CORE, NATIVE)
                } else {
                    let mut command = serve();
                    command.args(["--limits", "off"]);
                    command
                };
                command.args(parlor.serve).args(more);
                Running {
                    process: Process::Parlor(Server::spawn(&mut command)?),
                    target: "parlor",
                    subprotocol: Some(parlor.subprotocol),
                }
            }
        })
    }
}

/// A server that serves, gone when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    process: Process,
    target: &'static str,
    subprotocol: Option<&'static str>,
}

#[derive(Debug)]
enum Process {
    Floor(Serving),
    Peer(PeerServer),
    Parlor(Server),
}

impl Running {
    fn url(&self) -> &str {
        match &self.process {
            Process::Floor(floor) => &floor.url,
            Process::Peer(peer) => &peer.serving.url,
            Process::Parlor(server) => &server.url,
        }
    }

    fn id(&self) -> u32 {
        match &self.process {
            Process::Floor(floor) => floor.id(),
            Process::Peer(peer) => peer.serving.id(),
            Process::Parlor(server) => server.id(),
        }
    }

    /// Parlor, where it is.
    pub(crate) fn parlor(&self) -> Result<&Server> {
        match &self.process {
            Process::Parlor(server) => Ok(server),
            Process::Floor(_) | Process::Peer(_) => {
                anyhow::bail!("{} has nothing of Parlor's to look at", self.target)
            }
        }
    }

    /// The arguments that say whom to speak to.
    pub(crate) fn address(&self) -> Vec<String> {
        let mut words = ["--target", self.target, "--url", self.url()]
            .map(str::to_owned)
            .to_vec();
        if let Some(subprotocol) = self.subprotocol {
            words.extend(["--subprotocol", subprotocol].map(str::to_owned));
        }
        words
    }

    /// The command that puts the load on it, from the clients' core.
    pub(crate) fn loading(&self, work: &[String]) -> Command {
        let mut command = load_on(CLIENT_CORE);
        command
            .args(work)
            .args(self.address())
            .args(["--server-pid", &self.id().to_string()]);
        command
    }

    /// Puts the load on it, and says what that says. Fails where the server did wrong.
    pub(crate) fn load(&self, work: &[String]) -> Result<Json> {
        said(&self.try_load(work)?)
            .with_context(|| format!("what {} sent was not right", self.target))
    }

    /// The same where it may go wrong.
    pub(crate) fn try_load(&self, work: &[String]) -> Result<Output> {
        let mut command = self.loading(work);
        command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("failed to run the load")
    }
}

/// The load, on one core.
pub(crate) fn load_on(core: &str) -> Command {
    bench_program(core, LOAD)
}

/// One of the programs in `bench`, on one core.
fn bench_program(core: &str, name: &str) -> Command {
    let mut command = pinned(core);
    command.arg(Profile::Release.binary().with_file_name(name));
    command
}

/// What a load that ended well has said.
pub(crate) fn said(output: &Output) -> Result<Json> {
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}\n{text}", output.status);
    serde_json::from_str(&text).context("failed to read what the load says")
}

/// Whether a load that failed did so for what the server did, and not for its options or this machine.
pub(crate) fn is_server_wrong(output: &Output) -> bool {
    output.status.code() == Some(1)
}

/// The words of a command line.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}
