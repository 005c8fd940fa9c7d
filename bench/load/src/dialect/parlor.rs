//! Parlor, in each of its encodings: rooms of the plugins `echo`, `broadcast`, `grid` and `metronome`, or of any that only makes a noise.

mod game;
mod history;
mod words;

use parlor_proto::{
    ClientFrame, Create, ErrorCode, Payload, Seat as Chair, ServerFrame, Subprotocol, Visibility,
    WireLimits, client, server,
};
use serde::Serialize;

use self::game::Game;
use self::history::History;
use self::words::Words;
use super::{Dialect, Heard, Kind, Message, Misread, Seat};
use crate::wire::{Outbound, Request};

/// Where Parlor has its WebSockets.
const PATH: &str = "/ws";
/// The view with the number of the last tick.
const BEAT: &str = "beat";
/// The id of the join request.
const JOIN_ID: u64 = 1;
/// Who comes for somebody else may be there before the room has let that one out, and asks so often.
const JOINS_MAX: u32 = 1_000;

#[derive(Debug)]
pub(crate) struct Parlor {
    subprotocol: Subprotocol,
    seat: Seat,
    /// Whether inputs have an id, and so are answered for themselves, beside what the plugin says.
    asks_replies: bool,
    words: Words,
    /// How often it asked for its seat.
    joins: u32,
    /// Where the client is in the room's history; nothing before it has joined.
    history: Option<History>,
    game: Game,
    /// What the room is of, where that does not follow from its kind.
    plugin: Option<(String, Payload)>,
    /// What was said in a message that is not as most are.
    text: Vec<u8>,
}

/// What a room of `broadcast` is made with.
#[derive(Serialize)]
struct ToAll {
    include_self: bool,
}

impl Parlor {
    pub(super) fn new(subprotocol: Subprotocol, asks_replies: bool, seat: Seat) -> Self {
        Self {
            subprotocol,
            asks_replies,
            words: Words::new(subprotocol, &seat),
            joins: 0,
            history: None,
            game: Game::new(seat.place, seat.places),
            plugin: None,
            text: Vec::new(),
            seat,
        }
    }

    /// The same in a room of this plugin, made with these options.
    pub(crate) fn in_room_of(seat: Seat, plugin: &str, options: Payload) -> Self {
        Self {
            plugin: Some((plugin.to_owned(), options)),
            ..Self::new(Subprotocol::Binary, false, seat)
        }
    }

    fn send(&self, frame: &ClientFrame, outbound: &mut Outbound) {
        let bytes = self.subprotocol.encode_client(frame);
        self.send_bytes(|message| message.extend_from_slice(&bytes), outbound);
    }

    fn send_bytes(&self, write: impl FnOnce(&mut Vec<u8>), outbound: &mut Outbound) {
        if self.subprotocol.is_text() {
            outbound.text(write);
        } else {
            outbound.binary(write);
        }
    }

    fn input(&self, data: Payload, id: Option<u64>) -> ClientFrame {
        let room = self.seat.room.clone();
        client::RoomMessage { room, data, id }.into()
    }

    /// Asks for the seat.
    fn join(&mut self, outbound: &mut Outbound) {
        self.joins += 1;
        let (plugin, options) = match self.seat.kind {
            Kind::Echo => ("echo", None),
            // As with other servers: the sender gets it too.
            Kind::Fanout => ("broadcast", Some(payload(&ToAll { include_self: true }))),
            Kind::Match => ("grid", None),
            Kind::Many => ("metronome", None),
        };
        let (plugin, options) = match &self.plugin {
            Some((plugin, options)) => (plugin.as_str(), Some(options.clone())),
            None => (plugin, options),
        };
        let join = client::JoinRoom {
            room: Some(self.seat.room.clone()),
            plugin: Some(plugin.to_owned()),
            create: Some(Create::IfMissing),
            // People who look for a room to play in do not end up here.
            visibility: Some(Visibility::Unlisted),
            seat: Some(Chair::Player),
            options,
            id: Some(JOIN_ID),
            ..client::JoinRoom::default()
        };
        self.send(&join.into(), outbound);
    }

