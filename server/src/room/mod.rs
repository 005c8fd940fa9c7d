//! Rooms. One task owns a room: its members, its clock and its plugin. It sleeps until something comes in or is due,
//! takes all that waits, and makes one plugin call for it.

mod answers;
mod apply;
mod changing;
mod clock;
mod core;
mod delivery;
mod durable;
mod filter;
mod handle;
pub(crate) mod hot;
mod inputs;
mod lasting;
mod load;
mod membership;
mod orders;
mod origin;
mod registry;
mod resume;
mod ring;
mod roster;
mod settings;
mod sleeping;
mod storage;
mod swap;
mod views;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{ErrorCode, ServerFrame, server};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use self::clock::{FAR, ring_by};
use self::core::RoomCore;
use self::lasting::Lasting;
use self::settings::Settings;
use self::swap::Swap;
use crate::fanout::Fanout;
use crate::node::Node;
use crate::plugin::{BatchInput, Fault, FaultReport, OpenError, Ran, RanBatch, Runner, wit};
use crate::session::Peer;
use crate::session::outbox::Control;
use crate::telemetry::Stage;

pub(crate) use durable::again;
pub(crate) use durable::{
    BatchRecord, Change, EventRecord, FormatError, MemberNote, Snapshot, StoredRoom, decode,
    number_of,
};
pub(crate) use handle::{
    BUSY, Claim, JoinRequest, LeaveReason, MailboxBounds, PostError, Return, RoomHandle,
    RoomIdentity, RoomInput, RoomStatus,
};
pub(crate) use lasting::{Beginning, NO_STORAGE};
pub(crate) use orders::{
    Changed, Order, RoomReport, SwapOrder, SwapPhase, SwapRefusal, Swapped, TrialEnd,
};
pub(crate) use registry::{Located, Locator, Made, Registry};
pub(crate) use ring::RetainedBytes;
pub(crate) use sleeping::{Sleeper, tend};

/// How many inputs are taken from the mailbox at a time.
const INBOX_MAX: usize = 64;
/// So many are worth waiting for more.
const INBOX_MANY: usize = INBOX_MAX / 4;
/// A step that costs more than this sends its room to the slow lane.
const SLOW_STEP: Duration = Duration::from_millis(5);
/// After an opening that took longer than this, the next of its version is done in the slow lane.
const SLOW_OPEN: Duration = Duration::from_millis(20);
/// Steps below this count towards coming back.
const QUICK_STEP: Duration = Duration::from_millis(2);
/// So many quick steps in a row bring a room back beside the sockets.
const QUICK_STEPS_TO_RETURN: u32 = 200;

