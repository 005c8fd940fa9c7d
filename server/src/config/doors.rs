//! Settings of the doors: how many may come in, how fast, and who is kept out.

use std::time::Duration;

use parlor_gate::proxy::Proxies;

use super::{ConfigError, FileConfig, SECONDS_MAX, within};
use crate::accept::Tls;

/// The limits on the way in.
#[derive(Debug, Clone)]
pub struct DoorLimits {
    /// Connections at a time.
    pub connections_max: usize,
    /// Connections beyond that, or beyond `handshakes_max`, that are told so; the rest are dropped.
    pub full_answers_max: usize,
    /// Connections at a time that have not come to their first request.
    pub handshakes_max: usize,
    /// Connections at a time of one address; an IPv6 network of 64 bits is one.
    pub connections_per_address_max: u32,
    /// New connections a second of one address, and as many at once.
    pub new_connections_per_address_per_second: u32,
    /// Connections a second of one address that are told that there are too many; the rest are dropped.
    pub refusals_per_address_per_second: u32,
    /// How long those behind a proxy who get 429 wait for it, and whoever is banned.
    pub refusal_delay: Duration,
    /// So many at a time wait for it; the rest are answered at once.
    pub delayed_refusals_max: usize,
    /// How long a trusted proxy may take to send its PROXY header.
    pub proxy_header_timeout: Duration,
    /// How long a client may take to send its first byte.
    pub first_byte_timeout: Duration,
    /// How long a TLS handshake may take.
    pub tls_timeout: Duration,
    /// How long a client may take to send its request's headers.
    pub header_timeout: Duration,
    /// How long a connection may stay that does not become a WebSocket, however slowly it reads.
    pub plain_http_max: Duration,
    /// How often it is looked whether there is a new certificate.
    pub certificate_poll: Duration,
    /// So many offences within `offence_window` are a ban.
    pub offences_max: usize,
    /// How long an offence counts.
    pub offence_window: Duration,
    /// How long a ban lasts.
    pub ban_duration: Duration,
    /// How many bans are kept, and how many offenders are remembered; beyond that, the oldest are forgotten.
    pub bans_max: usize,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            connections_max: 16_000,
            full_answers_max: 64,
            handshakes_max: 1_024,
            connections_per_address_max: 100,
            new_connections_per_address_per_second: 20,
            refusals_per_address_per_second: 5,
            refusal_delay: Duration::from_secs(1),
            delayed_refusals_max: 1_024,
            proxy_header_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(5),
            tls_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(5),
            plain_http_max: Duration::from_secs(30),
            certificate_poll: Duration::from_secs(5),
            offences_max: 5,
            offence_window: Duration::from_secs(600),
            ban_duration: Duration::from_secs(600),
            bans_max: 65_536,
        }
    }
}

/// More than any setting of a number needs to be.
const COUNT_MAX: u32 = 1_000_000;

impl DoorLimits {
    pub(super) fn check(file: &FileConfig) -> Result<Self, ConfigError> {
        let defaults = Self::default();
        Ok(Self {
            connections_max: count(
                "connections_max",
                file.connections_max,
                defaults.connections_max,
            )?,
            handshakes_max: count(
                "handshakes_max",
                file.handshakes_max,
                defaults.handshakes_max,
            )?,
            connections_per_address_max: count(
                "connections_per_address_max",
                file.connections_per_address_max,
                defaults.connections_per_address_max,
            )?,
            new_connections_per_address_per_second: count(
                "new_connections_per_address_per_second",
                file.new_connections_per_address_per_second,
                defaults.new_connections_per_address_per_second,
            )?,
            proxy_header_timeout: time(
                "proxy_header_timeout_seconds",
                file.proxy_header_timeout_seconds,
                defaults.proxy_header_timeout,
            )?,
            first_byte_timeout: time(
                "first_byte_timeout_seconds",
                file.first_byte_timeout_seconds,
                defaults.first_byte_timeout,
            )?,
            tls_timeout: time(
                "tls_timeout_seconds",
                file.tls_timeout_seconds,
                defaults.tls_timeout,
            )?,
            header_timeout: time(
                "header_timeout_seconds",
                file.header_timeout_seconds,
                defaults.header_timeout,
            )?,
            offences_max: count("offences_max", file.offences_max, defaults.offences_max)?,
            offence_window: time(
                "offence_window_seconds",
                file.offence_window_seconds,
                defaults.offence_window,
            )?,
            ban_duration: time("ban_seconds", file.ban_seconds, defaults.ban_duration)?,
            ..defaults
        })
    }
}

/// The certificate, where there is to be one.
pub(super) fn tls(file: &FileConfig) -> Result<Option<Tls>, ConfigError> {
    match (&file.tls_cert, &file.tls_key) {
        (Some(certificate), Some(key)) => Tls::open(certificate, key)
            .map(Some)
            .map_err(|it| ConfigError::Tls(it.to_string())),
        (None, None) => Ok(None),
        _ => Err(ConfigError::HalfOfTls),
    }
}

/// Which proxies are believed, and whether their connections begin with a PROXY header.
pub(super) fn proxies(file: &FileConfig) -> Result<(Proxies, bool), ConfigError> {
    let proxies = Proxies::parse(&file.trusted_proxy)?;
    let reads_header = file.proxy_protocol.unwrap_or(false);
    if reads_header && !proxies.is_any() {
        return Err(ConfigError::NoTrustedProxy);
    }
    Ok((proxies, reads_header))
}

fn count<T>(name: &'static str, value: Option<T>, default: T) -> Result<T, ConfigError>
where
    T: Copy + TryInto<u64>,
{
    let value = value.unwrap_or(default);
    let number = value.try_into().unwrap_or(u64::MAX);
    within(name, number, 1, COUNT_MAX.into())?;
    Ok(value)
}

fn time(
    name: &'static str,
    seconds: Option<u64>,
    default: Duration,
) -> Result<Duration, ConfigError> {
    let Some(seconds) = seconds else {
        return Ok(default);
    };
    within(name, seconds, 1, SECONDS_MAX)?;
    Ok(Duration::from_secs(seconds))
}
