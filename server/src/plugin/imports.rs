//! What a component may import: our `log`, and the few WASI interfaces that wasip2's standard library and QuickJS pull
//! in. The interfaces are wasmtime-wasi's, but clocks, polls, randomness and stdio are answered here, synchronously and
//! from room time: wasmtime-wasi's own hosts would sleep on real time, where no deadline reaches.

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::p2::bindings::sync::filesystem::types as filesystem_types;
use wasmtime_wasi::p2::bindings::sync::io::{error, poll, streams};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};

use super::bindings::parlor::room::host;
use super::guest::{Guest, LogLevel};

/// The interfaces a component may import, without versions. Anything else is refused by name before it is compiled.
pub(super) const ALLOWED: &[&str] = &[
    "parlor:room/host",
    "parlor:room/types",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// The most random bytes one request may ask for.
const RANDOM_BYTES_MAX: u64 = 4096;
/// The most bytes one write to stdout or stderr may carry.
const WRITE_BYTES_MAX: u64 = 4096;

/// Gives `linker` everything in [`ALLOWED`], and nothing else.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Own = HasSelf<Guest>;
    host::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    environment::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    exit::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    stdin::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    stdout::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    stderr::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    terminal_input::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    terminal_output::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    terminal_stdin::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    terminal_stdout::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    terminal_stderr::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    monotonic_clock::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    wall_clock::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    random::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    insecure::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    insecure_seed::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    error::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    poll::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    streams::add_to_linker::<Guest, Own>(linker, |guest| guest)?;
    // Nothing is preopened, so no descriptor ever exists and these hosts never touch a disk.
    preopens::add_to_linker::<Guest, WasiFilesystem>(linker, Guest::filesystem)?;
    filesystem_types::add_to_linker::<Guest, WasiFilesystem>(linker, Guest::filesystem)?;
    Ok(())
}

/// A handle in the guest's table. WASI's own resource types only name these entries.
enum Entry {
    /// Something to wait for; the room time in nanoseconds at which it is ready.
    Pollable { ready_at_ns: u64 },
    /// Standard input: always at its end.
    Input,
    /// Standard output or error.
    Output(LogLevel),
}

impl Guest {
    fn push<T>(&mut self, entry: Entry) -> wasmtime::Result<Resource<T>>
    where
        T: 'static,
    {
        let resource = self.table.push(entry)?;
        Ok(Resource::new_own(resource.rep()))
    }

    fn entry<T: 'static>(&self, resource: &Resource<T>) -> wasmtime::Result<&Entry> {
        Ok(self
            .table
            .get(&Resource::<Entry>::new_borrow(resource.rep()))?)
    }

    fn remove<T: 'static>(&mut self, resource: &Resource<T>) -> wasmtime::Result<()> {
        self.table
            .delete(Resource::<Entry>::new_own(resource.rep()))?;
        Ok(())
    }

    fn is_ready(&self, pollable: &Resource<DynPollable>) -> wasmtime::Result<bool> {
        Ok(match self.entry(pollable)? {
            Entry::Pollable { ready_at_ns } => *ready_at_ns <= self.now_ns(),
            Entry::Input | Entry::Output(_) => true,
        })
    }

    fn output(&mut self, stream: &Resource<DynOutputStream>, bytes: &[u8]) -> StreamResult<()> {
        let level = match self.entry(stream).map_err(StreamError::Trap)? {
            Entry::Output(level) => *level,
            Entry::Pollable { .. } | Entry::Input => return Err(StreamError::Closed),
        };
        self.write_stdio(level, bytes);
        Ok(())
    }
}

/// Room time only moves between steps, so that waiting for it would wait for ever.
fn may_not_sleep<T>() -> wasmtime::Result<T> {
    wasmtime::bail!("a plugin may not sleep; use a timer")
}

impl WasiFilesystemView for Guest {
    fn filesystem(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView {
            ctx: &mut self.filesystem,
            table: &mut self.table,
        }
    }
}

impl host::Host for Guest {
    fn log(&mut self, level: host::Level, message: String) {
        let level = match level {
            host::Level::Debug => LogLevel::Debug,
            host::Level::Info => LogLevel::Info,
            host::Level::Warn => LogLevel::Warn,
            host::Level::Error => LogLevel::Error,
        };
        self.log_line(level, &message);
    }
}

impl environment::Host for Guest {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl exit::Host for Guest {
    fn exit(&mut self, _status: Result<(), ()>) -> wasmtime::Result<()> {
        wasmtime::bail!("a plugin may not exit; close the room instead")
    }

    fn exit_with_code(&mut self, _code: u8) -> wasmtime::Result<()> {
        self.exit(Ok(()))
    }
}

impl stdin::Host for Guest {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        self.push(Entry::Input)
    }
}

impl stdout::Host for Guest {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.push(Entry::Output(LogLevel::Info))
    }
}

