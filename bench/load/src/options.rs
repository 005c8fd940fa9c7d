//! The options as they are typed, and as they are used.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use parlor_proto::Subprotocol;

use crate::Error;
use crate::account::CELLS;
use crate::dialect::{Form, Kind, Seat};
use crate::text::TEXT_BYTES_MIN;

/// What no server here takes for a message any more.
const TEXT_BYTES_MAX: usize = 32 << 10;
const CLIENTS_MAX: usize = 20_000;
const WINDOW_MAX: usize = 1_024;
const RATE_MAX: f64 = 1e6;
const SECONDS_MAX: f64 = 3_600.0;
/// Parlor's game ends after 30 s, full or not.
const BOARD_SECONDS_MAX: f64 = 20.0;
/// The seats of Parlor's plugins.
const GRID_PLAYERS: std::ops::RangeInclusive<usize> = 2..=8;
const BROADCAST_MEMBERS_MAX: usize = 10_000;

/// Puts the same work on one server or another, and accounts for every message.
#[derive(Debug, Clone, Parser)]
#[command(name = "parlor-bench", version)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub work: Work,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Work {
    /// Says things that come back: each connection keeps so many on their way.
    Echo(Echo),
    /// Says things in one room that go to all its members, by a fixed schedule.
    Fanout(Fanout),
    /// Plays in rooms with a board and 20 ticks a second, by a fixed schedule.
    Match(Game),
}

/// What all work needs.
#[derive(Debug, Clone, Args)]
pub struct Shared {
    /// What the server is.
    #[arg(long, value_enum)]
    pub target: Target,
    /// Where it is, such as <http://127.0.0.1:40001>.
    #[arg(long)]
    pub url: String,
    /// What Parlor is spoken to in.
    #[arg(long, value_name = "NAME", value_parser = ["v1.json", "v1.binary", "v2.proto"])]
    pub subprotocol: Option<String>,
    /// The server's process on this machine, whose time is counted, with that of its children.
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// How long it is measured.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// How long it runs before that.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    pub warm_up: f64,
}

/// Options of `echo`.
#[derive(Debug, Clone, Args)]
pub struct Echo {
    /// What all work needs.
    #[command(flatten)]
    pub shared: Shared,
    /// How many connections.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub connections: usize,
    /// How many rooms they are in.
    #[arg(long, value_name = "COUNT", default_value_t = 25)]
    pub rooms: usize,
    /// How long a text is.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub payload: usize,
    /// How many messages each keeps on their way.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub window: usize,
    /// Has Parlor also say of each input that it was applied.
    #[arg(long)]
    pub replies: bool,
}

/// Options of `fanout`.
#[derive(Debug, Clone, Args)]
pub struct Fanout {
    /// What all work needs.
    #[command(flatten)]
    pub shared: Shared,
    /// How many members the room has.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub members: usize,
    /// How many messages a second all of them together say.
    #[arg(long, value_name = "MESSAGES", default_value_t = 100.0)]
    pub rate: f64,
    /// How long a text is.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub payload: usize,
}

/// Options of `match`.
#[derive(Debug, Clone, Args)]
pub struct Game {
    /// What all work needs.
    #[command(flatten)]
    pub shared: Shared,
    /// How many rooms.
    #[arg(long, value_name = "COUNT", default_value_t = 60)]
    pub rooms: usize,
    /// How many players each has.
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    pub players: usize,
    /// How often a second each asks for a cell.
    #[arg(long, value_name = "INPUTS", default_value_t = 10.0)]
    pub rate: f64,
}

/// What a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Parlor.
    Parlor,
    /// Node.js with `ws`.
    Ws,
    /// Socket.IO.
    Socketio,
    /// Colyseus.
    Colyseus,
    /// Bun.
    Bun,
    /// As little as a server can do.
    Floor,
}

impl Target {
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.expect("no target is hidden").get_name().to_owned()
    }
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Parlor(Subprotocol),
    Plain(Form),
    Socketio,
    Colyseus,
}

/// Options that can be used.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) protocol: Protocol,
    /// The server's address, by name or number.
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) server_pid: Option<u32>,
    pub(crate) measured: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) kind: Kind,
    pub(crate) rooms: usize,
    pub(crate) clients: usize,
    pub(crate) text_bytes: usize,
    /// How many inputs a second a client sends.
    pub(crate) client_rate: f64,
    pub(crate) asks_replies: bool,
}

impl Plan {
    pub(crate) fn check(options: &Options) -> Result<Self, Error> {
        let plan = match &options.work {
            Work::Echo(echo) => Self::of_echo(echo)?,
            Work::Fanout(fanout) => Self::of_fanout(fanout)?,
            Work::Match(game) => Self::of_match(game)?,
        };
        if plan.clients > CLIENTS_MAX {
            let problem = format!("there can be {CLIENTS_MAX} clients at most");
            return Err(Error::usage("fewer rooms or clients", problem));
        }
        Ok(plan)
    }

    fn of_echo(echo: &Echo) -> Result<Self, Error> {
        is_within("--connections", echo.connections, 1, CLIENTS_MAX)?;
        is_within("--rooms", echo.rooms, 1, echo.connections)?;
        is_within("--window", echo.window, 1, WINDOW_MAX)?;
        let mut plan = Self::of_shared(&echo.shared, Kind::Echo)?;
        if echo.replies && plan.target != Target::Parlor {
            let problem = "only Parlor has replies; leave it out";
            return Err(Error::usage("--replies", problem));
        }
        plan.set_text(echo.payload)?;
        (plan.rooms, plan.clients) = (echo.rooms, echo.connections);
        (plan.asks_replies, plan.client_rate) = (echo.replies, f64::INFINITY);
        Ok(plan)
    }

