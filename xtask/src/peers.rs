//! Other servers that benches measure beside Parlor. Each lies in a folder of `bench/peers`, with a program that serves, one
//! that puts a load on it, and tests of both.
//!
//! What they must do is little, so that the next one is soon added. The program that serves prints one line with the address
//! at its end. For `echo`, `fanout` and `match`, `bench/load` is the load of all servers. For the arena each has its own: that
//! is given the address (`--url`), the server's process (`--server-pid`), and for how many seconds it warms up
//! (`--warm-up`) and is measured (`--for`); it prints one object in JSON, see [`load`](PeerServer::load), and fails
//! where what came was not right.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

use crate::load::{CLIENT_CORE, SERVER_CORE, Serving, pinned};
use crate::{exec, files, tools};

/// A server to compare with.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// In `bench/peers`, which is also what `bench/load` calls it.
    pub(crate) folder: &'static str,
    /// What runs the programs, from there. It comes with the packages, so that its version is written down with theirs.
    runtime: &'static str,
    serve: &'static [&'static str],
    /// What the line that says where it listens begins with.
    ready: &'static str,
    /// The load of the arena, where it has one.
    load: &'static [&'static str],
    /// The packages whose versions matter.
    packages: &'static [&'static str],
}

pub(crate) const COLYSEUS: Peer = Peer {
    name: "colyseus",
    folder: "colyseus",
    runtime: "node_modules/.bin/node",
    serve: &["src/server.js"],
    ready: "colyseus listening on ",
    load: &["src/load.js", "--shape", "cells"],
    packages: &[
        "@colyseus/core",
        "@colyseus/schema",
        "@colyseus/ws-transport",
        "@colyseus/sdk",
        "ws",
        "bufferutil",
    ],
};

/// The plain WebSocket server of Node.js.
pub(crate) const WS: Peer = Peer {
    name: "ws",
    folder: "ws",
    runtime: "node_modules/.bin/node",
    serve: &["src/server.js"],
    ready: "ws listening on ",
    load: &[],
    packages: &["ws", "bufferutil"],
};

/// The same with one write for all that one read was answered, which its documentation does not have.
pub(crate) const WS_CORK: Peer = Peer {
    name: "ws, corked",
    serve: &["src/server.js", "--cork"],
    ..WS
};

pub(crate) const BUN: Peer = Peer {
    name: "bun",
    folder: "bun",
    runtime: "node_modules/.bin/bun",
    serve: &["src/server.js"],
    ready: "bun listening on ",
    load: &[],
    packages: &[],
};

pub(crate) const SOCKETIO: Peer = Peer {
    name: "socket.io",
    folder: "socketio",
    runtime: "node_modules/.bin/node",
    serve: &["src/server.js"],
    ready: "socketio listening on ",
    load: &[],
    packages: &["socket.io", "engine.io", "ws", "bufferutil"],
};

/// Places in the view's shape of Parlor's arena.
pub(crate) const COLYSEUS_CELLS: Peer = COLYSEUS;

/// Places as coordinates, which is how one does it.
pub(crate) const COLYSEUS_PLAIN: Peer = Peer {
    name: "colyseus, plain",
    load: &["src/load.js", "--shape", "plain"],
    ..COLYSEUS
};

/// Places in as few bytes as there are.
pub(crate) const COLYSEUS_PACKED: Peer = Peer {
    name: "colyseus, packed",
    load: &["src/load.js", "--shape", "packed"],
    ..COLYSEUS
};

impl Peer {
    fn folder(&self) -> PathBuf {
        files::root().join("bench/peers").join(self.folder)
    }

    /// Its programs find their modules from their folder.
    fn command(&self, core: &str, program: &[&str]) -> Command {
        let mut command = pinned(core);
        command
            .arg(self.folder().join(self.runtime))
            .args(program)
            .current_dir(self.folder())
            // What its documentation has one set where it is used in earnest.
            .env("NODE_ENV", "production");
        command
    }

    /// Installs what its lock file names, and tests it.
    pub(crate) fn install(&self) -> Result<()> {
        tools::node()?;
        tools::npm_packages(&self.folder())?;
        exec::run(exec::npm(&self.folder()).arg("test"))
    }

    /// What it is made of, by its packages.
    pub(crate) fn versions(&self) -> Result<String> {
        let runtime = self.folder().join(self.runtime);
        let version = exec::output_of(&runtime.to_string_lossy(), &["--version"]);
        let version = version.with_context(|| format!("{} does not run", runtime.display()))?;
        let mut versions = format!(
            "{} {version}",
            self.runtime.rsplit('/').next().unwrap_or("")
        );
        for package in self.packages {
            let path = self.folder().join("node_modules").join(package);
            let manifest = fs::read_to_string(path.join("package.json"))
                .with_context(|| format!("{package} is not installed"))?;
            let manifest: Json = serde_json::from_str(&manifest)?;
            let version = manifest["version"].as_str().unwrap_or("unknown");
            versions.push_str(&format!(", {package} {version}"));
        }
        Ok(versions)
    }

    /// Starts it on the server's core.
    pub(crate) fn start(&'static self) -> Result<PeerServer> {
        let serving = Serving::start(&mut self.command(SERVER_CORE, self.serve), self.ready)
            .with_context(|| format!("failed to start {}", self.name))?;
        Ok(PeerServer {
            peer: self,
            serving,
        })
    }
}

/// A peer that serves, gone when dropped.
#[derive(Debug)]
pub(crate) struct PeerServer {
    peer: &'static Peer,
    pub(crate) serving: Serving,
}

impl PeerServer {
    /// Puts the load of the arena on it, from the clients' core. What that says: `per_member_and_second` with `messages`, `payload_bytes`
    /// and `framed_bytes`; `server_cpu` and `load_cpu`, each as a share of a core.
    pub(crate) fn load(&self, warm_up: Duration, time: Duration) -> Result<Json> {
        let output = self
            .peer
            .command(CLIENT_CORE, self.peer.load)
            .args(["--url", &self.serving.url])
            .args(["--server-pid", &self.serving.id().to_string()])
            .args(["--warm-up", &warm_up.as_secs().to_string()])
            .args(["--for", &time.as_secs().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("failed to run the load on {}", self.peer.name))?;
        let summary = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "what {} sent was not right: {}\n{summary}",
            self.peer.name,
            output.status
        );
        serde_json::from_str(&summary).context("failed to read what the load says")
    }
}
