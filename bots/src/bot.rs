//! One bot: one connection, one member, one task.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use parlor_proto::{ClientFrame, Payload, ServerFrame, ViewCopies, client, server};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::Error;
use crate::account::{Fault, Input, Ledger};
use crate::acks::Acks;
use crate::join;
use crate::options::Plan;
use crate::room::Room;
use crate::samples::{Measure, Samples};
use crate::schedule::Schedule;
use crate::script::{Script, Sight, Stamp};
use crate::socket::{Inbound, Socket, SocketError};
use crate::traffic::Counters;

/// The time between two ticks of what moves: the grid, and the arena.
const TICK_US: u64 = 50_000;

/// Where a run is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Phase {
    /// Bots connect and join.
    Joining,
    /// They send.
    Playing { start: Instant, end: Instant },
    /// They wait for what is still to come.
    Draining,
    /// They leave.
    Over,
}

/// What all bots of a run share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) address: SocketAddr,
    /// The zero of all times of the run.
    pub(crate) origin: Instant,
    pub(crate) samples: Samples,
    pub(crate) counters: Counters,
}

impl Shared {
    fn micros(&self, at: Instant) -> u64 {
        let since = at.duration_since(self.origin).as_micros();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

/// Which bot, and where.
#[derive(Debug)]
pub(crate) struct Seed {
    /// Its number in the run.
    pub(crate) number: usize,
    /// Its place in the room.
    pub(crate) place: u32,
    pub(crate) room: Arc<Room>,
    pub(crate) shared: Arc<Shared>,
}

/// What a bot leaves behind.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) number: usize,
    pub(crate) ledger: Ledger,
    /// Why its connection ended before its time.
    pub(crate) ended: Option<String>,
}

/// Brings a bot into its room, says how that went, and plays. `None` where it did not get in.
pub(crate) async fn run(
    seed: Seed,
    ramp: Arc<Semaphore>,
    joined: mpsc::Sender<Result<(), Error>>,
    phase: watch::Receiver<Phase>,
) -> Option<Report> {
    let bot = {
        let _permit = ramp.acquire().await.ok()?;
        Bot::join(seed).await
    };
    let (bot, outcome) = match bot {
        Ok(bot) => (Some(bot), Ok(())),
        Err(error) => (None, Err(error)),
    };
    joined.send(outcome).await.ok()?;
    Some(bot?.play(phase).await)
}

/// A bot in its room.
#[derive(Debug)]
struct Bot {
    seed: Seed,
    /// Its number in the room.
    me: u32,
    socket: Socket,
    script: Script,
    ledger: Ledger,
    acks: Acks,
    schedule: Option<Schedule>,
    /// Where inputs are not sent on a schedule: until when each answer is followed by the next input.
    refill_until: Option<Instant>,
    /// When the last state of what moves came, and of which tick it was.
    last_moving: Option<(u64, Instant)>,
    /// What states and patches have made of each view.
    views: ViewCopies,
}

impl Bot {
    async fn join(seed: Seed) -> Result<Self, Error> {
        let (socket, joined) = join::enter(&seed).await?;
        let mut ledger = Ledger::new(seed.place);
        ledger.on_joined(joined.epoch, joined.seq, joined.last_id);
        seed.room.on_joined(seed.place as usize, joined.you.id);
        Ok(Self {
            me: joined.you.id,
            script: Script::new(seed.shared.plan.plugin, seed.place as usize),
            socket,
            ledger,
            acks: Acks::new(joined.epoch, joined.seq),
            schedule: None,
            refill_until: None,
            last_moving: None,
            views: ViewCopies::default(),
            seed,
        })
    }

    async fn play(mut self, phase: watch::Receiver<Phase>) -> Report {
        let mut is_stopped = false;
        let ended = self.drive(phase, &mut is_stopped).await.err();
        if !is_stopped {
            self.stop();
        }
        match &ended {
            Some(_) => self.ledger.on_fault(Fault::Disconnected),
            None => self.socket.close().await,
        }
        Report {
            number: self.seed.number,
            ledger: self.ledger,
            ended: ended.map(|error| error.to_string()),
        }
    }

