//! The protocol from the client's side of the stream, without I/O: bytes in, messages out. It holds what has arrived of
//! one message and nothing else, and allocates by what is there, never by a length that is declared.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::frame::{Head, Opcode, unmask};
use crate::utf8::{NotUtf8, Utf8};

/// Where less than this is missing of a frame, it is not worth a way of its own.
const GAP_BYTES_MIN: usize = 16 << 10;

/// The only kind of message that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// What a message may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of a message, all its fragments together.
    pub message_bytes_max: usize,
    /// Frames that a message comes in.
    pub fragments_max: usize,
}

/// Something whole that the client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    /// A message; if of text, it is UTF-8.
    Message(Bytes),
    /// A ping and what it carries.
    Ping(Bytes),
    /// A pong and what it carries.
    Pong(Bytes),
    /// A close frame and its code. Whatever follows it is not for reading.
    Close(Option<u16>),
}

/// What a client may not do. The stream cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// The rules of RFC 6455 were broken.
    Protocol(&'static str),
    /// Text that is not UTF-8.
    NotUtf8,
    /// The other kind of message.
    WrongKind,
    /// More bytes than a message may have.
    TooBig,
    /// More fragments than a message may have.
    TooManyFragments,
    /// A message that did not come to its end in time.
    TooSlow,
}

impl From<NotUtf8> for Violation {
    fn from(NotUtf8: NotUtf8) -> Self {
        Self::NotUtf8
    }
}

/// Makes messages of bytes.
#[derive(Debug)]
pub struct Decoder {
    kind: Kind,
    bounds: Bounds,
    /// Bytes that were not looked at yet.
    buffer: BytesMut,
    /// The data frame whose payload is arriving.
    frame: Option<Arriving>,
    /// The message whose frames are arriving.
    message: Option<Begun>,
}

#[derive(Debug)]
struct Arriving {
    is_final: bool,
    mask: [u8; 4],
    length: usize,
    /// How much of the length was taken already.
    taken: usize,
}

#[derive(Debug, Default)]
struct Begun {
    bytes: BytesMut,
    /// How many of the bytes are without mask, and if of text, UTF-8.
    checked: usize,
    fragments: usize,
    utf8: Utf8,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    #[must_use]
    pub fn new(kind: Kind, bounds: Bounds) -> Self {
        Self {
            kind,
            bounds,
            buffer: BytesMut::new(),
            frame: None,
            message: None,
        }
    }

    /// Adds what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where the rest of a large frame may be read to, in place of [`push`](Self::push), once all that has arrived was
    /// decoded.
    pub fn gap(&mut self) -> Option<Limit<&mut BytesMut>> {
        let frame = self.frame.as_ref()?;
        let missing = frame.length - frame.taken;
        if missing < GAP_BYTES_MIN || !self.buffer.is_empty() {
            return None;
        }
        let bytes = &mut self.message.as_mut()?.bytes;
        bytes.reserve(GAP_BYTES_MIN);
        Some(bytes.limit(missing))
    }

    /// Takes the next item out of what has arrived; nothing where it is not all there yet.
    ///
    /// # Errors
    ///
    /// What the client may not do, as early as it can be told. The decoder is of no more use then.
    pub fn decode(&mut self) -> Result<Option<Item>, Violation> {
        loop {
            if let Some(frame) = self.frame.take() {
                match self.take_payload(frame)? {
                    Taken::Message(bytes) => return Ok(Some(Item::Message(bytes))),
                    Taken::Fragment => continue,
                    Taken::Part => {
                        self.rest();
                        return Ok(None);
                    }
                }
            }
            let Some((head, head_len)) = Head::read(&self.buffer)? else {
                self.rest();
                return Ok(None);
            };
            if head.opcode.is_control() {
                return self.take_control(head, head_len);
            }
            self.begin_frame(head)?;
            self.buffer.advance(head_len);
        }
    }

