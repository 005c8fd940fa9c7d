//! The options as they are typed, and as they are used.

mod plan;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use plan::{Plan, Protocol};

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
    /// Listens to the ticks of many rooms of Parlor's, with one member each (the plugin `metronome`).
    Many(Many),
    /// Joins rooms, and then says nothing: what a connection takes of memory.
    Idle(Idle),
    /// Joins rooms as fast as it goes.
    Join(Join),
    /// Tries to connect until it can, and says when the first answer came.
    First(Alone),
    /// Makes rooms, one after the other, and says how long a join takes that makes one.
    Rooms(Rooms),
    /// Keeps one room of one of Parlor's plugins open, and makes another when that ends, until it is ended.
    Sit(Sit),
    /// Speaks to no server: wakes by a schedule, and says how late that is on this machine.
    Wakes(Wakes),
}

/// Whom to speak to.
#[derive(Debug, Clone, Args)]
pub struct Server {
    /// What the server is.
    #[arg(long, value_enum)]
    pub target: Target,
    /// Where it is, such as <http://127.0.0.1:40001>.
    #[arg(long)]
    pub url: String,
    /// What Parlor is spoken to in; with `mixed`, clients in turn speak each of its encodings.
    #[arg(long, value_name = "NAME", value_parser = ["v1.json", "v1.binary", "v2.proto", "mixed"])]
    pub subprotocol: Option<String>,
}

/// What all work needs.
#[derive(Debug, Clone, Args)]
pub struct Shared {
    /// Whom to speak to.
    #[command(flatten)]
    pub server: Server,
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
    /// How many leave in a minute, each replaced by somebody else.
    #[arg(long, value_name = "PER_MINUTE", default_value_t = 0.0)]
    pub churn: f64,
}

/// Options of `many`.
#[derive(Debug, Clone, Args)]
pub struct Many {
    /// What all work needs.
    #[command(flatten)]
    pub shared: Shared,
    /// How many rooms.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    pub rooms: usize,
}

/// Options of `idle`.
#[derive(Debug, Clone, Args)]
pub struct Idle {
    /// What all work needs.
    #[command(flatten)]
    pub shared: Shared,
    /// How many connections, in rooms of eight.
    #[arg(long, value_name = "COUNT", default_value_t = 18_000)]
    pub connections: usize,
}

/// Options of `join`. How long it is measured follows from the work.
#[derive(Debug, Clone, Args)]
pub struct Join {
    /// What all work needs.
    #[command(flatten)]
    pub shared: Shared,
    /// How many connections, in rooms of eight.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub connections: usize,
    /// How many are on their way in at a time, from their first packet to the answer to their join.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub under_way: usize,
}

/// Options of `first`.
#[derive(Debug, Clone, Args)]
pub struct Alone {
    /// Whom to speak to.
    #[command(flatten)]
    pub server: Server,
}

/// Options of `rooms`.
#[derive(Debug, Clone, Args)]
pub struct Rooms {
    /// Whom to speak to.
    #[command(flatten)]
    pub server: Server,
    /// How many rooms.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub count: usize,
}

/// Options of `sit`.
#[derive(Debug, Clone, Args)]
pub struct Sit {
    /// Where Parlor is, such as <http://127.0.0.1:8080>.
    #[arg(long)]
    pub url: String,
    /// The plugin that the room is of.
    #[arg(long, value_name = "NAME")]
    pub plugin: String,
    /// What the room is made with, in JSON.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub options: String,
}

/// Options of `wakes`.
#[derive(Debug, Clone, Args)]
pub struct Wakes {
    /// How many timers, spread over a second, each ringing once a second.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    pub timers: u32,
    /// How long it goes on.
    #[arg(long, default_value_t = 20.0)]
    pub seconds: f64,
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
