//! The floor as a program: it says where it listens, and serves until it is killed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its terminal"
)]

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpSocket;

/// As many connections may wait to be accepted as with Parlor.
const BACKLOG: u32 = 4_096;

/// A server that does as little as a server can: `echo` and `fanout` over plain WebSockets, without looking at messages.
#[derive(Debug, Parser)]
#[command(name = "parlor-floor", version)]
struct Cli {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    raise_open_files();
    let Err(error) = serve(&cli).await;
    eprintln!("error: listen on {}: {error}", cli.listen);
    ExitCode::FAILURE
}

/// As many connections as the system lets it have. With fewer it serves as many as it may.
fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    let _ = setrlimit(Resource::Nofile, all);
}

async fn serve(cli: &Cli) -> io::Result<Infallible> {
    let socket = match cli.listen {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(cli.listen)?;
    let listener = socket.listen(BACKLOG)?;
    println!("floor listening on http://{}", listener.local_addr()?);
    parlor_floor::serve(listener).await
}
