//! The `[limits]` of the configuration file, and their ranges.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use parlor_gate::rates::RateSettings;
use serde::Deserialize;

use super::{ConfigError, Limits, within};
use crate::plugin::ROOMS_MAX;

/// How much a client may ask for, as the operator wrote it. What is absent takes its default, and no number may be 0.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileLimits {
    /// `off` switches off what is counted in a time: the fields in which there is a second or a minute. Sizes and bounds
    /// stay. Only for a listener on a loopback address. Default `on`.
    pub rates: Option<Switch>,
    /// Messages a second and session, in the long run. Default 100.
    pub messages_per_second: Option<u32>,
    /// Messages of a session at once, after a while of fewer. Default 200.
    pub messages_burst: Option<u32>,
    /// Bytes of messages a second and session, in the long run. Default 262,144 (256 KiB).
    pub bytes_per_second: Option<u32>,
    /// Bytes of messages of a session at once, after a while of fewer. Default 1,048,576 (1 MiB).
    pub bytes_burst: Option<u32>,
    /// Joins a minute and session. Default 30.
    pub joins_per_minute: Option<u32>,
    /// Rooms made a minute and session. Default 10.
    pub creates_per_minute: Option<u32>,
    /// Wrong room codes a minute and session, after which no code is looked at for the rest of the minute. Default 10.
    pub wrong_codes_per_minute: Option<u32>,
    /// WebSocket pings in 10 seconds and session. Default 10.
    pub pings_per_10_seconds: Option<u32>,
    /// A message on the wire, in bytes. Default 1,048,576 (1 MiB). Plugins have their own limit below this.
    pub message_bytes_max: Option<usize>,
    /// WebSocket frames that a message may come in. Default 64.
    pub fragments_max: Option<usize>,
    /// How long a message may take from its first byte to its last, in seconds. Default 10.
    pub message_timeout_seconds: Option<u64>,
    /// How long a write to a client may make no progress, in seconds. Default 10.
    pub write_timeout_seconds: Option<u64>,
    /// Bad frames in a row until a connection is closed. Default 20.
    pub bad_frames_max: Option<u32>,
    /// Rooms that a session may be in at a time. Default 32.
    pub rooms_per_session_max: Option<usize>,
    /// Inputs that wait for a room until more are refused. Default 4,096.
    pub mailbox_items_max: Option<usize>,
    /// Bytes of inputs that wait for a room until more are refused. Default 4,194,304 (4 MiB).
    pub mailbox_bytes_max: Option<usize>,
    /// Reliable frames of earlier steps that may wait for a client until it is closed as too slow. Default 1,024.
    pub outbox_frames_max: Option<usize>,
    /// Bytes of such frames. Default 1,048,576 (1 MiB).
    pub outbox_bytes_max: Option<usize>,
    /// Bytes that may wait for all clients of the server; beyond it, those that have much of it waiting are closed as too
    /// slow. Default 268,435,456 (256 MiB).
    pub queued_bytes_max: Option<usize>,
    /// Bytes that all rooms together keep for clients that come back; each keeps 64 KiB in any case. Default 536,870,912
    /// (512 MiB).
    pub retained_bytes_max: Option<usize>,
    /// Per cent of a second that a room's steps may take of a core. Beyond it the room is overloaded, and whoever has more
    /// than half of its time is warned, then closed. Default 50; not counted with `rates` off.
    pub room_busy_percent_max: Option<u32>,
    /// How long a version is on trial at most that took a room over, in seconds. Default 30.
    pub trial_seconds: Option<u64>,
    /// After so many steps its trial is over, too. Default 600.
    pub trial_steps: Option<u64>,
    /// A key that a plugin stores, in bytes. Default 256.
    pub storage_key_bytes_max: Option<usize>,
    /// A value that a plugin stores, in bytes. Default 65,536 (64 KiB).
    pub storage_value_bytes_max: Option<usize>,
    /// All keys and values that one plugin stores, in bytes; they are in memory. Default 16,777,216 (16 MiB).
    pub storage_bytes_max: Option<usize>,
    /// The keys that one plugin stores. Default 100,000.
    pub storage_keys_max: Option<usize>,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// What a count may be set to: up to far beyond use, and small enough to be reckoned with.
