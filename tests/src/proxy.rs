//! A TCP proxy that does to a connection what networks do: cuts it at any byte, resets it, hands it on byte by byte, stalls
//! it, or leaves the server alone with a socket on which nothing ever comes.
//!
//! Each connection draws its faults from the seed and its number, so that a run can be repeated as far as the order of
//! connections goes. Every fault is bounded in time and counted. The proxy knows nothing of WebSockets.

mod plan;
mod pump;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::plan::Plan;
use self::pump::Link;

pub use plan::{Fault, Weather};

/// What is kept of what the server says where that is to be little.
const NARROW_BYTES: u32 = 16 << 10;

/// A proxy on a port of its own, which ends with all its connections when this is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    /// Where clients connect in place of the server.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What connections share.
#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    /// How much of what the server says is kept before it is read, if that is not the system's choice.
    receive_buffer_bytes: Option<u32>,
    /// Whether faults are over.
    is_calm: watch::Sender<bool>,
    /// How often everything that is open was to be cut.
    cuts: watch::Sender<u64>,
    /// Whether nothing that servers say is handed on.
    is_held: watch::Sender<bool>,
    connections: AtomicU64,
    faults: [AtomicU64; Fault::ALL.len()],
}

/// What a proxy did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyTally {
    /// The connections that were opened.
    pub connections: u64,
    /// How often each fault came about.
    pub faults: Vec<(Fault, u64)>,
}

impl ProxyTally {
    /// How often a fault came about.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        let found = self.faults.iter().find(|(it, _)| *it == fault);
        found.map_or(0, |(_, count)| *count)
    }
}

impl FaultProxy {
    /// Starts a proxy in front of `target`, whose faults are drawn from `seed`.
    pub async fn start(target: SocketAddr, seed: u64, weather: Weather) -> Self {
        Self::planned(target, None, move |number| {
            Plan::draw(seed, number, &weather)
        })
        .await
    }

    /// The same with a small buffer, so that the server soon notices when nothing is handed on.
    pub async fn narrow(target: SocketAddr, seed: u64, weather: Weather) -> Self {
        Self::planned(target, Some(NARROW_BYTES), move |number| {
            Plan::draw(seed, number, &weather)
        })
        .await
    }

    /// Starts a proxy whose connections get what `plan` says of their number, from 0.
    async fn planned(
        target: SocketAddr,
        receive_buffer_bytes: Option<u32>,
        plan: impl Fn(u64) -> Plan + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a port is free");
        let shared = Arc::new(Shared {
            target,
            receive_buffer_bytes,
            is_calm: watch::channel(false).0,
            cuts: watch::channel(0).0,
            is_held: watch::channel(false).0,
            connections: AtomicU64::new(0),
            faults: Default::default(),
        });
        Self {
            address: listener.local_addr().expect("it is bound"),
            accepting: tokio::spawn(accept(listener, Arc::clone(&shared), plan)),
            shared,
        }
    }

    /// Ends all faults: what is stalled goes on, and what comes is handed on as it is.
    pub fn calm(&self) {
        self.shared.is_calm.send_replace(true);
        self.hold(false);
    }

    /// Hands on nothing of what the server says, or goes on with it.
    pub fn hold(&self, is_held: bool) {
        self.shared.is_held.send_replace(is_held);
    }

    /// Cuts all connections that are open now.
    pub fn cut_all(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// What it did so far.
    #[must_use]
    pub fn tally(&self) -> ProxyTally {
        let count = |fault: Fault| self.shared.faults[fault as usize].load(Ordering::Relaxed);
        ProxyTally {
            connections: self.shared.connections.load(Ordering::Relaxed),
            faults: Fault::ALL.map(|fault| (fault, count(fault))).into(),
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // The connections are in a set that this task owns.
        self.accepting.abort();
    }
}

impl Shared {
    async fn dial(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = self.receive_buffer_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.connect(self.target).await
    }

    fn note(&self, fault: Fault) {
        self.faults[fault as usize].fetch_add(1, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, plan: impl Fn(u64) -> Plan) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of descriptors, which the test's own assertions will tell.
                let Ok((client, _)) = accepted else { continue };
                let number = shared.connections.fetch_add(1, Ordering::Relaxed);
                links.spawn(connect(client, plan(number), Arc::clone(&shared)));
            }
            // Takes finished connections out of the set.
            Some(_) = links.join_next() => {}
        }
    }
}

async fn connect(client: TcpStream, plan: Plan, shared: Arc<Shared>) {
    // A server that is not there looks to the client as it would without a proxy: the connection ends at once.
    let Ok(server) = shared.dial().await else {
        return;
    };
    // Slices are to reach the other side as they are sent.
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    Link::new(client, server, shared).run(plan).await;
}

#[cfg(test)]
mod tests;
