//! Rooms. One task owns a room: its members, its clock and its plugin. It sleeps until something comes in or is due,
//! takes all that waits, and makes one plugin call for it.

mod apply;
mod clock;
mod core;
mod delivery;
mod filter;
mod handle;
mod inputs;
mod load;
mod membership;
mod registry;
mod resume;
mod ring;
mod roster;
mod views;

use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{ErrorCode, ServerFrame, server};
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::core::{RoomCore, Settings};
use crate::fanout::Fanout;
use crate::node::Node;
use crate::plugin::{BatchInput, Fault, FaultReport, OpenError, Ran, Runner, wit};
use crate::session::Peer;
use crate::session::outbox::Control;

pub(crate) use handle::{
    BUSY, Claim, JoinRequest, LeaveReason, MailboxBounds, PostError, Return, RoomHandle, RoomInput,
};
pub(crate) use registry::{Located, Locator, Registry};
pub(crate) use ring::RetainedBytes;

/// How many inputs are taken from the mailbox at a time.
const INBOX_MAX: usize = 64;
/// A step that costs more than this sends its room to the slow lane.
const SLOW_STEP: Duration = Duration::from_millis(5);
/// After an opening that took longer than this, the next of its version is done in the slow lane.
const SLOW_OPEN: Duration = Duration::from_millis(20);
/// Steps below this count towards coming back.
const QUICK_STEP: Duration = Duration::from_millis(2);
/// So many quick steps in a row bring a room back beside the sockets.
const QUICK_STEPS_TO_RETURN: u32 = 200;

/// Runs a room from its opening to its end.
pub(crate) async fn run(node: Arc<Node>, handle: RoomHandle, mailbox: mpsc::Receiver<RoomInput>) {
    let mut room = RoomTask {
        fanout: Fanout::new(Arc::clone(&node.metrics)),
        node,
        handle,
        mailbox,
        inbox: Vec::with_capacity(INBOX_MAX),
        lane: Lane::default(),
    };
    let _registered = Registered::new(&room);
    room.lane.is_slow = room.handle.identity.version.is_slow();
    match room.open().await {
        Ok((core, runner)) => room.serve(core, runner).await,
        Err(refusal) => room.refuse_all(&refusal).await,
    }
}

/// Takes the room out of the registry and the count however its task ends, be it by a panic of ours.
struct Registered {
    node: Arc<Node>,
    handle: RoomHandle,
}

impl Registered {
    fn new(room: &RoomTask) -> Self {
        room.node.metrics.room_opened();
        Self {
            node: Arc::clone(&room.node),
            handle: room.handle.clone(),
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.node.rooms.remove(&self.handle);
        self.node.metrics.room_closed();
    }
}

/// The loop around a room. Its inputs are the mailbox and the clock.
struct RoomTask {
    node: Arc<Node>,
    handle: RoomHandle,
    mailbox: mpsc::Receiver<RoomInput>,
    inbox: Vec<RoomInput>,
    lane: Lane,
    fanout: Fanout,
}

/// Where a room's steps run.
#[derive(Debug, Default)]
struct Lane {
    is_slow: bool,
    quick_steps: u32,
}

impl Lane {
    /// Moves by what a step cost: over the line at once, back only after a long time of being quick. Whether the room
    /// was sent to the slow lane just now.
    fn observe(&mut self, cost: Duration) -> bool {
        let was_slow = self.is_slow;
        if cost > SLOW_STEP {
            self.is_slow = true;
            self.quick_steps = 0;
        } else if cost < QUICK_STEP {
            self.quick_steps += 1;
            self.is_slow &= self.quick_steps < QUICK_STEPS_TO_RETURN;
        } else {
            self.quick_steps = 0;
        }
        self.is_slow && !was_slow
    }
}

/// Why a room could not be opened, for those who wanted in.
struct OpenRefusal {
    code: ErrorCode,
    message: String,
}

impl RoomTask {
    async fn open(&mut self) -> Result<(RoomCore, Box<Runner>), OpenRefusal> {
        let identity = &self.handle.identity;
        let version = &identity.version;
        let config = wit::Config {
            room: identity.name.to_string(),
            seed: rand::random(),
            settings: version.settings.as_msgpack().to_vec(),
            options: identity.options.as_msgpack().to_vec(),
        };
        let started = Instant::now();
        let opened = if self.lane.is_slow || !version.opens_quickly() {
            let opened = self.node.slow_lane.open(Arc::clone(version), config).await;
            opened.unwrap_or_else(|| Err(OpenError::Fault(Fault::lost())))
        } else {
            Runner::open(Arc::clone(version), &config)
                .map(|(runner, effects)| (Box::new(runner), effects))
        };
        version.note_opening(opened.is_ok() && started.elapsed() <= SLOW_OPEN);
        let (runner, effects) = opened.map_err(|error| self.refusal(error))?;
        let now = Instant::now();
        let metrics = Arc::clone(&self.node.metrics);
        let status = Arc::clone(&self.handle.status);
        let settings = Settings::of(&self.node);
        let mut core = RoomCore::new(Arc::clone(identity), status, settings, metrics, now);
        core.apply_opening(effects, now);
        Ok((core, runner))
    }

