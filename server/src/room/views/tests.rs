use std::collections::{HashMap, HashSet};

use parlor_proto::{ServerFrame, Subprotocol, Value, ViewCopies, ViewFault};
use proptest::collection;
use proptest::prelude::*;

use super::*;
use crate::plugin::wit;
use crate::room::roster::Newcomer;
use crate::session::Peer;
use crate::session::outbox::Outgoing;
use crate::telemetry::Metrics;

fn newcomer(session: u128, seat: wit::Seat) -> Newcomer {
    let subprotocol = Subprotocol::ALL[usize::try_from(session % 3).unwrap()];
    Newcomer {
        peer: Peer::for_tests(session, subprotocol),
        name: "somebody".to_owned(),
        user: None,
        roles: Vec::new(),
        seat,
        join_id: None,
    }
}

/// A room's views and members, and what the members' clients have.
struct Room {
    views: Views,
    roster: Roster,
    fanout: Fanout,
    place: Place,
    metrics: Arc<Metrics>,
    copies: HashMap<u32, ViewCopies>,
    sessions: u128,
}

impl Room {
    fn new(seats: &[wit::Seat]) -> Self {
        let metrics = Arc::new(Metrics::new());
        let mut room = Self {
            views: Views::default(),
            roster: Roster::default(),
            fanout: Fanout::new(Arc::clone(&metrics)),
            place: Place {
                room: "room".into(),
                epoch: 1,
                seq: 0,
            },
            metrics,
            copies: HashMap::new(),
            sessions: 0,
        };
        for seat in seats {
            room.join(*seat);
        }
        room
    }

    fn join(&mut self, seat: wit::Seat) -> u32 {
        self.sessions += 1;
        let id = self.roster.add(newcomer(self.sessions, seat)).id;
        self.roster.get_mut(id).unwrap().is_admitted = true;
        self.send_all(id);
        id
    }

    fn send_all(&self, id: u32) {
        let member = self.roster.get(id).unwrap();
        self.views.send_all(member, &self.fanout, &self.place);
    }

    fn publish(&mut self, view: &str, audience: ViewAudience, value: u32) {
        self.views.publish(view, audience, &number(value), 0);
    }

    fn flush(&mut self) {
        self.views.flush(&self.roster, &self.fanout, &self.place);
    }

    /// The frames that a member's client reads now.
    fn frames(&self, id: u32) -> Vec<ServerFrame> {
        let peer = &self.roster.get(id).unwrap().peer;
        let mut outgoing = Vec::new();
        peer.outbox.take(&mut outgoing);
        let frames = outgoing.into_iter().filter_map(|it| match it {
            Outgoing::Message(message) => Some(peer.subprotocol.decode_server(&message).unwrap()),
            Outgoing::Control(_) => None,
        });
        frames.collect()
    }

    /// What a frame leads to for a member's client; nothing, where it waits for the whole.
    fn take(
        &mut self,
        id: u32,
        frame: ServerFrame,
    ) -> Result<Option<server::RoomState>, ViewFault> {
        match self.copies.entry(id).or_default().take(frame)? {
            Some(ServerFrame::RoomState(state)) => Ok(Some(state)),
            None => Ok(None),
            Some(other) => panic!("views send {other:?}"),
        }
    }

    /// Has a member's client read all that was sent. Gives what it has now that came.
    fn read(&mut self, id: u32) -> Vec<(String, Payload)> {
        let states = self.frames(id).into_iter().map(|frame| {
            let taken = self.take(id, frame).expect("never stuck");
            let state = taken.expect("nothing is waited for");
            (state.view, state.state)
        });
        states.collect()
    }

    fn reads(&mut self, id: u32, view: &str, value: u32) {
        assert_eq!(self.read(id), [(view.to_owned(), number(value))]);
    }
}

/// A state that is the number and a long text, so that patches pay.
fn number(number: u32) -> Payload {
    let state = Value::List(vec![Value::Int(number.into()), Value::Text("x".repeat(40))]);
    state.to_payload().unwrap()
}

const PLAYER: wit::Seat = wit::Seat::Player;
const SPECTATOR: wit::Seat = wit::Seat::Spectator;