    /// The loop. Its inputs: where the run is, the schedule, and the socket.
    async fn drive(
        &mut self,
        mut phase: watch::Receiver<Phase>,
        is_stopped: &mut bool,
    ) -> Result<(), SocketError> {
        let mut settled = self.seed.room.settled();
        let mut timer = pin!(sleep_until(self.seed.shared.origin));
        let mut ack_timer = pin!(sleep_until(self.seed.shared.origin));
        // The run may have moved on while this bot joined.
        phase.mark_changed();
        loop {
            let next = self.schedule.as_ref().and_then(Schedule::next);
            if let Some(next) = next
                && timer.deadline() != next
            {
                timer.as_mut().reset(next);
            }
            let ack = self.acks.due();
            if let Some(ack) = ack
                && ack_timer.deadline() != ack
            {
                ack_timer.as_mut().reset(ack);
            }
            tokio::select! {
                changed = phase.changed() => {
                    let now = if changed.is_ok() { *phase.borrow_and_update() } else { Phase::Over };
                    match now {
                        Phase::Joining => {}
                        Phase::Playing { start, end } => self.begin(start, end).await?,
                        Phase::Draining => {
                            *is_stopped = true;
                            self.stop();
                        }
                        Phase::Over => return Ok(()),
                    }
                }
                () = until_true(&mut settled) => return Ok(()),
                () = &mut timer, if next.is_some() => self.send_due().await?,
                () = &mut ack_timer, if ack.is_some() => self.acknowledge().await?,
                inbound = self.socket.receive() => {
                    self.on_inbound(inbound?).await?;
                    if self.seed.shared.plan.in_flight.is_some() {
                        self.catch_up().await?;
                    }
                }
            }
        }
    }

    /// Begins to send.
    async fn begin(&mut self, start: Instant, end: Instant) -> Result<(), SocketError> {
        let plan = &self.seed.shared.plan;
        let Some(in_flight) = plan.in_flight else {
            let number = self.seed.number as u64;
            self.schedule = Some(Schedule::new(start, end, plan.rate, number));
            return self.urge().await;
        };
        self.refill_until = Some(end);
        for _ in 0..in_flight {
            self.refill().await?;
        }
        self.socket.flush().await
    }

    /// Takes all that has come, and sends what follows in one go: a generator that takes longer than the server measures
    /// itself.
    async fn catch_up(&mut self) -> Result<(), SocketError> {
        while let Some(inbound) = self.socket.receive().now_or_never() {
            self.on_inbound(inbound?).await?;
        }
        self.socket.flush().await
    }

    /// Sends no more.
    fn stop(&mut self) {
        self.refill_until = None;
        if let Some(schedule) = self.schedule.take() {
            self.seed
                .shared
                .counters
                .on_unsent(schedule.due(Instant::now()));
        }
        self.seed.room.on_stopped();
    }

    /// Sends the input that is due.
    async fn send_due(&mut self) -> Result<(), SocketError> {
        let Some(at) = self.schedule.as_mut().and_then(Schedule::take) else {
            return Ok(());
        };
        let at_us = self.seed.shared.micros(at);
        let id = self.ledger.next_id();
        // The game that does not go on is more urgent than the next move in it.
        if let Some(data) = self.script.urge(id) {
            return self.send(Input { id, at_us }, data).await;
        }
        self.send_next(Input { id, at_us }).await
    }

    /// Sends the next input, if what was answered is to be followed by one.
    async fn refill(&mut self) -> Result<(), SocketError> {
        let now = Instant::now();
        if self.refill_until.is_none_or(|end| end <= now) {
            return Ok(());
        }
        let id = self.ledger.next_id();
        let at_us = self.seed.shared.micros(now);
        self.send_next(Input { id, at_us }).await
    }

