//! Clients made of the SDK that pages load, all in one process of Node.js. It reads commands and writes events, each a
//! line of JSON: `tests/state-client/client.mjs`.

use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command as Program, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use parlor_proto::{Payload, Seat, Subprotocol};
use serde_json::{Value as Json, json};

use super::history::{Event, Library};
use super::recorder::Recorder;
use super::{Command, PLUGIN, ROOM};

/// The process, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct NodeClients {
    child: Child,
    commands: Mutex<ChildStdin>,
    events: Option<JoinHandle<()>>,
}

impl NodeClients {
    /// Starts the process, without clients yet. It knows them by the numbers of their records.
    pub(super) fn start(recorder: &Arc<Recorder>, seed: u64) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let library: PathBuf = tests.join("../target/bundle/web/parlor.js");
        assert!(
            library.exists(),
            "the client SDK is not built; run: cargo xtask build web"
        );
        let mut program = Program::new("node");
        program
            // Node.js 20 has a WebSocket behind this; later ones have it anyway.
            .args(["--experimental-websocket", "--no-warnings"])
            .arg(tests.join("state-client/client.mjs"))
            .args([library.as_os_str(), seed.to_string().as_ref()])
            .args([ROOM, PLUGIN])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = program
            .spawn()
            .unwrap_or_else(|error| panic!("node does not start: {error}; install Node.js 20"));
        let commands = child.stdin.take().expect("it is piped");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let recorder = Arc::clone(recorder);
        let events = std::thread::spawn(move || {
            // They end with the process.
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).ok();
                let noted = event.as_ref().and_then(|event| note(&recorder, event));
                noted.unwrap_or_else(|| panic!("a client of the SDK says {line}"));
            }
        });
        Self {
            child,
            commands: Mutex::new(commands),
            events: Some(events),
        }
    }

    /// Adds a client, which begins at once.
    pub(super) fn add(&self, recorder: &Recorder, name: String, address: SocketAddr) -> usize {
        let client = recorder.begin(name, Library::TypeScript);
        let url = format!("ws://{address}/ws");
        self.say(&json!({ "client": client, "do": "begin", "url": url }));
        client
    }

    pub(super) fn command(&self, client: usize, command: &Command) {
        let line = match command {
            Command::Reconnect => json!({ "client": client, "do": "reconnect" }),
            Command::Rejoin(seat) => {
                let seat = seat_name(*seat);
                json!({ "client": client, "do": "rejoin", "seat": seat })
            }
            Command::Spoil(view) => json!({ "client": client, "do": "spoil", "view": &**view }),
            Command::Request(view) => json!({ "client": client, "do": "request", "view": &**view }),
            Command::Heed(round) => json!({ "client": client, "do": "heed", "round": round }),
        };
        self.say(&line);
    }

    fn say(&self, line: &Json) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(commands, "{line}").expect("the process of the SDK's clients runs");
    }
}

impl Drop for NodeClients {
    fn drop(&mut self) {
        // One that is gone already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(events) = self.events.take() {
            let ended = events.join();
            if !std::thread::panicking() {
                ended.expect("what the SDK's clients say is understood");
            }
        }
    }
}

pub(super) fn seat_name(seat: Seat) -> &'static str {
    match seat {
        Seat::Player => "player",
        Seat::Spectator => "spectator",
    }
}

/// Notes what a client says; `None` where that is nothing it may say.
fn note(recorder: &Recorder, line: &Json) -> Option<()> {
    let client = usize::try_from(line["client"].as_u64()?).ok()?;
    let view = || Some(recorder.name(line["view"].as_str()?));
    let version = || line["version"].as_u64();
    let event = match line["event"].as_str()? {
        "connected" => Event::Connected {
            subprotocol: Subprotocol::from_name(line["subprotocol"].as_str()?)?,
            is_resumed: line["is_resumed"].as_bool()?,
        },
        "joined" => Event::Joined {
            member: u32::try_from(line["member"].as_u64()?).ok()?,
            seat: match line["seat"].as_str()? {
                "player" => Seat::Player,
                "spectator" => Seat::Spectator,
                _ => return None,
            },
        },
        "left" => Event::Left,
        "reset" => Event::Reset,
        "heeded" => {
            recorder.heeded(client, line["round"].as_u64()?);
            return Some(());
        }
        "unknown" => Event::Unknown(line["handle"].as_u64()?),
        "spoilt" => Event::Spoilt(view()?),
        "refused" => Event::Refused {
            view: view()?,
            version: version()?,
            is_patch: line["is_patch"].as_bool()?,
        },
        "state" => {
            let state = Payload::from_json(line["state"].as_str()?).ok()?;
            let view = line["view"].as_str()?;
            recorder.note_state(
                client,
                view,
                version()?,
                line["is_patch"].as_bool()?,
                &state,
            );
            return Some(());
        }
        _ => return None,
    };
    recorder.note(client, event);
    Some(())
}
