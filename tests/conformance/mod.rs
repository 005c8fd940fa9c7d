//! RFC 6455 as the Autobahn testsuite tests it, against a whole server: sections 1 to 7 and 10, each case under Autobahn's
//! number. Sections 12 and 13 are about compression, which is never accepted (WS7), and 9 is about speed.
//!
//! Autobahn wants a server that echoes any message. Here it is the `echo` plugin that does, so that a message must be a
//! frame of the protocol, and content comes back in one. That makes for these differences, all of them on purpose:
//! - an empty message, and one with a bare control character, is no frame: it is answered by an `error` (ER1);
//! - text is for `v1.json` and bytes are for `v1.binary`: the other kind closes with 1003 (HS5), so that section 6 is run
//!   with text only, and 1.1 and 1.2 are the same cases in the two subprotocols;
//! - a room answers on its own time, so that what a case expects before a violation or a close frame is waited for before
//!   that is sent, where Autobahn takes either order for good.

mod bounds;
mod closing;
mod control;
mod fragments;
mod lengths;
mod text;

use parlor_proto::{Payload, ServerFrame, Subprotocol, client};
use parlor_tests::{RawClient, TestServer, json_of, masked_frame, payload};
use serde_json::json;

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// The room that echoes. Each client has one of its own.
const ROOM: &str = "e";
/// Takes the place of bytes that no encoder would write.
const PLACE: &str = "@@@@";

/// A case of the table.
struct Case {
    number: String,
    steps: Vec<Step>,
}

enum Step {
    /// The client sends these bytes.
    Send(Vec<u8>),
    /// This comes back, and nothing before it.
    Expect(Came),
}

/// What the server sent.
#[derive(Debug, PartialEq)]
enum Came {
    /// What was said.
    Echo(String),
    /// An `error` of this code.
    Error(String),
    Pong(Vec<u8>),
    /// A close frame with this code, and the end of the connection.
    Close(Option<u16>),
}

fn case(number: impl Into<String>, steps: impl IntoIterator<Item = Step>) -> Case {
    Case {
        number: number.into(),
        steps: steps.into_iter().collect(),
    }
}

fn send(first: u8, payload: impl AsRef<[u8]>) -> Step {
    Step::Send(masked_frame(first, payload.as_ref()))
}

fn echo(text: impl Into<String>) -> Step {
    Step::Expect(Came::Echo(text.into()))
}

fn error(code: &str) -> Step {
    Step::Expect(Came::Error(code.to_owned()))
}

fn pong(payload: impl AsRef<[u8]>) -> Step {
    Step::Expect(Came::Pong(payload.as_ref().to_vec()))
}

fn close(code: u16) -> Step {
    Step::Expect(Came::Close(Some(code)))
}

/// What a message is in one of the subprotocols.
#[derive(Clone, Copy)]
struct Dialect(Subprotocol);

impl Dialect {
    /// The opcode of its messages.
    fn opcode(self) -> u8 {
        if self.0.is_text() { TEXT } else { BINARY }
    }

    /// A message that asks for this text to be said back.
    fn saying(self, text: &str) -> Vec<u8> {
        let data: Payload = payload(&json!({ "type": "echo", "data": text }));
        let room = ROOM.to_owned();
        let frame = client::RoomMessage {
            room,
            data,
            id: None,
        };
        self.0.encode_client(&frame.into()).to_vec()
    }

    /// The text that makes such a message as long as this.
    fn text_of(self, message_bytes: usize) -> String {
        let mut length = message_bytes - self.saying("").len();
        // The length of a longer text takes more bytes itself.
        while self.saying(&"*".repeat(length)).len() > message_bytes {
            length -= 1;
        }
        let text = "*".repeat(length);
        assert_eq!(self.saying(&text).len(), message_bytes);
        text
    }

    /// One frame that asks for this text to be said back.
    fn say(self, text: &str) -> Step {
        send(FIN | self.opcode(), self.saying(text))
    }
}

/// A message that asks for these bytes to be said back as if they were text.
fn saying_bytes(bytes: &[u8]) -> Vec<u8> {
    let message = Dialect(Subprotocol::Json).saying(PLACE);
    let at = message
        .windows(PLACE.len())
        .position(|it| it == PLACE.as_bytes())
        .expect("the place is there");
    [&message[..at], bytes, &message[at + PLACE.len()..]].concat()
}

