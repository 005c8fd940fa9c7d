//! A chat room: text, private messages, files, who is typing, who came and went, and the last lines for newcomers.
//!
//! Text is handed on as it came and is never markup: a page shows it as text.

use parlor_plugin::{
    Audience, Bytes, Config, Ctx, LeaveReason, Member, MemberId, Refusal, Result, Room, export,
};
use serde::{Deserialize, Serialize};

mod history;

use history::{History, Line};

/// The longest text, in characters.
const TEXT_CHARS_MAX: usize = 2_000;
/// The largest file.
const FILE_BYTES_MAX: usize = 256 << 10;
/// The longest name of a file, or of its media type, in characters.
const LABEL_CHARS_MAX: usize = 255;

/// What members send.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Input {
    /// Says something to all.
    Say {
        /// What.
        text: String,
    },
    /// Says something to one member.
    Tell {
        /// To whom.
        to: MemberId,
        /// What.
        text: String,
    },
    /// Begins or stops typing.
    Typing {
        /// Which of the two.
        on: bool,
    },
    /// Shares a file.
    File {
        /// Its name.
        name: String,
        /// Its media type.
        mime: String,
        /// What is in it.
        bytes: Bytes,
    },
    /// Asks for older lines.
    History {
        /// Those before the line of this number.
        before: u64,
    },
}

/// What members get, besides the lines of the conversation ([`Line`]).
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Output<'a> {
    /// A page of the conversation, the oldest line first. `more` says whether there are older ones; `now_ms` is what the
    /// `at_ms` of lines compares with.
    History {
        lines: Vec<&'a Line>,
        more: bool,
        now_ms: u64,
    },
    /// A private message; its sender gets it too.
    Told {
        from: MemberId,
        name: &'a str,
        to: MemberId,
        text: &'a str,
        at_ms: u64,
    },
    /// Somebody is typing, or no longer.
    Typing { from: MemberId, on: bool },
    /// Somebody came in.
    Joined {
        from: MemberId,
        name: &'a str,
        at_ms: u64,
    },
    /// Somebody is gone.
    Left {
        from: MemberId,
        name: &'a str,
        at_ms: u64,
    },
}

/// The room.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Chat {
    history: History,
}

impl Room for Chat {
    type Input = Input;

    fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
        Ok(Self::default())
    }

    fn join(&mut self, room: &mut Ctx, member: &Member) -> Result<()> {
        self.send_history(room, member.id, u64::MAX);
        let joined = Output::Joined {
            from: member.id,
            name: &member.name,
            at_ms: room.now_ms(),
        };
        room.send_except(member.id, &joined);
        Ok(())
    }

    fn leave(&mut self, room: &mut Ctx, member: &Member, _reason: LeaveReason) {
        let left = Output::Left {
            from: member.id,
            name: &member.name,
            at_ms: room.now_ms(),
        };
        room.broadcast(&left);
    }

    fn resync(&mut self, room: &mut Ctx, member: MemberId) {
        self.send_history(room, member, u64::MAX);
    }

    fn message(&mut self, room: &mut Ctx, from: &Member, input: Input) -> Result<()> {
        let (name, at_ms) = (from.name.clone(), room.now_ms());
        match input {
            Input::Say { text } => {
                check_text(&text)?;
                let n = self.history.next_number();
                self.say(
                    room,
                    Line::Said {
                        n,
                        from: from.id,
                        name,
                        at_ms,
                        text,
                    },
                );
            }
            Input::Tell { to, text } => {
                check_text(&text)?;
                if room.member(to).is_none() {
                    return Err(Refusal::new(
                        "NO_SUCH_MEMBER",
                        "that member is not in the room",
                    ));
                }
                let told = Output::Told {
                    from: from.id,
                    name: &name,
                    to,
                    text: &text,
                    at_ms,
                };
                room.send_from(from.id, vec![from.id, to], &told);
            }
            Input::Typing { on } => {
                room.send_except(from.id, &Output::Typing { from: from.id, on })
            }
            Input::File {
                name: file,
                mime,
                bytes,
            } => {
                check_file(&file, &mime, &bytes)?;
                let (n, size) = (self.history.next_number(), bytes.len());
                self.say(
                    room,
                    Line::File {
                        n,
                        from: from.id,
                        name,
                        at_ms,
                        file,
                        mime,
                        size,
                        bytes: Some(bytes),
                    },
                );
            }
            Input::History { before } => self.send_history(room, from.id, before),
        }
        Ok(())
    }
}

impl Chat {
    fn say(&mut self, room: &mut Ctx, line: Line) {
        room.send_from(line.from(), Audience::Everyone, &line);
        self.history.push(line);
    }

    fn send_history(&self, room: &mut Ctx, to: MemberId, before: u64) {
        let (lines, more) = self.history.page(before);
        let now_ms = room.now_ms();
        room.send(
            to,
            &Output::History {
                lines,
                more,
                now_ms,
            },
        );
    }
}

fn check_text(text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Refusal::new("TEXT_EMPTY", "write something first"));
    }
    match text.chars().count() {
        ..=TEXT_CHARS_MAX => Ok(()),
        count => Err(Refusal::new(
            "TEXT_TOO_LONG",
            format!("{count} characters; the most is {TEXT_CHARS_MAX}"),
        )),
    }
}

fn check_file(name: &str, mime: &str, bytes: &[u8]) -> Result<()> {
    if [name, mime]
        .iter()
        .any(|label| label.trim().is_empty() || label.chars().count() > LABEL_CHARS_MAX)
    {
        return Err(Refusal::new(
            "FILE_UNNAMED",
            format!("give a name and a type of 1 to {LABEL_CHARS_MAX} characters"),
        ));
    }
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Refusal::new(
            "FILE_TOO_LARGE",
            format!("{} bytes; the most is {FILE_BYTES_MAX}", bytes.len()),
        ));
    }
    Ok(())
}

export!(Chat {
    name: "chat",
    players_max: 1_000,
    spectators_max: 1_000,
    // A whole file, its labels, and the map around them.
    limits: { payload_bytes: 260 << 10 },
});
