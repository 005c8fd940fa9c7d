//! What a bot says in a room of each plugin, and what it makes of what it hears. The messages are those of the bundled
//! plugins' READMEs.

mod arena;
mod grid;

use parlor_proto::Payload;
use serde::{Deserialize, Serialize};

use crate::account::{Audience, Mark};
use crate::options::Plugin;
use crate::room::Room;

pub(crate) use arena::Arena;
pub(crate) use grid::{CELLS, Grid, Sight};

/// What a bot writes into what it says, so that whoever hears it knows whose it is and how old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// The sender's place in the room.
    pub(crate) sender: u32,
    /// The input's id.
    pub(crate) id: u64,
    /// When it was to be sent, in microseconds of the run.
    pub(crate) at_us: u64,
}

impl Stamp {
    pub(crate) fn mark(self) -> Mark {
        Mark {
            sender: self.sender,
            id: self.id,
        }
    }

    /// The stamp as a line of chat.
    fn to_text(self) -> String {
        format!("bot {} says {} at {} us", self.sender, self.id, self.at_us)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number_after = |word| match words.next() {
            Some(found) if found == word => words.next()?.parse::<u64>().ok(),
            _ => None,
        };
        Some(Self {
            sender: number_after("bot")?.try_into().ok()?,
            id: number_after("says")?,
            at_us: number_after("at")?,
        })
    }
}

/// A message that some bot's input brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) stamp: Stamp,
    /// The number of a chat line.
    pub(crate) number: Option<u64>,
}

/// How a bot behaves.
#[derive(Debug)]
pub(crate) enum Script {
    Grid(Box<Grid>),
    Chat,
    Echo,
    Broadcast,
    Arena(Arena),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Output {
    Say { text: String },
    Echo { data: Stamp },
}

/// What `echo` answers.
#[derive(Deserialize)]
struct EchoReply {
    data: Stamp,
}

/// What `chat` sends, as far as it is of interest: only lines have all of this.
#[derive(Deserialize)]
struct ChatLine {
    n: u64,
    text: String,
}

impl Script {
    pub(crate) fn new(plugin: Plugin, place: usize) -> Self {
        match plugin {
            Plugin::Grid => Self::Grid(Box::new(Grid::new(place))),
            Plugin::Chat => Self::Chat,
            Plugin::Echo => Self::Echo,
            Plugin::Broadcast => Self::Broadcast,
            Plugin::Arena => Self::Arena(Arena::default()),
        }
    }

    /// Who hears of what the bots of this plugin say.
    pub(crate) fn audience(plugin: Plugin) -> Audience {
        match plugin {
            Plugin::Grid | Plugin::Arena => Audience::Nobody,
            Plugin::Chat => Audience::Everyone,
            Plugin::Echo => Audience::Sender,
            Plugin::Broadcast => Audience::Others,
        }
    }

    /// What to say next.
    pub(crate) fn next(&mut self, stamp: Stamp, room: &Room) -> Payload {
        match self {
            Self::Grid(grid) => {
                let ask = grid.next(stamp);
                let at_us = ask.is_timed.then_some(stamp.at_us);
                room.on_asked(stamp.sender as usize, ask.cell, at_us);
                ask.data
            }
            Self::Chat => payload(&Output::Say {
                text: stamp.to_text(),
            }),
            Self::Echo => payload(&Output::Echo { data: stamp }),
            Self::Broadcast => payload(&stamp),
            Self::Arena(arena) => arena.next(stamp),
        }
    }

    /// What to say out of turn, so that the room goes on.
    pub(crate) fn urge(&mut self, id: u64) -> Option<Payload> {
        match self {
            Self::Grid(grid) => grid.urge(id),
            Self::Chat | Self::Echo | Self::Broadcast | Self::Arena(_) => None,
        }
    }

    /// An input was answered.
    pub(crate) fn on_answer(&mut self, id: u64, is_accepted: bool) {
        match self {
            Self::Grid(grid) => grid.on_answer(id, is_accepted),
            Self::Arena(arena) if !is_accepted => arena.on_refused(id),
            Self::Chat | Self::Echo | Self::Broadcast | Self::Arena(_) => {}
        }
    }

    /// Reads a message. `None` for what no bot's input brought about, such as a chat's history.
    pub(crate) fn hear(&self, data: &Payload) -> Option<Heard> {
        match self {
            Self::Grid(_) | Self::Arena(_) => None,
            Self::Chat => {
                let line: ChatLine = data.to_serde().ok()?;
                let stamp = Stamp::from_text(&line.text)?;
                Some(Heard {
                    stamp,
                    number: Some(line.n),
                })
            }
            Self::Echo => {
                let stamp = data.to_serde::<EchoReply>().ok()?.data;
                Some(Heard {
                    stamp,
                    number: None,
                })
            }
            Self::Broadcast => {
                let stamp = data.to_serde().ok()?;
                Some(Heard {
                    stamp,
                    number: None,
                })
            }
        }
    }
}

fn payload<T: Serialize>(value: &T) -> Payload {
    Payload::from_serde(value).expect("maps of numbers and text are payloads")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        sender: 3,
        id: 17,
        at_us: 123_456,
    };

    fn said(plugin: Plugin) -> String {
        let room = Room::new("room".to_owned(), 4, Script::audience(plugin));
        Script::new(plugin, 0).next(STAMP, &room).to_json()
    }

    fn hear(plugin: Plugin, json: &str) -> Option<Heard> {
        Script::new(plugin, 0).hear(&Payload::from_json(json).unwrap())
    }

    #[test]
    fn echo_hears_its_own_words() {
        assert_eq!(
            said(Plugin::Echo),
            r#"{"type":"echo","data":{"sender":3,"id":17,"at_us":123456}}"#
        );
        let heard = hear(
            Plugin::Echo,
            r#"{"type":"echo_reply","data":{"sender":3,"id":17,"at_us":123456}}"#,
        );
        assert_eq!(
            heard,
            Some(Heard {
                stamp: STAMP,
                number: None
            })
        );
    }

    #[test]
    fn chat_hears_lines_and_nothing_else() {
        assert_eq!(
            said(Plugin::Chat),
            r#"{"type":"say","text":"bot 3 says 17 at 123456 us"}"#
        );
        let line = r#"{"type":"said","n":9,"from":1,"name":"a","at_ms":5,"text":"bot 3 says 17 at 123456 us"}"#;
        assert_eq!(
            hear(Plugin::Chat, line),
            Some(Heard {
                stamp: STAMP,
                number: Some(9)
            })
        );
        for other in [
            r#"{"type":"said","n":9,"from":1,"name":"a","at_ms":5,"text":"hello"}"#,
            r#"{"type":"joined","from":1,"name":"a","at_ms":5}"#,
            r#"{"type":"history","lines":[],"more":false,"now_ms":5}"#,
        ] {
            assert_eq!(hear(Plugin::Chat, other), None, "{other}");
        }
    }

    #[test]
    fn broadcast_hears_what_was_sent() {
        let json = said(Plugin::Broadcast);
        assert_eq!(
            hear(Plugin::Broadcast, &json),
            Some(Heard {
                stamp: STAMP,
                number: None
            })
        );
        assert_eq!(hear(Plugin::Broadcast, "[1]"), None);
    }
}