/// Cuts a message into frames, the last of them final.
fn fragments<'a>(opcode: u8, parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Step> {
    let parts: Vec<&[u8]> = parts.into_iter().collect();
    let last = parts.len() - 1;
    let first_byte = |index| {
        let opcode = if index == 0 { opcode } else { CONTINUATION };
        if index == last { FIN | opcode } else { opcode }
    };
    let frames = parts.iter().enumerate();
    frames
        .map(|(index, part)| send(first_byte(index), part))
        .collect()
}

/// A server that only speaks WebSocket well or badly: what other limits there are is not the matter here.
async fn server() -> TestServer {
    TestServer::with_limits(|limits| limits.resume_window = std::time::Duration::ZERO).await
}

/// Runs a table in a subprotocol, each case as it is and in slices, and reports all that is wrong.
async fn run(subprotocol: Subprotocol, cases: &[Case]) {
    let server = server().await;
    let mut wrong = Vec::new();
    for case in cases {
        for slice in [usize::MAX, 1] {
            if let Err(what) = run_case(&server, subprotocol, case, slice).await {
                let way = if slice == 1 {
                    "in single bytes"
                } else {
                    "whole"
                };
                let name = subprotocol.name();
                wrong.push(format!("{} ({name}, {way}): {what}", case.number));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The rest of a long message is not worth a system call for each byte.
const SLICED_BYTES_MAX: usize = 2_000;

async fn run_case(
    server: &TestServer,
    subprotocol: Subprotocol,
    case: &Case,
    slice: usize,
) -> Result<(), String> {
    let mut client = RawClient::join(server, subprotocol, ROOM, "echo").await;
    for step in &case.steps {
        match step {
            Step::Send(bytes) if bytes.len() > SLICED_BYTES_MAX => {
                client.send(bytes, slice.saturating_mul(997)).await;
            }
            Step::Send(bytes) => client.send(bytes, slice).await,
            Step::Expect(Came::Close(code)) => return closed(client, *code).await,
            Step::Expect(expected) => expect(&mut client, expected).await?,
        }
    }
    // Nothing else comes, and the connection is as good as before.
    let bye = masked_frame(FIN | CLOSE, &1000_u16.to_be_bytes());
    client.send(&bye, usize::MAX).await;
    closed(client, Some(1000)).await
}

async fn expect(client: &mut RawClient, expected: &Came) -> Result<(), String> {
    let came = loop {
        let Some(frame) = client.frame().await else {
            return Err(format!("the end instead of {expected:?}"));
        };
        match frame.opcode {
            CLOSE => break Came::Close(code_of(&frame.payload)),
            PONG => break Came::Pong(frame.payload),
            _ => match client.decode(&frame) {
                // The client of the case before may take a moment to be gone from the room.
                ServerFrame::UserLeft(_) => {}
                ServerFrame::RoomMessage(message) => {
                    let data = json_of(&message.data);
                    break Came::Echo(data["data"].as_str().unwrap_or_default().to_owned());
                }
                ServerFrame::Error(refused) => break Came::Error(refused.code),
                other => return Err(format!("{other:?} instead of {expected:?}")),
            },
        }
    };
    if came == *expected {
        Ok(())
    } else {
        Err(format!("{came:?} instead of {expected:?}"))
    }
}

/// Expects a close frame, and the end of the stream behind it without any more from the client.
async fn closed(mut client: RawClient, code: Option<u16>) -> Result<(), String> {
    expect(&mut client, &Came::Close(code)).await?;
    match client.frame().await {
        None => Ok(()),
        Some(frame) => Err(format!("{frame:?} behind the close frame")),
    }
}

fn code_of(payload: &[u8]) -> Option<u16> {
    payload.first_chunk().copied().map(u16::from_be_bytes)
}

/// Asserts that the table has all of Autobahn's cases of some sections.
fn assert_complete(cases: &[Case], count: usize) {
    let mut numbers: Vec<&str> = cases.iter().map(|case| &*case.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "{numbers:?}");
}
