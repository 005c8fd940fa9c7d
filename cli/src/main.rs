//! The `parlor` command.

mod admin;
mod bundle;
mod compile;
mod dev;
mod doctor;
mod failure;
mod new;
mod plugin;
mod project;
mod replay;
mod room;
mod serve;
mod table;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::{USAGE, end};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Makes a project for a plugin, in a folder of its name.
    New(new::Args),
    /// Builds the plugin in a folder and hot-swaps the running rooms, on every change; starts a server where none answers.
    Dev(Box<dev::Args>),
    /// Builds, signs and hands over components, and says which rooms run which.
    #[command(subcommand)]
    Plugin(plugin::Verb),
    /// Shows a server's rooms, and acts on them.
    #[command(subcommand)]
    Room(room::Verb),
    /// Says what is missing for building and running plugins, and how to install it.
    Doctor(doctor::Args),
    /// Runs the history of a room again: what happened, and whether the same comes of it.
    Replay(replay::Args),
    /// Compiles a component: how the server does it, in a process of its own
    #[command(name = parlor_server::COMPILE_COMMAND, hide = true)]
    Compile(compile::Args),
    /// Plays against a running server, and measures how it keeps up.
    Bots(Box<parlor_bots::Options>),
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        std::process::exit(if error.use_stderr() { USAGE.into() } else { 0 });
    });
    if let Command::Compile(args) = &cli.command {
        // Before there is a second thread: it is to have as little as it needs.
        return compile::compile(args);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("failed to start: {error}")),
    };
    runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => end(serve::serve(*args).await.map(|()| ExitCode::SUCCESS)),
            Command::New(args) => end(new::run(&args)),
            Command::Dev(args) => end(dev::run(*args).await),
            Command::Plugin(verb) => end(plugin::run(verb).await),
            Command::Room(verb) => end(room::run(verb).await),
            Command::Doctor(args) => end(doctor::run(&args).await),
            Command::Compile(args) => compile::compile(&args),
            Command::Replay(args) => replay_room(&args),
            Command::Bots(options) => bots(*options).await,
        }
    })
}

/// A history that comes out otherwise is no error, but a script must see it.
fn replay_room(args: &replay::Args) -> ExitCode {
    match replay::replay(args) {
        Ok(report) => answer(&report.text, None, u8::from(!report.is_same)),
        Err(error) => fail(2, &format!("failed to {error:#}")),
    }
}

async fn bots(options: parlor_bots::Options) -> ExitCode {
    let is_json = options.json;
    if let Some(kind) = options.hostile {
        return match parlor_bots::harass(kind, options).await {
            Ok(harm) => answer(&harm, is_json.then(|| serde_json::to_string(&harm)), 0),
            Err(error) => fail(error.exit_code(), &format!("failed to {error}")),
        };
    }
    if let Some(kind) = options.lasting {
        return lasting(kind, options).await;
    }
    match parlor_bots::run(options).await {
        Ok(summary) => {
            let json = is_json.then(|| serde_json::to_string(&summary));
            answer(&summary, json, summary.exit_code())
        }
        Err(error) => fail(error.exit_code(), &format!("failed to {error}")),
    }
}

/// Has clients in rooms that last. Whoever ends the server meanwhile is told on stdout when it is time, and says by a
/// line on stdin that it is done.
async fn lasting(kind: parlor_bots::Lasting, options: parlor_bots::Options) -> ExitCode {
    let is_json = options.json;
    let killed = async {
        let line = tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
        // The end of stdin says it as well.
        drop(line.await);
    };
    match parlor_bots::last(kind, options, || print("ready"), killed).await {
        Ok(report) => {
            let json = is_json.then(|| serde_json::to_string(&report));
            answer(&report, json, u8::from(!report.is_exact()))
        }
        Err(error) => fail(error.exit_code(), &format!("failed to {error}")),
    }
}

/// Prints an answer: as JSON where that was asked for, else for people.
fn answer(text: &impl Display, json: Option<serde_json::Result<String>>, code: u8) -> ExitCode {
    match json {
        Some(Ok(json)) => print(&json),
        Some(Err(error)) => return fail(1, &format!("failed to write JSON: {error}")),
        None => print(&text.to_string()),
    }
    ExitCode::from(code)
}

#[expect(clippy::print_stdout, reason = "what a command answers goes to stdout")]
fn print(text: &str) {
    println!("{text}");
}

#[expect(
    clippy::print_stderr,
    reason = "a command says on stderr why it failed"
)]
fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("parlor: {message}");
    ExitCode::from(code)
}
