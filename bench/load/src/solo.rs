//! One client alone, which does one thing after the other: how long a server takes to be there, and how long a room takes to be made.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parlor_proto::Payload;
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};

use crate::Error;
use crate::crew::open_socket;
use crate::dialect::{Dialect, Heard, Message, Parlor, Seat, dialect};
use crate::options::{Options, Plan, Sit, Work};
use crate::run::resolve;
use crate::samples::{Percentiles, Samples};
use crate::text::{Texts, Words};
use crate::wire::{Frame, Outbound, read};

/// How long one thing may take.
const STEP_MAX: Duration = Duration::from_secs(20);
/// How long a server may take to be there, and what lies between two attempts.
const FIRST_MAX: Duration = Duration::from_secs(120);
const AGAIN: Duration = Duration::from_millis(1);
/// So many rooms in a row that cannot be made are too many.
const FAILURES_MAX: u32 = 20;
const READ_BYTES: usize = 16 << 10;

/// What one client alone found.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Alone {
    /// When the first answer came.
    First {
        /// In microseconds of Unix time.
        answered_unix_us: u64,
        /// How often it was tried.
        attempts: u64,
    },
    /// How long rooms took to be made.
    Rooms {
        /// From the request to join to the answer.
        join_us: Option<Percentiles>,
    },
}

/// Does what the options say.
///
/// # Errors
///
/// Options that cannot be used, or a server that does not do its part.
pub fn alone(options: &Options) -> Result<Alone, Error> {
    let plan = Plan::check(options)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let address = resolve(&plan.authority).await?;
        match &options.work {
            Work::Rooms(rooms) => make_rooms(&plan, address, rooms.count).await,
            Work::Sit(sit) => sit_for_ever(&plan, address, sit).await,
            _ => first(&plan, address).await,
        }
    })
}

