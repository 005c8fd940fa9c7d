//! Socket.IO 5 over Engine.IO 4, with nothing but WebSockets, as `bench/peers/README.md` has it. A message begins with a digit for
//! the kind of Engine.IO's packet, and where that is a message, with another one for Socket.IO's.

use serde::Deserialize;

use super::json::{Body, Room, has_sender};
use super::{Dialect, Heard, Kind, Message, Misread, Seat};
use crate::text::push_decimal;
use crate::wire::{Outbound, Request};

const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

const PING: &[u8] = b"2";
const PONG: &[u8] = b"3";
const CONNECT: &[u8] = b"40";
const DISCONNECT: &[u8] = b"41";
const EVENT: &[u8] = b"42";
/// What answers the only event that asks for that: its number is 0.
const ACKNOWLEDGED: &[u8] = b"430";
/// Engine.IO's own beginning.
const OPENED: u8 = b'0';

#[derive(Debug)]
pub(super) struct Socketio {
    room: Room,
    /// What an input begins with, up to its number.
    before_id: String,
}

#[derive(Debug, Deserialize)]
struct Joined {
    member: u32,
}

impl Socketio {
    pub(super) fn new(seat: Seat) -> Self {
        let event = match seat.kind {
            Kind::Echo | Kind::Fanout => "say",
            Kind::Match | Kind::Many => "cell",
        };
        Self {
            before_id: format!(r#"42["{event}",{{"room":"{}","id":"#, seat.room),
            room: Room::new(has_sender(seat.kind), [r#"42["said","#, "]"], seat),
        }
    }

    fn join(&self) -> String {
        let Seat { room, kind, .. } = &self.room.seat;
        let kind = kind.name();
        format!(r#"420["join",{{"room":"{room}","kind":"{kind}"}}]"#)
    }

    /// What every message begins with that is none of a room.
    fn on_packet(&self, bytes: &[u8], outbound: &mut Outbound) -> Option<Result<(), Misread>> {
        let mut say = |text: &[u8]| outbound.text(|message| message.extend_from_slice(text));
        if bytes == PING {
            say(PONG);
        } else if bytes.first() == Some(&OPENED) {
            say(CONNECT);
        } else if bytes.starts_with(CONNECT) {
            say(self.join().as_bytes());
        } else if bytes == DISCONNECT {
            let problem = "it does not take what it got".to_owned();
            return Some(Err(Misread::Ended(problem)));
        } else {
            return None;
        }
        Some(Ok(()))
    }
}

impl Dialect for Socketio {
    fn request(&self) -> Request {
        Request {
            path: PATH.to_owned(),
            subprotocol: None,
        }
    }

    fn open(&mut self, _outbound: &mut Outbound) {
        // The server begins.
    }

    fn say(&mut self, number: u32, text: &[u8], outbound: &mut Outbound) {
        outbound.text(|message| {
            message.extend_from_slice(self.before_id.as_bytes());
            push_decimal(number.into(), message);
            message.extend_from_slice(br#","data":""#);
            message.extend_from_slice(text);
            message.extend_from_slice(br#""}]"#);
        });
    }

    fn take_cell(&mut self, id: u32, cell: usize, outbound: &mut Outbound) {
        outbound.text(|message| {
            message.extend_from_slice(self.before_id.as_bytes());
            push_decimal(id.into(), message);
            message.extend_from_slice(br#","cell":"#);
            push_decimal(cell as u64, message);
            message.extend_from_slice(b"}]");
        });
    }

    fn read<'a>(
        &'a mut self,
        message: Message<'a>,
        outbound: &mut Outbound,
    ) -> Result<Option<Heard<'a>>, Misread> {
        if !message.is_text {
            return Err(Misread::WrongKind);
        }
        let bytes = message.bytes;
        if let Some(heard) = self.room.hear_said(bytes) {
            return Ok(Some(heard));
        }
        if let Some(done) = self.on_packet(bytes, outbound) {
            return done.map(|()| None);
        }
        let unreadable = |error| Misread::unreadable(error, bytes);
        if let Some(answer) = bytes.strip_prefix(ACKNOWLEDGED) {
            let [Joined { member }] = serde_json::from_slice(answer).map_err(unreadable)?;
            return Ok(Some(Heard::Joined { member }));
        }
        let Some(event) = bytes.strip_prefix(EVENT) else {
            return Err(Misread::unreadable("it is no packet that is known", bytes));
        };
        let (_name, body): (String, Body) = serde_json::from_slice(event).map_err(unreadable)?;
        self.room.hear(body, bytes).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::CELLS;
    use crate::dialect::tests::{said_of, seat};

    const TEXT: &str = "0123456789abcdef0123456789abcdef";

    /// What a message says, in words, and what is said to it.
    fn hear(dialect: &mut Socketio, text: &str) -> Result<(String, Vec<String>), Misread> {
        let message = Message {
            is_text: true,
            bytes: text.as_bytes(),
            at_us: 0,
        };
        let mut words = Ok(String::new());
        let answers = said_of(|outbound| {
            words = dialect
                .read(message, outbound)
                .map(|heard| format!("{heard:?}"));
        });
        Ok((words?, answers))
    }

    fn only(heard: &Heard<'_>) -> Result<(String, Vec<String>), Misread> {
        Ok((format!("{:?}", Some(heard)), vec![]))
    }

    fn joined(kind: Kind) -> Socketio {
        let mut dialect = Socketio::new(seat(kind, TEXT.len()));
        let opened = r#"0{"sid":"a","upgrades":[],"pingInterval":25000}"#;
        let nothing = "None".to_owned();
        assert_eq!(
            hear(&mut dialect, opened),
            Ok((nothing.clone(), vec!["40".to_owned()]))
        );
        let kind = kind.name();
        let join = format!(r#"420["join",{{"room":"room-1","kind":"{kind}"}}]"#);
        assert_eq!(
            hear(&mut dialect, r#"40{"sid":"b"}"#),
            Ok((nothing, vec![join]))
        );
        let heard = hear(&mut dialect, r#"430[{"member":4}]"#);
        assert_eq!(heard, only(&Heard::Joined { member: 4 }));
        dialect
    }

    #[test]
    fn both_levels_are_opened_and_pings_are_answered() {
        let mut dialect = joined(Kind::Echo);
        assert!(said_of(|outbound| dialect.open(outbound)).is_empty());
        assert_eq!(
            hear(&mut dialect, "2"),
            Ok(("None".to_owned(), vec!["3".to_owned()]))
        );
    }

    #[test]
    fn inputs_are_events() {
        let mut dialect = joined(Kind::Fanout);
        assert_eq!(
            said_of(|outbound| dialect.say(17, TEXT.as_bytes(), outbound)),
            [format!(
                r#"42["say",{{"room":"room-1","id":17,"data":"{TEXT}"}}]"#
            )]
        );
        let mut dialect = joined(Kind::Match);
        assert_eq!(
            said_of(|outbound| dialect.take_cell(3, 80, outbound)),
            [r#"42["cell",{"room":"room-1","id":3,"cell":80}]"#]
        );
    }

    #[test]
    fn what_is_said_is_read_in_any_form_that_json_has() {
        let said = |id, from| Heard::Said {
            id,
            from,
            text: TEXT.as_bytes(),
        };
        let mut dialect = joined(Kind::Echo);
        for event in [
            format!(r#"42["said",{{"room":"room-1","id":17,"data":"{TEXT}"}}]"#),
            format!(r#"42["said", {{"data":"{TEXT}","room":"room-1","id":17}}]"#),
        ] {
            assert_eq!(hear(&mut dialect, &event), only(&said(Some(17), None)));
        }
        let mut dialect = joined(Kind::Fanout);
        let event = format!(r#"42["said",{{"room":"room-1","from":2,"data":"{TEXT}"}}]"#);
        assert_eq!(hear(&mut dialect, &event), only(&said(None, Some(2))));
    }

    #[test]
    fn a_board_is_kept_up_to_date() {
        let mut dialect = joined(Kind::Match);
        let nulls = vec!["null"; CELLS].join(",");
        let board = format!(r#"42["board",{{"room":"room-1","tick":5,"board":[{nulls}]}}]"#);
        let mut cells = [0; CELLS];
        for (event, tick, owner) in [
            (board.as_str(), 5, 0),
            (
                r#"42["cells",{"room":"room-1","tick":6,"cells":[[40,2]]}]"#,
                6,
                2,
            ),
        ] {
            cells[40] = owner;
            let expected = Heard::Board {
                tick,
                cells: &cells,
                is_open: true,
            };
            assert_eq!(hear(&mut dialect, event), only(&expected));
        }
        let applied = r#"42["applied",{"room":"room-1","id":3,"tick":6}]"#;
        let expected = Heard::Answered {
            id: 3,
            is_accepted: true,
        };
        assert_eq!(hear(&mut dialect, applied), only(&expected));
    }

    #[test]
    fn what_cannot_be_meant_for_this_client_is_refused() {
        for text in [
            "41",
            "5",
            "",
            "42",
            r#"42["said"]"#,
            r#"42["said",{"room":"room-2","id":1,"data":"x"}]"#,
            r#"430[]"#,
        ] {
            let mut dialect = joined(Kind::Echo);
            assert!(hear(&mut dialect, text).is_err(), "{text}");
        }
    }
}
