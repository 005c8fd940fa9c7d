//! The views a plugin published: the newest value of each, for whoever may see it.
//!
//! One name may have a layer for everyone, one for a seat and one for a member; a member sees the most specific.
//! Versions are counted for the whole room, so that they rise for a member whichever layer of a view it comes to see.

use std::collections::BTreeMap;
use std::sync::Arc;

use parlor_proto::{Payload, ServerFrame, server};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::durable::BadNote;
use super::roster::{MemberRecord, Roster};
use crate::fanout::Fanout;
use crate::plugin::ViewAudience;
use crate::session::outbox::StateKey;

/// The most that all views of a room may take.
pub(crate) const VIEWS_BYTES_MAX: usize = 8 << 20;

/// The most views a room may have.
pub(crate) const VIEWS_MAX: usize = 10_000;

/// Where in its history the room is: what every state frame names.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) room: Arc<str>,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
}

/// All views of a room.
#[derive(Debug, Default)]
pub(crate) struct Views {
    by_name: BTreeMap<Arc<str>, View>,
    version: u64,
    bytes: usize,
    is_dirty: bool,
}

/// All views as they are written down.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ViewsNote {
    version: u64,
    layers: Vec<LayerNote>,
}

impl ViewsNote {
    /// Each view, who sees it, and what it is.
    pub(crate) fn layers(&self) -> Vec<(String, ViewAudience, Payload)> {
        let layers = self.layers.iter();
        let read = layers.filter_map(|it| {
            let value = Payload::from_msgpack(&it.value).ok()?;
            Some((it.view.clone(), it.audience, value))
        });
        read.collect()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct LayerNote {
    view: String,
    audience: ViewAudience,
    value: ByteBuf,
    version: u64,
    tick: u64,
    is_dirty: bool,
}

#[derive(Debug, Default)]
struct View {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    audience: ViewAudience,
    value: Payload,
    hash: u32,
    version: u64,
    tick: u64,
    is_dirty: bool,
}

impl Views {
    /// Takes a new value. `false` if the room's views have grown beyond what it may hold.
    pub(crate) fn publish(
        &mut self,
        name: &str,
        audience: ViewAudience,
        value: Payload,
        tick: u64,
    ) -> bool {
        self.version += 1;
        let view = self.by_name.entry(name.into()).or_default();
        self.bytes += value.as_msgpack().len();
        let layer = Layer {
            audience,
            hash: value.state_hash(),
            value,
            version: self.version,
            tick,
            is_dirty: true,
        };
        match view.layers.iter_mut().find(|it| it.audience == audience) {
            Some(present) => {
                self.bytes -= present.value.as_msgpack().len();
                *present = layer;
            }
            None => view.layers.push(layer),
        }
        self.is_dirty = true;
        self.bytes <= VIEWS_BYTES_MAX && self.by_name.len() <= VIEWS_MAX
    }

    /// Withdraws a layer; whoever saw it is shown what is below.
    pub(crate) fn withdraw(&mut self, name: &str, audience: ViewAudience) {
        let Some(view) = self.by_name.get_mut(name) else {
            return;
        };
        let Some(index) = view.layers.iter().position(|it| it.audience == audience) else {
            return;
        };
        self.bytes -= view.layers.remove(index).value.as_msgpack().len();
        self.version += 1;
        for layer in &mut view.layers {
            layer.version = self.version;
            layer.is_dirty = true;
        }
        self.is_dirty = true;
        self.drop_empty();
    }

    /// Shows a member what it sees from its new seat, under versions above all that it saw from the old one.
    pub(crate) fn reseat(&mut self, member: &MemberRecord) {
        self.version += 1;
        for view in self.by_name.values_mut() {
            if let Some(index) = view.visible_index(member) {
                view.layers[index].version = self.version;
                view.layers[index].is_dirty = true;
                self.is_dirty = true;
            }
        }
    }

    /// Drops what only a member who is gone could see.
    pub(crate) fn forget_member(&mut self, member: u32) {
        for view in self.by_name.values_mut() {
            view.layers.retain(|layer| {
                let is_kept = layer.audience != ViewAudience::Member(member);
                if !is_kept {
                    self.bytes -= layer.value.as_msgpack().len();
                }
                is_kept
            });
        }
        self.drop_empty();
    }

    pub(crate) fn note(&self) -> ViewsNote {
        let layers = self.by_name.iter().flat_map(|(name, view)| {
            view.layers.iter().map(|layer| LayerNote {
                view: name.to_string(),
                audience: layer.audience,
                value: ByteBuf::from(layer.value.as_msgpack()),
                version: layer.version,
                tick: layer.tick,
                is_dirty: layer.is_dirty,
            })
        });
        ViewsNote {
            version: self.version,
            layers: layers.collect(),
        }
    }

    pub(crate) fn take_up(&mut self, note: ViewsNote) -> Result<(), BadNote> {
        self.version = note.version;
        for layer in note.layers {
            let value = Payload::from_msgpack(&layer.value).map_err(|_| BadNote("a view"))?;
            self.bytes += value.as_msgpack().len();
            self.is_dirty |= layer.is_dirty;
            let view = self.by_name.entry(layer.view.into()).or_default();
            view.layers.push(Layer {
                audience: layer.audience,
                hash: value.state_hash(),
                value,
                version: layer.version,
                tick: layer.tick,
                is_dirty: layer.is_dirty,
            });
        }
        Ok(())
    }

    /// Has these views and no others, under versions above all that anybody saw.
    pub(crate) fn restore(&mut self, note: ViewsNote) {
        let version = self.version;
        *self = Self::default();
        // They are from this room, so that each can be read.
        let restored = self.take_up(note);
        debug_assert!(restored.is_ok(), "views that were noted can be taken up");
        self.version = version.max(self.version);
    }

    /// Shows everybody all views once more, under new versions.
    pub(crate) fn renew(&mut self) {
        for view in self.by_name.values_mut() {
            self.version += 1;
            for layer in &mut view.layers {
                layer.version = self.version;
                layer.is_dirty = true;
                self.is_dirty = true;
            }
        }
    }

    fn drop_empty(&mut self) {
        self.by_name.retain(|_, view| !view.layers.is_empty());
    }

    /// Whether anything waits to be sent.
    pub(crate) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Sends what changed to whoever sees it.
    pub(crate) fn flush(&mut self, roster: &Roster, fanout: &Fanout, place: &Place) {
        self.is_dirty = false;
        for (name, view) in &mut self.by_name {
            for index in 0..view.layers.len() {
                if !std::mem::take(&mut view.layers[index].is_dirty) {
                    continue;
                }
                let recipients = roster
                    .reached()
                    .filter(|member| view.visible_index(member) == Some(index))
                    .map(|member| &member.peer);
                let layer = &view.layers[index];
                fanout.send_state(recipients, &key(place, name), layer.frame(place, name));
            }
        }
    }

    /// Sends a member everything it sees.
    pub(crate) fn send_all(&self, member: &MemberRecord, fanout: &Fanout, place: &Place) {
        for name in self.by_name.keys() {
            self.send_one(name, member, fanout, place);
        }
    }

    /// Sends a member one view. `false` if it sees no view of this name.
    pub(crate) fn send_one(
        &self,
        name: &str,
        member: &MemberRecord,
        fanout: &Fanout,
        place: &Place,
    ) -> bool {
        let Some((name, view)) = self.by_name.get_key_value(name) else {
            return false;
        };
        let Some(index) = view.visible_index(member) else {
            return false;
        };
        let frame = view.layers[index].frame(place, name);
        fanout.send_state([&member.peer], &key(place, name), frame);
        true
    }
}

impl View {
    /// Which layer this member sees.
    fn visible_index(&self, member: &MemberRecord) -> Option<usize> {
        let rank = |audience| match audience {
            ViewAudience::Everyone => 0,
            ViewAudience::Seat(_) => 1,
            ViewAudience::Member(_) => 2,
        };
        self.layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| Roster::sees(member, layer.audience))
            .max_by_key(|(_, layer)| rank(layer.audience))
            .map(|(index, _)| index)
    }
}

impl Layer {
    fn frame(&self, place: &Place, view: &str) -> ServerFrame {
        ServerFrame::RoomState(server::RoomState {
            room: place.room.to_string(),
            epoch: place.epoch,
            tick: self.tick,
            view: view.to_owned(),
            version: self.version,
            as_of: place.seq,
            hash: self.hash,
            base: None,
            state: Some(self.value.clone()),
            patch: None,
        })
    }
}

fn key(place: &Place, view: &Arc<str>) -> StateKey {
    StateKey {
        room: Arc::clone(&place.room),
        view: Arc::clone(view),
    }
}

#[cfg(test)]
mod tests {
    use parlor_proto::Subprotocol;

