//! What servers that speak JSON have in common: the bodies of messages.

use serde::Deserialize;

use super::template::Template;
use super::{Heard, Kind, Misread, Seat};
use crate::account::{CELLS, Cells};

/// Stands for a number in samples.
pub(super) const NUMBER: u64 = 1_111_111_111;

/// All that any message has. Which one it is, is told by what is there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    room: Option<String>,
    id: Option<u64>,
    from: Option<u32>,
    data: Option<String>,
    tick: Option<u64>,
    board: Option<Vec<Option<u32>>>,
    cells: Option<Vec<(usize, u32)>>,
    pub(super) joined: Option<String>,
    pub(super) member: Option<u32>,
}

/// What one client has of its room.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) seat: Seat,
    /// What says what nearly all messages say, where somebody talks.
    said: Template<1>,
    has_sender: bool,
    cells: Cells,
    text: String,
}

impl Room {
    /// What somebody said comes as a body between these two, with who said it, or with the number of the input that it answers.
    pub(super) fn new(has_sender: bool, [before, behind]: [&str; 2], seat: Seat) -> Self {
        let text = sample_text(seat.text_bytes);
        let number = if has_sender { "from" } else { "id" };
        let room = &seat.room;
        let sample =
            format!(r#"{before}{{"room":"{room}","{number}":{NUMBER},"data":"{text}"}}{behind}"#);
        Self {
            said: Template::of(sample.as_bytes(), text.as_bytes(), [NUMBER]),
            has_sender,
            cells: [0; CELLS],
            text: String::new(),
            seat,
        }
    }

    /// The short way, for a message that is written as the sample.
    pub(super) fn hear_said<'m>(&self, message: &'m [u8]) -> Option<Heard<'m>> {
        let (text, [number]) = self.said.read(message)?;
        Some(if self.has_sender {
            Heard::Said {
                id: None,
                from: Some(u32::try_from(number).ok()?),
                text,
            }
        } else {
            Heard::Said {
                id: Some(number),
                from: None,
                text,
            }
        })
    }

    /// What a body says. `message` is what it was read from.
    pub(super) fn hear(&mut self, body: Body, message: &[u8]) -> Result<Heard<'_>, Misread> {
        if body.room.as_ref() != Some(&self.seat.room) {
            return Err(Misread::AnotherRoom(self.seat.room.clone()));
        }
        let unreadable = |problem: &str| Err(Misread::unreadable(problem, message));
        match body {
            Body {
                data: Some(data),
                id,
                from,
                ..
            } => {
                self.text = data;
                let text = self.text.as_bytes();
                Ok(Heard::Said { id, from, text })
            }
            Body {
                tick: Some(tick),
                board: Some(board),
                ..
            } => {
                if board.len() != CELLS {
                    return unreadable("a board has 81 cells");
                }
                for (cell, owner) in self.cells.iter_mut().zip(board) {
                    *cell = owner.unwrap_or_default();
                }
                Ok(self.board(tick))
            }
            Body {
                tick: Some(tick),
                cells: Some(cells),
                ..
            } => {
                for (cell, owner) in cells {
                    match self.cells.get_mut(cell) {
                        Some(place) => *place = owner,
                        None => return unreadable("no board has such a cell"),
                    }
                }
                Ok(self.board(tick))
            }
            Body {
                tick: Some(_),
                id: Some(id),
                ..
            } => Ok(Heard::Answered {
                id,
                is_accepted: true,
            }),
            _ => unreadable("it says nothing that is known"),
        }
    }

    fn board(&self, tick: u64) -> Heard<'_> {
        Heard::Board {
            tick,
            cells: &self.cells,
            is_open: true,
        }
    }
}

/// A text as nobody says it, for samples.
pub(super) fn sample_text(length: usize) -> String {
    "~".repeat(length)
}

/// Whether a fan-out says who said it, and an echo which input it answers.
pub(super) fn has_sender(kind: Kind) -> bool {
    kind == Kind::Fanout
}
