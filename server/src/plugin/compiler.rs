//! Compiling in a process of its own. A component can be made so that its compiler takes forever, takes all memory, or
//! falls over; none of that is to be felt where rooms run. So that process is the nicest on the machine, may take only
//! so much, may write no file, and is told apart from the server by everything but the program.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal};
use tokio::time::Instant;

use super::engine;
use super::inspect;

/// The subcommand of `parlor` that does it.
pub const COMPILE_COMMAND: &str = "compile-component";
/// It is nicer than all else.
const NICENESS: i32 = 19;
/// Files it may have open: its three pipes, and what it looks at of the system.
const OPEN_FILES_MAX: u64 = 32;
/// Compiled code of one component, in bytes.
const CODE_BYTES_MAX: u64 = 256 << 20;
/// What it says when it fails, in bytes.
const MESSAGE_BYTES_MAX: u64 = 16 << 10;
/// Waiting for a machine that has other things to do counts so many times less than working.
const WALL_PER_CPU: u32 = 10;
/// What ended itself is looked for so often.
const PACE: Duration = Duration::from_millis(2);

/// What the process that compiles may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileLimits {
    /// CPU time, in seconds, of all threads together.
    pub cpu_seconds: u64,
    /// Threads.
    pub threads: usize,
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// The component, in bytes.
    pub component_bytes: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            cpu_seconds: 30,
            threads: 1,
            memory_bytes: 2 << 30,
            component_bytes: 32 << 20,
        }
    }
}

/// Why there is no compiled code.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The component is at fault.
    #[error("compile the component: {0}")]
    Refused(String),
    /// It took too long.
    #[error(
        "compile the component within {0} s of CPU time; split its largest functions, or raise compile_seconds_max"
    )]
    TooSlow(u64),
    /// It did not get the time that it may take.
    #[error(
        "compile the component within {0} s: this machine has too much else to do; try again later"
    )]
    Starved(u64),
    /// It took too much memory, or the compiler fell over it.
    #[error("compile the component: the compiler fell over it ({0}); it may take too much memory")]
    Fell(String),
    /// The process could not be run.
    #[error("run the compiler: {0}")]
    Run(#[from] io::Error),
}

/// Compiles a component in a process of its own, and returns the code.
pub(super) fn compile_apart(
    program: &Path,
    component: &[u8],
    limits: &CompileLimits,
) -> Result<Vec<u8>, CompileError> {
    let mut child = Command::new(program)
        .arg(COMPILE_COMMAND)
        .arg(limits.cpu_seconds.to_string())
        .arg(limits.memory_bytes.to_string())
        .arg(limits.component_bytes.to_string())
        .arg(limits.threads.to_string())
        .env_clear()
        // Read by the library that starts them.
        .env("RAYON_NUM_THREADS", limits.threads.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let seconds = u32::try_from(limits.cpu_seconds).unwrap_or(u32::MAX);
    let wall = Duration::from_secs(1).saturating_mul(seconds) * WALL_PER_CPU;
    let deadline = Instant::now() + wall;
    let outcome = converse(&mut child, component, deadline);
    // Whatever came of it, nothing is left of the process. It may have ended by itself.
    let _ = child.kill();
    let ended = child.wait();
    let (status, code, message) = outcome?;
    let Some(status) = status else {
        ended?;
        return Err(CompileError::Starved(wall.as_secs()));
    };
    judge(status, code, message.trim(), limits)
}

fn judge(
    status: ExitStatus,
    code: Vec<u8>,
    message: &str,
    limits: &CompileLimits,
) -> Result<Vec<u8>, CompileError> {
    if status.success() {
        return Ok(code);
    }
    match status.signal() {
        None => Err(CompileError::Refused(message.to_owned())),
        Some(signal) if signal == Signal::XCPU.as_raw() || signal == Signal::KILL.as_raw() => {
            Err(CompileError::TooSlow(limits.cpu_seconds))
        }
        Some(signal) => {
            let last = message.lines().last().unwrap_or_default();
            Err(CompileError::Fell(format!("signal {signal} {last}")))
        }
    }
}

/// What a process said, and how it ended, if it ended in time.
type Said = (Option<ExitStatus>, Vec<u8>, String);

/// Hands a process its input and reads what it says, until it ends or its time is over.
fn converse(child: &mut Child, component: &[u8], deadline: Instant) -> Result<Said, CompileError> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("its pipes are missing").into());
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            // It says by itself why it does not read on.
            let _ = stdin.write_all(component);
        });
        let code = scope.spawn(move || read_up_to(stdout, CODE_BYTES_MAX));
        let message = scope.spawn(move || read_up_to(stderr, MESSAGE_BYTES_MAX));
        let status = wait_until(child, deadline, || {
            code.is_finished() && message.is_finished()
        });
        if !matches!(status, Ok(Some(_))) {
            // The threads end when its pipes do.
            let _ = child.kill();
        }
        let code = code.join().unwrap_or_default();
        let message = message.join().unwrap_or_default();
        let message = String::from_utf8_lossy(&message).into_owned();
        Ok((status?, code, message))
    })
}