    async fn send_next(&mut self, input: Input) -> Result<(), SocketError> {
        let stamp = Stamp {
            sender: self.seed.place,
            id: input.id,
            at_us: input.at_us,
        };
        let data = self.script.next(stamp, &self.seed.room);
        self.send(input, data).await
    }

    /// Sends what cannot wait for its turn, if there is anything.
    async fn urge(&mut self) -> Result<(), SocketError> {
        let id = self.ledger.next_id();
        if self.schedule.is_none() {
            return Ok(());
        }
        let Some(data) = self.script.urge(id) else {
            return Ok(());
        };
        let at_us = self.seed.shared.micros(Instant::now());
        self.send(Input { id, at_us }, data).await
    }

    async fn send(&mut self, input: Input, data: Payload) -> Result<(), SocketError> {
        let shared = &self.seed.shared;
        let lag_us = shared.micros(Instant::now()).saturating_sub(input.at_us);
        shared
            .samples
            .record(self.seed.number, Measure::SendLag, lag_us);
        // Before it is on the wire, for its answer could come at once.
        self.ledger.on_sent(input);
        self.seed.room.on_sent();
        let room = self.seed.room.name.clone();
        let id = Some(input.id);
        self.send_frame(client::RoomMessage { room, data, id }.into())
            .await
    }

    /// Says what has arrived.
    async fn acknowledge(&mut self) -> Result<(), SocketError> {
        let ack = self.acks.take(&self.seed.room.name);
        self.send_frame(ack.into()).await
    }

    async fn send_frame(&mut self, frame: ClientFrame) -> Result<(), SocketError> {
        let bytes = if self.refill_until.is_some() {
            self.socket.feed(&frame).await?
        } else {
            self.socket.send(&frame).await?
        };
        let subprotocol = self.socket.subprotocol();
        self.seed.shared.counters.on_sent(subprotocol, bytes);
        Ok(())
    }

    /// A reliable frame came.
    fn on_reliable(&mut self, epoch: u64, seq: u64) {
        self.ledger.on_reliable(epoch, seq);
        self.acks.on_reliable(epoch, seq, Instant::now());
    }

    async fn on_inbound(&mut self, inbound: Inbound) -> Result<(), SocketError> {
        let subprotocol = self.socket.subprotocol();
        let counters = &self.seed.shared.counters;
        counters.on_received(subprotocol, inbound.bytes);
        let Ok(frame) = inbound.frame else {
            self.ledger.on_fault(Fault::Unreadable);
            return Ok(());
        };
        let frame = match self.views.take(frame) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(()),
            Err(_) => {
                self.ledger.on_fault(Fault::StateWrong);
                return Ok(());
            }
        };
        match frame {
            ServerFrame::RoomState(state) => {
                self.on_state(&state);
                return self.urge().await;
            }
            ServerFrame::Reply(reply) => {
                let input = self.ledger.on_reply(reply.id);
                self.on_answer(input, true);
                return self.refill().await;
            }
            ServerFrame::Error(error) => match error.id {
                Some(id) => {
                    let input = self.ledger.on_refusal(id, &error.code);
                    self.on_answer(input, false);
                    return self.refill().await;
                }
                None => self.ledger.on_fault(Fault::StrayError),
            },
            ServerFrame::RoomMessage(message) => {
                self.on_reliable(message.epoch, message.seq);
                self.on_message(&message.data);
            }
            ServerFrame::UserJoined(frame) => self.on_reliable(frame.epoch, frame.seq),
            ServerFrame::UserChanged(frame) => self.on_reliable(frame.epoch, frame.seq),
            ServerFrame::UserLeft(frame) => self.on_reliable(frame.epoch, frame.seq),
            ServerFrame::Reset(reset) => {
                self.ledger.on_reset(reset.epoch, reset.seq);
                self.acks.on_reset(reset.epoch, reset.seq);
            }
            ServerFrame::RoomLeft(_) | ServerFrame::RoomClosed(_) => {
                self.ledger.on_fault(Fault::RoomClosed);
            }
            ServerFrame::Welcome(_)
            | ServerFrame::RoomJoined(_)
            | ServerFrame::RoomPatch(_)
            | ServerFrame::Resumed(_)
            | ServerFrame::Pong(_)
            | ServerFrame::Notice(_)
            | ServerFrame::Goaway(_) => {}
        }
        Ok(())
    }