    /// What those who wanted in are told; what the author must know is reported.
    fn refusal(&self, error: OpenError) -> OpenRefusal {
        let fault = match error {
            OpenError::Refused(message) => {
                return OpenRefusal {
                    code: ErrorCode::RoomRefused,
                    message,
                };
            }
            OpenError::Fault(fault) => fault,
        };
        let identity = &self.handle.identity;
        self.report(&FaultReport {
            plugin: Arc::clone(&identity.version.label),
            digest: Arc::clone(&identity.version.digest),
            room: Arc::clone(&identity.name),
            step: 0,
            events: 0,
            kind: fault.kind.label(),
            message: fault.message,
            input: Some("opening the room".to_owned()),
        });
        OpenRefusal {
            code: ErrorCode::PluginFailed,
            message: "the plugin failed while opening the room; its author was told".to_owned(),
        }
    }

    async fn serve(&mut self, mut core: RoomCore, runner: Box<Runner>) {
        let grace = self.node.limits.empty_room_grace;
        let mut runner = Some(runner);
        loop {
            core.flush(Instant::now());
            let wake = core.next_wake(grace);
            tokio::select! {
                taken = self.mailbox.recv_many(&mut self.inbox, INBOX_MAX) => {
                    if taken == 0 {
                        break;
                    }
                }
                () = sleep_until(wake) => {}
            }
            let now = Instant::now();
            core.wake(now);
            core.judge_load();
            for input in self.inbox.drain(..) {
                handle::account_taken(&self.handle.status, &input);
                core.accept(input);
            }
            core.pass_time(now);
            while let Some((batch, input)) = core.next_batch(now) {
                let started = Instant::now();
                let Some(ran) = self.run_batch(&mut runner, input, core.last_member()).await else {
                    core.close(
                        ErrorCode::PluginFailed.as_str(),
                        "the room was lost inside the server",
                    );
                    return self.retire().await;
                };
                if self.lane.observe(ran.cost) {
                    self.handle.identity.version.demote();
                }
                self.node
                    .metrics
                    .step(started.elapsed(), batch.len(), ran.log_lines_dropped);
                for report in &ran.reports {
                    self.report(report);
                }
                core.charge(&batch, ran.spent);
                core.apply(&batch, ran, now);
                if core.has_waiting() {
                    // Others on this thread have waited for one batch; that is enough.
                    tokio::task::yield_now().await;
                }
            }
            core.trim_ring();
            if core.is_deserted(now, grace) {
                core.close(ErrorCode::RoomClosed.as_str(), "the room was empty");
            }
            if core.is_closed {
                break;
            }
        }
        self.retire().await;
    }

    /// Runs a batch, here or in the slow lane; what failed is always mended there. `None` if the runner was lost.
    async fn run_batch(
        &self,
        slot: &mut Option<Box<Runner>>,
        input: BatchInput,
        last_member: u32,
    ) -> Option<Ran> {
        let mut runner = slot.take()?;
        let lane = &self.node.slow_lane;
        let (back, ran) = if self.lane.is_slow {
            lane.run(runner, input, last_member).await?
        } else {
            match runner.run(&input, last_member) {
                Ok(ran) => (runner, ran),
                Err(fault) => lane.recover(runner, input, last_member, fault).await?,
            }
        };
        *slot = Some(back);
        Some(ran)
    }

