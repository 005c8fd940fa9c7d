//! Settings: as they are typed ([`FileConfig`]), and checked ([`Config`]). A wrong setting is refused before anything
//! binds.

mod doors;
mod journal;
mod limits;
mod plugins;
mod storage;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use parlor_gate::origin::{self, Origins};
use parlor_gate::proxy::{NetworkError, Proxies};
use parlor_gate::rates::RateSettings;
use serde::Deserialize;

use crate::accept::Tls;
use crate::auth::{AuthSettings, JwtError, JwtSettings, JwtTable};
use crate::breakage::TestBreak;
use crate::crash_point::CrashAt;
use crate::persistence::PersistenceSettings;
use crate::plugin::{CompileLimits, KeyError, ROOMS_MAX, Signatures};
use crate::room::MailboxBounds;

pub use doors::DoorLimits;
pub use journal::{FileJournal, Fsync};
pub use limits::{FileLimits, Switch};
pub use storage::StorageLimits;

/// What the operator wrote, from the configuration file or from flags. Whatever is absent takes its default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// Where clients connect. Default `127.0.0.1:8080`; port 0 takes any free one.
    pub listen: Option<SocketAddr>,
    /// Where the operator connects. Default `127.0.0.1:8081`.
    pub admin_listen: Option<SocketAddr>,
    /// Where the server keeps what must outlive it. Default `./.parlor`.
    pub data_dir: Option<PathBuf>,
    /// A folder of plugins, `*.wasm`, loaded beside the bundled ones, at the start and whenever one of them changes.
    pub plugins: Option<PathBuf>,
    /// Public keys of minisign, or the paths of their files: a signed component must be signed with one of them.
    #[serde(default)]
    pub trusted_key: Vec<String>,
    /// Whether components that do not come with the server must be signed. Default no.
    pub require_signatures: Option<bool>,
    /// The largest component, in bytes. Default 32 MiB.
    pub component_bytes_max: Option<usize>,
    /// The most CPU time that compiling a component may take, in seconds. Default 30.
    pub compile_seconds_max: Option<u64>,
    /// How many threads compile a component. Default 1.
    pub compile_threads: Option<usize>,
    /// A folder of your own files to serve at `/` instead of the bundled pages.
    pub web: Option<PathBuf>,
    /// Who may connect. On a loopback address default `guest`: anybody, by nickname.
    pub auth: Option<Auth>,
    /// How tokens are checked, with `auth = "jwt"`.
    #[serde(default)]
    pub jwt: JwtTable,
    /// The origins whose pages may connect, such as `https://play.example.com`. On a loopback address any loopback
    /// origin may; on another one with `auth = "jwt"`, by default those of the host that is asked.
    #[serde(default)]
    pub origin: Vec<String>,
    /// The most rooms at a time. Default 10,000, which is also the most there can be.
    pub rooms_max: Option<usize>,
    /// The most connections at a time. `parlor serve` takes the limit of open files less 1,000 where nothing is written,
    /// and other programs 16,000.
    pub connections_max: Option<usize>,
    /// The most connections at a time that have not come to their first request. Default 1,024.
    pub handshakes_max: Option<usize>,
    /// The most connections at a time of one address; an IPv6 network of 64 bits is one. Default 100.
    pub connections_per_address_max: Option<u32>,
    /// New connections a second of one address, and as many at once. Default 20.
    pub new_connections_per_address_per_second: Option<u32>,
    /// How long a client may take to send its first byte, in seconds. Default 5.
    pub first_byte_timeout_seconds: Option<u64>,
    /// How long a client may take to send its request's headers, in seconds. Default 5.
    pub header_timeout_seconds: Option<u64>,
    /// How long a TLS handshake may take, in seconds. Default 5.
    pub tls_timeout_seconds: Option<u64>,
    /// How long a trusted proxy may take to send its PROXY header, in seconds. Default 5.
    pub proxy_header_timeout_seconds: Option<u64>,
    /// So many connections closed for what a client did are a ban. Default 5.
    pub offences_max: Option<usize>,
    /// The time within which they count, in seconds. Default 600.
    pub offence_window_seconds: Option<u64>,
    /// How long a ban lasts, in seconds. Default 600.
    pub ban_seconds: Option<u64>,
    /// A certificate in PEM, with the chain behind it: clients then connect by TLS. It is read again when it changes.
    pub tls_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    pub tls_key: Option<PathBuf>,
    /// Networks of proxies, such as `10.0.0.0/8`, whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxy: Vec<String>,
    /// Whether connections of trusted proxies begin with a PROXY header of version 2. Default no.
    pub proxy_protocol: Option<bool>,
    /// How long a room without members stays, in seconds. Default 10; 0 closes it at once.
    pub empty_room_seconds: Option<u64>,
    /// How long a stopping server waits for its connections to end, in seconds. Default 10.
    pub drain_timeout_seconds: Option<u64>,
    /// How long a client that lost its connection may come back and go on where it was, in seconds; its seats are kept as
    /// long. Default 60; 0 gives them up at once.
    pub resume_window_seconds: Option<u64>,
    /// What of a plugin's rooms survives, where that is to be more than the plugin declares: `snapshot` or `journal`, by
    /// plugin name.
    #[serde(default)]
    pub durability: HashMap<String, Durable>,
    /// How long a room is kept that nobody is in, in days. Default 7.
    pub keep_rooms_days: Option<u64>,
    /// How the journal is written.
    #[serde(default)]
    pub journal: FileJournal,
    /// How much a client may ask for.
    #[serde(default)]
    pub limits: FileLimits,
    /// Settings handed to plugins, by plugin name.
    #[serde(default)]
    pub plugin: HashMap<String, serde_json::Map<String, serde_json::Value>>,
}

