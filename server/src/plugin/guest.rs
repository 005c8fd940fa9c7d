//! What the host keeps for one instance: its handles, its limits, its idea of time and chance, and its log.

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, UpdateDeadline};
use wasmtime_wasi::filesystem::WasiFilesystemCtx;

use super::limits::{EPOCH_PERIOD, HANDLES_MAX, LOG_BYTES_PER_SECOND, TABLE_ELEMENTS_MAX};

/// How important a guest's line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// The longest line of a guest's stdout that is gathered before it is logged in pieces.
const STDIO_LINE_BYTES_MAX: usize = 4096;
/// How the SDK's panic hook begins its line.
const PANIC_PREFIX: &str = "panic: ";

/// The host's side of one instance.
pub(crate) struct Guest {
    /// `plugin@version`, for log lines.
    plugin: Arc<str>,
    room: Arc<str>,
    pub(super) table: ResourceTable,
    pub(super) filesystem: WasiFilesystemCtx,
    pub(super) memory: MemoryLimiter,
    pub(super) deadline: Deadline,
    pub(super) random: StepRandom,
    pub(super) log: GuestLog,
    now_ms: u64,
}

impl Guest {
    pub(super) fn new(plugin: Arc<str>, room: Arc<str>, memory_bytes_max: usize) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Self {
            plugin,
            room,
            table,
            filesystem: WasiFilesystemCtx::default(),
            memory: MemoryLimiter {
                bytes: 0,
                bytes_max: memory_bytes_max,
                is_exhausted: false,
            },
            deadline: Deadline::new(),
            random: StepRandom(0),
            log: GuestLog::default(),
            now_ms: 0,
        }
    }

    /// Begins a call: sets what the guest takes for time and chance.
    pub(super) fn begin(&mut self, now_ms: u64, seed: u64, first_event: u64) {
        self.now_ms = now_ms;
        self.random = StepRandom::new(seed, first_event);
    }

    /// Room time in nanoseconds.
    pub(super) fn now_ns(&self) -> u64 {
        self.now_ms.saturating_mul(1_000_000)
    }

    /// Logs one line of the guest's, within its budget.
    pub(super) fn log_line(&mut self, level: LogLevel, message: &str) {
        if let Some(panic) = message.strip_prefix(PANIC_PREFIX) {
            self.log.panic = Some(panic.to_owned());
        }
        if self.log.is_muted || !self.log.admit(self.now_ms, message.len()) {
            return;
        }
        let (plugin, room) = (&*self.plugin, &*self.room);
        match level {
            LogLevel::Debug => {
                tracing::debug!(target: "parlor::guest", plugin, room, "{message}");
            }
            LogLevel::Info => tracing::info!(target: "parlor::guest", plugin, room, "{message}"),
            LogLevel::Warn => tracing::warn!(target: "parlor::guest", plugin, room, "{message}"),
            LogLevel::Error => tracing::error!(target: "parlor::guest", plugin, room, "{message}"),
        }
    }

    /// Takes what the guest wrote to stdout or stderr, and logs the lines that are whole.
    pub(super) fn write_stdio(&mut self, level: LogLevel, bytes: &[u8]) {
        let mut gathered = std::mem::take(&mut self.log.partial_line);
        gathered.extend_from_slice(bytes);
        let mut rest = gathered.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.log_line(level, &String::from_utf8_lossy(&rest[..end]));
            rest = &rest[end + 1..];
        }
        if rest.len() > STDIO_LINE_BYTES_MAX {
            self.log_line(level, &String::from_utf8_lossy(rest));
        } else {
            self.log.partial_line = rest.to_vec();
        }
    }
}

/// What a guest logs, and how much more it may.
#[derive(Debug, Default)]
pub(super) struct GuestLog {
    /// Set while history is re-run, which would say everything twice.
    pub(super) is_muted: bool,
    /// The panic text of the SDK's hook, the best account of a trap.
    pub(super) panic: Option<String>,
    /// Lines not logged because the budget was used up.
    pub(super) lines_dropped: u64,
    partial_line: Vec<u8>,
    second: u64,
    bytes_this_second: usize,
}