    /// A frame came that only moves the client on.
    fn on_reliable(
        &mut self,
        epoch: u64,
        seq: u64,
        at_us: u64,
        outbound: &mut Outbound,
    ) -> Result<(), Misread> {
        let history = self.history.as_mut();
        let history = history
            .ok_or_else(|| Misread::Protocol("a message came before the join".to_owned()))?;
        history.on_reliable(epoch, seq, at_us)?;
        if history.is_ack_due(at_us) {
            let ack = history.ack(&self.seat.room);
            self.send(&ack.into(), outbound);
        }
        Ok(())
    }

    fn on_joined(&mut self, frame: &server::RoomJoined) -> Result<Heard<'_>, Misread> {
        self.check_room(&frame.room)?;
        // Who comes into a match for somebody else watches it, and plays the next one.
        if frame.you.seat != Chair::Player && self.seat.turn == 0 {
            let problem = "only a spectator's seat was free".to_owned();
            return Err(Misread::Protocol(problem));
        }
        if frame.last_id != 0 {
            let problem = "a session that is new has inputs behind it".to_owned();
            return Err(Misread::Protocol(problem));
        }
        self.history = Some(History::new(frame.epoch, frame.seq));
        Ok(Heard::Joined {
            member: frame.you.id,
        })
    }

    fn on_error(
        &mut self,
        frame: server::Error,
        outbound: &mut Outbound,
    ) -> Result<Option<Heard<'_>>, Misread> {
        let is_full = frame.code == ErrorCode::RoomFull.as_str();
        match frame.id {
            Some(id) if self.history.is_some() => Ok(Some(Heard::Answered {
                id,
                is_accepted: false,
            })),
            Some(JOIN_ID) if is_full && self.seat.turn > 0 && self.joins < JOINS_MAX => {
                self.join(outbound);
                Ok(None)
            }
            _ => Err(Misread::Refused {
                code: frame.code,
                message: frame.message,
            }),
        }
    }

    fn on_message(&mut self, data: &Payload, from: Option<u32>) -> Heard<'_> {
        if self.words.read_data(data, &mut self.text).is_none() {
            // Nobody says what looks like this, which whoever looks at it will notice.
            self.text.extend_from_slice(data.to_json().as_bytes());
        }
        Heard::Said {
            id: None,
            from,
            text: &self.text,
        }
    }

    fn on_state(
        &mut self,
        frame: &server::RoomState,
        outbound: &mut Outbound,
    ) -> Result<Option<Heard<'_>>, Misread> {
        match (self.seat.kind, frame.view.as_str()) {
            (Kind::Match, game::VIEW) => {}
            (Kind::Many, BEAT) => {
                let number: Result<u64, _> = frame.state.to_serde();
                let number = number.map_err(|error| {
                    Misread::unreadable(error, frame.state.to_json().as_bytes())
                })?;
                return Ok(Some(Heard::Tick { number }));
            }
            _ => return Ok(None),
        }
        self.game.on_board(&frame.state)?;
        if let Some(data) = self.game.start() {
            let start = self.input(data, None);
            self.send(&start, outbound);
        }
        Ok(Some(Heard::Board {
            tick: frame.tick,
            cells: self.game.cells(),
            is_open: self.game.is_open(),
        }))
    }

    fn on_frame(
        &mut self,
        frame: ServerFrame,
        at_us: u64,
        outbound: &mut Outbound,
    ) -> Result<Option<Heard<'_>>, Misread> {
        match frame {
            ServerFrame::Welcome(frame) => check_rate(self.seat.rate, &frame.limits)?,
            ServerFrame::RoomJoined(frame) => return self.on_joined(&frame).map(Some),
            ServerFrame::RoomMessage(frame) => {
                self.check_room(&frame.room)?;
                self.on_reliable(frame.epoch, frame.seq, at_us, outbound)?;
                return Ok(Some(self.on_message(&frame.data, frame.from)));
            }
            ServerFrame::UserJoined(it) => self.on_reliable(it.epoch, it.seq, at_us, outbound)?,
            ServerFrame::UserChanged(it) => self.on_reliable(it.epoch, it.seq, at_us, outbound)?,
            ServerFrame::UserLeft(it) => self.on_reliable(it.epoch, it.seq, at_us, outbound)?,
            ServerFrame::Reply(reply) => {
                return Ok(Some(Heard::Answered {
                    id: reply.id,
                    is_accepted: true,
                }));
            }
            ServerFrame::Error(error) => return self.on_error(error, outbound),
            ServerFrame::RoomState(frame) => return self.on_state(&frame, outbound),
            ServerFrame::Notice(frame) => {
                return Err(Misread::Refused {
                    code: frame.code,
                    message: frame.message,
                });
            }
            ServerFrame::Reset(frame) => return Err(Misread::Ended(frame.reason)),
            ServerFrame::RoomClosed(frame) => return Err(Misread::Ended(frame.message)),
            ServerFrame::Goaway(frame) => return Err(Misread::Ended(frame.reason)),
            ServerFrame::RoomLeft(_) => {
                return Err(Misread::Ended("the client was put out".to_owned()));
            }
            // Patches have become states before.
            ServerFrame::RoomPatch(_) | ServerFrame::Resumed(_) | ServerFrame::Pong(_) => {}
        }
        Ok(None)
    }

    fn check_room(&self, room: &str) -> Result<(), Misread> {
        if room == self.seat.room {
            Ok(())
        } else {
            Err(Misread::AnotherRoom(self.seat.room.clone()))
        }
    }
}

