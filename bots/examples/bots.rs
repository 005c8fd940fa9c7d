//! `parlor bots` by itself, without building a server.

use std::process::ExitCode;

use clap::Parser;
use parlor_bots::Options;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is what a command is for"
)]
async fn main() -> ExitCode {
    let options = Command::parse().options;
    let is_json = options.json;
    match parlor_bots::run(options).await {
        Ok(summary) => {
            match serde_json::to_string(&summary) {
                Ok(json) if is_json => println!("{json}"),
                _ => println!("{summary}"),
            }
            summary.exit_code().into()
        }
        Err(error) => {
            eprintln!("failed to {error}");
            error.exit_code().into()
        }
    }
}
