//! Changing a room to another version while people are in it. The version is tried beside the room first; then, between
//! two steps, it takes the room over and is on trial; and either it stays, or the one before it comes back.

use std::sync::Arc;

use parlor_proto::ErrorCode;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::core::RoomCore;
use super::durable::Change;
use super::handle::RoomInput;
use super::orders::{
    Changed, Order, RoomReport, SwapOrder, SwapPhase, SwapRefusal, Swapped, TrialEnd,
};
use super::{Lost, RoomTask, SLOW_STEP};
use crate::plugin::{
    Fault, FaultReport, HandOver, HandOverError, RolledBack, Runner, Shadowed, Version,
};
use crate::release::Leaving;

/// Where a room is on its way to another version.
#[derive(Debug)]
pub(super) enum Swap {
    /// The version is tried beside the room.
    Shadow(SwapOrder),
    /// The version is in charge, and the one before it parked.
    Trial {
        until: Instant,
        probing: Probing,
        /// Told how it ends; nobody, if the server was started in between.
        ended: Option<oneshot::Sender<TrialEnd>>,
    },
}

/// Whether it is known that what the version on trial saves is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probing {
    /// Its first steps are not all there yet.
    Gathering,
    /// They are lived through again.
    UnderWay,
    /// It is.
    Done,
}

type Slot = Option<Box<Runner>>;

impl RoomTask {
    /// Does what was ordered, between two steps.
    pub(super) async fn obey(&mut self, core: &mut RoomCore, slot: &mut Slot) -> Result<(), Lost> {
        for order in std::mem::take(&mut self.orders) {
            match order {
                Order::Inspect(answer) => {
                    if let Some(runner) = slot {
                        // Whoever asked may be gone.
                        drop(answer.send(self.inspect(core, runner)));
                    }
                }
                Order::Swap(order) => self.begin_swap(core, slot, order),
                Order::Shadowed(shadowed) => self.on_shadowed(core, slot, *shadowed).await?,
                Order::Probed(fault) => self.on_probed(core, slot, fault),
                Order::RollBack(answer) => {
                    let changed = self.roll_back_by_order(core, slot);
                    core.fanout.leave(Leaving::answer(answer, changed));
                }
                Order::Lock(is_locked) => {
                    core.status.set_locked(is_locked);
                    self.record_change(core, slot, Change::Locked(is_locked));
                }
                Order::Close(message) => core.close(ErrorCode::RoomClosed.as_str(), &message),
            }
        }
        self.tend_trial(core, slot);
        Ok(())
    }

    /// A version may have come to the plugin's rooms while this one slept.
    pub(super) fn follow_rollout(&mut self, core: &RoomCore) {
        let rollouts = &self.node.rollouts;
        let wanted = rollouts.version_instead(&core.identity.name, &core.version);
        if let Some(version) = wanted.filter(|_| !self.is_swapping()) {
            let order = Order::Swap(SwapOrder::unattended(version));
            self.orders.push(order);
        }
    }

    /// What the version failed at that is in charge for good, or from the beginning, counts for its roll-out.
    pub(super) fn note_failures(&self, core: &RoomCore, reports: &[FaultReport]) {
        // Without an input to blame it may have been too much for one step, and no failure.
        for report in reports.iter().filter(|it| it.input.is_some()) {
            self.note_failure(&core.version, &report.message);
        }
    }

    pub(super) fn note_failure(&self, version: &Version, why: &str) {
        let rollouts = &self.node.rollouts;
        rollouts.note_failure(version, self.handle.name(), why);
    }

    /// The room ends for what its version did.
    pub(super) fn note_lost(&self, core: &RoomCore) {
        let catalog = &self.node.catalog;
        catalog.note_room_lost(&core.version.digest, self.handle.name());
    }

    /// When the trial is over, if one is under way.
    pub(super) fn trial_until(&self) -> Option<Instant> {
        match &self.swap {
            // Where it waits to be told how its steps came out, it is told.
            Some(Swap::Trial { until, probing, .. }) if *probing != Probing::UnderWay => {
                Some(*until)
            }
            _ => None,
        }
    }

    pub(super) fn is_swapping(&self) -> bool {
        self.swap.is_some()
    }

