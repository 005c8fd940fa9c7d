//! How a test room is opened and who comes in.

use serde::Serialize;

use super::TestRoom;
use crate::{
    Delivery, Description, Map, Member, MemberId, Payload, Plugin, Refusal, Result, Seat, Value,
    bindings::parlor::room::types as wit, guest::Instance,
};

/// What a test room is opened with.
#[derive(Debug, Clone)]
pub struct Setup {
    room: String,
    seed: u64,
    settings: Payload,
    options: Payload,
    resumed: Option<(u32, Vec<u8>)>,
}

impl Setup {
    /// A room named `test` with seed 1, and neither settings nor options.
    pub fn new() -> Self {
        let empty = Payload::trusted(vec![0x80]);
        Self {
            room: "test".to_owned(),
            seed: 1,
            settings: empty.clone(),
            options: empty,
            resumed: None,
        }
    }

    /// Another name.
    #[must_use]
    pub fn room(mut self, name: &str) -> Self {
        name.clone_into(&mut self.room);
        self
    }

    /// Another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The operator's settings, a map.
    #[must_use]
    #[track_caller]
    pub fn settings(mut self, settings: &(impl Serialize + ?Sized)) -> Self {
        self.settings = map(settings);
        self
    }

    /// The options of the member who makes the room, a map.
    #[must_use]
    #[track_caller]
    pub fn options(mut self, options: &(impl Serialize + ?Sized)) -> Self {
        self.options = map(options);
        self
    }

    /// Goes on from [`TestRoom::saved`] of a plugin with this state schema, instead of opening.
    #[must_use]
    pub fn resumed_from(mut self, schema: u32, saved: &[u8]) -> Self {
        self.resumed = Some((schema, saved.to_owned()));
        self
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

#[track_caller]
fn map(value: &(impl Serialize + ?Sized)) -> Payload {
    match Payload::of(value) {
        Ok(payload) if matches!(payload.read(), Ok(Value::Map(_))) => payload,
        Ok(payload) => panic!("settings and options are maps, not {payload:?}"),
        Err(error) => panic!("no settings or options: {error}"),
    }
}

/// Somebody who wants to join.
#[derive(Debug, Clone)]
pub struct Newcomer {
    name: String,
    seat: Seat,
    user: Option<String>,
    roles: Vec<String>,
}

impl Newcomer {
    /// A guest who wants to play.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            seat: Seat::Player,
            user: None,
            roles: Vec::new(),
        }
    }

    /// Somebody who wants to watch.
    #[must_use]
    pub fn spectator(mut self) -> Self {
        self.seat = Seat::Spectator;
        self
    }

    /// An authenticated user.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Somebody with this role.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }
}

impl<R: Plugin> TestRoom<R> {
    /// Opens a room.
    ///
    /// # Errors
    /// When the room refuses.
    ///
    /// # Panics
    /// When the plugin's description is none the host would take.
    #[track_caller]
    pub fn open_with(setup: &Setup) -> Result<Self> {
        let description = R::describe();
        check(&description);
        let (instance, effects) = match &setup.resumed {
            Some((schema, saved)) => (Instance::<R>::load(*schema, saved)?, Vec::new()),
            None => Instance::<R>::open(wit::Config {
                room: setup.room.clone(),
                seed: setup.seed,
                settings: setup.settings.as_bytes().to_owned(),
                options: setup.options.as_bytes().to_owned(),
            })?,
        };
        let members: Map<MemberId, Member> = instance
            .ctx
            .members()
            .map(|member| (member.id, member.clone()))
            .collect();
        let mut room = Self {
            saved: instance.save(),
            instance,
            description,
            seed: setup.seed,
            now_ms: 0,
            tick: 0,
            step: 0,
            event: 0,
            last_member: members.keys().next_back().copied().unwrap_or(0),
            members,
            timers: Map::new(),
            gathered: Vec::new(),
            leaving: Default::default(),
            inboxes: Map::new(),
            answers: Map::new(),
            rejected: None,
            views: Vec::new(),
            kicked: Vec::new(),
            metadata: Value::Map(Map::new()),
            locked: false,
            closed: None,
            kv_requests: Vec::new(),
            kv_waiting: Default::default(),
            storage: Map::new(),
            logs: Vec::new(),
            effects_of_last_step: 0,
        };
        room.logs.append(&mut room.instance.ctx.logs);
        room.apply("open", &[], effects);
        Ok(room)
    }

    /// Somebody joins. Who wants to play and finds no seat free, or the room locked, becomes a spectator.
    ///
    /// # Errors
    /// When the room refuses, or is full.
    #[track_caller]
    pub fn join_as(&mut self, newcomer: &Newcomer) -> Result<MemberId> {
        let seat = self
            .free_seat(newcomer.seat)
            .ok_or_else(|| Refusal::new("ROOM_FULL", "no seat is free"))?;
        self.last_member += 1;
        let member = Member {
            id: self.last_member,
            name: newcomer.name.clone(),
            seat,
            user: newcomer.user.clone(),
            roles: newcomer.roles.clone(),
        };
        self.members.insert(member.id, member.clone());
        let id = member.id;
        self.run(vec![wit::Event::Joined(member)]);
        self.rejected.take().map_or(Ok(id), Err)
    }

    fn free_seat(&self, wanted: Seat) -> Option<Seat> {
        let taken = |seat| {
            self.members
                .values()
                .filter(|member| member.seat == seat)
                .count()
        };
        let free = |seat, max: u32| taken(seat) < max as usize;
        if wanted == Seat::Player
            && !self.locked
            && free(Seat::Player, self.description.players_max)
        {
            Some(Seat::Player)
        } else {
            free(Seat::Spectator, self.description.spectators_max).then_some(Seat::Spectator)
        }
    }
}

/// Panics where the host would not take the plugin.
#[track_caller]
pub(super) fn check(description: &Description) {
    let name = &description.name;
    let is_name_byte = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    assert!(
        (1..=64).contains(&name.len()) && name.bytes().all(is_name_byte),
        "the plugin's name `{name}` is not 1 to 64 of a-z 0-9 - _"
    );
    assert!(
        description.tick_hz <= 128,
        "tick_hz is {}, and at most 128",
        description.tick_hz
    );
    assert!(description.players_max >= 1, "players_max is at least 1");
    assert!(
        description.delivery == Delivery::Immediate || description.tick_hz > 0,
        "delivery `OnTick` needs a tick_hz above 0"
    );
}