    /// Whether something has begun that is not whole.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.message.is_some() || self.frame.is_some() || !self.buffer.is_empty()
    }

    /// Whether a message has begun that is not whole.
    #[must_use]
    pub fn is_within_message(&self) -> bool {
        self.message.is_some()
    }

    /// An idle connection keeps no memory, nor a share in that of messages which it handed on.
    fn rest(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    fn take_control(&mut self, head: Head, head_len: usize) -> Result<Option<Item>, Violation> {
        // At most 125, which the head was refused for otherwise.
        let length = usize::try_from(head.length).map_err(|_| Violation::TooBig)?;
        if self.buffer.len() < head_len + length {
            return Ok(None);
        }
        self.buffer.advance(head_len);
        let mut payload = self.buffer.split_to(length);
        unmask(&mut payload, head.mask, 0);
        let payload = payload.freeze();
        Ok(Some(match head.opcode {
            Opcode::Ping => Item::Ping(payload),
            Opcode::Pong => Item::Pong(payload),
            _ => Item::Close(read_close(&payload)?),
        }))
    }

    /// Checks the head of a data frame against what came before it.
    fn begin_frame(&mut self, head: Head) -> Result<(), Violation> {
        let begun = match (head.opcode, self.message.take()) {
            (Opcode::Continuation, Some(begun)) => begun,
            (Opcode::Continuation, None) => {
                return Err(Violation::Protocol("a continuation of no message"));
            }
            (_, Some(_)) => {
                return Err(Violation::Protocol("a new message within another"));
            }
            (Opcode::Text, None) if self.kind == Kind::Text => Begun::default(),
            (Opcode::Binary, None) if self.kind == Kind::Binary => Begun::default(),
            (_, None) => return Err(Violation::WrongKind),
        };
        let message = self.message.insert(begun);
        message.fragments += 1;
        if message.fragments > self.bounds.fragments_max {
            return Err(Violation::TooManyFragments);
        }
        let room = self.bounds.message_bytes_max - message.bytes.len();
        let length = usize::try_from(head.length).map_err(|_| Violation::TooBig)?;
        if length > room {
            return Err(Violation::TooBig);
        }
        self.frame = Some(Arriving {
            is_final: head.is_final,
            mask: head.mask,
            length,
            taken: 0,
        });
        Ok(())
    }

    /// Takes what has arrived of a frame's payload.
    fn take_payload(&mut self, mut frame: Arriving) -> Result<Taken, Violation> {
        let is_text = self.kind == Kind::Text;
        let mut message = self.message.take().unwrap_or_default();
        let is_only_frame = frame.is_final && message.bytes.is_empty();
        if is_only_frame && self.buffer.len() >= frame.length {
            // What most messages are: one frame that came in one piece. It is handed on where it lies.
            let mut bytes = self.buffer.split_to(frame.length);
            unmask(&mut bytes, frame.mask, 0);
            if is_text {
                message.utf8.feed(&bytes)?;
                message.utf8.finish()?;
            }
            return Ok(Taken::Message(bytes.freeze()));
        }
        let missing = frame.length - frame.taken - (message.bytes.len() - message.checked);
        let piece = self.buffer.split_to(missing.min(self.buffer.len()));
        message.bytes.extend_from_slice(&piece);
        let fresh = &mut message.bytes[message.checked..];
        unmask(fresh, frame.mask, frame.taken);
        if is_text {
            message.utf8.feed(fresh)?;
        }
        frame.taken += fresh.len();
        message.checked = message.bytes.len();
        let is_whole = frame.taken == frame.length;
        if is_whole && frame.is_final {
            message.utf8.finish()?;
            return Ok(Taken::Message(message.bytes.freeze()));
        }
        self.message = Some(message);
        if is_whole {
            return Ok(Taken::Fragment);
        }
        self.frame = Some(frame);
        Ok(Taken::Part)
    }
}

/// What was taken of a frame's payload.
enum Taken {
    /// Its end, which is a message's end.
    Message(Bytes),
    /// Its end.
    Fragment,
    /// Not its end.
    Part,
}

/// Reads what a close frame carries: nothing, or a code and a reason.
fn read_close(payload: &[u8]) -> Result<Option<u16>, Violation> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((code, reason)) = payload.split_first_chunk() else {
        return Err(Violation::Protocol("half a close code"));
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::Protocol("a close code that may not be sent"));
    }
    std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    Ok(Some(code))
}

#[cfg(test)]
mod tests;