    pub(super) fn is_on_trial(&self) -> bool {
        matches!(self.swap, Some(Swap::Trial { .. }))
    }

    /// Goes on with the trial that a room was in when its server ended.
    pub(super) fn resume_trial(&mut self, runner: &Runner) {
        if runner.parked().is_some() {
            self.swap = Some(Swap::Trial {
                until: Instant::now() + self.node.limits.trial_time,
                probing: Probing::Done,
                ended: None,
            });
        }
    }

    fn inspect(&self, core: &RoomCore, runner: &Runner) -> RoomReport {
        let running = Arc::clone(&core.version);
        RoomReport {
            epoch: core.epoch,
            seq: core.seq,
            step: runner.position().step,
            durability: core.durability,
            members: core.roster.shown(),
            swap: match &self.swap {
                None => None,
                Some(Swap::Shadow(order)) => Some(SwapPhase::Shadow(Changed {
                    from: Arc::clone(&running),
                    to: Arc::clone(&order.version),
                })),
                Some(Swap::Trial { .. }) => runner.parked().map(|parked| {
                    SwapPhase::Trial(Changed {
                        from: Arc::clone(parked),
                        to: Arc::clone(&running),
                    })
                }),
            },
            usage: runner.usage(),
            version: running,
        }
    }

    /// Tries the version beside the room, unless there is a reason not to.
    fn begin_swap(&mut self, core: &mut RoomCore, slot: &mut Slot, order: SwapOrder) {
        if order.supersedes && self.is_on_trial() {
            self.settle(core, slot);
        }
        let objection = self.objection(core, &order);
        let (Some(runner), None) = (&*slot, &objection) else {
            let gone = || SwapRefusal::new("gone", "the room is about to end");
            drop(order.done.send(Err(objection.unwrap_or_else(gone))));
            return;
        };
        let shadow = runner.shadow(&order.version);
        let (node, handle) = (Arc::clone(&self.node), self.handle.clone());
        tokio::spawn(async move {
            let shadowed = node.slow_lane.shadow(shadow).await;
            node.crash_points.pass("swap-shadowed");
            let order = RoomInput::Order(Box::new(Order::Shadowed(Box::new(shadowed))));
            // A room that is gone needs no other version.
            drop(handle.post_surely(order).await);
        });
        self.swap = Some(Swap::Shadow(order));
    }

    fn objection(&self, core: &RoomCore, order: &SwapOrder) -> Option<SwapRefusal> {
        let (new, old) = (&order.version.description, &core.version.description);
        let refuse = |cause, message: &str| Some(SwapRefusal::new(cause, message));
        if self.is_swapping() {
            return refuse(
                "busy",
                "another change of this room is under way; wait until its trial is over, or roll it back",
            );
        }
        if new.name != old.name {
            let message = format!("the room runs {}, and this is {}", old.name, new.name);
            return refuse("other-plugin", &message);
        }
        if order.version.digest == core.version.digest {
            return refuse("same", "the room runs this very version already");
        }
        if new.presence != old.presence {
            return refuse(
                "presence",
                "a room that runs cannot change what members learn of each other; use the version for new rooms only",
            );
        }
        if core.is_without_storage {
            return refuse(
                "storage",
                "the server cannot write to its disk at the moment",
            );
        }
        suspicion(order)
    }

    /// Whether nobody waits for the change any more, and no roll-out wants it.
    fn is_called_off(&self, core: &RoomCore, order: &SwapOrder) -> bool {
        let rollouts = &self.node.rollouts;
        let wanted = rollouts.version_instead(&core.identity.name, &core.version);
        order.done.is_closed() && wanted.is_none_or(|it| it.digest != order.version.digest)
    }

    async fn on_shadowed(
        &mut self,
        core: &mut RoomCore,
        slot: &mut Slot,
        shadowed: Result<Shadowed, Fault>,
    ) -> Result<(), Lost> {
        let Some(Swap::Shadow(order)) = self.swap.take() else {
            return Ok(());
        };
        if self.is_called_off(core, &order) {
            return Ok(());
        }
        // Another room may have found it out meanwhile.
        if let Some(suspicion) = suspicion(&order) {
            drop(order.done.send(Err(suspicion)));
            return Ok(());
        }
        if let Err(fault) = &shadowed {
            self.report_swap(&order.version, slot, fault, "in the shadow run");
            if !order.is_forced {
                self.refuse(order, fault);
                return Ok(());
            }
        }
        self.switch(core, slot, order, shadowed.ok()).await
    }

