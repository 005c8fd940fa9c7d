//! A decoder, what is on its way out, and the stream below both.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use crate::deadline::Deadline;
use crate::decoder::{Bounds, Decoder, Item, Kind, Violation};
use crate::outbound::Outbound;

/// The most that is read at a time. It is on the stack, so that a connection that only waits holds no buffer.
const READ_BYTES: usize = 16 << 10;
/// The most that is read, and thrown away, of a client that was sent a close frame. To end while something is unread
/// resets the connection, and the close frame with it.
const DRAIN_BYTES_MAX: usize = 16 << 20;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From the first byte of a message to its last.
    pub message: Duration,
    /// A write that makes no progress.
    pub write: Duration,
    /// From the close frame to the end of the connection.
    pub close: Duration,
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A message; if of text, it is UTF-8.
    Message(Bytes),
    /// A ping, which is answered already.
    Ping,
    /// A pong and what it carries.
    Pong(Bytes),
    /// The client's close frame and its code, answered already. Nothing more will come in.
    Closed(Option<u16>),
    /// The connection was lost without a close frame.
    Gone,
    /// The client did what it may not; the connection is to be closed. Nothing more will come in.
    Violation(Violation),
}

/// The socket could not be written, or not in time.
#[derive(Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It is gone, or closed by the client.
    Gone,
    /// The client does not read.
    Stalled,
}

/// A WebSocket over a stream, after the opening handshake.
pub struct WebSocket<S> {
    stream: S,
    decoder: Decoder,
    outbound: Outbound,
    timeouts: Timeouts,
    reading: Reading,
    /// When the message that has begun must be whole.
    message_deadline: Deadline,
    /// When the write that waits must have got something done.
    write_deadline: Deadline,
}

/// What can still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Frames,
    /// Bytes that mean nothing: behind a close frame, or a violation.
    Noise,
    Nothing,
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("reading", &self.reading)
            .field("message_deadline", &self.message_deadline)
            .finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// A WebSocket at its beginning.
    pub fn new(stream: S, kind: Kind, bounds: Bounds, timeouts: Timeouts) -> Self {
        Self {
            stream,
            decoder: Decoder::new(kind, bounds),
            outbound: Outbound::new(kind),
            timeouts,
            reading: Reading::Frames,
            message_deadline: Deadline::default(),
            write_deadline: Deadline::default(),
        }
    }

    /// Waits for what comes in next. Cancel safe.
    pub async fn receive(&mut self) -> Inbound {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// Takes what has come in already.
    pub fn receive_ready(&mut self) -> Option<Inbound> {
        match self.poll_receive(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(inbound) => Some(inbound),
            Poll::Pending => None,
        }
    }

    /// Writes all messages with one flush. A client may read as slowly as it likes, as long as it reads. Cancel safe: what
    /// was not written by then goes out with the next write.
    ///
    /// # Errors
    ///
    /// The connection is gone, or nothing could be written for the time that this may take.
    pub async fn send_all(&mut self, messages: &mut Vec<Bytes>) -> Result<(), WriteError> {
        if self.outbound.is_over() {
            return Err(WriteError::Gone);
        }
        self.outbound.send(messages.drain(..));
        self.write().await
    }

    /// Sends a ping of at most 125 bytes, behind what was sent before. Cancel safe as [`send_all`](Self::send_all) is.
    ///
    /// # Errors
    ///
    /// As with [`send_all`](Self::send_all).
    pub async fn ping(&mut self, payload: Bytes) -> Result<(), WriteError> {
        if self.outbound.is_over() {
            return Err(WriteError::Gone);
        }
        self.outbound.ping(payload);
        self.write().await
    }

    /// Ends the connection well: finishes the frame that is being written, sends a close frame in place of all that waits,
    /// waits for the client's, and for its end of the stream. After [`Inbound::Closed`] the close frame was sent already,
    /// and this only waits. All of it takes no longer than the time for that.
    pub async fn close(mut self, code: u16, reason: &str) {
        if self.reading == Reading::Nothing {
            return;
        }
        self.outbound.close(Some(code), reason);
        let limit = self.timeouts.close;
        let closing = async {
            while poll_fn(|cx| self.outbound.poll_write(&mut self.stream, cx)).await? {}
            self.stream.flush().await?;
            let drained = self.drain_frames().await;
            // From here on the client sees that this was all.
            self.stream.shutdown().await?;
            self.drain_noise(drained).await
        };
        // A client that is gone, or does not answer, needs no more from us.
        let _: Result<io::Result<()>, _> = timeout(limit, closing).await;
    }
}

