//! What to run: as it is typed ([`Options`]), and checked ([`Plan`]).

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use parlor_proto::Subprotocol;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_tungstenite::tungstenite::http::Uri;

use crate::cpu::Process;
use crate::{Error, Hostile, Lasting};

/// The most bots in one process: each takes a file descriptor and a local port.
const BOTS_MAX: usize = 20_000;
/// Files that are open besides the connections.
const OTHER_FILES: u64 = 64;
/// The fastest a bot may send, so that its schedule stays far above the clock's resolution.
const RATE_MAX: f64 = 1_000.0;
/// Far more than it takes to keep a server busy, and less than a room's mailbox holds.
const IN_FLIGHT_MAX: usize = 64;
/// Where the admin listener is unless something else is said.
const ADMIN_URL: &str = "http://127.0.0.1:8081";

/// Runs bots against a server and accounts for every message.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The server's WebSocket address
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8080/ws")]
    pub url: String,
    /// How many rooms
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub rooms: usize,
    /// How many bots in each room; grid takes 2 to 8, arena up to 128. At most 20,000 bots in all
    #[arg(long, value_name = "M", default_value_t = 8)]
    pub players: usize,
    /// The plugin to play
    #[arg(long, value_enum, default_value_t = Plugin::Grid)]
    pub plugin: Plugin,
    /// The subprotocol to speak; with mixed, each room has bots of all three
    #[arg(long, value_enum, default_value_t = Encoding::Mixed)]
    pub subprotocol: Encoding,
    /// How long to send, such as 30s or 5m
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// How long to send first without counting
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub warm_up: Duration,
    /// Inputs a second and bot, up to 1000 [default: grid 5, chat 1, echo 10, broadcast 1, arena 2]
    #[arg(long, value_name = "HZ")]
    pub rate: Option<f64>,
    /// Send as fast as the server answers: each bot keeps so many inputs on their way. For throughput; latencies then say
    /// little
    #[arg(long, value_name = "N", conflicts_with = "rate")]
    pub in_flight: Option<usize>,
    /// The server's admin listener, to report how it kept up by its own clock [default: http://127.0.0.1:8081 where there is a
    /// token]
    #[arg(long, value_name = "URL")]
    pub admin_url: Option<String>,
    /// The admin listener's token
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PARLOR_ADMIN_TOKEN",
        hide_env_values = true
    )]
    pub admin_token: Option<String>,
    /// The server's data directory, to read the token from
    #[arg(long, value_name = "DIR", conflicts_with = "admin_token")]
    pub data_dir: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// Say by X-Forwarded-For that each bot is from an address of its own, counting up from this one, to a server that
    /// trusts this machine as a proxy
    #[arg(long, value_name = "IPV4", hide = true)]
    pub forwarded_for: Option<Ipv4Addr>,
    /// The server's process on this machine, to report how much of a core it took
    #[arg(long, value_name = "PID", hide = true)]
    pub server_pid: Option<u32>,
    /// Instead of playing, do harm to a server on this machine, to see how it bears that
    #[arg(long, value_enum, value_name = "KIND", hide = true)]
    pub hostile: Option<Hostile>,
    /// Instead of playing, see how rooms outlive the server, or their members
    #[arg(long, value_enum, value_name = "KIND", hide = true)]
    pub lasting: Option<Lasting>,
    /// How many inputs each of these rooms gets first
    #[arg(long, value_name = "N", default_value_t = 300, hide = true)]
    pub history: u64,
}

/// The plugins that bots can play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Plugin {
    /// Captures free cells, match after match.
    Grid,
    /// Says lines, which everybody hears.
    Chat,
    /// Says things to itself.
    Echo,
    /// Sends messages, which everybody else hears.
    Broadcast,
    /// Goes in another direction with each input.
    Arena,
}

impl Plugin {
    /// The plugin's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Chat => "chat",
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Arena => "arena",
        }
    }

    const fn default_rate(self) -> f64 {
        match self {
            Self::Grid => 5.0,
            Self::Arena => 2.0,
            Self::Chat | Self::Broadcast => 1.0,
            Self::Echo => 10.0,
        }
    }

    /// The fewest players of a room.
    pub(crate) const fn players_min(self) -> usize {
        self.players().0
    }

    /// The fewest and the most players of a room.
    const fn players(self) -> (usize, usize) {
        match self {
            Self::Grid => (2, 8),
            Self::Chat | Self::Echo => (1, 1_000),
            Self::Broadcast => (2, 10_000),
            Self::Arena => (1, 128),
        }
    }
}

/// Which subprotocol bots speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
pub enum Encoding {
    /// JSON.
    #[value(name = "v1.json")]
    #[serde(rename = "v1.json")]
    Json,
    /// MessagePack.
    #[value(name = "v1.binary")]
    #[serde(rename = "v1.binary")]
    Binary,
    /// Protobuf.
    #[value(name = "v2.proto")]
    #[serde(rename = "v2.proto")]
    Proto,
    /// All three, in turn.
    #[value(name = "mixed")]
    #[serde(rename = "mixed")]
    Mixed,
}

