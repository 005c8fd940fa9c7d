//! The options that can be used.

use std::time::Duration;

use parlor_proto::Subprotocol;

use super::{Alone, Echo, Fanout, Game, Idle, Join, Many, Options, Server, Shared, Target, Work};
use crate::Error;
use crate::account::CELLS;
use crate::dialect::{Form, Kind, Seat};
use crate::text::TEXT_BYTES_MIN;

/// What no server here takes for a message any more.
const TEXT_BYTES_MAX: usize = 32 << 10;
const CLIENTS_MAX: usize = 20_000;
const WINDOW_MAX: usize = 1_024;
const RATE_MAX: f64 = 1e6;
const SECONDS_MAX: f64 = 86_400.0;
/// Parlor's game ends after 30 s, full or not.
const BOARD_SECONDS_MAX: f64 = 20.0;
/// The seats of Parlor's plugins.
const GRID_PLAYERS: std::ops::RangeInclusive<usize> = 2..=8;
const BROADCAST_MEMBERS_MAX: usize = 10_000;
const ROOMS_MAX: usize = 1_000_000;
/// Where it is not the work to come in: so many clients are on their way in at a time.
const UNDER_WAY: usize = 50;
/// Of connections whose number matters, and not what they say.
const ROOM_MEMBERS: usize = 8;
const MIXED: &str = "mixed";

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Parlor(Encoding),
    Plain(Form),
    Socketio,
    Colyseus,
}

/// What Parlor is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// All clients speak the same.
    One(Subprotocol),
    /// Each of them, by clients in turn.
    Mixed,
}

impl Encoding {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            MIXED => Some(Self::Mixed),
            name => Subprotocol::from_name(name).map(Self::One),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One(subprotocol) => subprotocol.name(),
            Self::Mixed => MIXED,
        }
    }

    /// What this client speaks.
    pub(crate) fn of(self, client: usize) -> Subprotocol {
        match self {
            Self::One(subprotocol) => subprotocol,
            Self::Mixed => Subprotocol::ALL[client % Subprotocol::ALL.len()],
        }
    }
}

/// Options that can be used.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What the work is called.
    pub(crate) scenario: &'static str,
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
    /// How many leave in a minute.
    pub(crate) churn: f64,
    /// How many clients may be on their way in at a time.
    pub(crate) under_way: usize,
}