    fn on_answer(&mut self, input: Option<Input>, is_accepted: bool) {
        let Some(Input { id, at_us }) = input else {
            return;
        };
        self.measure(Measure::Reply, at_us);
        self.script.on_answer(id, is_accepted);
        let shared = &self.seed.shared;
        shared.counters.on_answered();
        self.seed.room.on_answered(is_accepted, shared.plan.players);
    }

    fn on_message(&mut self, data: &Payload) {
        let Some(heard) = self.script.hear(data) else {
            return;
        };
        let is_own = heard.stamp.sender == self.seed.place;
        self.measure(screen(is_own), heard.stamp.at_us);
        self.ledger.on_heard(heard.stamp.mark(), heard.number);
        self.seed.room.on_heard();
    }

    fn on_state(&mut self, frame: &server::RoomState) {
        self.ledger
            .on_state(&frame.view, frame.version, frame.as_of);
        let is_moving = matches!(
            (&self.script, frame.view.as_str()),
            (Script::Grid(_), "board") | (Script::Arena(_), "near")
        );
        if !is_moving {
            return;
        }
        let now = Instant::now();
        self.on_moving(frame.tick, now);
        let shared = &self.seed.shared;
        let now_us = shared.micros(now);
        let shown = |measure, at_us| {
            let since_us = now_us.saturating_sub(at_us);
            shared.samples.record(self.seed.number, measure, since_us);
        };
        let is_readable = match &mut self.script {
            Script::Grid(grid) => {
                let sight = Sight {
                    state: &frame.state,
                    me: self.me,
                    place: self.seed.place as usize,
                    room: &self.seed.room,
                };
                grid.on_board(&sight, |it| shown(screen(it.is_own), it.at_us))
            }
            Script::Arena(arena) => arena.on_near(&frame.state, self.me, |at_us| {
                shown(Measure::OwnScreen, at_us)
            }),
            Script::Chat | Script::Echo | Script::Broadcast => true,
        };
        if !is_readable {
            self.ledger.on_fault(Fault::Unreadable);
        }
    }

    /// A state of what moves came: how evenly do they come?
    fn on_moving(&mut self, tick: u64, now: Instant) {
        if let Some((last, at)) = self.last_moving
            && tick > last
        {
            let ticks_us = (tick - last).saturating_mul(TICK_US);
            let apart_us = u64::try_from(now.duration_since(at).as_micros()).unwrap_or(u64::MAX);
            let jitter_us = apart_us.abs_diff(ticks_us);
            let samples = &self.seed.shared.samples;
            samples.record(self.seed.number, Measure::StateJitter, jitter_us);
        }
        // Before the bots play, a state may be one that was published long ago, for a newcomer.
        self.last_moving = self.schedule.is_some().then_some((tick, now));
    }

    fn measure(&self, measure: Measure, since_us: u64) {
        let shared = &self.seed.shared;
        let micros = shared.micros(Instant::now()).saturating_sub(since_us);
        shared.samples.record(self.seed.number, measure, micros);
    }
}

fn screen(is_own: bool) -> Measure {
    if is_own {
        Measure::OwnScreen
    } else {
        Measure::OtherScreen
    }
}

/// Waits without keeping hold of the value.
async fn until_true(receiver: &mut watch::Receiver<bool>) {
    if receiver.wait_for(|is_true| *is_true).await.is_err() {
        std::future::pending().await
    }
}