/// Reading.
impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Inbound> {
        if self.reading != Reading::Frames {
            return Poll::Ready(Inbound::Gone);
        }
        loop {
            match self.decoder.decode() {
                Ok(Some(item)) => return Poll::Ready(self.on_item(item, cx)),
                Ok(None) => {}
                Err(violation) => return Poll::Ready(self.on_violation(violation)),
            }
            // What was just decoded may have had pings in it.
            self.write_some(cx);
            match self.poll_read(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => {
                    self.reading = Reading::Nothing;
                    return Poll::Ready(Inbound::Gone);
                }
                Poll::Pending => {
                    if !self.decoder.is_within() {
                        return Poll::Pending;
                    }
                    ready!(self.message_deadline.poll(self.timeouts.message, cx));
                    return Poll::Ready(self.on_violation(Violation::TooSlow));
                }
            }
        }
    }

    /// Reads once, by way of the stack, or straight to where the rest of a large message belongs.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self.decoder.gap() {
            Some(mut gap) => pin!(self.stream.read_buf(&mut gap)).poll(cx),
            None => poll_read(&mut self.stream, cx, |bytes| self.decoder.push(bytes)),
        }
    }

    fn on_item(&mut self, item: Item, cx: &mut Context<'_>) -> Inbound {
        if !self.decoder.is_within_message() {
            self.message_deadline.clear();
        }
        match item {
            Item::Message(message) => Inbound::Message(message),
            Item::Pong(payload) => Inbound::Pong(payload),
            Item::Ping(payload) => {
                if self.outbound.is_full_of_pongs() {
                    self.write_some(cx);
                }
                self.outbound.pong(&payload);
                Inbound::Ping
            }
            Item::Close(code) => {
                self.reading = Reading::Noise;
                self.outbound.close(code, "");
                self.write_some(cx);
                Inbound::Closed(code)
            }
        }
    }

    fn on_violation(&mut self, violation: Violation) -> Inbound {
        self.reading = Reading::Noise;
        Inbound::Violation(violation)
    }

    /// Reads frames until the client's close frame, and returns how many bytes that took.
    async fn drain_frames(&mut self) -> usize {
        let mut drained = 0;
        while self.reading == Reading::Frames && drained < DRAIN_BYTES_MAX {
            if let Inbound::Message(message) = self.receive().await {
                drained += message.len();
            }
        }
        drained
    }

    /// Reads to the end of the stream.
    async fn drain_noise(&mut self, mut drained: usize) -> io::Result<()> {
        while self.reading != Reading::Nothing && drained < DRAIN_BYTES_MAX {
            match poll_fn(|cx| poll_read(&mut self.stream, cx, |_| {})).await? {
                0 => self.reading = Reading::Nothing,
                count => drained += count,
            }
        }
        Ok(())
    }
}

/// Writing.
impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    async fn write(&mut self) -> Result<(), WriteError> {
        // A client is not to blame for the time in which it was not read because it was written to.
        let begun = self.message_deadline.is_running().then(Instant::now);
        let written = poll_fn(|cx| self.poll_write(cx)).await;
        if let Some(begun) = begun {
            self.message_deadline.put_off(begun.elapsed());
        }
        written
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        loop {
            match self.outbound.poll_write(&mut self.stream, cx) {
                // What gets something done begins a time of its own; what is called off and taken up again does not.
                Poll::Ready(Ok(true)) => self.write_deadline.clear(),
                Poll::Ready(Ok(false)) => break,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(WriteError::Gone)),
                Poll::Pending => return self.poll_stalled(cx),
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.write_deadline.clear();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(WriteError::Gone)),
            Poll::Pending => self.poll_stalled(cx),
        }
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        ready!(self.write_deadline.poll(self.timeouts.write, cx));
        Poll::Ready(Err(WriteError::Stalled))
    }

    /// Writes what can be written without waiting. A stream that fails here is found out by reading, which comes upon the
    /// client's last words first.
    fn write_some(&mut self, cx: &mut Context<'_>) {
        let mut has_written = false;
        while let Poll::Ready(Ok(true)) = self.outbound.poll_write(&mut self.stream, cx) {
            has_written = true;
        }
        if has_written {
            self.write_deadline.clear();
            let _: Poll<io::Result<()>> = Pin::new(&mut self.stream).poll_flush(cx);
        }
    }
}

/// Reads once and shows what came. Nothing came at the end of the stream.
fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    show: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
    let mut chunk = ReadBuf::uninit(&mut space);
    ready!(Pin::new(stream).poll_read(cx, &mut chunk))?;
    show(chunk.filled());
    Poll::Ready(Ok(chunk.filled().len()))
}

#[cfg(test)]
mod tests;
