//! The harness for tests over real sockets: a server in this process, and clients that speak to it as any client would.
//!
//! Nothing here waits for a time to pass. Whatever is awaited has a [`DEADLINE`], and what came instead is printed.

mod admin;
mod bundle;
pub mod chaos;
mod client;
pub mod craft;
mod crashable;
mod handshake;
mod http;
mod key_server;
mod log;
mod metrics;
mod ports;
mod power;
mod process;
mod proxy;
mod raw;
mod server;
/// Signs tokens.
#[path = "../../gate/tests/support/signer.rs"]
pub mod signer;
pub mod sync;

use std::future::Future;
use std::time::Duration;

pub use admin::Admin;
pub use bundle::{catalog, changeling, component, guest};
pub use client::{Answer, Ended, Lost, TestClient, json_of, payload};
pub use crashable::CrashableServer;
pub use handshake::{Handshake, Refused, Socket};
pub use http::{HttpResponse, get, request, send};
pub use key_server::KeyServer;
pub use log::Log;
pub use metrics::Metrics;
pub use process::{ParlorProcess, Serve, binary};
pub use proxy::{Fault, FaultProxy, ProxyTally, Weather};
pub use raw::{RawClient, RawFrame, masked_frame};
pub use server::{Options, Report, TestServer};

/// How long anything is waited for: far longer than it takes, also on a machine that is slow and busy.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for something that must come.
///
/// # Panics
///
/// When it does not come before the [`DEADLINE`]; `what` says what it was.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come within {DEADLINE:?}"))
}
