//! The server that a plugin is tried on: one that runs, or one that is started for it and ends with it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::{Args, say};
use crate::admin::{Admin, AdminArgs, AdminError, address};
use crate::project::Project;

/// How long a server may take to come up: it may compile the bundled plugins.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// So many threads compile a component; each takes memory of what the compiler may take.
const THREADS_MAX: usize = 8;
/// How long it may take to end by itself.
const END_TIMEOUT: Duration = Duration::from_secs(15);

/// A server that answers.
pub(super) struct Site {
    pub(super) admin: Admin,
    /// Where its pages are, if that is known.
    pub(super) public: Option<String>,
    own: Option<Own>,
}

impl Site {
    /// Fails once a server that was started here is gone.
    pub(super) fn check_alive(&self) -> anyhow::Result<()> {
        let Some(own) = &self.own else {
            return Ok(());
        };
        if let Some(status) = own.try_wait().context("look after the server")? {
            bail!(
                "keep the server: it ended with {status}\n{}",
                log_end(&own.log)
            );
        }
        Ok(())
    }

    /// Ends what was started here.
    pub(super) async fn end(self) {
        let Some(own) = self.own else {
            return;
        };
        say("ending the server");
        own.end().await;
    }
}

/// A server that was started here. It is told to end when this is dropped, however that comes about.
struct Own {
    child: Mutex<Child>,
    log: PathBuf,
}

impl Own {
    fn try_wait(&self) -> std::io::Result<Option<ExitStatus>> {
        let mut child = self.child.lock().expect("nobody panics with it");
        child.try_wait()
    }

    /// Sends the process a signal, unless it is gone.
    fn tell(&self, signal: Signal) {
        if let Ok(None) = self.try_wait() {
            let id = self.child.lock().expect("nobody panics with it").id();
            let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
            // One that ended meanwhile needs no word.
            let _ = pid.map(|pid| kill_process(pid, signal));
        }
    }

    /// Ends the process, by force if it does not by itself.
    async fn end(&self) {
        self.tell(Signal::TERM);
        let waiting = async {
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while matches!(self.try_wait(), Ok(None)) {
                pace.tick().await;
            }
        };
        if tokio::time::timeout(END_TIMEOUT, waiting).await.is_err() {
            self.tell(Signal::KILL);
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.tell(Signal::TERM);
    }
}

/// The server that was named, one that runs with the data directory, or a new one.
pub(super) async fn find_or_start(args: &Args, project: &Project) -> anyhow::Result<Site> {
    let which = args.admin.or_of(&project.dir.join(".parlor"));
    let asked = match which.find() {
        Ok(admin) => admin.get("/plugins").await.map(|_| admin),
        Err(error) => Err(error),
    };
    match asked {
        Ok(admin) => {
            let known = address::read(which.data_dir()).ok();
            let public = known.filter(|_| !which.names_address());
            Ok(Site {
                admin,
                public: public.and_then(|it| it.public),
                own: None,
            })
        }
        Err(error)
            if !which.names_address() && (error.is_absent() || is_of_another(&which, &error)) =>
        {
            start(args, which.data_dir()).await
        }
        Err(error) => Err(error).context("find the server"),
    }
}

/// Whether the address in the data directory is that of a server which was killed, and another one has it now: the token
/// beside it is right for its own.
fn is_of_another(which: &AdminArgs, error: &AdminError) -> bool {
    !which.names_token() && matches!(error, AdminError::Unauthorized)
}

/// Starts a server and waits until it answers.
async fn start(args: &Args, data_dir: &Path) -> anyhow::Result<Site> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("make the data directory {}", data_dir.display()))?;
    let log = data_dir.join("server.log");
    say(&format!("starting a server; its log is {}", log.display()));
    let mut child = spawn(args, data_dir, &log).context("start the server")?;
    let stdout = child.stdout.take().expect("it was asked to be piped");
    let own = Own {
        child: Mutex::new(child),
        log,
    };
    let listening = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        lines.any(|line| line.starts_with("parlor listening on"))
    });
    let is_up = tokio::time::timeout(START_TIMEOUT, listening).await;
    if !matches!(is_up, Ok(Ok(true))) {
        own.end().await;
        bail!("start the server; its log ends so:\n{}", log_end(&own.log));
    }
    let known = address::read(data_dir).context("find the server that was started")?;
    // Its own address and token, whatever was named for others.
    let which = AdminArgs::default().or_of(data_dir);
    let admin = which.find().context("find the server that was started")?;
    Ok(Site {
        admin,
        public: known.public,
        own: Some(own),
    })
}

fn spawn(args: &Args, data_dir: &Path, log: &Path) -> anyhow::Result<Child> {
    let listen = args.listen.unwrap_or_else(|| free(8080));
    let admin_listen = args.admin_listen.unwrap_or_else(|| free(8081));
    let threads = std::thread::available_parallelism().map_or(1, |it| it.get().min(THREADS_MAX));
    let log: File = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["serve", "--data-dir"])
        .arg(data_dir)
        .args(["--listen", &listen.to_string()])
        .args(["--admin-listen", &admin_listen.to_string()])
        .args(["--ends-with", &std::process::id().to_string()])
        // Its rooms can wait for the author, who waits for them.
        .args(["--compile-threads", &threads.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        // A ctrl-c is for this process, which then ends the server in good order.
        .process_group(0);
    Ok(command.spawn()?)
}

/// The usual port, or any if somebody has it.
fn free(port: u16) -> SocketAddr {
    let usual = SocketAddr::from(([127, 0, 0, 1], port));
    match TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => SocketAddr::from(([127, 0, 0, 1], 0)),
    }
}

/// The last lines of a log.
fn log_end(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
