//! The head of a frame, and its mask.

use crate::decoder::Violation;

/// What a control frame carries at most.
pub(crate) const CONTROL_BYTES_MAX: usize = 125;
/// The longest head of a frame that we write: two bytes and a length of eight.
pub(crate) const HEAD_BYTES_MAX: usize = 10;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

impl Opcode {
    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }
}

/// The head of a client's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) is_final: bool,
    pub(crate) opcode: Opcode,
    pub(crate) mask: [u8; 4],
    pub(crate) length: u64,
}

impl Head {
    /// Reads a head, and says how many bytes it took; nothing where there is not all of it yet. What is wrong is found
    /// with the byte that makes it so.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(Violation::Protocol("a reserved bit is set"));
        }
        let is_final = first & 0x80 != 0;
        let Some(opcode) = Opcode::from_bits(first & 0x0F) else {
            return Err(Violation::Protocol("a reserved opcode"));
        };
        if opcode.is_control() && !is_final {
            return Err(Violation::Protocol("a control frame in fragments"));
        }
        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        if second & 0x80 == 0 {
            return Err(Violation::Protocol("a frame without a mask"));
        }
        let short = second & 0x7F;
        if opcode.is_control() && usize::from(short) > CONTROL_BYTES_MAX {
            return Err(Violation::Protocol("a control frame above 125 bytes"));
        }
        let Some((length, rest)) = read_length(short, &bytes[2..])? else {
            return Ok(None);
        };
        let Some(&mask) = rest.first_chunk() else {
            return Ok(None);
        };
        let head = Self {
            is_final,
            opcode,
            mask,
            length,
        };
        Ok(Some((head, bytes.len() - rest.len() + mask.len())))
    }
}

/// Reads what follows the seven bits of the length, and returns the length and the bytes behind it.
fn read_length(short: u8, bytes: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (length, least, rest) = match short {
        126 => match bytes.split_first_chunk() {
            Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), 126, rest),
            None => return Ok(None),
        },
        127 => match bytes.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), 1 << 16, rest),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, bytes),
    };
    if length < least {
        return Err(Violation::Protocol("a length in more bytes than it needs"));
    }
    if length >> 63 != 0 {
        return Err(Violation::Protocol("a length of 64 bits"));
    }
    Ok(Some((length, rest)))
}

/// Writes the head of a frame of ours: whole, and without a mask.
pub(crate) fn write_head(out: &mut Vec<u8>, opcode: Opcode, length: usize) {
    out.push(0x80 | opcode as u8);
    if let Ok(short) = u8::try_from(length)
        && usize::from(short) <= CONTROL_BYTES_MAX
    {
        out.push(short);
    } else if let Ok(middle) = u16::try_from(length) {
        out.push(126);
        out.extend_from_slice(&middle.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

/// Takes the mask off bytes of which the first is at `offset` in the frame's payload.
pub(crate) fn unmask(bytes: &mut [u8], mut mask: [u8; 4], offset: usize) {
    mask.rotate_left(offset % 4);
    // Eight at a time, which the compiler makes into as wide an instruction as there is.
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (eights, rest) = bytes.as_chunks_mut::<8>();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_from_as_few_bytes_as_it_has() {
        let bytes = [0x81, 0xFE, 0x01, 0x00, 1, 2, 3, 4, 99];
        for cut in 0..8 {
            assert_eq!(Head::read(&bytes[..cut]), Ok(None), "{cut}");
        }
        let head = Head {
            is_final: true,
            opcode: Opcode::Text,
            mask: [1, 2, 3, 4],
            length: 256,
        };
        assert_eq!(Head::read(&bytes), Ok(Some((head, 8))));
    }

    #[test]
    fn lengths_are_written_in_as_few_bytes_as_they_need() {
        for (length, head) in [
            (0, vec![0x82, 0]),
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (65_535, vec![0x82, 126, 255, 255]),
            (65_536, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            write_head(&mut out, Opcode::Binary, length);
            assert_eq!(out, head, "{length}");
            assert!(out.len() <= HEAD_BYTES_MAX);
        }
    }

    #[test]
    fn lengths_in_more_bytes_than_they_need_are_refused() {
        for wrong in [
            vec![0x82, 0xFE, 0, 125],
            vec![0x82, 0xFF, 0, 0, 0, 0, 0, 0, 255, 255],
            vec![0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert!(Head::read(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_mask_goes_on_where_it_stopped() {
        let mask = [1, 20, 133, 44];
        let plain: Vec<u8> = (0..=255).collect();
        let mut masked = plain.clone();
        unmask(&mut masked, mask, 0);
        for (at, (byte, masked)) in plain.iter().zip(&masked).enumerate() {
            assert_eq!(byte ^ mask[at % 4], *masked);
        }
        for cut in 0..20 {
            let (head, tail) = masked.split_at(cut);
            let (mut head, mut tail) = (head.to_vec(), tail.to_vec());
            unmask(&mut head, mask, 0);
            unmask(&mut tail, mask, cut);
            assert_eq!([head, tail].concat(), plain, "{cut}");
        }
    }
}
