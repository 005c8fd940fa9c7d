//! What is on its way to the client. Messages stay shared until their turn: what is copied for one connection is at most
//! one write's worth, however much waits.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::decoder::Kind;
use crate::frame::{CONTROL_BYTES_MAX, HEAD_BYTES_MAX, Opcode, write_head};

/// A write is filled up to this.
const WRITE_BYTES: usize = 64 << 10;
/// A payload up to this is copied behind its head, so that many of them go out in one write.
const COPY_BYTES_MAX: usize = 8 << 10;
/// What an idle connection may keep of its write buffer.
const KEPT_BYTES_MAX: usize = 1 << 10;
/// Answers to pings that may wait. When there are more, the newest stays, which RFC 6455 (5.5.3) allows.
const PONGS_BYTES_MAX: usize = 4 << 10;
/// The longest reason a close frame can carry.
const REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

/// Frames that were not written yet, or not to their end.
#[derive(Debug)]
pub(crate) struct Outbound {
    opcode: Opcode,
    waiting: VecDeque<(Opcode, Bytes)>,
    /// Answers to pings, as frames.
    pongs: Vec<u8>,
    /// Heads of frames and payloads that were copied: of these, the first `written` bytes are out.
    buffer: Vec<u8>,
    written: usize,
    /// A payload that goes behind `buffer`.
    payload: Bytes,
    /// The close frame is among the above, or out. Nothing follows it.
    is_closing: bool,
    /// The stream takes nothing any more.
    is_broken: bool,
}

impl Outbound {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            opcode: match kind {
                Kind::Text => Opcode::Text,
                Kind::Binary => Opcode::Binary,
            },
            waiting: VecDeque::new(),
            pongs: Vec::new(),
            buffer: Vec::new(),
            written: 0,
            payload: Bytes::new(),
            is_closing: false,
            is_broken: false,
        }
    }

    /// Whether nothing can be added: the stream is broken, or the close frame is on its way.
    pub(crate) fn is_over(&self) -> bool {
        self.is_closing || self.is_broken
    }

    pub(crate) fn send(&mut self, messages: impl Iterator<Item = Bytes>) {
        let opcode = self.opcode;
        self.waiting
            .extend(messages.map(|message| (opcode, message)));
    }

    /// A ping, behind the messages that wait.
    pub(crate) fn ping(&mut self, payload: Bytes) {
        debug_assert!(payload.len() <= CONTROL_BYTES_MAX, "it is a control frame");
        self.waiting.push_back((Opcode::Ping, payload));
    }

    /// Answers a ping, before the messages that wait.
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        if self.is_over() {
            return;
        }
        if self.is_full_of_pongs() {
            self.pongs.clear();
        }
        write_head(&mut self.pongs, Opcode::Pong, payload.len());
        self.pongs.extend_from_slice(payload);
    }

    pub(crate) fn is_full_of_pongs(&self) -> bool {
        self.pongs.len() + HEAD_BYTES_MAX + CONTROL_BYTES_MAX > PONGS_BYTES_MAX
    }

    /// Ends with a close frame, in place of what waits. Only the first one counts.
    pub(crate) fn close(&mut self, code: Option<u16>, reason: &str) {
        if self.is_over() {
            return;
        }
        let payload = code.map_or_else(Vec::new, |code| {
            [&code.to_be_bytes(), cut(reason).as_bytes()].concat()
        });
        self.waiting.clear();
        self.pongs.clear();
        self.waiting.push_back((Opcode::Close, payload.into()));
        self.is_closing = true;
    }

    /// Writes some of what there is. Whether there was anything.
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        if self.is_broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if !self.fill() {
            return Poll::Ready(Ok(false));
        }
        let stream = Pin::new(stream);
        let buffer = &self.buffer[self.written..];
        let written = if self.payload.is_empty() {
            ready!(stream.poll_write(cx, buffer))
        } else {
            let slices = [IoSlice::new(buffer), IoSlice::new(&self.payload)];
            ready!(stream.poll_write_vectored(cx, &slices))
        };
        match written {
            Ok(0) => self.broken(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                self.advance(count);
                Poll::Ready(Ok(true))
            }
            Err(error) => self.broken(error),
        }
    }

    fn broken(&mut self, error: io::Error) -> Poll<io::Result<bool>> {
        self.is_broken = true;
        self.waiting = VecDeque::new();
        self.payload = Bytes::new();
        Poll::Ready(Err(error))
    }

    fn advance(&mut self, count: usize) {
        let of_buffer = count.min(self.buffer.len() - self.written);
        self.written += of_buffer;
        self.payload.advance(count - of_buffer);
    }

    /// Sees to it that there is something to write, unless nothing waits.
    fn fill(&mut self) -> bool {
        if self.written < self.buffer.len() || !self.payload.is_empty() {
            return true;
        }
        self.buffer.clear();
        self.written = 0;
        self.buffer.append(&mut self.pongs);
        while self.buffer.len() < WRITE_BYTES {
            let Some((opcode, payload)) = self.waiting.pop_front() else {
                break;
            };
            write_head(&mut self.buffer, opcode, payload.len());
            if payload.len() > COPY_BYTES_MAX {
                self.payload = payload;
                break;
            }
            self.buffer.extend_from_slice(&payload);
        }
        if self.buffer.is_empty() {
            self.rest();
        }
        !self.buffer.is_empty()
    }

    /// An idle connection keeps next to no memory.
    fn rest(&mut self) {
        self.payload = Bytes::new();
        if self.buffer.capacity() > KEPT_BYTES_MAX {
            self.buffer = Vec::new();
        }
        if self.pongs.capacity() > KEPT_BYTES_MAX {
            self.pongs = Vec::new();
        }
        if self.waiting.capacity() * size_of::<(Opcode, Bytes)>() > KEPT_BYTES_MAX {
            self.waiting = VecDeque::new();
        }
    }
}