fn read_up_to(from: impl Read, bytes_max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What breaks off is found out by who reads it.
    let _ = from.take(bytes_max).read_to_end(&mut bytes);
    bytes
}

/// Waits for the end of a process, for as long as there is time.
fn wait_until(
    child: &mut Child,
    deadline: Instant,
    has_said_all: impl Fn() -> bool,
) -> io::Result<Option<ExitStatus>> {
    // Nobody sends: this is a sleep that a test's clock cannot stop, in a thread that serves no task.
    let (_nobody, never) = mpsc::channel::<()>();
    loop {
        if let Some(status) = child.try_wait()?
            && has_said_all()
        {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        let _ = never.recv_timeout(PACE);
    }
}

/// What the process does: reads a component, and writes its code. Its own limits are the first thing it sets.
///
/// # Errors
///
/// Why there is no code, as a fragment that fits "failed to …".
pub fn compile_component(
    limits: &CompileLimits,
    mut input: impl Read,
    mut output: impl Write,
) -> Result<(), String> {
    confine(limits).map_err(|error| format!("set its own limits: {error}"))?;
    let bytes_max = limits.component_bytes as u64;
    let mut component = Vec::new();
    input
        .by_ref()
        .take(bytes_max + 1)
        .read_to_end(&mut component)
        .map_err(|error| format!("read the component: {error}"))?;
    if component.len() > limits.component_bytes {
        return Err(format!("take more than {bytes_max} bytes"));
    }
    inspect::inspect(&component).map_err(|error| error.to_string())?;
    let engine = engine::compiling(limits.threads > 1)
        .map_err(|error| format!("start the compiler: {error:#}"))?;
    let code = engine
        .precompile_component(&component)
        .map_err(|error| format!("{error:#}"))?;
    output
        .write_all(&code)
        .and_then(|()| output.flush())
        .map_err(|error| format!("hand over the code: {error}"))
}

/// Takes from this process whatever compiling does not need.
fn confine(limits: &CompileLimits) -> io::Result<()> {
    // It is not to outlive the server.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    rustix::process::setpriority_process(None, NICENESS)?;
    for (resource, most) in [
        (Resource::As, limits.memory_bytes),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, OPEN_FILES_MAX),
    ] {
        // No higher than what the system allows this process anyway.
        let present = rustix::process::getrlimit(resource).maximum;
        let most = Some(present.map_or(most, |present| present.min(most)));
        let limit = Rlimit {
            current: most,
            maximum: most,
        };
        rustix::process::setrlimit(resource, limit)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(raw: i32) -> Result<Vec<u8>, CompileError> {
        let status = ExitStatus::from_raw(raw);
        judge(status, b"code".to_vec(), "why", &CompileLimits::default())
    }

    #[test]
    fn the_end_of_the_process_says_what_was_wrong() {
        assert_eq!(ended(0).unwrap(), b"code");
        assert!(matches!(ended(65 << 8), Err(CompileError::Refused(why)) if why == "why"));
        assert!(matches!(
            ended(Signal::XCPU.as_raw()),
            Err(CompileError::TooSlow(30))
        ));
        assert!(matches!(
            ended(Signal::KILL.as_raw()),
            Err(CompileError::TooSlow(30))
        ));
        assert!(matches!(
            ended(Signal::ABORT.as_raw()),
            Err(CompileError::Fell(_))
        ));
    }

    #[test]
    fn a_process_that_never_ends_is_ended() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Its stdin stays open, so that it waits for more.
        let (said, status) = {
            let stdin = child.stdin.take().unwrap();
            let status = wait_until(&mut child, Instant::now(), || true).unwrap();
            (stdin, status)
        };
        assert!(status.is_none());
        drop(said);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_program_that_is_not_there_is_named_as_such() {
        let missing = Path::new("/no/such/program");
        let error = compile_apart(missing, b"", &CompileLimits::default()).unwrap_err();
        assert!(matches!(error, CompileError::Run(_)), "{error}");
    }
}
