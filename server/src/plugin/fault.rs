//! What goes wrong inside a plugin, and the report its author gets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Trap;

/// How a call into a plugin failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The guest trapped: a panic, an unreachable instruction, a stack overflow, a bad import call.
    Trap,
    /// The call was ended for the time it took.
    Deadline,
    /// The guest ran out of its memory.
    Memory,
    /// It asked for more than one step may.
    Output,
    /// An effect that no correct plugin can produce.
    InvalidEffect,
    /// The guest answered with a failure where only it can be at fault.
    Failure,
    /// A version does not take up the state of the one before it.
    RefusedState,
    /// What a version saves does not bring back what it was.
    LyingSave,
    /// Nothing is wrong: the operator wants the version gone.
    Ordered,
}

impl FaultKind {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::InvalidEffect => "invalid-effect",
            Self::Failure => "failure",
            Self::RefusedState => "refused-state",
            Self::LyingSave => "lying-save",
            Self::Ordered => "ordered",
        }
    }
}

/// A failed call. The instance it happened in is gone.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// What happened, for the plugin's author: the panic text with its line where there is one.
    pub(crate) message: String,
    /// What the failed call cost.
    pub(crate) cost: Duration,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            cost: Duration::ZERO,
        }
    }

    /// The thread that ran the guest is gone: a fault of ours, which must not pass for the guest's.
    pub(crate) fn lost() -> Self {
        Self::new(
            FaultKind::Trap,
            "the thread that ran it died inside the server",
        )
    }

    /// Nobody's fault: what the operator wants.
    pub(crate) fn ordered(message: &str) -> Self {
        Self::new(FaultKind::Ordered, message)
    }

    pub(crate) fn is_ordered(&self) -> bool {
        self.kind == FaultKind::Ordered
    }

    /// The account of a trap: the panic text if the guest had time for one, and the guest's frames.
    pub(super) fn from_trap(kind: FaultKind, error: &wasmtime::Error, panic: Option<&str>) -> Self {
        let cause = match (kind, panic, error.downcast_ref::<Trap>()) {
            (_, Some(panic), _) => format!("panicked at {panic}"),
            (FaultKind::Deadline, ..) => "the call took longer than its budget".to_owned(),
            (FaultKind::Memory, ..) => "out of the memory the plugin may use".to_owned(),
            (_, None, Some(trap)) => trap.to_string(),
            (_, None, None) => error.root_cause().to_string(),
        };
        let frames = error
            .downcast_ref::<wasmtime::WasmBacktrace>()
            .map(|backtrace| format!("\n{backtrace}"))
            .unwrap_or_default();
        Self::new(kind, format!("{cause}{frames}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.label(), self.message)
    }
}

impl std::error::Error for Fault {}

/// One failure with all that its author needs to find it. Players never see it.
#[derive(Debug, Clone)]
pub struct FaultReport {
    /// `name@version` of the plugin.
    pub plugin: Arc<str>,
    /// The digest of the very component.
    pub digest: Arc<str>,
    /// The room.
    pub room: Arc<str>,
    /// The step that failed.
    pub step: u64,
    /// How many events that step had.
    pub events: usize,
    /// What kind of failure, as the metrics name it.
    pub kind: &'static str,
    /// What happened, with the panic's text and line and the guest's frames.
    pub message: String,
    /// The event to blame, where one fails by itself.
    pub input: Option<String>,
}

impl fmt::Display for FaultReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} failed in room {} at step {} of {} events ({}): {}; input: {}; digest {}",
            self.plugin,
            self.room,
            self.step,
            self.events,
            self.kind,
            self.message,
            self.input.as_deref().unwrap_or("none by itself"),
            self.digest,
        )
    }
}
