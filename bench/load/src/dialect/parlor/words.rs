//! What is said in rooms of `echo` and `broadcast`. The samples are written by the protocol's own crate, so that they are what
//! servers and clients write.

use parlor_proto::{ClientFrame, Payload, ServerFrame, Subprotocol, client, server};
use serde::{Deserialize, Serialize};

use super::super::json::sample_text;
use super::super::mold::Mold;
use super::super::template::Template;
use super::{Kind, Seat, payload};

/// Numbers as no server sends them, for samples.
const FROM: u32 = 1_111_111_111;
const EPOCH: u64 = 2_222_222_222_222;
const SEQ: u64 = 3_333_333_333_333;

#[derive(Debug)]
pub(super) struct Words {
    kind: Kind,
    /// An input without an id, encoded.
    input: Mold,
    /// What the plugin says, as a payload.
    data: Mold,
    /// The same as a message of JSON. The other encodings have numbers of different lengths.
    message: Option<Template<3>>,
}

/// What was said, and where in the room's history.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said<'m> {
    pub(super) from: Option<u32>,
    pub(super) epoch: u64,
    pub(super) seq: u64,
    pub(super) text: &'m [u8],
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Echo<'a> {
    Echo { data: &'a str },
    EchoReply { data: &'a str },
}

/// The second of these, to be read.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Reply {
    EchoReply { data: String },
}

impl Words {
    pub(super) fn new(subprotocol: Subprotocol, seat: &Seat) -> Self {
        let text = sample_text(seat.text_bytes);
        let room = &seat.room;
        let input = ClientFrame::RoomMessage(client::RoomMessage {
            room: room.clone(),
            data: input(seat.kind, &text),
            id: None,
        });
        let data = match seat.kind {
            Kind::Echo => payload(&Echo::EchoReply { data: &text }),
            Kind::Fanout | Kind::Match | Kind::Many => payload(&text),
        };
        let message = ServerFrame::RoomMessage(server::RoomMessage {
            room: room.clone(),
            data: data.clone(),
            from: (seat.kind == Kind::Fanout).then_some(FROM),
            epoch: EPOCH,
            seq: SEQ,
        });
        let template = || {
            let sample = subprotocol.encode_server(&message);
            Template::of(&sample, text.as_bytes(), [FROM.into(), EPOCH, SEQ])
        };
        Self {
            kind: seat.kind,
            input: Mold::of(&subprotocol.encode_client(&input), text.as_bytes()),
            data: Mold::of(data.as_msgpack(), text.as_bytes()),
            message: (subprotocol.is_text() && matches!(seat.kind, Kind::Echo | Kind::Fanout))
                .then(template),
        }
    }

    /// An input, as a payload.
    pub(super) fn data(&self, text: &[u8]) -> Payload {
        input(self.kind, &String::from_utf8_lossy(text))
    }

    /// An input without an id, encoded.
    pub(super) fn write(&self, text: &[u8], message: &mut Vec<u8>) {
        self.input.write(text, message);
    }

    /// The short way, for a message that is written as the sample.
    pub(super) fn read<'m>(&self, message: &'m [u8]) -> Option<Said<'m>> {
        let (text, [from, epoch, seq]) = self.message.as_ref()?.read(message)?;
        let from = match self.kind {
            Kind::Fanout => Some(u32::try_from(from).ok()?),
            Kind::Echo | Kind::Match | Kind::Many => None,
        };
        Some(Said {
            from,
            epoch,
            seq,
            text,
        })
    }

    /// What a plugin said; nothing where it is not what is said in such a room.
    pub(super) fn read_data(&self, data: &Payload, text: &mut Vec<u8>) -> Option<()> {
        text.clear();
        if let Some(said) = self.data.read(data.as_msgpack()) {
            text.extend_from_slice(said);
            return Some(());
        }
        // The same in another form.
        let said = match self.kind {
            Kind::Echo => {
                let Reply::EchoReply { data } = data.to_serde().ok()?;
                data
            }
            Kind::Fanout | Kind::Match | Kind::Many => data.to_serde().ok()?,
        };
        text.extend_from_slice(said.as_bytes());
        Some(())
    }
}

/// What a client sends, for the plugin of this kind of room.
fn input(kind: Kind, text: &str) -> Payload {
    match kind {
        Kind::Echo => payload(&Echo::Echo { data: text }),
        Kind::Fanout | Kind::Match | Kind::Many => payload(text),
    }
}