/// Runs a room from its opening to its end.
pub(crate) async fn run(
    node: Arc<Node>,
    handle: RoomHandle,
    mailbox: mpsc::Receiver<RoomInput>,
    beginning: Beginning,
) {
    let mut room = RoomTask {
        fanout: Fanout::new(Arc::clone(&node.metrics)),
        node,
        handle,
        mailbox,
        inbox: Vec::new(),
        lane: Lane::default(),
        orders: Vec::new(),
        swap: None,
        lasting: None,
    };
    let _registered = Registered::new(&room);
    room.lane.is_slow = room.handle.identity.version().is_slow();
    let begun = match beginning {
        Beginning::New { epoch } => room.open(epoch).await,
        Beginning::Stored { number, slept } => room.bring_back(number, slept).await,
    };
    match begun {
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
    /// What was ordered and not done yet.
    orders: Vec<Order>,
    /// The change to another version that is under way.
    swap: Option<Swap>,
    /// How it outlives this task; `None` if it does not.
    lasting: Option<Lasting>,
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

impl OpenRefusal {
    /// The plugin is at fault, and what is wrong with it is nobody's business but its author's.
    fn failed() -> Self {
        Self {
            code: ErrorCode::PluginFailed,
            message: "the plugin failed while opening the room; its author was told".to_owned(),
        }
    }
}

impl RoomTask {
    async fn open(&mut self, epoch: u64) -> Result<(Box<RoomCore>, Box<Runner>), OpenRefusal> {
        let identity = &self.handle.identity;
        let version = &identity.version();
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
        let (mut runner, effects) = opened.map_err(|error| self.refusal(error))?;
        let now = Instant::now();
        let metrics = Arc::clone(&self.node.metrics);
        let status = Arc::clone(&self.handle.status);
        let settings = Settings::of(&self.node);
        let identity = Arc::clone(identity);
        let core = RoomCore::new(identity, epoch, status, settings, metrics, now);
        let mut core = Box::new(core);
        core.apply_opening(effects);
        self.begin_lasting(&mut core, &mut runner, epoch);
        self.node.metrics.room_began(started.elapsed());
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
        self.report_fault(&fault, 0, "opening the room");
        let version = self.handle.identity.version();
        self.note_failure(&version, &fault.message);
        let catalog = &self.node.catalog;
        catalog.note_room_lost(&version.digest, self.handle.name());
        OpenRefusal::failed()
    }

    async fn serve(&mut self, mut core: Box<RoomCore>, runner: Box<Runner>) {
        let grace = self.node.limits.empty_room_grace;
        let mut runner = Some(runner);
        let mut alarm = pin!(tokio::time::sleep(FAR));
        loop {
            let now = Instant::now();
            core.flush(now);
            let stalled = self.look_at_disk(&mut core, now);
            self.serve_storage(&mut core);
            let wake = stalled.or_else(|| self.next_wake(&core, grace));
            let committed = self.committed(&core);
            // What waits in the mailbox is bounded there; what is taken is not.
            let is_full = core.is_behind;
            // What came while the room was brought back is here already.
            let has_orders = !self.orders.is_empty() && stalled.is_none();
            if self.inbox.is_empty() && !has_orders {
                ring_by(alarm.as_mut(), wake.unwrap_or(now + FAR));
                tokio::select! {
                    taken = self.mailbox.recv_many(&mut self.inbox, INBOX_MAX), if !is_full => {
                        if taken == 0 {
                            break;
                        }
                        self.gather(&core).await;
                    }
                    () = self.handle.answers.arrived() => {}
                    () = told(committed) => {}
                    () = &mut alarm => {}
                }
            }
            self.handle.answers.take(&mut self.inbox);
            let now = Instant::now();
            let stalled = self.look_at_disk(&mut core, now);
            core.wake(now);
            core.judge_load();
            self.take_inbox(&mut core);
            if stalled.is_none() {
                core.pass_time(now);
                if self.step(&mut core, &mut runner, now).await.is_err() {
                    core.close(
                        ErrorCode::PluginFailed.as_str(),
                        "the room was lost inside the server",
                    );
                    self.end_lasting(&core).await;
                    return self.retire().await;
                }
                self.save_if_due(&mut core, &mut runner, now);
            }
            core.trim_ring();
            if core.is_suspended {
                if self.is_on_trial() {
                    self.settle(&mut core, &mut runner);
                }
                self.suspend(&mut core, &mut runner).await;
                break;
            }
            if !core.is_deserted(now, grace) || !core.operations.are_done() {
                self.stay_awake(&mut core, &mut runner);
            } else if self.is_swapping() {
                // It stays awake for its trial, which is over soon.
            } else if !self.is_lasting() {
                core.close(ErrorCode::RoomClosed.as_str(), "the room was empty");
            } else if self.fall_asleep(&mut core, &mut runner) {
                return self.go_to_sleep(&core, now).await;
            }
            if core.is_closed {
                self.end_lasting(&core).await;
                break;
            }
        }
        self.retire().await;
    }

    /// Lets the sessions that have something to say do so before the step: a call of the plugin, and each client's write,
    /// costs about the same for many messages as for one. With nobody else to run this takes no time. Where there is much,
    /// it goes on for as long as more comes: what one session said in two parts would else be answered in two, and what it
    /// says to that come in two again. What waits for a tick is together by then.
    async fn gather(&mut self, core: &RoomCore) {
        while !core.is_on_tick() {
            let before = self.inbox.len();
            if before >= INBOX_MAX {
                return;
            }
            tokio::task::yield_now().await;
            while self.inbox.len() < INBOX_MAX
                && let Ok(input) = self.mailbox.try_recv()
            {
                self.inbox.push(input);
            }
            if self.inbox.len() == before || self.inbox.len() < INBOX_MANY {
                return;
            }
        }
    }

    /// When something is due without any input.
    fn next_wake(&self, core: &RoomCore, grace: Duration) -> Option<Instant> {
        let empty_grace = (!self.is_falling_asleep(core)).then_some(grace);
        let due = [
            core.next_wake(empty_grace),
            self.next_save(),
            self.trial_until(),
        ];
        due.into_iter().flatten().min()
    }

    fn take_inbox(&mut self, core: &mut RoomCore) {
        for input in self.inbox.drain(..) {
            handle::account_taken(&self.handle.status, &input);
            match input {
                RoomInput::Order(order) => self.orders.push(*order),
                input => core.accept(input),
            }
        }
    }

    /// Runs what waits, and does what was ordered.
    async fn step(
        &mut self,
        core: &mut RoomCore,
        runner: &mut Option<Box<Runner>>,
        now: Instant,
    ) -> Result<(), Lost> {
        self.run_batches(core, runner, now).await?;
        self.obey(core, runner).await
    }

    /// Runs what waits, batch by batch.
    async fn run_batches(
        &mut self,
        core: &mut RoomCore,
        runner: &mut Option<Box<Runner>>,
        now: Instant,
    ) -> Result<(), Lost> {
        while let Some((batch, input)) = core.next_batch(now) {
            let started = Instant::now();
            let now_ms = input.now_ms;
            let (mut ran, input) = self.run_batch(runner, input).await.ok_or(Lost)?;
            if self.lane.observe(ran.cost) {
                core.version.demote();
            }
            let metrics = &self.node.metrics;
            metrics.step(started.elapsed(), batch.len(), ran.log_lines_dropped);
            metrics.worked(Stage::Plugin, ran.spent);
            for report in &ran.reports {
                self.report(report);
            }
            core.charge(&batch, ran.spent);
            self.record(core, &input, &batch, &ran);
            let saved = ran.saved.take();
            self.audit(ran.audit.take());
            if ran.is_lost {
                self.note_lost(core);
            }
            if let Some(back) = ran.rolled_back.take() {
                self.on_rolled_back(core, *back, ran.first_step);
            } else {
                self.note_failures(core, &ran.reports);
            }
            core.apply(&batch, ran, now_ms);
            if let Some(runner) = runner {
                self.keep_saved(core, runner, saved);
                self.begin_audit_if_due(core, runner, now);
            }
            if core.has_waiting() {
                // Others on this thread have waited for one batch; that is enough.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Leaves the room to the registry, which wakes it when somebody comes or a timer is due.
    async fn go_to_sleep(&mut self, core: &RoomCore, now: Instant) {
        if let Some(number) = self.stream_number() {
            let wake_at = core.next_timer(now);
            self.node
                .rooms
                .put_to_sleep(&self.node, &self.handle, number, wake_at);
            self.node.metrics.room_slept();
        }
        self.retire().await;
    }

    /// Runs a batch, here or in the slow lane; what failed is always mended there. Gives the batch back. `None` if the
    /// runner was lost.
    async fn run_batch(
        &self,
        slot: &mut Option<Box<Runner>>,
        mut input: BatchInput,
    ) -> Option<(Ran, BatchInput)> {
        let mut runner = slot.take()?;
        let lane = &self.node.slow_lane;
        let done = if self.lane.is_slow {
            lane.run(runner, input).await?
        } else {
            match runner.run(&mut input) {
                Ok(ran) => RanBatch { runner, input, ran },
                Err(fault) => lane.recover(runner, input, fault).await?,
            }
        };
        *slot = Some(done.runner);
        Some((done.ran, done.input))
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
        self.handle.answers.close();
        let taken: Vec<RoomInput> = self.inbox.drain(..).collect();
        let mut taken = taken.into_iter();
        while let Some(input) = match taken.next() {
            Some(input) => Some(input),
            None => self.mailbox.recv().await,
        } {
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
                | RoomInput::Stored { .. }
                | RoomInput::Roles { .. }
                | RoomInput::Signal { .. }
                | RoomInput::Remove(_)
                | RoomInput::Order(_)
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
        let name = Arc::clone(self.handle.name());
        returned.peer.outbox.push_control(match returned.claim {
            Claim::Nothing { .. } => Control::JoinBounced(name),
            Claim::Position { .. } => Control::LeftRoom(name),
        });
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

/// The runner of a room is gone: a fault of ours.
struct Lost;

/// Waits for a word, or for ever.
async fn told(notify: Option<Arc<Notify>>) {
    match notify {
        Some(notify) => notify.notified().await,
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