    fn of_fanout(fanout: &Fanout) -> Result<Self, Error> {
        is_within("--members", fanout.members, 1, BROADCAST_MEMBERS_MAX)?;
        is_rate(fanout.rate)?;
        let mut plan = Self::of_shared(&fanout.shared, Kind::Fanout)?;
        plan.set_text(fanout.payload)?;
        (plan.rooms, plan.clients) = (1, fanout.members);
        plan.client_rate = fanout.rate / fanout.members as f64;
        Ok(plan)
    }

    fn of_match(game: &Game) -> Result<Self, Error> {
        is_within("--rooms", game.rooms, 1, CLIENTS_MAX)?;
        is_within("--players", game.players, 1, 64)?;
        is_rate(game.rate)?;
        let mut plan = Self::of_shared(&game.shared, Kind::Match)?;
        match plan.target {
            Target::Floor => {
                let problem = "the floor has no boards; use it for echo and fanout";
                return Err(Error::usage("--target", problem));
            }
            Target::Parlor if !GRID_PLAYERS.contains(&game.players) => {
                let problem = "a game of Parlor's has 2 to 8";
                return Err(Error::usage("--players", problem));
            }
            Target::Parlor | Target::Ws | Target::Socketio | Target::Colyseus | Target::Bun => {}
        }
        let board_seconds = CELLS as f64 / (game.rate * game.players as f64);
        if board_seconds > BOARD_SECONDS_MAX {
            let problem = format!(
                "so that a board is full within {BOARD_SECONDS_MAX} s, and not after {board_seconds:.0}"
            );
            return Err(Error::usage("a higher --rate", problem));
        }
        (plan.rooms, plan.clients) = (game.rooms, game.rooms * game.players);
        plan.client_rate = game.rate;
        Ok(plan)
    }

    fn of_shared(shared: &Shared, kind: Kind) -> Result<Self, Error> {
        let subprotocol = shared.subprotocol.as_deref();
        if subprotocol.is_some() && shared.target != Target::Parlor {
            let problem = "only Parlor has any; leave it out";
            return Err(Error::usage("--subprotocol", problem));
        }
        let protocol = match shared.target {
            Target::Parlor => {
                let known = subprotocol.and_then(Subprotocol::from_name);
                Protocol::Parlor(known.unwrap_or(Subprotocol::Json))
            }
            Target::Ws | Target::Bun => Protocol::Plain(Form::Written),
            Target::Socketio => Protocol::Socketio,
            Target::Colyseus => Protocol::Colyseus,
            Target::Floor => Protocol::Plain(Form::AsItWas),
        };
        let (authority, path) = parse_url(&shared.url)?;
        Ok(Self {
            target: shared.target,
            protocol,
            authority,
            path,
            server_pid: shared.server_pid,
            measured: seconds("--seconds", shared.seconds, 0.01)?,
            warm_up: seconds("--warm-up", shared.warm_up, 0.0)?,
            kind,
            rooms: 1,
            clients: 1,
            text_bytes: TEXT_BYTES_MIN,
            client_rate: 0.0,
            asks_replies: false,
        })
    }

    fn set_text(&mut self, bytes: usize) -> Result<(), Error> {
        is_within("--payload", bytes, TEXT_BYTES_MIN, TEXT_BYTES_MAX)?;
        self.text_bytes = bytes;
        Ok(())
    }

    /// Where a client belongs. Rooms have names of their run, so that nothing is left in them of another.
    pub(crate) fn seat(&self, client: usize) -> Seat {
        let places = self.clients / self.rooms;
        // In a match, clients that have their room together come one after the other, so that it soon has all of them.
        let (room, place) = match self.kind {
            Kind::Match => (client / places, client % places),
            Kind::Echo | Kind::Fanout => (client % self.rooms, client / self.rooms),
        };
        let run = std::process::id();
        Seat {
            client,
            room: format!("{}-{run}-{room}", self.kind.name()),
            kind: self.kind,
            place,
            places,
            text_bytes: self.text_bytes,
            rate: self.client_rate,
        }
    }
}

fn is_within(option: &'static str, value: usize, min: usize, max: usize) -> Result<(), Error> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Error::usage(option, format!("it is from {min} to {max}")))
}

fn is_rate(rate: f64) -> Result<(), Error> {
    if rate > 0.0 && rate <= RATE_MAX {
        return Ok(());
    }
    let problem = format!("it is above 0, up to {RATE_MAX}");
    Err(Error::usage("--rate", problem))
}

fn seconds(option: &'static str, seconds: f64, min: f64) -> Result<Duration, Error> {
    if (min..=SECONDS_MAX).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    let problem = format!("it is from {min} to {SECONDS_MAX} seconds");
    Err(Error::usage(option, problem))
}

/// The authority and the path of an address.
fn parse_url(url: &str) -> Result<(String, String), Error> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("ws://"))
        .ok_or_else(|| Error::usage("--url", "it begins with http:// or ws://"))?;
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    if authority.rsplit_once(':').is_none() {
        return Err(Error::usage("--url", "it has a port, such as :40001"));
    }
    Ok((authority.to_owned(), path.to_owned()))
}

#[cfg(test)]
mod tests;