    /// Takes the room out of the registry, and sends on whoever still knocks.
    async fn retire(&mut self) {
        self.turn_away(|room, request| {
            let control = Control::JoinBounced(Arc::clone(room.handle.name()));
            request.peer.outbox.push_control(control);
        })
        .await;
    }

    /// The room could not be opened: whoever waits for it is told.
    async fn refuse_all(&mut self, refusal: &OpenRefusal) {
        self.turn_away(|room, request| {
            let last = room.error(refusal.code, &refusal.message, request.id);
            room.dismiss(&request.peer, last);
        })
        .await;
    }

    /// Closes the mailbox, and answers what is left in it.
    async fn turn_away(&mut self, on_join: impl Fn(&Self, &JoinRequest)) {
        self.node.rooms.remove(&self.handle);
        self.mailbox.close();
        while let Some(input) = self.mailbox.recv().await {
            handle::account_taken(&self.handle.status, &input);
            match input {
                RoomInput::Join(request) => on_join(self, &request),
                RoomInput::Message { peer, id, .. } => {
                    let answer = self.error(ErrorCode::RoomClosed, core::CLOSED, id);
                    self.fanout.send([&peer], answer);
                }
                RoomInput::Leave { peer, id, .. } => {
                    let frame = ServerFrame::RoomLeft(server::RoomLeft {
                        room: self.handle.name().to_string(),
                        id,
                    });
                    self.dismiss(&peer, frame);
                }
                // Whoever comes back finds no room, and is told so by the answer that does not come.
                RoomInput::Back(returned) => self.bounce(&returned),
                RoomInput::Lost(_)
                | RoomInput::Silent { .. }
                | RoomInput::Ack { .. }
                | RoomInput::StateRequest { .. }
                | RoomInput::Renamed { .. }
                | RoomInput::Roles { .. }
                | RoomInput::Shutdown => {}
            }
        }
    }

    /// Tells a session that it is not in this room, and its client by this last frame, in the order of
    /// [`RoomCore::dismiss`].
    fn dismiss(&self, peer: &Peer, last: ServerFrame) {
        let control = Control::LeftRoom(Arc::clone(self.handle.name()));
        peer.outbox.push_control(control);
        self.fanout.send([peer], last);
    }

    /// Sends on a session that came back to a room that is no more.
    fn bounce(&self, returned: &Return) {
        if matches!(returned.claim, Claim::Nothing { .. }) {
            let control = Control::JoinBounced(Arc::clone(self.handle.name()));
            returned.peer.outbox.push_control(control);
        }
    }

    fn error(&self, code: ErrorCode, message: &str, id: Option<u64>) -> ServerFrame {
        ServerFrame::Error(server::Error {
            code: code.as_str().to_owned(),
            message: message.to_owned(),
            id,
            room: Some(self.handle.name().to_string()),
        })
    }

    fn report(&self, report: &FaultReport) {
        self.node.metrics.plugin_failed(report.kind);
        self.node.reports.add(report.clone());
        if report.input.is_none() {
            // Often only too much for one step; whom to blame, if anybody, is reported next.
            tracing::warn!(
                target: "parlor::plugin",
                plugin = %report.plugin,
                room = %report.room,
                step = report.step,
                events = report.events,
                kind = report.kind,
                "a batch failed and is run again, one event a step: {}",
                report.message,
            );
            return;
        }
        tracing::error!(
            target: "parlor::plugin",
            plugin = %report.plugin,
            room = %report.room,
            step = report.step,
            events = report.events,
            kind = report.kind,
            input = report.input,
            digest = %report.digest,
            "plugin failed: {}",
            report.message,
        );
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_step_moves_a_room_at_once_and_only_long_quickness_brings_it_back() {
        let mut lane = Lane::default();
        lane.observe(SLOW_STEP);
        assert!(!lane.is_slow);
        lane.observe(SLOW_STEP + Duration::from_micros(1));
        assert!(lane.is_slow);
        for _ in 1..QUICK_STEPS_TO_RETURN {
            lane.observe(Duration::ZERO);
        }
        assert!(lane.is_slow);
        lane.observe(QUICK_STEP);
        lane.observe(Duration::ZERO);
        assert!(lane.is_slow, "a step in between starts the count again");
        for _ in 1..QUICK_STEPS_TO_RETURN {
            lane.observe(Duration::ZERO);
        }
        assert!(!lane.is_slow);
    }
}