#[test]
fn a_member_sees_the_most_specific_layer_and_never_anothers() {
    let mut room = Room::new(&[PLAYER, PLAYER, SPECTATOR]);
    room.publish("hand", ViewAudience::Everyone, 0);
    room.publish("hand", ViewAudience::Seat(PLAYER), 1);
    room.publish("hand", ViewAudience::Member(1), 2);
    room.flush();
    room.reads(1, "hand", 2);
    room.reads(2, "hand", 1);
    room.reads(3, "hand", 0);
    assert!(!room.views.is_dirty());
    room.views.withdraw("hand", ViewAudience::Member(1));
    room.flush();
    room.reads(1, "hand", 1);
}

/// ST1, ST7
#[test]
fn a_newcomer_is_sent_everything_it_sees() {
    let mut room = Room::new(&[PLAYER]);
    room.publish("board", ViewAudience::Everyone, 7);
    room.publish("secret", ViewAudience::Member(9), 8);
    room.send_all(1);
    room.reads(1, "board", 7);
    let member = room.roster.get(1).unwrap();
    assert!(
        !room
            .views
            .send_one("secret", member, &room.fanout, &room.place)
    );
}

#[test]
fn the_views_of_a_room_are_bounded() {
    let mut views = Views::default();
    let large = Payload::from_serde(&"x".repeat(VIEWS_BYTES_MAX / 2)).unwrap();
    let larger = Payload::from_serde(&"x".repeat(VIEWS_BYTES_MAX / 2 + 1)).unwrap();
    assert!(views.publish("a", ViewAudience::Everyone, &large, 0));
    assert!(views.publish("a", ViewAudience::Everyone, &larger, 0));
    assert!(!views.publish("b", ViewAudience::Everyone, &large, 0));
}

/// ST2
#[test]
fn what_changes_is_sent_as_a_patch_that_is_computed_once_and_encoded_once_per_encoding() {
    let mut room = Room::new(&[PLAYER; 30]);
    room.publish("board", ViewAudience::Everyone, 0);
    room.flush();
    for id in 1..=30 {
        room.reads(id, "board", 0);
    }
    let encoded = |room: &Room| Subprotocol::ALL.map(|it| room.metrics.encodings_made(it));
    assert_eq!(encoded(&room), [1; 3]);
    room.publish("board", ViewAudience::Everyone, 1);
    room.publish("board", ViewAudience::Everyone, 2);
    room.flush();
    assert_eq!(encoded(&room), [2; 3]);
    for id in 1..=20 {
        let [frame] = &room.frames(id)[..] else {
            panic!("one frame of the two that were published");
        };
        assert!(matches!(frame, ServerFrame::RoomPatch(patch) if patch.version == 3));
    }
    // The others read nothing: now they get the newest as a whole, which is encoded once as well.
    room.publish("board", ViewAudience::Everyone, 3);
    room.flush();
    assert_eq!(encoded(&room), [4; 3]);
    for id in 21..=30 {
        room.reads(id, "board", 3);
    }
}

/// ST8
#[test]
fn what_is_published_as_it_was_is_not_sent_again() {
    let mut room = Room::new(&[PLAYER]);
    room.publish("board", ViewAudience::Everyone, 1);
    room.flush();
    room.reads(1, "board", 1);
    room.publish("board", ViewAudience::Everyone, 1);
    assert!(!room.views.is_dirty());
    room.flush();
    assert_eq!(room.read(1), []);
}

/// ST7
#[test]
fn who_comes_to_see_another_layer_is_sent_it_as_a_whole_under_a_version_above() {
    let mut room = Room::new(&[PLAYER, SPECTATOR]);
    room.publish("board", ViewAudience::Seat(SPECTATOR), 1);
    room.publish("board", ViewAudience::Everyone, 2);
    room.flush();
    room.reads(1, "board", 2);
    room.reads(2, "board", 1);
    room.roster.get_mut(1).unwrap().seat = SPECTATOR;
    room.views.reseat(room.roster.get(1).unwrap());
    room.flush();
    room.reads(1, "board", 1);
}

#[test]
fn views_that_were_written_down_go_on_under_their_versions_and_begin_with_the_whole() {
    let mut room = Room::new(&[PLAYER]);
    room.publish("board", ViewAudience::Everyone, 1);
    room.flush();
    room.reads(1, "board", 1);
    let note = room.views.note();
    room.views = Views::default();
    assert!(room.views.take_up(note).is_ok());
    room.publish("board", ViewAudience::Everyone, 2);
    room.flush();
    let [frame] = &room.frames(1)[..] else {
        panic!("one frame");
    };
    assert!(matches!(frame, ServerFrame::RoomState(state) if state.version == 2));
}

