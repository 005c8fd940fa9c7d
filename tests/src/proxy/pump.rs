//! One connection through the proxy: two ways, and how they end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::Shared;
use super::plan::{Act, End, Fault, Lane, Plan};

/// How much is taken from a socket at a time.
const CHUNK_BYTES: usize = 4 << 10;
/// How long a server is left alone with a half-open connection.
const HALF_OPEN_MAX: Duration = Duration::from_secs(20);
/// After so many slices there is a pause, so that the reader gets to see them apart.
const SLICES_IN_A_ROW: u64 = 16;
/// That pause.
const SLICE_PAUSE: Duration = Duration::from_millis(1);

/// The two sockets of a connection.
pub(super) struct Link {
    client: TcpStream,
    server: TcpStream,
    shared: Arc<Shared>,
}

/// How a way, or a connection, came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// One side ended it, and the other was told.
    ByPeer,
    /// By a fault.
    ByFault(End),
}

impl Link {
    pub(super) fn new(client: TcpStream, server: TcpStream, shared: Arc<Shared>) -> Self {
        Self {
            client,
            server,
            shared,
        }
    }

    /// Hands on what comes until one side ends it or a fault does.
    pub(super) async fn run(mut self, plan: Plan) {
        match self.pass(plan).await {
            Ok(Ended::ByPeer) => {}
            Ok(Ended::ByFault(end)) => self.end(end).await,
            // One side reset it, or is gone: the other one is to see a reset too.
            Err(_) => self.reset(),
        }
    }

    async fn pass(&mut self, plan: Plan) -> io::Result<Ended> {
        let shared = &*self.shared;
        let mut cuts = shared.cuts.subscribe();
        let (from_client, to_client) = self.client.split();
        let (from_server, to_server) = self.server.split();
        let up = Way::new(from_client, to_server, plan.up, shared);
        let mut down = Way::new(from_server, to_client, plan.down, shared);
        down.is_held = Some(shared.is_held.subscribe());
        // A way that one side ended leaves the other way open, as TCP does; a fault ends both.
        let both = async {
            tokio::pin! {
                let up = up.pump();
                let down = down.pump();
            }
            let (first, is_up) = tokio::select! {
                ended = &mut up => (ended?, true),
                ended = &mut down => (ended?, false),
            };
            match first {
                Ended::ByFault(_) => Ok(first),
                Ended::ByPeer if is_up => down.await,
                Ended::ByPeer => up.await,
            }
        };
        tokio::select! {
            ended = both => ended,
            _ = cuts.changed() => Ok(Ended::ByFault(End::Cut)),
        }
    }

    async fn end(mut self, end: End) {
        match end {
            End::Cut => {
                self.shared.note(Fault::Cut);
                // Whoever is gone already needs no FIN.
                let _ = self.client.shutdown().await;
                let _ = self.server.shutdown().await;
            }
            End::Reset => {
                self.shared.note(Fault::Reset);
                self.reset();
            }
            End::HalfOpen => {
                self.shared.note(Fault::HalfOpen);
                let mut is_calm = self.shared.is_calm.subscribe();
                drop(self.client);
                // It ends with the storm, or in its own time.
                let _ = tokio::time::timeout(HALF_OPEN_MAX, is_calm.wait_for(|calm| *calm)).await;
            }
        }
    }

    fn reset(self) {
        // Dropping them then sends RST. A socket that cannot be told so is one that is gone.
        let _ = self.client.set_zero_linger();
        let _ = self.server.set_zero_linger();
    }
}

/// One way of a connection.
struct Way<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    lane: Lane,
    shared: &'a Shared,
    is_calm: watch::Receiver<bool>,
    /// Whether nothing is to be handed on; `None` where that is never so.
    is_held: Option<watch::Receiver<bool>>,
    /// How many bytes were handed on.
    passed: u64,
    /// How many of the next bytes come one at a time.
    sliced: u64,
}

impl<'a> Way<'a> {
    fn new(from: ReadHalf<'a>, to: WriteHalf<'a>, lane: Lane, shared: &'a Shared) -> Self {
        Self {
            from,
            to,
            lane,
            is_calm: shared.is_calm.subscribe(),
            is_held: None,
            shared,
            passed: 0,
            sliced: 0,
        }
    }

    async fn pump(mut self) -> io::Result<Ended> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            if let Some(is_held) = &mut self.is_held {
                // The other end of this is kept for as long as there are connections.
                let _ = is_held.wait_for(|is_held| !is_held).await;
            }
            let count = self.from.read(&mut chunk).await?;
            if count == 0 {
                self.to.shutdown().await?;
                return Ok(Ended::ByPeer);
            }
            if let Some(end) = self.hand_on(&chunk[..count]).await? {
                return Ok(Ended::ByFault(end));
            }
        }
    }

    /// Hands on some bytes, and lets happen what is to happen between them.
    async fn hand_on(&mut self, mut rest: &[u8]) -> io::Result<Option<End>> {
        while !rest.is_empty() {
            if *self.is_calm.borrow() {
                self.to.write_all(rest).await?;
                return Ok(None);
            }
            let unharmed = self.lane.unharmed(self.passed);
            if unharmed == 0 {
                match self.lane.next() {
                    Some(Act::End(end)) => return Ok(Some(end)),
                    Some(Act::Slice(bytes)) => {
                        self.shared.note(Fault::Slices);
                        self.sliced = bytes;
                    }
                    Some(Act::Stall(pause)) => {
                        self.shared.note(Fault::Stall);
                        let calm = self.is_calm.wait_for(|calm| *calm);
                        // Either the stall is over or all of them are.
                        let _ = tokio::time::timeout(pause, calm).await;
                    }
                    None => {}
                }
                continue;
            }
            let whole = usize::try_from(unharmed).map_or(rest.len(), |bytes| bytes.min(rest.len()));
            let count = if self.sliced > 0 { 1 } else { whole };
            self.to.write_all(&rest[..count]).await?;
            rest = &rest[count..];
            self.passed += count as u64;
            self.pace().await;
        }
        Ok(None)
    }

    /// Keeps slices apart.
    async fn pace(&mut self) {
        if self.sliced == 0 {
            return;
        }
        self.sliced -= 1;
        if self.sliced.is_multiple_of(SLICES_IN_A_ROW) {
            tokio::time::sleep(SLICE_PAUSE).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}
