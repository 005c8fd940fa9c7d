//! Frames of a WebSocket, without the operating system's part of it.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use gungraun::prelude::*;
use parlor_counts::MESSAGE_BYTES;
use parlor_websocket::{Bounds, Decoder, Item, Kind, Timeouts, Violation, WebSocket, WriteError};
use tokio::io::Empty;

const BOUNDS: Bounds = Bounds {
    message_bytes_max: 64 << 10,
    fragments_max: 16,
};
/// Nothing here takes any time.
const TIMEOUTS: Timeouts = Timeouts {
    message: Duration::MAX,
    write: Duration::MAX,
    close: Duration::MAX,
};

struct Reading {
    decoder: Decoder,
    frame: Vec<u8>,
}

impl Reading {
    #[inline]
    fn read(&mut self) -> Result<Option<Item>, Violation> {
        self.decoder.push(black_box(&self.frame));
        self.decoder.decode()
    }
}

/// A connection on which one message was read already, and a frame as clients send it.
fn reading(kind: Kind, opcode: u8) -> &'static mut Reading {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    const FINAL: u8 = 0x80;
    const MASKED: u8 = 0x80;
    let length = u8::try_from(MESSAGE_BYTES).expect("it fits into the head of a frame");
    let mut frame = vec![FINAL | opcode, MASKED | length];
    frame.extend(MASK);
    frame.extend((0..MESSAGE_BYTES).map(|index| b'a' ^ MASK[index % 4]));
    let decoder = Decoder::new(kind, BOUNDS);
    let reading = Box::leak(Box::new(Reading { decoder, frame }));
    let read = reading.read().expect("the frame is a good one");
    assert!(matches!(read, Some(Item::Message(_))), "it is a message");
    reading
}

#[library_benchmark(setup = reading)]
#[bench::text(Kind::Text, 1)]
#[bench::binary(Kind::Binary, 2)]
fn websocket_read(reading: &'static mut Reading) -> Result<Option<Item>, Violation> {
    reading.read()
}

struct Writing {
    socket: WebSocket<Empty>,
    messages: Vec<Bytes>,
}

impl Writing {
    #[inline]
    fn write(&mut self) -> Result<(), WriteError> {
        let sending = pin!(self.socket.send_all(black_box(&mut self.messages)));
        match sending.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(WriteError::Stalled),
        }
    }
}

/// A connection on which so many messages were written already, and are to be once more.
fn writing(count: usize) -> &'static mut Writing {
    let messages = vec![Bytes::from(vec![b'a'; MESSAGE_BYTES]); count];
    let writing = Box::leak(Box::new(Writing {
        socket: WebSocket::new(tokio::io::empty(), Kind::Binary, BOUNDS, TIMEOUTS),
        messages: messages.clone(),
    }));
    writing.write().expect("the stream takes everything");
    writing.messages.extend(messages);
    writing
}

#[library_benchmark(setup = writing)]
#[bench::one_frame(1)]
#[bench::sixteen_frames(16)]
fn websocket_write(writing: &'static mut Writing) -> Result<(), WriteError> {
    writing.write()
}

library_benchmark_group!(
    name = websocket,
    benchmarks = [websocket_read, websocket_write]
);

main!(library_benchmark_groups = websocket);
