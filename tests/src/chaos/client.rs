//! A client that does not give up: it connects again and again, takes up its session where it was, sends again what was not
//! answered, and writes down what it sees and does.

mod inbound;
mod play;
mod state;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parlor_proto::{ClientFrame, Seat, ServerFrame, Subprotocol};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

pub(super) use self::play::Game;
use self::state::ClientState;
use super::history::{Event, Record};

/// How often a client looks whether there is something to say.
const LOOK: Duration = Duration::from_millis(50);
/// The longest a handshake may take before another one is tried.
const HANDSHAKE_MAX: Duration = Duration::from_secs(3);
/// After a first failure a client waits up to so long; twice as long after each more, up to 64 times.
const BACKOFF: Duration = Duration::from_millis(10);
/// How often that is doubled.
const DOUBLINGS_MAX: u32 = 6;

/// What one client is to do.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its name, unlike all others.
    pub name: String,
    /// Where it connects.
    pub address: SocketAddr,
    /// The rooms it is to be in.
    pub rooms: Vec<RoomPlan>,
    /// How much it says; nothing where this is `None`.
    pub pace: Option<Pace>,
    /// Whether each connection may be in another subprotocol; else all are in JSON.
    pub changes_subprotocol: bool,
    /// After so long at most without an answer, it tries another connection; it draws another patience for each.
    pub patience_max: Duration,
    /// One in four times that a connection ends, it stays away for up to so long.
    pub absence_max: Duration,
    /// Whether it writes down the boards of games.
    pub keeps_boards: bool,
    /// Whether it writes down which states came.
    pub keeps_states: bool,
    /// What its choices are drawn from.
    pub seed: u64,
}

/// A room to be in.
#[derive(Debug, Clone)]
pub struct RoomPlan {
    /// Its name.
    pub name: Arc<str>,
    /// What it is made of.
    pub plugin: &'static str,
    /// The seat that is asked for.
    pub seat: Seat,
}

/// How much a client says.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The time between two inputs, on average.
    pub every: Duration,
    /// How many inputs of a room may be unanswered.
    pub unanswered_max: usize,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Clients say things.
    Traffic,
    /// They only see to it that everything is answered, and wait for the last frame of each room.
    Settle,
    /// They hand in their records.
    Stop,
}

/// How far the clients of a run are, all together.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The sessions that got into all their rooms.
    pub arrived: usize,
    /// The clients that have nothing unanswered and are in all their rooms, once the traffic is over.
    pub settled: usize,
    /// The clients that saw the last frame of each of their rooms.
    pub finished: usize,
    /// How often a session went on in a new connection.
    pub resumed: usize,
    /// The sessions that were gone when their client came back.
    pub refused: usize,
    /// The resets.
    pub resets: usize,
    /// The inputs that were answered.
    pub answered: usize,
    /// The inputs that were answered only after they had been sent again.
    pub answered_again: usize,
}

/// What the clients of a run share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) start: Instant,
    pub(super) stage: watch::Sender<Stage>,
    pub(super) tally: watch::Sender<Tally>,
    /// The name of the member whose coming is the last frame of a room.
    pub(super) marker: &'static str,
    /// Under one lock, so that a look at all of them never shows what came of something without the thing itself.
    records: Mutex<Vec<Record>>,
}

impl Run {
    pub(super) fn new(marker: &'static str) -> Self {
        Self {
            start: Instant::now(),
            stage: watch::channel(Stage::Traffic).0,
            tally: watch::channel(Tally::default()).0,
            marker,
            records: Mutex::default(),
        }
    }

    /// Begins a record, and says which one it is.
    pub(super) fn begin_record(&self, name: &str) -> usize {
        let mut records = self.records();
        records.push(Record {
            name: name.to_owned(),
            events: Vec::new(),
        });
        records.len() - 1
    }

    fn note(&self, number: usize, event: Event) {
        let mut records = self.records();
        records[number].events.push((self.start.elapsed(), event));
    }

    pub(super) fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        let lock = self.records.lock();
        lock.unwrap_or_else(|lock| lock.into_inner())
    }
}

/// Why a connection is over.
enum End {
    /// It ended, with this close code or without one.
    Lost(Option<u16>),
    /// Nothing came on it although something had to.
    Abandoned,
    /// The run is over.
    Stopped,
}

/// Runs a client until the run stops; it writes the record of this number.
pub(super) async fn run(script: Script, number: usize, run: Arc<Run>) {
    let mut stage = run.stage.subscribe();
    let mut client = Client {
        rng: StdRng::seed_from_u64(script.seed),
        state: ClientState::new(&script, number, Arc::clone(&run)),
        script,
        run,
        failures: 0,
    };
    loop {
        let over = tokio::select! {
            end = client.connection() => matches!(end, End::Stopped),
            // Wherever it hangs, it is to hand in its record.
            _ = stage.wait_for(|stage| *stage == Stage::Stop) => true,
        };
        if over {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(client.backoff()) => {}
            _ = stage.wait_for(|stage| *stage == Stage::Stop) => {}
        }
    }
}

struct Client {
    script: Script,
    run: Arc<Run>,
    state: ClientState,
    rng: StdRng,
    /// How many connections in a row failed before anything came of them.
    failures: u32,
}

