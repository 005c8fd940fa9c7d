//! Frames of a server.

/// What a server sends is no larger than this.
pub(crate) const FRAME_BYTES_MAX: usize = 1 << 20;

/// A whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A message in one frame. Whether text is UTF-8 is for whoever reads it to find out.
    Message {
        is_text: bool,
        bytes: &'a [u8],
    },
    Ping(&'a [u8]),
    Pong,
    Close {
        /// 1005 where there is none, as RFC 6455 has it.
        code: u16,
        reason: &'a [u8],
    },
}

/// Why the stream cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what came is no WebSocket frame of a server: {0}")]
pub(crate) struct Broken(&'static str);

/// Reads the frame that the bytes begin with, and says how many bytes it took; nothing where it is not all there yet.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Broken> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0x80 == 0 || first & 0x0F == 0 {
        return Err(Broken("messages in fragments are not read here"));
    }
    if first & 0x70 != 0 {
        return Err(Broken("a reserved bit is set"));
    }
    if second & 0x80 != 0 {
        return Err(Broken("it has a mask"));
    }
    let (length, rest) = match second & 0x7F {
        126 => match rest.split_first_chunk() {
            Some((length, rest)) => (usize::from(u16::from_be_bytes(*length)), rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((length, rest)) => {
                let length = usize::try_from(u64::from_be_bytes(*length));
                (length.unwrap_or(usize::MAX), rest)
            }
            None => return Ok(None),
        },
        short => (usize::from(short), rest),
    };
    if length > FRAME_BYTES_MAX {
        return Err(Broken("it is larger than a megabyte"));
    }
    let Some((payload, behind)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    let frame = match first & 0x0F {
        0x1 | 0x2 => Frame::Message {
            is_text: first & 0x0F == 0x1,
            bytes: payload,
        },
        0x8 => close(payload)?,
        0x9 => Frame::Ping(payload),
        0xA => Frame::Pong,
        _ => return Err(Broken("a reserved opcode")),
    };
    Ok(Some((frame, bytes.len() - behind.len())))
}

fn close(payload: &[u8]) -> Result<Frame<'_>, Broken> {
    match payload.split_first_chunk() {
        Some((code, reason)) => Ok(Frame::Close {
            code: u16::from_be_bytes(*code),
            reason,
        }),
        None if payload.is_empty() => Ok(Frame::Close {
            code: 1005,
            reason: b"",
        }),
        None => Err(Broken("a close frame with half a code")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_one_after_the_other_and_only_whole() {
        let bytes = b"\x81\x02hi\x82\x00\x89\x01!\x8A\x00\x88\x05\x03\xE8bye";
        let message = |is_text, bytes| Frame::Message { is_text, bytes };
        let close = Frame::Close {
            code: 1000,
            reason: b"bye",
        };
        let expected = [
            message(true, b"hi"),
            message(false, b""),
            Frame::Ping(b"!"),
            Frame::Pong,
            close,
        ];
        let mut rest = &bytes[..];
        for frame in expected {
            let (read_frame, length) = read(rest).unwrap().unwrap();
            assert_eq!(read_frame, frame);
            for cut in 0..length {
                assert_eq!(read(&rest[..cut]), Ok(None), "{frame:?} {cut}");
            }
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn lengths_are_of_three_kinds() {
        for length in [0, 125, 126, 65_535, 65_536, FRAME_BYTES_MAX] {
            let mut bytes = match length {
                0..126 => vec![0x82, u8::try_from(length).unwrap()],
                126..65_536 => {
                    let short = u16::try_from(length).unwrap().to_be_bytes();
                    [&[0x82, 126][..], &short].concat()
                }
                _ => [&[0x82, 127][..], &(length as u64).to_be_bytes()].concat(),
            };
            bytes.resize(bytes.len() + length, 7);
            let (frame, read_bytes) = read(&bytes).unwrap().unwrap();
            assert_eq!(read_bytes, bytes.len());
            assert!(matches!(frame, Frame::Message { bytes, .. } if bytes.len() == length));
        }
    }

    #[test]
    fn what_no_server_may_send_is_refused() {
        for wrong in [
            &b"\x01\x00"[..],
            b"\x80\x00",
            b"\xC1\x00",
            b"\x81\x80",
            b"\x83\x00",
            b"\x88\x01\x03",
            b"\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        let nothing = Frame::Close {
            code: 1005,
            reason: b"",
        };
        assert_eq!(read(b"\x88\x00"), Ok(Some((nothing, 2))));
    }
}