impl GuestLog {
    fn admit(&mut self, now_ms: u64, bytes: usize) -> bool {
        let second = now_ms / 1000;
        if second != self.second {
            self.second = second;
            self.bytes_this_second = 0;
        }
        self.bytes_this_second = self.bytes_this_second.saturating_add(bytes);
        let is_admitted = self.bytes_this_second <= LOG_BYTES_PER_SECOND;
        if !is_admitted {
            self.lines_dropped += 1;
        }
        is_admitted
    }
}

/// The randomness of one step: splitmix64, spelled out because its numbers must never change with a library's version.
#[derive(Debug)]
pub(super) struct StepRandom(u64);

impl StepRandom {
    fn new(seed: u64, first_event: u64) -> Self {
        let mut mixer = Self(seed ^ first_event.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        Self(mixer.next_u64())
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// Refuses memory beyond the plugin's limit; the guest's allocator then aborts, which is a trap.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    pub(super) bytes: usize,
    bytes_max: usize,
    /// Whether the guest ever was refused, so that the report of the trap can say why.
    pub(super) is_exhausted: bool,
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.bytes.saturating_sub(current).saturating_add(desired);
        if total > self.bytes_max {
            self.is_exhausted = true;
            return Ok(false);
        }
        self.bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

/// When the call under way must be over: after so much CPU time of this thread, or, as a backstop, wall time.
///
/// Reading the thread's CPU clock is a system call that costs as much as a small step, so that it is read for the first
/// time when the call is still running at the first epoch, and what passed until then is taken from the wall.
#[derive(Debug)]
pub(super) struct Deadline {
    started: Instant,
    cpu_at_start: Option<Duration>,
    cpu_max: Duration,
    wall_max: Duration,
    /// Set when the call was ended for its time.
    pub(super) is_missed: bool,
}

impl Deadline {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            cpu_at_start: None,
            cpu_max: Duration::ZERO,
            wall_max: Duration::ZERO,
            is_missed: false,
        }
    }

    /// Starts the clock of a new call.
    pub(super) fn arm(&mut self, cpu_max: Duration, wall_max: Duration) {
        *self = Self {
            started: Instant::now(),
            cpu_max,
            wall_max,
            ..Self::new()
        };
    }

    /// Called at each epoch while the guest runs.
    pub(super) fn check(&mut self) -> UpdateDeadline {
        let elapsed = self.started.elapsed();
        let cpu_now = thread_cpu_time();
        let cpu_at_start = *self
            .cpu_at_start
            .get_or_insert_with(|| cpu_now.saturating_sub(elapsed.min(EPOCH_PERIOD)));
        self.is_missed =
            cpu_now.saturating_sub(cpu_at_start) > self.cpu_max || elapsed > self.wall_max;
        if self.is_missed {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::Continue(1)
        }
    }

    /// What the call has cost so far.
    pub(super) fn cost(&self) -> Duration {
        match self.cpu_at_start {
            Some(start) => thread_cpu_time().saturating_sub(start),
            None => self.started.elapsed(),
        }
    }
}

/// How much CPU time this thread has had.
pub(super) fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest() -> Guest {
        Guest::new("test@0.0.0".into(), "room".into(), 1 << 20)
    }

    #[test]
    fn randomness_is_a_function_of_seed_and_event() {
        let draw = |seed, event| StepRandom::new(seed, event).next_u64();
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }

    #[test]
    fn the_log_is_cut_off_within_a_second_and_comes_back_in_the_next() {
        let mut log = GuestLog::default();
        assert!(log.admit(0, LOG_BYTES_PER_SECOND));
        assert!(!log.admit(999, 1));
        assert_eq!(log.lines_dropped, 1);
        assert!(log.admit(1000, 1));
    }

    #[test]
    fn memory_beyond_the_limit_is_refused_and_remembered() {
        let mut guest = guest();
        assert!(guest.memory.memory_growing(0, 1 << 20, None).unwrap());
        assert!(!guest.memory.is_exhausted);
        assert!(
            !guest
                .memory
                .memory_growing(1 << 20, (1 << 20) + 1, None)
                .unwrap()
        );
        assert!(guest.memory.is_exhausted);
    }

    #[test]
    fn the_sdks_panic_line_is_kept_for_the_report() {
        let mut guest = guest();
        guest.log_line(LogLevel::Error, "panic: src/lib.rs:7: out of cells");
        assert_eq!(
            guest.log.panic.as_deref(),
            Some("src/lib.rs:7: out of cells")
        );
    }
}