impl Encoding {
    /// What bot number `bot` speaks.
    pub(crate) fn of_bot(self, bot: usize) -> Subprotocol {
        match self {
            Self::Json => Subprotocol::Json,
            Self::Binary => Subprotocol::Binary,
            Self::Proto => Subprotocol::Proto,
            Self::Mixed => Subprotocol::ALL[bot % Subprotocol::ALL.len()],
        }
    }

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => Subprotocol::Json.name(),
            Self::Binary => Subprotocol::Binary.name(),
            Self::Proto => Subprotocol::Proto.name(),
            Self::Mixed => "mixed",
        }
    }
}

/// Checked options.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) uri: Uri,
    /// The server's `host:port`.
    pub(crate) authority: String,
    pub(crate) rooms: usize,
    pub(crate) players: usize,
    pub(crate) plugin: Plugin,
    pub(crate) encoding: Encoding,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
    pub(crate) rate: f64,
    /// How many inputs each bot keeps on their way, instead of sending at a rate.
    pub(crate) in_flight: Option<usize>,
    pub(crate) admin: Option<Admin>,
    pub(crate) server: Option<Process>,
    forwarded_for: Option<Ipv4Addr>,
}

/// Where metrics are, and what opens the door.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    pub(crate) url: Uri,
    pub(crate) token: String,
}

impl Plan {
    /// Checks what was typed, before anything is opened.
    pub(crate) fn check(options: Options) -> Result<Self, Error> {
        let plugin = options.plugin;
        let (fewest, most) = plugin.players();
        if !(fewest..=most).contains(&options.players) {
            let problem = format!(
                "a room of {} takes {fewest} to {most} players",
                plugin.name()
            );
            return Err(Error::usage("--players", problem));
        }
        if options.rooms == 0 {
            return Err(Error::usage("--rooms", "there must be at least one room"));
        }
        let bots = options.rooms.saturating_mul(options.players);
        if bots > BOTS_MAX {
            let problem = format!(
                "{} rooms of {} are {bots} bots; one process holds at most {BOTS_MAX}, so start several with fewer rooms each",
                options.rooms, options.players
            );
            return Err(Error::usage("--rooms and --players", problem));
        }
        if options.duration.is_zero() {
            return Err(Error::usage(
                "--for",
                "the run must take some time, such as 30s",
            ));
        }
        let rate = options.rate.unwrap_or(plugin.default_rate());
        if !(rate > 0.0 && rate <= RATE_MAX) {
            let problem = format!("a bot sends more than 0 and at most {RATE_MAX} inputs a second");
            return Err(Error::usage("--rate", problem));
        }
        if let Some(in_flight) = options.in_flight {
            if !(1..=IN_FLIGHT_MAX).contains(&in_flight) {
                let problem = format!("a bot keeps from 1 to {IN_FLIGHT_MAX} inputs on their way");
                return Err(Error::usage("--in-flight", problem));
            }
            if plugin == Plugin::Grid {
                let problem = "a match of grid has a pace of its own; use another --plugin";
                return Err(Error::usage("--in-flight", problem));
            }
        }
        let (uri, authority) = parse_url("--url", &options.url, "ws")?;
        Ok(Self {
            uri,
            authority,
            rooms: options.rooms,
            players: options.players,
            plugin,
            encoding: options.subprotocol,
            warm_up: options.warm_up,
            duration: options.duration,
            rate,
            in_flight: options.in_flight,
            forwarded_for: options.forwarded_for,
            server: options.server_pid.map(Process::Id),
            admin: Admin::find(
                options.admin_url.as_deref(),
                options.admin_token,
                options.data_dir,
            )?,
        })
    }

    /// The address that bot number `bot` is to be taken to come from.
    pub(crate) fn from(&self, bot: usize) -> Option<IpAddr> {
        let number = u32::try_from(bot).unwrap_or(u32::MAX);
        let first = self.forwarded_for?.to_bits();
        Some(Ipv4Addr::from_bits(first.wrapping_add(number)).into())
    }

    /// How many bots speak this.
    pub(crate) fn speakers(&self, subprotocol: Subprotocol) -> usize {
        let bots = 0..self.bots();
        bots.filter(|bot| self.encoding.of_bot(*bot) == subprotocol)
            .count()
    }

    /// How many bots there are.
    pub(crate) fn bots(&self) -> usize {
        self.rooms * self.players
    }

    /// Lets this process open a file for each bot, as far as it may.
    pub(crate) fn reserve_files(&self) -> Result<(), Error> {
        let needed = self.bots() as u64 + OTHER_FILES;
        let limit = getrlimit(Resource::Nofile);
        let is_enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
        if is_enough(limit.current) {
            return Ok(());
        }
        let raised = Rlimit {
            current: Some(needed),
            maximum: limit.maximum,
        };
        if !is_enough(limit.maximum) || setrlimit(Resource::Nofile, raised).is_err() {
            let allowed = limit.maximum.or(limit.current).unwrap_or_default();
            return Err(Error::TooFewFiles { needed, allowed });
        }
        Ok(())
    }
}