/// One thing that happens in a room.
#[derive(Debug, Clone)]
enum Event {
    Publish(usize, usize, u32),
    Withdraw(usize, usize),
    Flush,
    Join(bool),
    Reseat(usize),
    Leave(usize),
    Read(usize),
    /// The connection is lost, with what was unwritten; the client comes back.
    Drop(usize),
    Request(usize, usize),
    /// The client's copy is not what it was.
    Corrupt(usize, usize),
    /// The room goes back to the views it had before the last of these.
    Mark,
    Restore,
}

fn event() -> impl Strategy<Value = Event> {
    let (member, view, audience) = (|| 0..8_usize, || 0..2_usize, || 0..4_usize);
    prop_oneof![
        8 => (view(), audience(), 0..5_u32).prop_map(|(a, b, c)| Event::Publish(a, b, c)),
        1 => (view(), audience()).prop_map(|(a, b)| Event::Withdraw(a, b)),
        6 => Just(Event::Flush),
        1 => any::<bool>().prop_map(Event::Join),
        1 => member().prop_map(Event::Reseat),
        1 => member().prop_map(Event::Leave),
        8 => member().prop_map(Event::Read),
        2 => member().prop_map(Event::Drop),
        1 => (member(), view()).prop_map(|(a, b)| Event::Request(a, b)),
        1 => (member(), view()).prop_map(|(a, b)| Event::Corrupt(a, b)),
        1 => Just(Event::Mark),
        1 => Just(Event::Restore),
    ]
}

const VIEWS: [&str; 2] = ["board", "hand"];

/// A room with every state it ever published, by version.
struct Model {
    room: Room,
    published: HashMap<(String, String, u64), State>,
    marked: Option<ViewsNote>,
    /// What clients have that is not what the server sent.
    spoilt: HashSet<(u32, String)>,
}

impl Model {
    fn member(&self, index: usize) -> Option<u32> {
        let ids = self.roster_ids();
        ids.get(index % ids.len().max(1)).copied()
    }

    fn roster_ids(&self) -> Vec<u32> {
        self.room.roster.admitted().map(|it| it.id).collect()
    }

    fn audience(index: usize) -> ViewAudience {
        match index {
            0 => ViewAudience::Everyone,
            1 => ViewAudience::Seat(PLAYER),
            _ => ViewAudience::Member(u32::try_from(index).unwrap() - 1),
        }
    }

    /// What a member sees of a view now, and its version.
    fn visible(&self, id: u32, view: &str) -> Option<(u64, State)> {
        let member = self.room.roster.get(id)?;
        let view = self.room.views.by_name.get(view)?;
        let layer = &view.layers[view.visible_index(member)?];
        Some((layer.version, layer.state.clone()))
    }