    use super::*;
    use crate::plugin::wit;
    use crate::room::roster::Newcomer;
    use crate::session::Peer;
    use crate::session::outbox::Outgoing;
    use crate::telemetry::Metrics;

    fn roster(seats: &[wit::Seat]) -> Roster {
        let mut roster = Roster::default();
        for (session, seat) in (1..).zip(seats) {
            let id = roster
                .add(Newcomer {
                    peer: Peer::for_tests(session, Subprotocol::Json),
                    name: "somebody".to_owned(),
                    user: None,
                    roles: Vec::new(),
                    seat: *seat,
                    join_id: None,
                })
                .id;
            roster.get_mut(id).unwrap().is_admitted = true;
        }
        roster
    }

    fn states(roster: &Roster, member: u32) -> Vec<(String, String)> {
        let mut outgoing = Vec::new();
        let peer = &roster.get(member).unwrap().peer;
        peer.outbox.take(&mut outgoing);
        outgoing
            .into_iter()
            .filter_map(|it| match it {
                Outgoing::Message(message) => Subprotocol::Json.decode_server(&message).ok(),
                Outgoing::Control(_) => None,
            })
            .filter_map(|frame| match frame {
                ServerFrame::RoomState(state) => Some((state.view, state.state?.to_json())),
                _ => None,
            })
            .collect()
    }

