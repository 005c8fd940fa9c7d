//! Colyseus without its SDK, as `bench/peers/README.md` has it: a seat by HTTP, messages of MessagePack, and a board that is state.

mod pack;
mod state;

use serde::{Deserialize, Serialize};

use self::pack::Reader;
use self::state::State;
use super::{Dialect, Heard, Kind, Message, Misread, Seat};
use crate::wire::{Outbound, Post, Request};

/// What a message is, by its first byte.
const HELLO: u8 = 0x0A;
const FAILED: u8 = 0x0B;
const LEFT: u8 = 0x0C;
const ROOM_DATA: u8 = 0x0D;
const STATE: u8 = 0x0E;
const PATCH: u8 = 0x0F;

#[derive(Debug)]
pub(super) struct Colyseus {
    seat: Seat,
    path: String,
    state: State,
    /// What an input begins with, up to its number.
    before_id: Vec<u8>,
}

#[derive(Debug, Serialize)]
struct Wanted<'a> {
    room: &'a str,
}

/// A seat that is kept for a while.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    session_id: String,
    room_id: String,
    process_id: String,
}

impl Colyseus {
    pub(super) fn new(seat: Seat) -> Self {
        let (name, keys) = match seat.kind {
            Kind::Echo | Kind::Fanout => ("say", ["id", "data"]),
            Kind::Match | Kind::Many => ("cell", ["id", "cell"]),
        };
        let mut before_id = vec![ROOM_DATA];
        pack::write_text(name.as_bytes(), &mut before_id);
        pack::write_record(keys, &mut before_id);
        Self {
            seat,
            path: String::new(),
            state: State::default(),
            before_id,
        }
    }

    fn on_room_data<'m>(&self, bytes: &'m [u8]) -> Result<Heard<'m>, Misread> {
        let mut reader = Reader::new(bytes);
        let unreadable = || Misread::unreadable("it is no message that is known", bytes);
        let name = reader.text().ok_or_else(unreadable)?;
        let fields = reader.fields().ok_or_else(unreadable)?;
        let heard = match name {
            b"said" => fields.data.map(|text| Heard::Said {
                id: fields.id,
                from: fields.from,
                text,
            }),
            b"applied" => fields.id.map(|id| Heard::Answered {
                id,
                is_accepted: true,
            }),
            b"joined" => fields.member.map(|member| Heard::Joined { member }),
            _ => None,
        };
        heard.ok_or_else(unreadable)
    }

    fn on_state(&mut self, bytes: &[u8]) -> Result<Option<Heard<'_>>, Misread> {
        let applied = self.state.apply(bytes);
        applied.map_err(|problem| Misread::unreadable(problem, bytes))?;
        Ok(Some(Heard::Board {
            tick: self.state.tick.into(),
            cells: &self.state.cells,
            is_open: true,
        }))
    }
}

impl Dialect for Colyseus {
    fn invitation(&self) -> Option<Post> {
        let room = &self.seat.room;
        let body = serde_json::to_vec(&Wanted { room }).expect("text is JSON");
        Some(Post {
            path: format!("/matchmake/joinOrCreate/{}", self.seat.kind.name()),
            body,
        })
    }

    fn on_invited(&mut self, answer: &[u8]) -> Result<(), Misread> {
        let kept: Kept =
            serde_json::from_slice(answer).map_err(|error| Misread::unreadable(error, answer))?;
        let Kept {
            session_id,
            room_id,
            process_id,
        } = kept;
        self.path = format!("/{process_id}/{room_id}?sessionId={session_id}");
        Ok(())
    }

    fn request(&self) -> Request {
        Request {
            path: self.path.clone(),
            subprotocol: None,
        }
    }

    fn open(&mut self, _outbound: &mut Outbound) {
        // The server begins.
    }

    fn say(&mut self, number: u32, text: &[u8], outbound: &mut Outbound) {
        outbound.binary(|message| {
            message.extend_from_slice(&self.before_id);
            pack::write_number(number, message);
            pack::write_text(text, message);
        });
    }

    fn take_cell(&mut self, id: u32, cell: usize, outbound: &mut Outbound) {
        outbound.binary(|message| {
            message.extend_from_slice(&self.before_id);
            pack::write_number(id, message);
            pack::write_number(u32::try_from(cell).unwrap_or(u32::MAX), message);
        });
    }

    fn read<'a>(
        &'a mut self,
        message: Message<'a>,
        outbound: &mut Outbound,
    ) -> Result<Option<Heard<'a>>, Misread> {
        if message.is_text {
            return Err(Misread::WrongKind);
        }
        let bytes = message.bytes;
        let (first, rest) = match bytes.split_first() {
            Some((first, rest)) => (*first, rest),
            None => return Err(Misread::unreadable("it is empty", bytes)),
        };
        match first {
            ROOM_DATA => self.on_room_data(rest).map(Some),
            STATE | PATCH => self.on_state(rest),
            HELLO => {
                outbound.binary(|message| message.push(HELLO));
                Ok(None)
            }
            FAILED => Err(Misread::Refused {
                code: "that the join failed".to_owned(),
                message: String::from_utf8_lossy(rest).into_owned(),
            }),
            LEFT => Err(Misread::Ended("the client was put out".to_owned())),
            _ => Err(Misread::unreadable("it is no message that is known", bytes)),
        }
    }
}

#[cfg(test)]
mod tests;