impl Dialect for Parlor {
    fn request(&self) -> Request {
        Request {
            path: PATH.to_owned(),
            subprotocol: Some(self.subprotocol.name()),
        }
    }

    fn open(&mut self, outbound: &mut Outbound) {
        let name = client::Auth {
            token: None,
            // Another one for whoever comes after somebody who left: by the same, the game would take them for one.
            name: Some(format!("bench {}-{}", self.seat.client, self.seat.turn)),
        };
        self.send(&name.into(), outbound);
        self.join(outbound);
    }

    fn say(&mut self, number: u32, text: &[u8], outbound: &mut Outbound) {
        if self.asks_replies {
            let input = self.input(self.words.data(text), Some(number.into()));
            self.send(&input, outbound);
        } else {
            self.send_bytes(|message| self.words.write(text, message), outbound);
        }
    }

    fn take_cell(&mut self, id: u32, cell: usize, outbound: &mut Outbound) {
        let input = self.input(game::capture(cell), Some(id.into()));
        self.send(&input, outbound);
    }

    fn next_board(&mut self, outbound: &mut Outbound) {
        let input = self.input(game::rematch(), None);
        self.send(&input, outbound);
    }

    fn read<'a>(
        &'a mut self,
        message: Message<'a>,
        outbound: &mut Outbound,
    ) -> Result<Option<Heard<'a>>, Misread> {
        if message.is_text != self.subprotocol.is_text() {
            return Err(Misread::WrongKind);
        }
        if let Some(said) = self.words.read(message.bytes) {
            self.on_reliable(said.epoch, said.seq, message.at_us, outbound)?;
            let (from, text) = (said.from, said.text);
            return Ok(Some(Heard::Said {
                id: None,
                from,
                text,
            }));
        }
        let frame = self.subprotocol.decode_server(message.bytes);
        let frame = frame.map_err(|error| Misread::unreadable(error, message.bytes))?;
        match self.game.follow(frame)? {
            Some(frame) => self.on_frame(frame, message.at_us, outbound),
            None => Ok(None),
        }
    }
}

/// A server that would refuse what is about to be sent is no server to measure.
fn check_rate(rate: f64, limits: &WireLimits) -> Result<(), Misread> {
    // The rest is for saying what arrived.
    const INPUTS_SHARE: f64 = 0.8;
    let allowed = limits.messages_per_second;
    if allowed == 0 || rate <= allowed as f64 * INPUTS_SHARE {
        return Ok(());
    }
    Err(Misread::Protocol(format!(
        "the server takes {allowed} messages a second from a client; start it with --limits off"
    )))
}

fn payload<T: Serialize + ?Sized>(value: &T) -> Payload {
    Payload::from_serde(value).expect("maps of numbers and text are payloads")
}

#[cfg(test)]
mod tests;
