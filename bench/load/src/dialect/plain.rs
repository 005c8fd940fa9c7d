//! Plain WebSockets with JSON in text messages: what one writes who has nothing but a WebSocket library. The servers with `ws` and
//! with Bun speak so, and the floor, which sends on what it got.

use super::json::{Body, Room, has_sender};
use super::{Dialect, Heard, Message, Misread, Seat};
use crate::text::push_decimal;
use crate::wire::{Outbound, Request};

/// Who writes what members of a fan-out get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The server, which says who said it.
    Written,
    /// Whoever said it.
    AsItWas,
}

#[derive(Debug)]
pub(super) struct Plain {
    path: String,
    room: Room,
    /// What an input begins with, up to its number.
    before_id: String,
}

impl Plain {
    pub(super) fn new(form: Form, path: &str, seat: Seat) -> Self {
        let has_sender = form == Form::Written && has_sender(seat.kind);
        Self {
            path: path.to_owned(),
            before_id: format!(r#"{{"room":"{}","id":"#, seat.room),
            room: Room::new(has_sender, ["", ""], seat),
        }
    }
}

impl Dialect for Plain {
    fn request(&self) -> Request {
        Request {
            path: self.path.clone(),
            subprotocol: None,
        }
    }

    fn open(&mut self, outbound: &mut Outbound) {
        let Seat { room, kind, .. } = &self.room.seat;
        let kind = kind.name();
        let join = format!(r#"{{"join":"{room}","kind":"{kind}"}}"#);
        outbound.text(|message| message.extend_from_slice(join.as_bytes()));
    }

    fn say(&mut self, number: u32, text: &[u8], outbound: &mut Outbound) {
        outbound.text(|message| {
            message.extend_from_slice(self.before_id.as_bytes());
            push_decimal(number.into(), message);
            message.extend_from_slice(br#","data":""#);
            message.extend_from_slice(text);
            message.extend_from_slice(br#""}"#);
        });
    }

    fn take_cell(&mut self, id: u32, cell: usize, outbound: &mut Outbound) {
        outbound.text(|message| {
            message.extend_from_slice(self.before_id.as_bytes());
            push_decimal(id.into(), message);
            message.extend_from_slice(br#","cell":"#);
            push_decimal(cell as u64, message);
            message.push(b'}');
        });
    }

    fn read<'a>(
        &'a mut self,
        message: Message<'a>,
        _outbound: &mut Outbound,
    ) -> Result<Option<Heard<'a>>, Misread> {
        if !message.is_text {
            return Err(Misread::WrongKind);
        }
        let bytes = message.bytes;
        if let Some(heard) = self.room.hear_said(bytes) {
            return Ok(Some(heard));
        }
        let body: Body =
            serde_json::from_slice(bytes).map_err(|error| Misread::unreadable(error, bytes))?;
        if let (Some(joined), Some(member)) = (&body.joined, body.member) {
            if *joined != self.room.seat.room {
                return Err(Misread::AnotherRoom(self.room.seat.room.clone()));
            }
            return Ok(Some(Heard::Joined { member }));
        }
        self.room.hear(body, bytes).map(Some)
    }
}

#[cfg(test)]
mod tests;