const COUNT: RangeInclusive<u64> = 1..=1_000_000;
/// What a size may be set to: from what the longest frame without a payload takes to 1 GiB.
const BYTES: RangeInclusive<u64> = 1 << 10..=1 << 30;
/// What a queue may hold: at least a message of the size that every plugin takes.
const QUEUE_BYTES: RangeInclusive<u64> = 64 << 10..=1 << 30;
/// How long something may take: up to an hour.
const SECONDS: RangeInclusive<u64> = 1..=3_600;
/// How many steps a trial may take: at least as many as are lived through again, and no more than can be.
const TRIAL_STEPS: RangeInclusive<u64> = 8..=10_000;
/// What a plugin may store: a snapshot of it, with what is kept beside it, must fit into one frame of the journal.
const STORAGE_BYTES: RangeInclusive<u64> = 1 << 10..=32 << 20;
/// What the server may hold in all of them: up to 1 TiB.
const NODE_BYTES: RangeInclusive<u64> = 1 << 20..=1 << 40;

impl FileLimits {
    /// Checks what was written, and puts it in place of `limits`.
    pub(super) fn apply(&self, limits: &mut Limits, listen: SocketAddr) -> Result<(), ConfigError> {
        self.apply_sizes(limits)?;
        self.apply_timeouts(limits)?;
        self.apply_storage(limits)?;
        let rates = self.rates()?;
        if self.rates == Some(Switch::Off) && !listen.ip().is_loopback() {
            return Err(ConfigError::NoRatesOnTheNetwork(listen));
        }
        limits.rates = (self.rates != Some(Switch::Off)).then_some(rates);
        Ok(())
    }

    fn apply_sizes(&self, to: &mut Limits) -> Result<(), ConfigError> {
        let rooms = 1..=u64::from(ROOMS_MAX);
        set(
            &mut to.message_bytes_max,
            self.message_bytes_max,
            "message_bytes_max",
            BYTES,
        )?;
        set(
            &mut to.fragments_max,
            self.fragments_max,
            "fragments_max",
            COUNT,
        )?;
        set(
            &mut to.bad_frames_max,
            self.bad_frames_max,
            "bad_frames_max",
            COUNT,
        )?;
        set(
            &mut to.rooms_per_session_max,
            self.rooms_per_session_max,
            "rooms_per_session_max",
            rooms,
        )?;
        set(
            &mut to.mailbox_items_max,
            self.mailbox_items_max,
            "mailbox_items_max",
            COUNT,
        )?;
        set(
            &mut to.mailbox_bytes_max,
            self.mailbox_bytes_max,
            "mailbox_bytes_max",
            QUEUE_BYTES,
        )?;
        set(
            &mut to.outbox_frames_max,
            self.outbox_frames_max,
            "outbox_frames_max",
            COUNT,
        )?;
        set(
            &mut to.outbox_bytes_max,
            self.outbox_bytes_max,
            "outbox_bytes_max",
            QUEUE_BYTES,
        )?;
        set(
            &mut to.queued_bytes_max,
            self.queued_bytes_max,
            "queued_bytes_max",
            NODE_BYTES,
        )?;
        set(
            &mut to.retained_bytes_max,
            self.retained_bytes_max,
            "retained_bytes_max",
            NODE_BYTES,
        )?;
        set(
            &mut to.room_busy_percent_max,
            self.room_busy_percent_max,
            "room_busy_percent_max",
            1..=100,
        )
    }

    fn apply_timeouts(&self, to: &mut Limits) -> Result<(), ConfigError> {
        for (to, written, name) in [
            (
                &mut to.message_timeout,
                self.message_timeout_seconds,
                "message_timeout_seconds",
            ),
            (
                &mut to.write_timeout,
                self.write_timeout_seconds,
                "write_timeout_seconds",
            ),
            (&mut to.trial_time, self.trial_seconds, "trial_seconds"),
        ] {
            let mut seconds = to.as_secs();
            set(&mut seconds, written, name, SECONDS)?;
            *to = Duration::from_secs(seconds);
        }
        set(
            &mut to.trial_steps,
            self.trial_steps,
            "trial_steps",
            TRIAL_STEPS,
        )
    }

