//! The views a plugin published: the newest value of each, for whoever may see it.
//!
//! One name may have a layer for everyone, one for a seat and one for a member; a member sees the most specific.
//! Versions are counted for the whole room, so that they rise for a member whichever layer of a view it comes to see.
//! They count what is published, whether or not it is sent, for that is what a replay of the room counts again. No two layers
//! of a view ever have the same version: so a version says which state a client has.
//!
//! What is sent of a layer is computed once, for all who see it: the whole, and the patch from what was sent before. The
//! outboxes know which of the two their clients need.

use std::collections::BTreeMap;
use std::sync::Arc;

use parlor_proto::{Payload, State, server};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::durable::BadNote;
use super::roster::{MemberRecord, Roster};
use crate::breakage::TestBreak;
use crate::fanout::Fanout;
use crate::plugin::ViewAudience;
use crate::session::outbox::StateKey;
use crate::telemetry::Stage;
use crate::view_frames::{ViewFrames, ViewHandle};

/// The most that all views of a room may take. Until a newer one is sent, what was sent last is kept beside it.
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
    handle: ViewHandle,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    audience: ViewAudience,
    state: State,
    version: u64,
    tick: u64,
    is_dirty: bool,
    /// What those who see it were sent last; nothing where the room was brought back since.
    sent: Option<Sent>,
}

#[derive(Debug)]
struct Sent {
    version: u64,
    state: State,
}

impl Views {
    /// Takes a new value; one that is what is there already changes nothing. `false` if the room's views have grown beyond
    /// what it may hold.
    pub(crate) fn publish(
        &mut self,
        name: &str,
        audience: ViewAudience,
        value: &Payload,
        tick: u64,
    ) -> bool {
        let state = State::new(value);
        let view = self.by_name.entry(name.into()).or_default();
        let present = view.layers.iter_mut().find(|it| it.audience == audience);
        if present.as_ref().is_some_and(|it| it.state == state) {
            return true;
        }
        self.version += 1;
        self.bytes += state.value().as_msgpack().len();
        match present {
            Some(present) => {
                self.bytes -= present.state.value().as_msgpack().len();
                present.state = state;
                present.version = self.version;
                present.tick = tick;
                present.is_dirty = true;
            }
            None => view.layers.push(Layer {
                audience,
                state,
                version: self.version,
                tick,
                is_dirty: true,
                sent: None,
            }),
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
        self.bytes -= view.layers.remove(index).state.value().as_msgpack().len();
        for layer in &mut view.layers {
            self.version += 1;
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
                    self.bytes -= layer.state.value().as_msgpack().len();
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
                value: ByteBuf::from(layer.state.value().as_msgpack()),
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
                state: State::new(&value),
                version: layer.version,
                tick: layer.tick,
                is_dirty: layer.is_dirty,
                sent: None,
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
            for layer in &mut view.layers {
                self.version += 1;
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
                let layer = &view.layers[index];
                let audience = match (layer.audience, fanout.test_break()) {
                    (ViewAudience::Member(_), Some(TestBreak::StateToTheWrongMember)) => {
                        ViewAudience::Everyone
                    }
                    (audience, _) => audience,
                };
                let sees = |member: &&MemberRecord| {
                    audience != layer.audience || view.visible_index(member) == Some(index)
                };
                let mut recipients = roster.reached_of(audience).filter(sees).peekable();
                if recipients.peek().is_some() {
                    let whole = layer.frame(place, name, &view.handle);
                    let patch = fanout.metrics().time(Stage::Diff, || layer.patch());
                    let state = ViewFrames::newest(fanout.metrics(), whole, patch)
                        .breaking(fanout.test_break());
                    let recipients = recipients.map(|member| &member.peer);
                    fanout.send_state(recipients, &key(place, name), state);
                }
                let layer = &mut view.layers[index];
                layer.sent = Some(Sent {
                    version: layer.version,
                    state: layer.state.clone(),
                });
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
        let whole = view.layers[index].frame(place, name, &view.handle);
        let state = ViewFrames::whole(fanout.metrics(), whole);
        fanout.send_state([&member.peer], &key(place, name), state);
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
    fn frame(&self, place: &Place, view: &str, handle: &ViewHandle) -> server::RoomState {
        server::RoomState {
            room: place.room.to_string(),
            epoch: place.epoch,
            tick: self.tick,
            view: view.to_owned(),
            version: self.version,
            as_of: place.seq,
            hash: self.state.hash(),
            handle: handle.get(),
            state: self.state.value().clone(),
        }
    }

    /// What became of the state that was sent last, and which version that was; where that is less than the whole.
    fn patch(&self) -> Option<(u64, Payload)> {
        let sent = self.sent.as_ref()?;
        let patch = sent.state.patch_to(&self.state)?;
        Some((sent.version, patch))
    }
}

fn key(place: &Place, view: &Arc<str>) -> StateKey {
    StateKey {
        room: Arc::clone(&place.room),
        view: Arc::clone(view),
    }
}

#[cfg(test)]
mod tests;