/// What an operator may ask for of a plugin's rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durable {
    /// The state of the last snapshot survives a crash.
    Snapshot,
    /// Everything that was acknowledged does.
    Journal,
}

/// Who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Anybody, by nickname.
    Guest,
    /// Who has a token.
    Jwt,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where the operator connects.
    pub admin_listen: SocketAddr,
    /// Where the server keeps what must outlive it.
    pub data_dir: PathBuf,
    /// A folder of plugins to load, and to watch.
    pub plugins: Option<PathBuf>,
    /// Whose components are taken.
    pub signatures: Signatures,
    /// What compiling a component may take.
    pub compile_limits: CompileLimits,
    /// A folder to serve at `/`.
    pub web: Option<PathBuf>,
    /// Who may connect.
    pub auth: AuthSettings,
    /// Which pages may connect.
    pub origins: Origins,
    /// The certificate, where clients connect by TLS.
    pub tls: Option<Tls>,
    /// Which proxies are believed.
    pub proxies: Proxies,
    /// Whether connections of trusted proxies begin with a PROXY header.
    pub is_proxy_protocol: bool,
    /// The limits.
    pub limits: Limits,
    /// Settings handed to plugins, by plugin name.
    pub plugin_settings: HashMap<String, serde_json::Map<String, serde_json::Value>>,
    /// How rooms and sessions outlive the server.
    pub persistence: PersistenceSettings,
    /// Breaks the server on purpose, for tests of tests.
    pub test_break: Option<TestBreak>,
    /// Where the server ends itself, for tests of what it finds afterwards.
    pub crash_at: Option<CrashAt>,
}

/// All limits of the host. Plugins have their own.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Rooms at a time.
    pub rooms_max: usize,
    /// The limits on the way in.
    pub doors: DoorLimits,
    /// Rooms a session may be in at a time.
    pub rooms_per_session_max: usize,
    /// A message on the wire, in bytes.
    pub message_bytes_max: usize,
    /// WebSocket frames that a message may come in.
    pub fragments_max: usize,
    /// How long a message may take from its first byte to its last.
    pub message_timeout: Duration,
    /// How long a room without members stays.
    pub empty_room_grace: Duration,
    /// How long a client may take to say who it is, where it must.
    pub auth_timeout: Duration,
    /// How long one write may make no progress.
    pub write_timeout: Duration,
    /// After so long without a byte from the client, the server pings.
    pub heartbeat: Duration,
    /// After so long without a byte from the client, the connection is closed.
    pub silence_max: Duration,
    /// How long a stopping server waits for its connections.
    pub drain_timeout: Duration,
    /// Bad frames, without a good one in between, until a connection is closed.
    pub bad_frames_max: u32,
    /// How much a session may do in a time; `None` where that is not counted.
    pub rates: Option<RateSettings>,
    /// Per cent of a second that a room's steps may take until whoever brings most of it about is held to account. Not
    /// counted without `rates`.
    pub room_busy_percent_max: u32,
    /// How long a session may be without a connection, and for how long rooms keep what was said.
    pub resume_window: Duration,
    /// Messages that wait for a room.
    pub mailbox_items_max: usize,
    /// Bytes of payloads that wait for a room.
    pub mailbox_bytes_max: usize,
    /// Reliable frames that wait for a client from earlier steps than the one that sends more.
    pub outbox_frames_max: usize,
    /// Bytes of such frames.
    pub outbox_bytes_max: usize,
    /// Bytes that wait for all clients of the node.
    pub queued_bytes_max: usize,
    /// Bytes that all rooms of the node keep for clients that come back; a room keeps 64 KiB in any case.
    pub retained_bytes_max: usize,
    /// How often it is looked at a room whether its plugin is deterministic; zero for never.
    pub audit_every: Duration,
    /// How long a version is on trial at most that took a room over.
    pub trial_time: Duration,
    /// After so many steps the trial is over, too.
    pub trial_steps: u64,
    /// How much a plugin may store.
    pub storage: StorageLimits,
}