    fn apply_storage(&self, limits: &mut Limits) -> Result<(), ConfigError> {
        let to = &mut limits.storage;
        let values = 1..=1 << 20;
        set(
            &mut to.key_bytes_max,
            self.storage_key_bytes_max,
            "storage_key_bytes_max",
            16..=1 << 10,
        )?;
        set(
            &mut to.value_bytes_max,
            self.storage_value_bytes_max,
            "storage_value_bytes_max",
            values,
        )?;
        set(
            &mut to.bytes_max,
            self.storage_bytes_max,
            "storage_bytes_max",
            STORAGE_BYTES,
        )?;
        set(
            &mut to.keys_max,
            self.storage_keys_max,
            "storage_keys_max",
            COUNT,
        )
    }

    fn rates(&self) -> Result<RateSettings, ConfigError> {
        let mut to = RateSettings::default();
        set(
            &mut to.messages_per_second,
            self.messages_per_second,
            "messages_per_second",
            COUNT,
        )?;
        set(
            &mut to.messages_burst,
            self.messages_burst,
            "messages_burst",
            COUNT,
        )?;
        set(
            &mut to.bytes_per_second,
            self.bytes_per_second,
            "bytes_per_second",
            BYTES,
        )?;
        set(&mut to.bytes_burst, self.bytes_burst, "bytes_burst", BYTES)?;
        set(
            &mut to.joins_per_minute,
            self.joins_per_minute,
            "joins_per_minute",
            COUNT,
        )?;
        set(
            &mut to.creates_per_minute,
            self.creates_per_minute,
            "creates_per_minute",
            COUNT,
        )?;
        set(
            &mut to.wrong_codes_per_minute,
            self.wrong_codes_per_minute,
            "wrong_codes_per_minute",
            COUNT,
        )?;
        set(
            &mut to.pings_per_10_seconds,
            self.pings_per_10_seconds,
            "pings_per_10_seconds",
            COUNT,
        )?;
        Ok(to)
    }
}