impl Client {
    /// How long to wait before the next connection.
    fn backoff(&mut self) -> Duration {
        let longest = BACKOFF * 2_u32.pow(self.failures.min(DOUBLINGS_MAX));
        self.failures += 1;
        let jittered = longest.mul_f64(self.rng.random_range(0.1..1.0));
        let is_traffic = *self.run.stage.borrow() == Stage::Traffic;
        let absence = if is_traffic && self.rng.random_ratio(1, 4) {
            self.script
                .absence_max
                .mul_f64(self.rng.random_range(0.0..1.0))
        } else {
            Duration::ZERO
        };
        jittered.max(absence).max(self.state.take_retry_after())
    }

    /// One connection from its first byte to its last.
    async fn connection(&mut self) -> End {
        let subprotocol = if self.script.changes_subprotocol {
            Subprotocol::ALL[self.rng.random_range(0..Subprotocol::ALL.len())]
        } else {
            Subprotocol::Json
        };
        let Some(mut line) = Line::open(self.script.address, subprotocol).await else {
            return End::Lost(None);
        };
        self.state.note(Event::Connected(subprotocol));
        let end = self.talk(&mut line).await;
        match end {
            End::Lost(code) => self.state.on_lost(Event::Lost(code)),
            End::Abandoned => self.state.on_lost(Event::Abandoned),
            End::Stopped => {}
        }
        end
    }

    async fn talk(&mut self, line: &mut Line) -> End {
        // A different patience each time: some stalls are sat out, and some leave two connections alive at once. When the
        // traffic is over there are no stalls any more, only a machine that may be slow.
        let patience = match *self.run.stage.borrow() {
            Stage::Traffic => self
                .script
                .patience_max
                .mul_f64(self.rng.random_range(0.15..1.0)),
            Stage::Settle | Stage::Stop => crate::DEADLINE / 6,
        };
        let mut stage = self.run.stage.subscribe();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut heard = Instant::now();
        let mut outbound = self.state.on_connected();
        loop {
            if !outbound.is_empty() {
                match tokio::time::timeout(patience, line.send(&outbound)).await {
                    Ok(true) => {}
                    Ok(false) => return End::Lost(None),
                    Err(_) => return End::Abandoned,
                }
                outbound.clear();
            }
            tokio::select! {
                inbound = line.next() => {
                    heard = Instant::now();
                    match inbound {
                        Inbound::Frame(frame) => {
                            self.failures = 0;
                            outbound = self.state.on_frame(*frame);
                        }
                        Inbound::Nothing => {}
                        Inbound::End(code) => return End::Lost(code),
                    }
                }
                _ = look.tick() => {
                    if self.state.is_waiting() && heard.elapsed() > patience {
                        return End::Abandoned;
                    }
                    let now = *self.run.stage.borrow();
                    outbound = self.state.on_look(now, &mut self.rng);
                    if !self.state.is_waiting() {
                        heard = Instant::now();
                    }
                }
                _ = stage.wait_for(|stage| *stage == Stage::Stop) => return End::Stopped,
            }
        }
    }
}

/// A WebSocket and its encoding.
pub(crate) struct Line {
    stream: WebSocketStream<TcpStream>,
    subprotocol: Subprotocol,
}

/// What came.
pub(crate) enum Inbound {
    Frame(Box<ServerFrame>),
    Nothing,
    End(Option<u16>),
}

impl Line {
    /// Opens one; `None` where that fails in whichever way.
    pub(crate) async fn open(address: SocketAddr, subprotocol: Subprotocol) -> Option<Self> {
        let opening = dial(address, subprotocol);
        let stream = tokio::time::timeout(HANDSHAKE_MAX, opening).await.ok()??;
        Some(Self {
            stream,
            subprotocol,
        })
    }

    /// Waits for what comes next.
    pub(crate) async fn next(&mut self) -> Inbound {
        let message = self.stream.next().await;
        self.read(message.as_ref())
    }

    /// Sends frames with one flush. Whether that went well.
    pub(crate) async fn send(&mut self, frames: &[ClientFrame]) -> bool {
        for frame in frames {
            let bytes = self.subprotocol.encode_client(frame);
            let message = if self.subprotocol.is_text() {
                Message::text(String::from_utf8(bytes.into()).expect("JSON is text"))
            } else {
                Message::Binary(bytes)
            };
            if self.stream.feed(message).await.is_err() {
                return false;
            }
        }
        self.stream.flush().await.is_ok()
    }

    fn read(
        &self,
        message: Option<&Result<Message, tokio_tungstenite::tungstenite::Error>>,
    ) -> Inbound {
        let bytes = match message {
            Some(Ok(Message::Text(text))) => text.as_bytes(),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Close(frame))) => {
                return Inbound::End(frame.as_ref().map(|frame| frame.code.into()));
            }
            Some(Ok(_)) => return Inbound::Nothing,
            Some(Err(_)) | None => return Inbound::End(None),
        };
        // The proxy never changes a byte: what cannot be read is the server's fault, and no bad luck.
        let frame = self.subprotocol.decode_server(bytes);
        Inbound::Frame(Box::new(frame.expect("the server sends frames")))
    }
}

/// Opens a WebSocket; `None` where that fails in whichever way.
async fn dial(address: SocketAddr, subprotocol: Subprotocol) -> Option<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://{address}/ws").into_client_request().ok()?;
    let offer = HeaderValue::from_static(subprotocol.name());
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", offer);
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (stream, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .ok()?;
    Some(stream)
}