impl Limits {
    pub(crate) fn mailbox_bounds(&self) -> MailboxBounds {
        MailboxBounds {
            items_max: self.mailbox_items_max,
            bytes_max: self.mailbox_bytes_max,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms_max: ROOMS_MAX as usize,
            doors: DoorLimits::default(),
            rooms_per_session_max: 32,
            message_bytes_max: 1 << 20,
            fragments_max: 64,
            message_timeout: Duration::from_secs(10),
            empty_room_grace: Duration::from_secs(10),
            auth_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(30),
            silence_max: Duration::from_secs(90),
            drain_timeout: Duration::from_secs(10),
            bad_frames_max: 20,
            rates: Some(RateSettings::default()),
            room_busy_percent_max: 50,
            resume_window: Duration::from_secs(60),
            mailbox_items_max: 4_096,
            mailbox_bytes_max: 4 << 20,
            outbox_frames_max: 1_024,
            outbox_bytes_max: 1 << 20,
            queued_bytes_max: 256 << 20,
            retained_bytes_max: 512 << 20,
            audit_every: Duration::from_secs(5),
            trial_time: Duration::from_secs(30),
            trial_steps: 600,
            storage: StorageLimits::default(),
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Anybody on the network could connect, and nobody said that this is meant.
    #[error(
        "listen on {0}: beyond this machine it must be said who may connect; add --auth guest or jwt, and --origin https://your.site"
    )]
    OpenToTheNetwork(SocketAddr),
    /// Anybody on the network could do as much as they like.
    #[error(
        "switch the rates off (--limits off) while listening on {0}: beyond this machine anybody could flood the server; leave it out, or listen on a loopback address"
    )]
    NoRatesOnTheNetwork(SocketAddr),
    /// An origin that no browser would send.
    #[error(
        "allow the origin {0:?}: write it as a browser sends it, such as https://play.example.com"
    )]
    BadOrigin(String),
    /// A number that is too small or too large.
    #[error("set {name} to {value}: it must be {least} to {most}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// What was written.
        value: u64,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
    /// Settings of tokens.
    #[error(transparent)]
    Jwt(#[from] JwtError),
    /// More connections than files that this process may open.
    #[error(
        "set connections_max to {wanted}: this process may open {open_files} files, enough for {most} connections; raise that with `ulimit -n`"
    )]
    TooFewFiles {
        /// What was written.
        wanted: usize,
        /// The limit.
        open_files: u64,
        /// The most connections within it.
        most: usize,
    },
    /// A certificate without its key, or a key without its certificate.
    #[error("serve TLS: it takes both --tls-cert and --tls-key")]
    HalfOfTls,
    /// A certificate or key that cannot be used.
    #[error("serve TLS: failed to {0}")]
    Tls(String),
    /// A network to trust that is none.
    #[error("{0}")]
    BadProxy(#[from] NetworkError),
    /// A PROXY header that nobody is trusted to send.
    #[error(
        "read PROXY headers: they count only from proxies that are trusted; name them with --trusted-proxy"
    )]
    NoTrustedProxy,
    /// A key that signatures are checked with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A folder of plugins that is not there.
    #[error("watch the folder of plugins {0}: there is no such folder")]
    NoPlugins(PathBuf),
    /// A folder to serve that is not there.
    #[error("serve the folder {0}: there is no such folder")]
    NoFolder(PathBuf),
}

