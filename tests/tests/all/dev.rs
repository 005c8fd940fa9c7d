//! `parlor dev` with somebody in the room: what its author saves the room does, with its state kept, and what goes wrong is
//! told in the terminal.

use std::io::{BufRead as _, BufReader, pipe};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use parlor_proto::{ServerFrame, Subprotocol};
use parlor_tests::{Handshake, TestClient, binary, in_time, json_of};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a build may take: the first one makes everything that a plugin depends on.
const BUILD_MAX: Duration = Duration::from_secs(300);
/// How long a client may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A running `parlor dev`, and what stands in its terminal.
struct Dev {
    child: Child,
    lines: mpsc::Receiver<String>,
    told: Vec<String>,
}

impl Dev {
    fn start(project: &Path) -> Self {
        let (terminal, end) = pipe().expect("there are pipes");
        let mut command = program(project);
        let child = command
            .args([
                "dev",
                "--listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
            ])
            .stdout(end.try_clone().expect("it is open"))
            .stderr(end)
            .spawn()
            .expect("it can be started");
        // Its own ends of the pipe go with it, or what is told would have no end.
        drop(command);
        let (teller, lines) = mpsc::channel(1_024);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(terminal).lines().map_while(Result::ok);
            // Nobody listens any more once a test has failed.
            lines.all(|line| teller.blocking_send(line).is_ok())
        });
        Self {
            child,
            lines,
            told: Vec::new(),
        }
    }

    /// Waits until it says this, and gives the whole line.
    async fn says(&mut self, what: &str) -> String {
        let saying = async {
            while let Some(line) = self.lines.recv().await {
                self.told.push(line.clone());
                if line.contains(what) {
                    return Some(line);
                }
            }
            None
        };
        match timeout(BUILD_MAX, saying).await {
            Ok(Some(line)) => line,
            _ => panic!("it did not say {what:?}, but:\n{}", self.told.join("\n")),
        }
    }

    /// The same, with a client that shows now and then that it is there.
    async fn says_to(&mut self, client: &mut TestClient, what: &str) -> String {
        let saying = self.says(what);
        tokio::pin!(saying);
        loop {
            match timeout(SILENCE_MAX, &mut saying).await {
                Ok(line) => return line,
                Err(_) => client.round_trip().await,
            }
        }
    }

    fn tell(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is there");
    }

    /// The server that it started, while it builds nothing.
    fn only_child(&self) -> Pid {
        let entries = std::fs::read_dir("/proc").expect("this is Linux");
        // What is no process has no such file, and one that is gone meanwhile has none any more.
        let stats = entries
            .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok());
        let children: Vec<i32> = stats.filter_map(|stat| self.child_in(&stat)).collect();
        let [child] = children[..] else {
            panic!("one child, not {children:?}");
        };
        Pid::from_raw(child).expect("it is no zero")
    }

    /// The process that this is about, as proc_pid_stat(5) has it, if it is a child of this one.
    fn child_in(&self, stat: &str) -> Option<i32> {
        // The name comes second, in parentheses, and may have anything in it.
        let (id, rest) = (stat.split(' ').next()?, stat.rsplit_once(')')?.1);
        let parent: u32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        (parent == self.child.id()).then(|| id.parse().ok())?
    }

    async fn ended(&mut self) -> ExitStatus {
        // All who could write have closed the terminal.
        in_time("the end", async {
            while self.lines.recv().await.is_some() {}
        })
        .await;
        self.child.wait().expect("it was started here")
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `parlor` in a folder, with what it compiles kept from one run to the next.
fn program(folder: &Path) -> Command {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-project");
    let mut command = Command::new(binary());
    command
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", kept)
        .env("CARGO_NET_OFFLINE", "true");
    command
}

/// The sources of a room, as its author changes them.
struct Sources {
    path: PathBuf,
    text: String,
}

impl Sources {
    fn of(project: &Path) -> Self {
        let path = project.join("src/lib.rs");
        let text = std::fs::read_to_string(&path).expect("it was made");
        Self { path, text }
    }

    /// What a click does from now on.
    fn click_does(&self, what: &str) {
        let before = "*self.clicks.entry(from.id).or_default() += 1";
        assert!(self.text.contains(before), "{}", self.text);
        let text = self.text.replace(before, what);
        std::fs::write(&self.path, text).expect("it can be written");
    }

    /// The line with this in it, from 1.
    fn line_of(what: &str, path: &Path) -> usize {
        let text = std::fs::read_to_string(path).expect("it is there");
        let at = text.lines().position(|line| line.contains(what));
        at.expect("it was written there") + 1
    }
}

async fn click(client: &mut TestClient) {
    client.say("dev", &json!({ "type": "click" })).await;
}

/// Clicks, and waits until the view has so many clicks of the first member.
async fn clicks(client: &mut TestClient, count: u64) {
    click(client).await;
    let wanted = json!({ "1": count });
    client
        .expect(&format!("{count} clicks"), |frame| match frame {
            ServerFrame::RoomState(state) => (json_of(&state.state) == wanted).then_some(()),
            _ => None,
        })
        .await;
}

fn address_in(line: &str) -> SocketAddr {
    let after = line.split("http://").nth(1).expect("an address");
    let address = after.split('/').next().unwrap_or_default();
    address.parse().expect("an address")
}

#[tokio::test]
async fn what_is_saved_the_room_does_and_what_goes_wrong_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = program(folder.path()).args(["new", "tally"]).status();
    assert!(made.expect("it can be started").success());
    let project = folder.path().join("tally");
    let sources = Sources::of(&project);
    let mut dev = Dev::start(&project);
    let line = dev.says("play it: ").await;
    assert!(line.ends_with("/play/?plugin=tally&room=dev"), "{line}");
    let address = address_in(&line);
    let mut client = TestClient::through(Handshake::to(address), Subprotocol::Json).await;
    client.join("dev", "tally").await;
    clicks(&mut client, 1).await;

    sources.click_does("*self.clicks.entry(from.id).or_default() += 10");
    dev.says_to(&mut client, "the room runs it, with its state kept")
        .await;
    clicks(&mut client, 11).await;

    sources.click_does("self.clicks.is_no_method()");
    dev.says_to(&mut client, "no method named `is_no_method`")
        .await;
    dev.says_to(&mut client, "failed to build the plugin").await;
    clicks(&mut client, 21).await;

    // On trial it fails: the room goes back, and the click is counted by the version before.
    sources.click_does("panic!(\"a click too many\")");
    dev.says_to(&mut client, "the room runs it, with its state kept")
        .await;
    clicks(&mut client, 31).await;
    let at = Sources::line_of("a click too many", &sources.path);
    let line = dev.says_to(&mut client, "a click too many").await;
    assert!(line.ends_with(&format!("src/lib.rs:{at}")), "{line}");
    dev.says_to(&mut client, "went back").await;

    // What failed is not taken again as it was.
    sources.click_does("panic!(\"a click too many\") ");
    dev.says_to(&mut client, "SUSPECT").await;

    sources.click_does("*self.clicks.entry(from.id).or_default() += 100");
    dev.says_to(&mut client, "the room runs it, with its state kept")
        .await;
    clicks(&mut client, 131).await;

    dev.tell(Signal::INT);
    assert!(dev.ended().await.success());
    assert!(!project.join(".parlor/admin-address").exists());
}

#[tokio::test]
async fn the_server_that_was_started_ends_with_it_however_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    // No more than it takes to be a project.
    std::fs::create_dir(folder.path().join("src")).expect("it is new");
    std::fs::write(folder.path().join("Cargo.toml"), "").expect("it is new");
    let mut dev = Dev::start(folder.path());
    dev.says("failed to build the plugin").await;
    dev.says("watching").await;
    let address = folder.path().join(".parlor/admin-address");
    let told = std::fs::read_to_string(&address).expect("the server runs");
    let public = told.lines().nth(1).map(address_in).expect("two addresses");
    let mut client = TestClient::through(Handshake::to(public), Subprotocol::Json).await;
    let server = dev.only_child();
    dev.tell(Signal::KILL);
    assert!(!dev.ended().await.success());
    client.expect_goaway().await;
    // The system says so once more for each thread of the killed process.
    kill_process(server, Signal::HUP).expect("it waits for its client");
    assert_eq!(client.expect_end().await.code(), 1012);
    // A server that ends in good order takes it away.
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let going = async {
        while address.exists() {
            pace.tick().await;
        }
    };
    in_time("the end of the server", going).await;
}