impl Plan {
    pub(crate) fn check(options: &Options) -> Result<Self, Error> {
        let plan = match &options.work {
            Work::Echo(echo) => Self::of_echo(echo)?,
            Work::Fanout(fanout) => Self::of_fanout(fanout)?,
            Work::Match(game) => Self::of_match(game)?,
            Work::Many(many) => Self::of_many(many)?,
            Work::Idle(idle) => Self::of_idle(idle)?,
            Work::Join(join) => Self::of_join(join)?,
            Work::First(Alone { server }) => Self::of_server("first", server, Kind::Echo)?,
            Work::Rooms(rooms) => {
                is_within("--count", rooms.count, 1, ROOMS_MAX)?;
                let mut plan = Self::of_server("rooms", &rooms.server, Kind::Echo)?;
                (plan.rooms, plan.clients) = (rooms.count, rooms.count);
                // One after the other.
                return Ok(plan);
            }
            Work::Sit(sit) => {
                let server = Server {
                    target: Target::Parlor,
                    url: sit.url.clone(),
                    subprotocol: None,
                };
                Self::of_server("sit", &server, Kind::Many)?
            }
            Work::Wakes(_) => {
                let problem = "it speaks to no server, and is no plan for one";
                return Err(Error::usage("wakes", problem));
            }
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
        let mut plan = Self::of_shared("echo", &echo.shared, Kind::Echo)?;
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
        let mut plan = Self::of_shared("fanout", &fanout.shared, Kind::Fanout)?;
        plan.set_text(fanout.payload)?;
        (plan.rooms, plan.clients) = (1, fanout.members);
        plan.client_rate = fanout.rate / fanout.members as f64;
        Ok(plan)
    }

    fn of_match(game: &Game) -> Result<Self, Error> {
        is_within("--rooms", game.rooms, 1, CLIENTS_MAX)?;
        is_within("--players", game.players, 1, 64)?;
        is_rate(game.rate)?;
        let mut plan = Self::of_shared("match", &game.shared, Kind::Match)?;
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
        let churn_max = plan.clients as f64;
        if !(0.0..=churn_max).contains(&game.churn) {
            let problem = format!("it is from 0 to {churn_max}, the number of players");
            return Err(Error::usage("--churn", problem));
        }
        plan.churn = game.churn;
        Ok(plan)
    }

    fn of_many(many: &Many) -> Result<Self, Error> {
        is_within("--rooms", many.rooms, 1, CLIENTS_MAX)?;
        let mut plan = Self::of_shared("many", &many.shared, Kind::Many)?;
        if plan.target != Target::Parlor {
            let problem = "only Parlor has rooms that tick once a second";
            return Err(Error::usage("--target parlor", problem));
        }
        (plan.rooms, plan.clients) = (many.rooms, many.rooms);
        Ok(plan)
    }

    fn of_idle(idle: &Idle) -> Result<Self, Error> {
        is_within("--connections", idle.connections, 1, CLIENTS_MAX)?;
        let mut plan = Self::of_shared("idle", &idle.shared, Kind::Echo)?;
        plan.seat_eights(idle.connections);
        Ok(plan)
    }

    fn of_join(join: &Join) -> Result<Self, Error> {
        is_within("--connections", join.connections, 1, CLIENTS_MAX)?;
        is_within("--under-way", join.under_way, 1, CLIENTS_MAX)?;
        let mut plan = Self::of_shared("join", &join.shared, Kind::Echo)?;
        plan.seat_eights(join.connections);
        plan.under_way = join.under_way;
        Ok(plan)
    }

    fn seat_eights(&mut self, connections: usize) {
        (self.rooms, self.clients) = (connections.div_ceil(ROOM_MEMBERS), connections);
    }

    fn of_shared(scenario: &'static str, shared: &Shared, kind: Kind) -> Result<Self, Error> {
        Ok(Self {
            server_pid: shared.server_pid,
            measured: seconds("--seconds", shared.seconds, 0.01)?,
            warm_up: seconds("--warm-up", shared.warm_up, 0.0)?,
            ..Self::of_server(scenario, &shared.server, kind)?
        })
    }

    fn of_server(scenario: &'static str, server: &Server, kind: Kind) -> Result<Self, Error> {
        let subprotocol = server.subprotocol.as_deref();
        if subprotocol.is_some() && server.target != Target::Parlor {
            let problem = "only Parlor has any; leave it out";
            return Err(Error::usage("--subprotocol", problem));
        }
        let protocol = match server.target {
            Target::Parlor => {
                let known = subprotocol.and_then(Encoding::from_name);
                Protocol::Parlor(known.unwrap_or(Encoding::One(Subprotocol::Json)))
            }
            Target::Ws | Target::Bun => Protocol::Plain(Form::Written),
            Target::Socketio => Protocol::Socketio,
            Target::Colyseus => Protocol::Colyseus,
            Target::Floor => Protocol::Plain(Form::AsItWas),
        };
        let (authority, path) = parse_url(&server.url)?;
        Ok(Self {
            scenario,
            target: server.target,
            protocol,
            authority,
            path,
            server_pid: None,
            measured: Duration::ZERO,
            warm_up: Duration::ZERO,
            kind,
            rooms: 1,
            clients: 1,
            text_bytes: TEXT_BYTES_MIN,
            client_rate: 0.0,
            asks_replies: false,
            churn: 0.0,
            under_way: UNDER_WAY,
        })
    }

    fn set_text(&mut self, bytes: usize) -> Result<(), Error> {
        is_within("--payload", bytes, TEXT_BYTES_MIN, TEXT_BYTES_MAX)?;
        self.text_bytes = bytes;
        Ok(())
    }

    /// Where a client belongs who has the place after so many others. Rooms have names of their run, so that nothing is left in
    /// them of another.
    pub(crate) fn seat(&self, client: usize, turn: u32) -> Seat {
        let places = self.clients / self.rooms;
        // In a match, clients that have their room together come one after the other, so that it soon has all of them.
        let (room, place) = match self.kind {
            Kind::Match => (client / places, client % places),
            Kind::Echo | Kind::Fanout | Kind::Many => (client % self.rooms, client / self.rooms),
        };
        let run = std::process::id();
        Seat {
            client,
            turn,
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