impl FileConfig {
    fn check_folders(&self) -> Result<(), ConfigError> {
        if let Some(web) = self.web.as_ref().filter(|web| !web.is_dir()) {
            return Err(ConfigError::NoFolder(web.clone()));
        }
        match self.plugins.as_ref().filter(|it| !it.is_dir()) {
            Some(plugins) => Err(ConfigError::NoPlugins(plugins.clone())),
            None => Ok(()),
        }
    }

    /// Where tokens are checked, a page of another site has nothing to gain; guests need the list of pages.
    fn says_who_may_connect(&self) -> bool {
        match self.auth {
            None => false,
            Some(Auth::Guest) => !self.origin.is_empty(),
            Some(Auth::Jwt) => true,
        }
    }
}

impl Config {
    /// Checks what the operator wrote.
    ///
    /// # Errors
    ///
    /// The first setting that cannot be used.
    pub fn check(mut file: FileConfig) -> Result<Self, ConfigError> {
        let listen = file.listen.unwrap_or(([127, 0, 0, 1], 8080).into());
        let is_loopback = listen.ip().is_loopback();
        if !is_loopback && !file.says_who_may_connect() {
            return Err(ConfigError::OpenToTheNetwork(listen));
        }
        let auth = match file.auth.unwrap_or(Auth::Guest) {
            Auth::Guest if !file.jwt.is_empty() => return Err(JwtError::NotAsked.into()),
            Auth::Guest => AuthSettings::Guest,
            Auth::Jwt => {
                AuthSettings::Jwt(Box::new(JwtSettings::check(std::mem::take(&mut file.jwt))?))
            }
        };
        let origins = std::mem::take(&mut file.origin).into_iter();
        let allowed = origins.map(check_origin).collect::<Result<_, _>>()?;
        let defaults = Limits::default();
        let rooms_max = file.rooms_max.unwrap_or(defaults.rooms_max);
        within("rooms_max", rooms_max as u64, 1, u64::from(ROOMS_MAX))?;
        for (name, seconds) in [
            ("empty_room_seconds", file.empty_room_seconds),
            ("drain_timeout_seconds", file.drain_timeout_seconds),
            ("resume_window_seconds", file.resume_window_seconds),
        ] {
            within(name, seconds.unwrap_or(0), 0, SECONDS_MAX)?;
        }
        let mut limits = Limits {
            rooms_max,
            doors: DoorLimits::check(&file)?,
            empty_room_grace: file
                .empty_room_seconds
                .map_or(defaults.empty_room_grace, Duration::from_secs),
            drain_timeout: file
                .drain_timeout_seconds
                .map_or(defaults.drain_timeout, Duration::from_secs),
            resume_window: file
                .resume_window_seconds
                .map_or(defaults.resume_window, Duration::from_secs),
            ..defaults
        };
        file.limits.apply(&mut limits, listen)?;
        file.check_folders()?;
        let tls = doors::tls(&file)?;
        let persistence = journal::check(&mut file)?;
        let (proxies, is_proxy_protocol) = doors::proxies(&file)?;
        let signatures = plugins::signatures(&file)?;
        let compile_limits = plugins::compile_limits(&file)?;
        Ok(Self {
            listen,
            admin_listen: file.admin_listen.unwrap_or(([127, 0, 0, 1], 8081).into()),
            data_dir: file.data_dir.unwrap_or_else(|| PathBuf::from(".parlor")),
            signatures,
            compile_limits,
            plugins: file.plugins,
            web: file.web,
            origins: Origins {
                allowed,
                is_loopback_allowed: is_loopback,
                are_guests_allowed: matches!(auth, AuthSettings::Guest),
            },
            auth,
            tls,
            proxies,
            is_proxy_protocol,
            limits,
            persistence,
            plugin_settings: file.plugin,
            test_break: None,
            crash_at: None,
        })
    }
}

/// Ten years: longer than any server lives, and short enough to be added to any time.
const SECONDS_MAX: u64 = 10 * 365 * 24 * 3600;