    /// Puts the version in charge.
    async fn switch(
        &mut self,
        core: &mut RoomCore,
        slot: &mut Slot,
        order: SwapOrder,
        shadow: Option<Shadowed>,
    ) -> Result<(), Lost> {
        let started = Instant::now();
        self.node.crash_points.pass("swap-begun");
        let is_slow = shadow.is_none_or(|it| it.load_cost > SLOW_STEP);
        let handed = self.hand_over(slot, &order.version, is_slow).await?;
        let handed = match handed {
            Ok(handed) => handed,
            Err(HandOverError::Refused(fault)) => {
                self.report_swap(&order.version, slot, &fault, "taking the room over");
                self.refuse(order, &fault);
                return Ok(());
            }
            Err(HandOverError::Lost(fault)) => {
                drop(order.done.send(Err((&fault).into())));
                self.give_up(core, &fault, 0);
                return Ok(());
            }
        };
        self.node.crash_points.pass("swap-loaded");
        let Some(runner) = slot else {
            return Err(Lost);
        };
        let from = Arc::clone(&core.version);
        let limits = &self.node.limits;
        let until = Instant::now() + limits.trial_time;
        runner.take_over(*handed, limits.trial_steps);
        core.begin_trial(&order.version, Instant::now());
        let change = Change::Switched(order.version.digest.to_string());
        self.record_change(core, slot, change);
        self.node.crash_points.pass("swap-recorded");
        let pause = started.elapsed();
        self.node.metrics.room_swapped(pause);
        self.swap = Some(Swap::Trial {
            until,
            probing: Probing::Gathering,
            ended: Some(order.ended),
        });
        let to = order.version;
        tracing::info!(room = %core.identity.name, from = %from.label, to = %to.label, digest = %to.digest, ?pause, "the room runs another version");
        let swapped = Swapped {
            changed: Changed { from, to },
            pause,
            shadow,
        };
        core.fanout.leave(Leaving::answer(order.done, Ok(swapped)));
        Ok(())
    }

    async fn hand_over(
        &self,
        slot: &mut Slot,
        version: &Arc<Version>,
        is_slow: bool,
    ) -> Result<Result<Box<HandOver>, HandOverError>, Lost> {
        let mut runner = slot.take().ok_or(Lost)?;
        let (runner, handed) = if is_slow || self.lane.is_slow {
            let lane = &self.node.slow_lane;
            let handed = lane.hand_over(runner, Arc::clone(version)).await;
            handed.ok_or(Lost)?
        } else {
            let handed = runner.hand_over(version).map(Box::new);
            (runner, handed)
        };
        *slot = Some(runner);
        Ok(handed)
    }

    /// Looks whether the trial is over, or its first steps are to be lived through again.
    fn tend_trial(&mut self, core: &mut RoomCore, slot: &mut Slot) {
        let (Some(Swap::Trial { until, probing, .. }), Some(runner)) = (&mut self.swap, &mut *slot)
        else {
            return;
        };
        let is_over = Instant::now() >= *until || runner.has_served();
        if *probing == Probing::Gathering
            && let Some(probe) = runner.take_probe(is_over)
        {
            *probing = Probing::UnderWay;
            let (node, handle) = (Arc::clone(&self.node), self.handle.clone());
            tokio::spawn(async move {
                let fault = node.slow_lane.probe(probe).await;
                let order = RoomInput::Order(Box::new(Order::Probed(fault)));
                drop(handle.post_surely(order).await);
            });
        }
        if *probing == Probing::Done && is_over {
            self.settle(core, slot);
        }
    }

    fn on_probed(&mut self, core: &mut RoomCore, slot: &mut Slot, fault: Option<Fault>) {
        let Some(Swap::Trial { probing, .. }) = &mut self.swap else {
            return;
        };
        *probing = Probing::Done;
        if let Some(fault) = fault {
            self.roll_back(core, slot, &fault);
        }
    }