    fn setup() -> (Views, Fanout, Place) {
        let place = Place {
            room: "room".into(),
            epoch: 1,
            seq: 0,
        };
        let fanout = Fanout::new(Arc::new(Metrics::new()));
        (Views::default(), fanout, place)
    }

    fn number(number: u32) -> Payload {
        Payload::from_serde(&number).unwrap()
    }

    #[test]
    fn a_member_sees_the_most_specific_layer_and_never_anothers() {
        let (mut views, fanout, place) = setup();
        let roster = roster(&[wit::Seat::Player, wit::Seat::Player, wit::Seat::Spectator]);
        views.publish("hand", ViewAudience::Everyone, number(0), 0);
        views.publish("hand", ViewAudience::Seat(wit::Seat::Player), number(1), 0);
        views.publish("hand", ViewAudience::Member(1), number(2), 0);
        views.flush(&roster, &fanout, &place);
        let hand = |value: &str| vec![("hand".to_owned(), value.to_owned())];
        assert_eq!(states(&roster, 1), hand("2"));
        assert_eq!(states(&roster, 2), hand("1"));
        assert_eq!(states(&roster, 3), hand("0"));
        assert!(!views.is_dirty());
        views.withdraw("hand", ViewAudience::Member(1));
        views.flush(&roster, &fanout, &place);
        assert_eq!(states(&roster, 1), hand("1"));
    }

    #[test]
    fn a_newcomer_is_sent_everything_it_sees() {
        let (mut views, fanout, place) = setup();
        let roster = roster(&[wit::Seat::Player]);
        views.publish("board", ViewAudience::Everyone, number(7), 0);
        views.publish("secret", ViewAudience::Member(9), number(8), 0);
        views.send_all(roster.get(1).unwrap(), &fanout, &place);
        assert_eq!(states(&roster, 1), [("board".to_owned(), "7".to_owned())]);
        assert!(!views.send_one("secret", roster.get(1).unwrap(), &fanout, &place));
    }

    #[test]
    fn the_views_of_a_room_are_bounded() {
        let (mut views, _, _) = setup();
        let large = Payload::from_serde(&"x".repeat(VIEWS_BYTES_MAX / 2)).unwrap();
        assert!(views.publish("a", ViewAudience::Everyone, large.clone(), 0));
        assert!(views.publish("a", ViewAudience::Everyone, large.clone(), 0));
        assert!(!views.publish("b", ViewAudience::Everyone, large, 0));
    }
}
