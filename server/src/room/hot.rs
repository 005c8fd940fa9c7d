//! The paths through a room, for [`crate::hot`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parlor_proto::{Payload, Subprotocol, Visibility};
use tokio::time::Instant;

use super::core::RoomCore;
use super::durable::{BatchRecord, Writer, stream_of};
use super::handle::{JoinRequest, RoomIdentity, RoomInput, RoomStatus, RoomTraits};
use super::origin::Origin;
use super::ring::RetainedBytes;
use super::settings::Settings;
use crate::config::Limits;
use crate::crash_point::CrashPoints;
use crate::hot::{metrics, peers};
use crate::persistence::{Persistence, PersistenceSettings};
use crate::plugin::{Action, Audience, BatchInput, Effect, Ran, Stepped, Version, wit};
use crate::session::Peer;
use crate::session::outbox::Outgoing;

/// What the plugin of a [`Room`] does with each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// Tells all members. The messages have no id, so that nobody is answered.
    Tells,
    /// Answers it, by its id.
    Answers,
}

/// A room without its task, whose plugin is what the caller says that it is.
#[derive(Debug)]
pub struct Room {
    core: RoomCore,
    writer: Writer,
    peers: Vec<Peer>,
    plugin: Plugin,
    said: Payload,
    last_id: u64,
    taken: Vec<Outgoing>,
}

/// Messages as they are in a mailbox.
#[derive(Debug)]
pub struct Inputs(Vec<RoomInput>);

/// A batch that was cut.
#[derive(Debug)]
pub struct Batch {
    origins: Vec<Origin>,
    /// Without its events, once it was run.
    input: BatchInput,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Outcome(Ran);

impl Room {
    /// With one member for each of these, who say that. The journal of it is in `folder`.
    ///
    /// # Panics
    ///
    /// If no journal can be made there.
    #[must_use]
    pub fn new(folder: &Path, members: &[Subprotocol], plugin: Plugin, said: Payload) -> Self {
        let points = CrashPoints::default();
        let persistence = Persistence::open(folder, PersistenceSettings::default(), None, &points);
        let persistence = persistence.expect("a journal can be made in the folder");
        let writer = Writer::new(persistence.journal.clone(), stream_of(1), 0);
        let limits = Limits::default();
        let settings = Settings {
            mailbox: limits.mailbox_bounds(),
            resume_window: limits.resume_window,
            retained: Arc::new(RetainedBytes::new(limits.retained_bytes_max)),
            busy_percent_max: None,
            test_break: None,
            persistence: Arc::new(persistence),
        };
        let (identity, status) = (identity("room"), Arc::new(RoomStatus::new(MEMBERS_MAX)));
        let core = RoomCore::new(identity, 1, status, settings, metrics(), Instant::now());
        let mut room = Self {
            core,
            writer,
            peers: peers(members),
            plugin,
            said,
            last_id: 0,
            taken: Vec::new(),
        };
        let joins = room.peers.iter().map(|peer| {
            RoomInput::Join(Box::new(JoinRequest {
                peer: peer.clone(),
                name: format!("Guest {}", peer.session),
                user: None,
                roles: Vec::new(),
                seat: None,
                has_reservation: false,
                id: None,
            }))
        });
        let joins = Inputs(joins.collect());
        let mut batch = room.batch(joins);
        let outcome = Outcome(ran(&mut batch, Vec::new()));
        room.apply(&batch, outcome);
        room.empty();
        room
    }

    /// So many messages, each of the next member.
    pub fn inputs(&mut self, count: usize) -> Inputs {
        // From later on: how long it took is 0, and so the same in each run.
        let since = (self.core.now + Duration::from_hours(1)).into_std();
        let peers = self.peers.iter().cycle().take(count);
        let inputs = peers.map(|peer| {
            self.last_id += 1;
            RoomInput::Message {
                peer: peer.clone(),
                payload: self.said.clone(),
                id: (self.plugin == Plugin::Answers).then_some(self.last_id),
                since,
            }
        });
        Inputs(inputs.collect())
    }

    /// The path: the room accepts messages, and cuts a batch of them.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn batch(&mut self, inputs: Inputs) -> Batch {
        for input in inputs.0 {
            self.core.accept(input);
        }
        let cut = self.core.next_batch(self.core.now);
        let (origins, input) = cut.expect("there is something to make a batch of");
        Batch { origins, input }
    }

    /// What the plugin makes of a batch.
    #[must_use]
    pub fn outcome(&self, batch: &mut Batch) -> Outcome {
        let effects = (0..batch.origins.len()).map(|cause| Effect {
            cause: Some(cause),
            action: match self.plugin {
                Plugin::Tells => Action::Send {
                    to: Audience::Everyone,
                    from: None,
                    payload: self.said.clone(),
                },
                Plugin::Answers => Action::Reply(Ok(self.said.clone())),
            },
        });
        Outcome(ran(batch, effects.collect()))
    }

    /// The path: a batch and what came of it become a record, which is kept for the next write.
    pub fn record(&mut self, batch: &Batch, outcome: &Outcome) {
        let roster = &self.core.roster;
        let record = BatchRecord::new(&batch.input, &batch.origins, roster, &outcome.0);
        self.writer.record(&record, true);
    }

    /// The path: what came of a batch becomes frames in outboxes.
    pub fn apply(&mut self, batch: &Batch, outcome: Outcome) {
        self.core
            .apply(&batch.origins, outcome.0, batch.input.now_ms);
    }

    /// Takes what was sent. How many frames that is.
    pub fn empty(&mut self) -> usize {
        self.taken.clear();
        let peers = self.peers.iter();
        peers.for_each(|peer| peer.outbox.take(&mut self.taken));
        self.taken.len()
    }
}

/// As many players as a room here may hold.
pub(crate) const MEMBERS_MAX: u32 = 1_000;

/// A room of that name, of a plugin without code.
pub(crate) fn identity(room: &str) -> Arc<RoomIdentity> {
    let traits = RoomTraits {
        visibility: Visibility::Public,
        code: None,
        match_key: Payload::null(),
        options: Payload::empty_map(),
    };
    let version = Arc::new(Version::without_code());
    Arc::new(RoomIdentity::new(room.into(), version, traits))
}

/// One step, which asks for that.
fn ran(batch: &mut Batch, effects: Vec<Effect>) -> Ran {
    let input = &mut batch.input;
    let run = wit::Batch {
        step: 1,
        first_event: 1,
        tick: input.tick,
        now_ms: input.now_ms,
        seed: 0,
        events: std::mem::take(&mut input.events),
    };
    Ran {
        first_step: 1,
        steps: vec![Stepped {
            batch: Arc::new(run),
            events: 0..batch.origins.len(),
            effects,
            effects_hash: 0,
        }],
        ..Ran::default()
    }
}