impl stderr::Host for Guest {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.push(Entry::Output(LogLevel::Warn))
    }
}

impl terminal_input::Host for Guest {}

impl terminal_input::HostTerminalInput for Guest {
    fn drop(&mut self, terminal: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        self.remove(&terminal)
    }
}

impl terminal_output::Host for Guest {}

impl terminal_output::HostTerminalOutput for Guest {
    fn drop(
        &mut self,
        terminal: Resource<terminal_output::TerminalOutput>,
    ) -> wasmtime::Result<()> {
        self.remove(&terminal)
    }
}

impl terminal_stdin::Host for Guest {
    fn get_terminal_stdin(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for Guest {
    fn get_terminal_stdout(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for Guest {
    fn get_terminal_stderr(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.now_ns())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1_000_000)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.push(Entry::Pollable { ready_at_ns: when })
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let ready_at_ns = self.now_ns().saturating_add(duration);
        self.push(Entry::Pollable { ready_at_ns })
    }
}

impl wall_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let now_ns = self.now_ns();
        Ok(wall_clock::Datetime {
            seconds: now_ns / 1_000_000_000,
            nanoseconds: u32::try_from(now_ns % 1_000_000_000).unwrap_or(0),
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime {
            seconds: 0,
            nanoseconds: 1_000_000,
        })
    }
}

impl random::Host for Guest {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > RANDOM_BYTES_MAX {
            wasmtime::bail!("{len} random bytes asked for at once; the most is {RANDOM_BYTES_MAX}");
        }
        Ok((0..len)
            .map(|_| self.random.next_u64().to_le_bytes()[0])
            .collect())
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next_u64())
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        random::Host::get_random_bytes(self, len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next_u64())
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random.next_u64(), self.random.next_u64()))
    }
}

impl error::Host for Guest {}

impl error::HostError for Guest {
    fn drop(&mut self, error: Resource<error::Error>) -> wasmtime::Result<()> {
        self.remove(&error)
    }

    fn to_debug_string(&mut self, _error: Resource<error::Error>) -> wasmtime::Result<String> {
        Ok(String::new())
    }
}

impl poll::Host for Guest {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        let mut ready = Vec::new();
        for (index, pollable) in (0u32..).zip(&pollables) {
            if self.is_ready(pollable)? {
                ready.push(index);
            }
        }
        if ready.is_empty() {
            return may_not_sleep();
        }
        Ok(ready)
    }
}

impl poll::HostPollable for Guest {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        self.is_ready(&pollable)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        if self.is_ready(&pollable)? {
            return Ok(());
        }
        may_not_sleep()
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.remove(&pollable)
    }
}

impl streams::Host for Guest {
    fn convert_stream_error(
        &mut self,
        error: StreamError,
    ) -> wasmtime::Result<streams::StreamError> {
        match error {
            StreamError::Closed | StreamError::LastOperationFailed(_) => {
                Ok(streams::StreamError::Closed)
            }
            StreamError::Trap(error) => Err(error),
        }
    }
}

impl streams::HostInputStream for Guest {
    fn read(&mut self, _stream: Resource<DynInputStream>, _len: u64) -> StreamResult<Vec<u8>> {
        Err(StreamError::Closed)
    }

    fn blocking_read(
        &mut self,
        _stream: Resource<DynInputStream>,
        _len: u64,
    ) -> StreamResult<Vec<u8>> {
        Err(StreamError::Closed)
    }

    fn skip(&mut self, _stream: Resource<DynInputStream>, _len: u64) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn blocking_skip(&mut self, _stream: Resource<DynInputStream>, _len: u64) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn subscribe(
        &mut self,
        _stream: Resource<DynInputStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        self.push(Entry::Pollable { ready_at_ns: 0 })
    }

    fn drop(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        self.remove(&stream)
    }
}

impl streams::HostOutputStream for Guest {
    fn check_write(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        Ok(WRITE_BYTES_MAX)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.output(&stream, &bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.output(&stream, &bytes)
    }

    fn flush(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn blocking_flush(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn subscribe(
        &mut self,
        _stream: Resource<DynOutputStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        self.push(Entry::Pollable { ready_at_ns: 0 })
    }

    fn write_zeroes(&mut self, _stream: Resource<DynOutputStream>, _len: u64) -> StreamResult<()> {
        Err(StreamError::Closed)
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        _stream: Resource<DynOutputStream>,
        _len: u64,
    ) -> StreamResult<()> {
        Err(StreamError::Closed)
    }

    fn splice(
        &mut self,
        _stream: Resource<DynOutputStream>,
        _source: Resource<DynInputStream>,
        _len: u64,
    ) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn blocking_splice(
        &mut self,
        _stream: Resource<DynOutputStream>,
        _source: Resource<DynInputStream>,
        _len: u64,
    ) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn drop(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        self.remove(&stream)
    }
}
