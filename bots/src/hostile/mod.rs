//! Clients that do harm on purpose, one kind to a process, so that a bench can show what that does to everybody else.
//!
//! They reach no other machine: anything but a loopback address is refused. Each runs for the time that was asked for,
//! comes back as soon as it is thrown out, and says at the end what it did and what was done about it.

mod attacks;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use serde::Serialize;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::http::Uri;

use crate::options::{Options, Plan};
use crate::{Error, run};

/// What to do to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hostile {
    /// Sends inputs and never reads what comes of them.
    NeverReads,
    /// Sends inputs as fast as the server takes them.
    FullSpeed,
    /// Opens connections as fast as it can.
    Connects,
    /// Sends a byte of its handshake a second.
    SlowHandshake,
    /// Sends WebSocket pings as fast as the server takes them.
    Pings,
}

impl Hostile {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeverReads => "never-reads",
            Self::FullSpeed => "full-speed",
            Self::Connects => "connects",
            Self::SlowHandshake => "slow-handshake",
            Self::Pings => "pings",
        }
    }
}

/// What a hostile client did, and what was done about it.
#[derive(Debug, Clone, Serialize)]
pub struct Harm {
    /// Which kind it was.
    pub kind: Hostile,
    /// For how long, in seconds.
    pub seconds: f64,
    /// Connections that were opened.
    pub connections: u64,
    /// Messages, pings or bytes of a handshake that the server took.
    pub sent: u64,
    /// How connections ended, and how many.
    pub ends: BTreeMap<String, u64>,
}

impl fmt::Display for Harm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {} connections and {} sent in {:.1} s",
            self.kind.name(),
            self.connections,
            self.sent,
            self.seconds
        )?;
        for (end, count) in &self.ends {
            write!(formatter, "\n  {count} ended: {end}")?;
        }
        Ok(())
    }
}

/// Where the harm is done, and the count of it.
#[derive(Debug)]
struct Victim {
    uri: Uri,
    address: SocketAddr,
    /// Where it says to be from.
    from: Option<IpAddr>,
    connections: AtomicU64,
    sent: AtomicU64,
    ends: Mutex<BTreeMap<String, u64>>,
}

impl Victim {
    fn on_connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    fn on_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    fn on_ended(&self, end: String) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        *ends.entry(end).or_default() += 1;
    }
}

/// Does harm to a server on this machine, by `url` and `duration` of the options.
///
/// # Errors
///
/// Options that cannot be used, and a server that is not on this machine.
pub async fn harass(kind: Hostile, options: Options) -> Result<Harm, Error> {
    let plan = Plan::check(options)?;
    let address = run::resolve(&plan.authority).await?;
    if !address.ip().is_loopback() {
        let problem = format!("{address} is not this machine, and harm is done to nobody else");
        return Err(Error::usage("--hostile", problem));
    }
    let victim = Victim {
        uri: plan.uri.clone(),
        address,
        from: plan.from(0),
        connections: AtomicU64::new(0),
        sent: AtomicU64::new(0),
        ends: Mutex::default(),
    };
    let start = Instant::now();
    let attack = async {
        match kind {
            Hostile::NeverReads => attacks::never_reads(&victim).await,
            Hostile::FullSpeed => attacks::full_speed(&victim).await,
            Hostile::Connects => attacks::connects(&victim).await,
            Hostile::SlowHandshake => attacks::slow_handshakes(&victim).await,
            Hostile::Pings => attacks::pings(&victim).await,
        }
    };
    // An attack ends by nothing but its time, or Ctrl-C.
    tokio::select! {
        () = attack => {}
        () = sleep(plan.duration) => {}
        () = run::interrupt() => {}
    }
    Ok(Harm {
        kind,
        seconds: start.elapsed().as_secs_f64(),
        connections: victim.connections.into_inner(),
        sent: victim.sent.into_inner(),
        ends: victim
            .ends
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner),
    })
}