fn within(name: &'static str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        name,
        value,
        least,
        most,
    })
}

fn check_origin(origin: String) -> Result<String, ConfigError> {
    origin::normalize(&origin).ok_or(ConfigError::BadOrigin(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str) -> Result<Config, ConfigError> {
        Config::check(toml::from_str(toml).unwrap())
    }

    #[test]
    fn nothing_written_listens_on_this_machine_only() {
        let config = check("").unwrap();
        assert!(config.listen.ip().is_loopback() && config.admin_listen.ip().is_loopback());
    }

    #[test]
    fn the_network_needs_both_auth_and_origin() {
        let open = "listen = '0.0.0.0:80'\n";
        assert!(matches!(check(open), Err(ConfigError::OpenToTheNetwork(_))));
        assert!(check(&format!("{open}auth = 'guest'")).is_err());
        assert!(check(&format!("{open}origin = ['https://a.example']")).is_err());
        let message = check(open).unwrap_err().to_string();
        assert!(message.contains("--auth") && message.contains("--origin"));
        assert!(
            check(&format!(
                "{open}auth = 'guest'\norigin = ['https://a.example']"
            ))
            .is_ok()
        );
    }

    #[test]
    fn tokens_need_keys_and_keys_need_tokens() {
        let keys = "jwt.keys = 'https://id.example/jwks'\n";
        let jwt = format!("auth = 'jwt'\n{keys}");
        let config = check(&jwt).unwrap();
        assert!(matches!(config.auth, AuthSettings::Jwt(_)) && !config.origins.are_guests_allowed);
        let public = check(&format!("{jwt}listen = '0.0.0.0:80'")).unwrap();
        // HS6: pages of the host that is asked.
        assert!(public.origins.allowed.is_empty() && !public.origins.is_loopback_allowed);
        let refused = |toml: &str| match check(toml) {
            Err(ConfigError::Jwt(error)) => error,
            other => panic!("{toml}: {other:?}"),
        };
        assert_eq!(refused("auth = 'jwt'"), JwtError::NoKeys);
        assert_eq!(refused(keys), JwtError::NotAsked);
        let guest = format!("auth = 'guest'\n{keys}");
        assert_eq!(refused(&guest), JwtError::NotAsked);
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(toml::from_str::<FileConfig>("lissten = '127.0.0.1:1'").is_err());
    }

    #[test]
    fn numbers_that_could_not_work_are_refused() {
        for bad in [
            "rooms_max = 10001",
            "rooms_max = 0",
            "connections_max = 0",
            "handshakes_max = 0",
            "connections_per_address_max = 0",
            "new_connections_per_address_per_second = 1000001",
            "header_timeout_seconds = 0",
            "ban_seconds = 9223372036854775807",
            "trusted_proxy = ['10.0.0.0/33']",
            "trusted_proxy = ['0.0.0.0/0']",
            "proxy_protocol = true",
            "tls_cert = 'only.pem'",
            "tls_key = 'only.pem'",
            "tls_cert = '/no/such.pem'\ntls_key = '/no/such.pem'",
            "empty_room_seconds = 9223372036854775807",
            "web = '/no/such/folder'",
            "plugins = '/no/such/folder'",
            "require_signatures = true",
            "trusted_key = ['no-key']",
            "component_bytes_max = 1",
            "compile_seconds_max = 0",
            "compile_threads = 0",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check("empty_room_seconds = 0").is_ok());
    }

    #[test]
    fn doors_can_be_set() {
        let config = check(
            "connections_per_address_max = 7\ntls_timeout_seconds = 2\ntrusted_proxy = ['10.0.0.1']\nproxy_protocol = true",
        )
        .unwrap();
        assert_eq!(config.limits.doors.connections_per_address_max, 7);
        assert_eq!(config.limits.doors.tls_timeout, Duration::from_secs(2));
        assert_eq!(config.limits.doors.header_timeout, Duration::from_secs(5));
        assert!(config.is_proxy_protocol && config.proxies.trusts([10, 0, 0, 1].into()));
    }

    #[test]
    fn an_origin_with_a_path_or_a_star_is_refused() {
        for bad in ["https://a/b", "https://*", "a.example", "https://"] {
            assert!(check(&format!("origin = ['{bad}']")).is_err(), "{bad}");
        }
    }
}