async fn first(plan: &Plan, address: SocketAddr) -> Result<Alone, Error> {
    let mut attempts = 0;
    let start = Instant::now();
    loop {
        attempts += 1;
        let seat = plan.seat(0, 0);
        let attempt = say_once(plan, address, seat.clone());
        let problem = match timeout(STEP_MAX, attempt).await {
            Ok(Ok(())) => break,
            Ok(Err(problem)) => problem,
            Err(_) => "there was no answer".to_owned(),
        };
        if start.elapsed() > FIRST_MAX {
            return Err(error(&seat, problem));
        }
        sleep(AGAIN).await;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_micros();
    Ok(Alone::First {
        answered_unix_us: u64::try_from(now).unwrap_or(u64::MAX),
        attempts,
    })
}

/// Connects, joins, says something, and hears it.
async fn say_once(plan: &Plan, address: SocketAddr, seat: Seat) -> Result<(), String> {
    let texts = Texts::new(plan.text_bytes);
    let dialect = dialect(plan, seat);
    let mut client = Client::connect(&plan.authority, address, dialect, 0).await?;
    client.join().await?;
    let words = Words {
        sender: 0,
        number: 1,
    };
    let mut text = Vec::new();
    texts.write(words, &mut text);
    client.dialect.say(1, &text, &mut client.outbound);
    client.flush().await?;
    let heard = client.hear(|heard| match heard {
        Heard::Said { text, .. } => Some(texts.read(text)),
        _ => None,
    });
    match heard.await? {
        Some(heard) if heard == words => Ok(()),
        _ => Err("what came back is not what was said".to_owned()),
    }
}

async fn make_rooms(plan: &Plan, address: SocketAddr, count: usize) -> Result<Alone, Error> {
    let mut samples = Samples::new();
    for number in 0..count {
        let seat = plan.seat(number, 0);
        let making = async {
            let dialect = dialect(plan, seat.clone());
            let mut client =
                Client::connect(&plan.authority, address, dialect, number as u64).await?;
            let start = Instant::now();
            client.join().await?;
            let taken = start.elapsed();
            client.outbound.close();
            client.flush().await?;
            Ok(taken)
        };
        let taken = timeout(STEP_MAX, making).await;
        let taken = taken.unwrap_or_else(|_| Err("there was no answer".to_owned()));
        let taken = taken.map_err(|problem| error(&seat, problem))?;
        samples.record(u64::try_from(taken.as_micros()).unwrap_or(u64::MAX));
    }
    Ok(Alone::Rooms {
        join_us: samples.percentiles(),
    })
}

/// Ends only with what keeps it from going on.
async fn sit_for_ever(plan: &Plan, address: SocketAddr, sit: &Sit) -> Result<Alone, Error> {
    let options = Payload::from_json(&sit.options)
        .map_err(|problem| Error::usage("--options", problem.to_string()))?;
    let (mut turn, mut failures) = (0, 0);
    loop {
        let mut seat = plan.seat(0, turn);
        seat.room = format!("{}-{turn}", seat.room);
        turn += 1;
        let dialect = Box::new(Parlor::in_room_of(
            seat.clone(),
            &sit.plugin,
            options.clone(),
        ));
        let joining = async {
            let mut client = Client::connect(&plan.authority, address, dialect, 0).await?;
            client.join().await?;
            Ok(client)
        };
        let joined: Result<Client, String> = joining.await;
        match joined {
            Ok(mut client) => {
                failures = 0;
                // Until the room, or the connection, ends.
                let _: Result<(), String> = client.hear(|_| None).await;
            }
            Err(problem) => {
                failures += 1;
                if failures == FAILURES_MAX {
                    return Err(error(&seat, problem));
                }
                sleep(AGAIN).await;
            }
        }
    }
}

fn error(seat: &Seat, problem: String) -> Error {
    Error::Client {
        client: seat.client,
        room: seat.room.clone(),
        problem,
    }
}

struct Client {
    stream: TcpStream,
    dialect: Box<dyn Dialect>,
    outbound: Outbound,
    inbound: Vec<u8>,
    start: Instant,
}

impl Client {
    async fn connect(
        authority: &str,
        address: SocketAddr,
        mut dialect: Box<dyn Dialect>,
        seed: u64,
    ) -> Result<Self, String> {
        let (stream, inbound) = open_socket(authority, address, &mut *dialect, seed).await?;
        Ok(Self {
            stream,
            dialect,
            outbound: Outbound::new(seed),
            inbound,
            start: Instant::now(),
        })
    }

    async fn join(&mut self) -> Result<(), String> {
        self.dialect.open(&mut self.outbound);
        self.flush().await?;
        self.hear(|heard| matches!(heard, Heard::Joined { .. }).then_some(()))
            .await
    }

    async fn flush(&mut self) -> Result<(), String> {
        let waiting = self.outbound.waiting();
        let written = self.stream.write_all(waiting).await;
        written.map_err(|error| format!("write: {error}"))?;
        self.outbound.on_written(self.outbound.waiting().len());
        Ok(())
    }

    /// Hears what comes, up to what is waited for.
    async fn hear<T>(&mut self, pick: impl Fn(&Heard<'_>) -> Option<T>) -> Result<T, String> {
        loop {
            let picked = self.take(&pick)?;
            self.flush().await?;
            if let Some(picked) = picked {
                return Ok(picked);
            }
            self.inbound.reserve(READ_BYTES);
            let bytes = self.stream.read_buf(&mut self.inbound).await;
            if bytes.map_err(|error| format!("read: {error}"))? == 0 {
                return Err("the server ended the connection without a word".to_owned());
            }
        }
    }

    /// Takes the frames that are whole, up to what is waited for.
    fn take<T>(&mut self, pick: &impl Fn(&Heard<'_>) -> Option<T>) -> Result<Option<T>, String> {
        let at_us = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut taken = 0;
        let mut picked = None;
        while picked.is_none()
            && let Some((frame, length)) =
                read(&self.inbound[taken..]).map_err(|broken| broken.to_string())?
        {
            taken += length;
            let message = match frame {
                Frame::Message { is_text, bytes } => Message {
                    is_text,
                    bytes,
                    at_us,
                },
                Frame::Ping(payload) => {
                    self.outbound.pong(payload);
                    continue;
                }
                Frame::Pong => continue,
                Frame::Close { code, reason } => {
                    let reason = String::from_utf8_lossy(reason);
                    return Err(format!("the server closed the connection: {code} {reason}"));
                }
            };
            let heard = self.dialect.read(message, &mut self.outbound);
            let heard = heard.map_err(|misread| misread.to_string())?;
            picked = heard.and_then(|heard| pick(&heard));
        }
        self.inbound.drain(..taken);
        Ok(picked)
    }
}