    /// Remembers all that can be seen.
    fn note(&mut self) {
        for (name, view) in &self.room.views.by_name {
            for layer in &view.layers {
                let key = (
                    name.to_string(),
                    format!("{:?}", layer.audience),
                    layer.version,
                );
                self.published.insert(key, layer.state.clone());
            }
        }
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Publish(view, audience, value) => {
                self.room
                    .publish(VIEWS[view], Self::audience(audience), value);
            }
            Event::Withdraw(view, audience) => {
                self.room
                    .views
                    .withdraw(VIEWS[view], Self::audience(audience));
            }
            Event::Flush => self.room.flush(),
            Event::Join(is_player) => {
                self.room.join(if is_player { PLAYER } else { SPECTATOR });
            }
            Event::Mark => self.marked = Some(self.room.views.note()),
            Event::Restore => {
                if let Some(note) = self.marked.take() {
                    self.room.views.restore(note);
                    self.room.views.renew();
                }
            }
            Event::Reseat(member)
            | Event::Leave(member)
            | Event::Read(member)
            | Event::Drop(member)
            | Event::Request(member, _)
            | Event::Corrupt(member, _) => {
                if let Some(id) = self.member(member) {
                    self.happen_to(id, event);
                }
            }
        }
        self.note();
    }

    fn happen_to(&mut self, id: u32, event: &Event) {
        let room = &mut self.room;
        match *event {
            Event::Reseat(_) => {
                room.roster.get_mut(id).unwrap().seat = SPECTATOR;
                room.views.reseat(room.roster.get(id).unwrap());
            }
            Event::Leave(_) => {
                room.roster
                    .get(id)
                    .unwrap()
                    .peer
                    .outbox
                    .forget_states("room");
                room.roster.remove(id);
                room.views.forget_member(id);
            }
            Event::Drop(_) => {
                let member = room.roster.get_mut(id).unwrap();
                member.peer.connection = member.peer.outbox.turn_over();
                room.copies.remove(&id);
                room.send_all(id);
            }
            Event::Request(_, view) => self.request(id, VIEWS[view]),
            Event::Corrupt(_, view) => {
                let copies = room.copies.entry(id).or_default();
                if let Some(copy) = copies.get_mut("room", VIEWS[view]) {
                    copy.state = State::new(&Payload::null());
                    self.spoilt.insert((id, VIEWS[view].to_owned()));
                }
            }
            _ => self.read(id),
        }
    }

    fn request(&self, id: u32, view: &str) {
        let member = self.room.roster.get(id).unwrap();
        self.room
            .views
            .send_one(view, member, &self.room.fanout, &self.room.place);
    }

    /// Has a client read what came. Whatever it takes for the view is one that was published, under that version, where
    /// this member may see it.
    fn read(&mut self, id: u32) {
        for frame in self.room.frames(id) {
            let before = self.room.copies.get(&id).cloned().unwrap_or_default();
            let frame = match self.room.take(id, frame) {
                Ok(Some(frame)) => frame,
                Ok(None) => continue,
                Err(ViewFault::Wrong { view, .. }) => {
                    // It has something else, and heals.
                    let is_spoilt = self.spoilt.contains(&(id, view.clone()));
                    assert!(is_spoilt, "a patch of {view} on a base that it lacks");
                    self.request(id, &view);
                    continue;
                }
                Err(fault) => panic!("{fault}"),
            };
            let older = before.get("room", &frame.view).map(|it| it.version);
            assert!(older <= Some(frame.version), "versions rise");
            let state = State::new(&frame.state);
            let audiences = (0..10).map(Self::audience);
            let is_published = audiences
                .filter(|audience| !matches!(audience, ViewAudience::Member(it) if *it != id))
                .map(|audience| (frame.view.clone(), format!("{audience:?}"), frame.version))
                .filter_map(|key| self.published.get(&key))
                .any(|published| *published == state);
            assert!(is_published, "version {} of {}", frame.version, frame.view);
            self.spoilt.remove(&(id, frame.view));
        }
    }

    /// Changes all there is, so that whoever has something else notices it.
    fn heal(&mut self) {
        let layers = self.room.views.by_name.iter().flat_map(|(name, view)| {
            let audiences = view.layers.iter().map(|layer| layer.audience);
            audiences
                .map(|audience| (name.to_string(), audience))
                .collect::<Vec<_>>()
        });
        for (number, (view, audience)) in (100..).zip(layers.collect::<Vec<_>>()) {
            let value = number + u32::try_from(self.published.len()).unwrap();
            self.room.publish(&view, audience, value);
        }
        self.note();
    }

    /// Everything is sent and read: all have what they may see.
    fn settle(&mut self) {
        self.room.flush();
        for id in self.roster_ids() {
            // A client that has to ask has the answer with the second reading.
            self.read(id);
            self.read(id);
            for view in VIEWS {
                let Some((version, state)) = self.visible(id, view) else {
                    continue;
                };
                let copy = self.room.copies[&id].get("room", view);
                assert_eq!(
                    copy.map(|copy| (copy.version, &copy.state)),
                    Some((version, &state)),
                    "{id}, {view}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// ST2, ST5, ST7: whatever happens, in all three encodings, what a client has is right, and in the end current.
    #[test]
    fn every_member_has_what_was_published_for_it(
        events in collection::vec(event(), 1..60),
        settles in collection::vec(0..60_usize, 0..3),
    ) {
        let mut model = Model {
            room: Room::new(&[PLAYER, PLAYER, SPECTATOR]),
            published: HashMap::new(),
            marked: None,
            spoilt: HashSet::new(),
        };
        for (index, event) in events.iter().enumerate() {
            model.happen(event);
            if settles.contains(&index) {
                model.heal();
                model.settle();
            }
        }
        model.heal();
        model.settle();
    }
}