impl Admin {
    fn find(
        url: Option<&str>,
        token: Option<String>,
        data_dir: Option<PathBuf>,
    ) -> Result<Option<Self>, Error> {
        let token = match (token, data_dir) {
            (Some(token), _) => token,
            (None, Some(data_dir)) => {
                let path = data_dir.join("admin-token");
                std::fs::read_to_string(&path).map_err(|source| Error::Token { path, source })?
            }
            (None, None) if url.is_some() => {
                let problem = "its metrics need a token; add --admin-token, or --data-dir with the server's data directory";
                return Err(Error::usage("--admin-url", problem));
            }
            (None, None) => return Ok(None),
        };
        let (url, _) = parse_url("--admin-url", url.unwrap_or(ADMIN_URL), "http")?;
        let token = token.trim().to_owned();
        Ok(Some(Self { url, token }))
    }
}

/// Reads a URL of one scheme, and its `host:port`.
fn parse_url(option: &'static str, url: &str, scheme: &str) -> Result<(Uri, String), Error> {
    let refuse = || {
        let problem = format!(
            "{url:?} is no {scheme}:// address; encrypted ones are not spoken, so go around the proxy"
        );
        Error::usage(option, problem)
    };
    let uri: Uri = url.parse().map_err(|_| refuse())?;
    let host = uri
        .host()
        .filter(|_| uri.scheme_str() == Some(scheme))
        .ok_or_else(refuse)?;
    let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
    Ok((uri, authority))
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn check(line: &str) -> Result<Plan, Error> {
        let command = Options::augment_args(clap::Command::new("bots").no_binary_name(true));
        let matches = command
            .try_get_matches_from(line.split_whitespace())
            .unwrap();
        Plan::check(Options::from_arg_matches(&matches).unwrap())
    }

    fn problem(line: &str) -> String {
        let error = check(line).unwrap_err();
        assert_eq!(error.exit_code(), 64, "{error}");
        error.to_string()
    }

    #[test]
    fn nothing_typed_plays_the_grid() {
        let plan = check("").unwrap();
        assert_eq!(
            (plan.plugin, plan.bots(), plan.rate),
            (Plugin::Grid, 80, 5.0)
        );
        assert_eq!(plan.authority, "127.0.0.1:8080");
        assert_eq!(plan.duration, Duration::from_secs(30));
        assert!(plan.admin.is_none());
    }

    #[test]
    fn what_cannot_be_run_is_a_usage_error_that_says_what_can() {
        assert!(problem("--players 9").contains("2 to 8"));
        assert!(problem("--rooms 0").contains("at least one"));
        assert!(problem("--rooms 3000").contains("20000"));
        assert!(problem("--for 0s").contains("30s"));
        assert!(problem("--rate 0").contains("--rate"));
        assert!(problem("--rate nan").contains("--rate"));
        assert!(problem("--plugin echo --in-flight 0").contains("1 to 64"));
        assert!(problem("--in-flight 4").contains("--plugin"));
        assert!(problem("--url wss://a/ws").contains("ws://"));
        assert!(problem("--url localhost").contains("ws://"));
        assert!(problem("--admin-url http://127.0.0.1:1").contains("--admin-token"));
    }

    #[test]
    fn twenty_thousand_bots_are_allowed_and_not_one_more() {
        assert!(check("--rooms 2500 --players 8").is_ok());
        assert!(check("--rooms 2501 --players 8").is_err());
    }

    #[test]
    fn a_token_is_read_from_the_data_directory() {
        let error = check("--data-dir /nonexistent").unwrap_err();
        assert!(
            error.to_string().contains("/nonexistent/admin-token"),
            "{error}"
        );
        let plan = check("--admin-token secret --url ws://[::1]:9/ws").unwrap();
        assert_eq!(
            plan.admin.unwrap().url.to_string(),
            "http://127.0.0.1:8081/"
        );
        assert_eq!(plan.authority, "[::1]:9");
    }

    #[test]
    fn bots_come_from_addresses_of_their_own_where_that_is_asked() {
        assert_eq!(check("").unwrap().from(7), None);
        let plan = check("--forwarded-for 198.18.0.250").unwrap();
        let from = |bot| plan.from(bot).unwrap().to_string();
        assert_eq!([from(0), from(7)], ["198.18.0.250", "198.18.1.1"]);
    }

    #[test]
    fn mixed_rooms_speak_all_three() {
        let spoken: Vec<_> = (0..4)
            .map(|bot| Encoding::Mixed.of_bot(bot).name())
            .collect();
        assert_eq!(spoken, ["v1.json", "v1.binary", "v2.proto", "v1.json"]);
    }
}