    /// The trial is over, and the version stays.
    pub(super) fn settle(&mut self, core: &mut RoomCore, slot: &mut Slot) {
        let Some(runner) = slot else {
            return;
        };
        match runner.settle() {
            Ok(saved) => {
                core.end_trial();
                self.keep_state(core, slot, saved);
                self.node.crash_points.pass("swap-settled");
                self.end_trial(TrialEnd::Stays);
            }
            Err(fault) => self.roll_back(core, slot, &fault),
        }
    }

    /// Whether somebody hears of it: whoever ordered the change need not wait for its end.
    fn end_trial(&mut self, end: TrialEnd) -> bool {
        match self.swap.take() {
            Some(Swap::Trial {
                ended: Some(ended), ..
            }) => ended.send(end).is_ok(),
            _ => false,
        }
    }

    fn roll_back_by_order(
        &mut self,
        core: &mut RoomCore,
        slot: &mut Slot,
    ) -> Result<Changed, SwapRefusal> {
        let parked = slot.as_ref().and_then(|runner| runner.parked().cloned());
        let Some(to) = parked else {
            let message =
                "no version is parked in this room any more; change it to the one you want";
            return Err(SwapRefusal::new("not-on-trial", message));
        };
        let from = Arc::clone(&core.version);
        let fault = Fault::ordered("the operator went back to the version before");
        self.roll_back(core, slot, &fault);
        Ok(Changed { from, to })
    }

    /// Brings the version back that is parked.
    fn roll_back(&mut self, core: &mut RoomCore, slot: &mut Slot, fault: &Fault) {
        let Some(runner) = slot else {
            return;
        };
        let report = runner.trial_report(fault, 0);
        let back = runner.roll_back(fault);
        let step = runner.position().step;
        if !fault.is_ordered() {
            self.report(&report);
        }
        match back {
            Ok(back) => {
                self.node.crash_points.pass("rollback-begun");
                self.record_change(core, slot, Change::RolledBack);
                self.node.crash_points.pass("rollback-recorded");
                self.on_rolled_back(core, back, step);
            }
            Err(fault) => self.give_up(core, &fault, step),
        }
    }

    /// A version was brought back, here or by a batch that failed.
    pub(super) fn on_rolled_back(&mut self, core: &mut RoomCore, back: RolledBack, step: u64) {
        let (from, to, fault) = (&back.from, &back.to, back.fault.clone());
        tracing::warn!(room = %core.identity.name, from = %from.label, to = %to.label, kind = fault.kind.label(), "the room is back on the version before");
        self.node.metrics.room_rolled_back(fault.kind.label());
        if !fault.is_ordered() {
            from.mark_suspect(&format!("{fault}"));
        }
        let is_heard = self.end_trial(TrialEnd::RolledBack((&fault).into()));
        if !is_heard && !fault.is_ordered() {
            self.note_failure(&back.from, &fault.message);
        }
        core.take_back(back, step, Instant::now());
    }

    /// Says that the version does not take the room over, for what it did.
    fn refuse(&self, order: SwapOrder, fault: &Fault) {
        if order.done.send(Err(fault.into())).is_err() {
            self.note_failure(&order.version, &fault.message);
        }
    }

    /// Tells a version's author why it does not run the room.
    fn report_swap(&self, version: &Arc<Version>, slot: &Slot, fault: &Fault, doing: &str) {
        let step = slot.as_ref().map_or(0, |runner| runner.position().step);
        self.report(&FaultReport {
            plugin: Arc::clone(&version.label),
            digest: Arc::clone(&version.digest),
            room: Arc::clone(self.handle.name()),
            step,
            events: 0,
            kind: fault.kind.label(),
            message: fault.message.clone(),
            input: Some(doing.to_owned()),
        });
        version.mark_suspect(&format!("{fault}"));
    }
}

/// Why a version is not to be tried again.
fn suspicion(order: &SwapOrder) -> Option<SwapRefusal> {
    let why = order.version.suspect().filter(|_| !order.is_forced)?;
    let message =
        format!("this version failed before ({why}); say that it is to be forced, to try again");
    Some(SwapRefusal::new("suspect", message))
}
