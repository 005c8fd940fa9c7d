//! The `parlor` command.

mod bundle;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A real-time room server whose rooms are WebAssembly plugins.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve(Box<serve::Args>),
}

/// What a shell is told of a wrong setting, as in sysexits.h.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        std::process::exit(if error.use_stderr() { USAGE.into() } else { 0 });
    });
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("failed to start: {error}")),
    };
    runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => match serve::serve(*args).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(serve::Error::Usage(error)) => fail(USAGE, &format!("failed to {error}")),
                Err(serve::Error::Failed(error)) => fail(1, &format!("failed to {error:#}")),
            },
        }
    })
}

#[expect(
    clippy::print_stderr,
    reason = "a command says on stderr why it failed"
)]
fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("parlor: {message}");
    ExitCode::from(code)
}