/// Cuts a reason to what a close frame can carry, between characters.
fn cut(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(outbound: &mut Outbound) -> Vec<u8> {
        let mut out = Vec::new();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(Ok(true)) = outbound.poll_write(&mut out, &mut cx) {}
        out
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ä".repeat(100)).len(), 122);
    }

    #[test]
    fn frames_go_out_in_order_and_pongs_before_them() {
        let mut outbound = Outbound::new(Kind::Binary);
        let large = Bytes::from(vec![7; COPY_BYTES_MAX + 1]);
        outbound.send([Bytes::from("a"), large.clone(), Bytes::from("b")].into_iter());
        outbound.ping("?".into());
        outbound.pong(b"!");
        let mut expected = b"\x8A\x01!\x82\x01a\x82\x7E\x20\x01".to_vec();
        expected.extend(&large);
        expected.extend(b"\x82\x01b\x89\x01?");
        assert_eq!(written(&mut outbound), expected);
        assert!(outbound.buffer.capacity() <= KEPT_BYTES_MAX);
    }

    #[test]
    fn a_flood_of_pings_is_answered_by_the_newest() {
        let mut outbound = Outbound::new(Kind::Text);
        for n in 0..1_000_000_u32 {
            outbound.pong(&n.to_be_bytes());
        }
        assert!(outbound.pongs.capacity() <= 2 * PONGS_BYTES_MAX);
        let out = written(&mut outbound);
        assert!(out.ends_with(&999_999_u32.to_be_bytes()));
        assert!(out.len() <= PONGS_BYTES_MAX);
    }

    #[test]
    fn a_close_frame_takes_the_place_of_what_waits_and_is_the_last() {
        let mut outbound = Outbound::new(Kind::Text);
        outbound.send(std::iter::once(Bytes::from("never")));
        outbound.close(Some(1001), "bye");
        outbound.close(Some(1002), "too late");
        outbound.pong(b"too late");
        assert_eq!(written(&mut outbound), b"\x88\x05\x03\xE9bye");
    }
}
