//! `parlor compile-component`: what the server runs to have a component compiled, with the component on stdin and the code
//! on stdout.

use std::io;
use std::process::ExitCode;

use parlor_server::CompileLimits;

/// What a shell is told of bad input, as in sysexits.h.
const DATA_ERROR: u8 = 65;

/// What the process may take.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// CPU time, in seconds
    cpu_seconds: u64,
    /// Address space, in bytes
    memory_bytes: u64,
    /// The component, in bytes
    component_bytes: usize,
    /// How many threads
    threads: usize,
}

pub(crate) fn compile(args: &Args) -> ExitCode {
    let limits = CompileLimits {
        cpu_seconds: args.cpu_seconds,
        memory_bytes: args.memory_bytes,
        component_bytes: args.component_bytes,
        threads: args.threads,
    };
    match parlor_server::compile_component(&limits, io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(DATA_ERROR)
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the server makes its answer of what is said here"
)]
fn complain(error: &str) {
    eprintln!("{error}");
}