/// Puts a number that was written in place of the default, if it can be used.
fn set<T: Copy + TryInto<u64>>(
    limit: &mut T,
    written: Option<T>,
    name: &'static str,
    range: RangeInclusive<u64>,
) -> Result<(), ConfigError> {
    let Some(written) = written else {
        return Ok(());
    };
    let value = written.try_into().unwrap_or(u64::MAX);
    within(name, value, *range.start(), *range.end())?;
    *limit = written;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Config, FileConfig, StorageLimits};
    use super::*;

    fn check(toml: &str) -> Result<Limits, ConfigError> {
        let file: FileConfig = toml::from_str(toml).unwrap();
        Config::check(file).map(|config| config.limits)
    }

    #[test]
    fn rates_are_on_by_default_with_the_figures_in_the_documentation() {
        let limits = check("").unwrap();
        let rates = limits.rates.expect("rates are on");
        assert_eq!(
            (rates.messages_per_second, rates.messages_burst),
            (100, 200)
        );
        assert_eq!(
            (rates.bytes_per_second, rates.bytes_burst),
            (262_144, 1_048_576)
        );
        assert_eq!((rates.joins_per_minute, rates.creates_per_minute), (30, 10));
        assert_eq!(
            (rates.wrong_codes_per_minute, rates.pings_per_10_seconds),
            (10, 10)
        );
        assert_eq!(
            (limits.message_bytes_max, limits.bad_frames_max),
            (1_048_576, 20)
        );
        assert_eq!(limits.rooms_per_session_max, 32);
        let timeouts = [limits.message_timeout, limits.write_timeout];
        assert_eq!(
            (limits.fragments_max, timeouts.map(|it| it.as_secs())),
            (64, [10, 10])
        );
        assert_eq!(
            (limits.mailbox_items_max, limits.mailbox_bytes_max),
            (4_096, 4_194_304)
        );
    }

    #[test]
    fn each_number_can_be_set_and_arrives() {
        let limits = check(
            "[limits]\nmessages_per_second = 11\nmessages_burst = 12\nbytes_per_second = 1301\nbytes_burst = 1401\n\
             joins_per_minute = 15\ncreates_per_minute = 16\nwrong_codes_per_minute = 17\npings_per_10_seconds = 18\n\
             message_bytes_max = 1901\nfragments_max = 26\nmessage_timeout_seconds = 27\nwrite_timeout_seconds = 28\nbad_frames_max = 20\nrooms_per_session_max = 21\nmailbox_items_max = 22\n\
             mailbox_bytes_max = 66666\nroom_busy_percent_max = 24\n\
             outbox_frames_max = 25\noutbox_bytes_max = 66667\nqueued_bytes_max = 1048577\nretained_bytes_max = 1048578\n\
             storage_key_bytes_max = 31\nstorage_value_bytes_max = 32\nstorage_bytes_max = 3301\nstorage_keys_max = 34\n\
             trial_seconds = 35\ntrial_steps = 36",
        )
        .unwrap();
        let rates = RateSettings {
            messages_per_second: 11,
            messages_burst: 12,
            bytes_per_second: 1301,
            bytes_burst: 1401,
            joins_per_minute: 15,
            creates_per_minute: 16,
            wrong_codes_per_minute: 17,
            pings_per_10_seconds: 18,
        };
        assert_eq!(limits.rates, Some(rates));
        assert_eq!(
            (limits.message_bytes_max, limits.bad_frames_max),
            (1901, 20)
        );
        assert_eq!(limits.rooms_per_session_max, 21);
        let timeouts = [limits.message_timeout, limits.write_timeout];
        assert_eq!(
            (limits.fragments_max, timeouts.map(|it| it.as_secs())),
            (26, [27, 28])
        );
        assert_eq!(
            (limits.mailbox_items_max, limits.mailbox_bytes_max),
            (22, 66_666)
        );
        let storage = StorageLimits {
            key_bytes_max: 31,
            value_bytes_max: 32,
            bytes_max: 3301,
            keys_max: 34,
        };
        assert_eq!(limits.storage, storage);
        assert_eq!((limits.trial_time.as_secs(), limits.trial_steps), (35, 36));
    }

    #[test]
    fn numbers_that_could_not_work_are_refused_by_name() {
        for bad in [
            "messages_per_second = 0",
            "messages_burst = 0",
            "bytes_per_second = 1",
            "bytes_burst = 4000000000",
            "joins_per_minute = 0",
            "creates_per_minute = 0",
            "wrong_codes_per_minute = 0",
            "pings_per_10_seconds = 0",
            "message_bytes_max = 0",
            "fragments_max = 0",
            "message_timeout_seconds = 0",
            "write_timeout_seconds = 3601",
            "trial_seconds = 0",
            "trial_steps = 7",
            "bad_frames_max = 0",
            "rooms_per_session_max = 0",
            "mailbox_items_max = 0",
            "mailbox_bytes_max = 1024",
            "room_busy_percent_max = 101",
            "outbox_frames_max = 0",
            "outbox_bytes_max = 0",
            "queued_bytes_max = 0",
            "retained_bytes_max = 0",
            "storage_key_bytes_max = 15",
            "storage_value_bytes_max = 0",
            "storage_bytes_max = 1023",
            "storage_keys_max = 0",
        ] {
            let refusal = check(&format!("[limits]\n{bad}")).unwrap_err().to_string();
            let name = bad.split(' ').next().unwrap();
            assert!(refusal.contains(&format!("set {name} to")), "{refusal}");
        }
    }

    #[test]
    fn rates_can_be_off_on_this_machine_only_and_sizes_stay() {
        let off = "[limits]\nrates = 'off'";
        let limits = check(&format!("listen = '[::1]:80'\n{off}")).unwrap();
        assert_eq!((limits.rates, limits.message_bytes_max), (None, 1 << 20));
        let open = "listen = '0.0.0.0:80'\nauth = 'guest'\norigin = ['https://a.example']\n";
        let refusal = check(&format!("{open}{off}")).unwrap_err();
        assert!(matches!(refusal, ConfigError::NoRatesOnTheNetwork(_)));
        assert!(refusal.to_string().contains("--limits off"));
        assert!(check(&format!("{open}[limits]\nrates = 'on'")).is_ok());
    }
}
