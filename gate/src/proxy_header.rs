//! The PROXY protocol, version 2: a few bytes before the first byte of a connection, in which a proxy says whom it
//! connects for. Version 1, a line of text, is not read: every proxy of today writes version 2.
//!
//! The header is read in two steps, so that not a byte beyond it is taken from the socket: [`START_BYTES`], which say
//! how long the rest is, and then the rest.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many bytes every header begins with.
pub const START_BYTES: usize = 16;
/// The longest rest that is read: addresses, and what else proxies like to say, such as a client's certificate.
pub const REST_BYTES_MAX: usize = 4_096;

/// Nothing else begins like this: neither HTTP nor TLS.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderError {
    /// The connection begins with something else.
    #[error("find a PROXY v2 header; let the proxy send one, or leave --proxy-protocol out")]
    Missing,
    /// Another version.
    #[error("read a PROXY header of version {0}; only version 2 is read")]
    Version(u8),
    /// A command that is not known.
    #[error("read a PROXY header with the command {0}")]
    Command(u8),
    /// Longer than anything a proxy has to say.
    #[error("read a PROXY header of {0} bytes; at most {REST_BYTES_MAX} are read")]
    TooLong(usize),
    /// Too short for the addresses it announces.
    #[error("find the addresses in a PROXY header of {0} bytes")]
    TooShort(usize),
}

/// The first bytes of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// How many bytes follow.
    pub rest_bytes: usize,
    family: Family,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// The proxy speaks for itself, or for something that has no address.
    None,
    V4,
    V6,
}

impl Start {
    /// Reads the first bytes.
    ///
    /// # Errors
    ///
    /// When no header begins like this.
    pub fn parse(start: &[u8; START_BYTES]) -> Result<Self, ProxyHeaderError> {
        let [signature @ .., version_and_command, family, high, low] = start;
        if *signature != SIGNATURE {
            return Err(ProxyHeaderError::Missing);
        }
        let (version, command) = (version_and_command >> 4, version_and_command & 0xf);
        if version != 2 {
            return Err(ProxyHeaderError::Version(version));
        }
        let rest_bytes = usize::from(u16::from_be_bytes([*high, *low]));
        if rest_bytes > REST_BYTES_MAX {
            return Err(ProxyHeaderError::TooLong(rest_bytes));
        }
        let family = match (command, family >> 4) {
            // A proxy that checks whether the server is alive.
            (0, _) => Family::None,
            (1, 1) => Family::V4,
            (1, 2) => Family::V6,
            (1, _) => Family::None,
            _ => return Err(ProxyHeaderError::Command(command)),
        };
        Ok(Self { rest_bytes, family })
    }

    /// The address of the client, from the rest of the header; none where the proxy speaks for itself.
    ///
    /// # Errors
    ///
    /// When the rest is too short.
    pub fn client(self, rest: &[u8]) -> Result<Option<IpAddr>, ProxyHeaderError> {
        let too_short = ProxyHeaderError::TooShort(rest.len());
        // Behind the two addresses come the two ports, which must be there too.
        match self.family {
            Family::None => Ok(None),
            Family::V4 => match (rest.first_chunk::<4>(), rest.len() >= 12) {
                (Some(source), true) => Ok(Some(Ipv4Addr::from(*source).into())),
                _ => Err(too_short),
            },
            Family::V6 => match (rest.first_chunk::<16>(), rest.len() >= 36) {
                (Some(source), true) => Ok(Some(Ipv6Addr::from(*source).to_canonical())),
                _ => Err(too_short),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(version_and_command: u8, family: u8, rest_bytes: u16) -> [u8; START_BYTES] {
        let mut start = [0; START_BYTES];
        start[..12].copy_from_slice(b"\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A");
        start[12] = version_and_command;
        start[13] = family;
        start[14..].copy_from_slice(&rest_bytes.to_be_bytes());
        start
    }

    fn client(start: &[u8; START_BYTES], rest: &[u8]) -> Result<Option<IpAddr>, ProxyHeaderError> {
        Start::parse(start)?.client(rest)
    }

    #[test]
    fn the_source_address_is_the_client() {
        let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];
        assert_eq!(
            client(&start(0x21, 0x11, 12), &v4),
            Ok(Some([203, 0, 113, 7].into()))
        );
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        v6[15] = 5;
        let address: IpAddr = "2001:db8::5".parse().unwrap();
        assert_eq!(client(&start(0x21, 0x21, 36), &v6), Ok(Some(address)));
    }

    #[test]
    fn what_follows_the_addresses_is_left_alone() {
        let mut rest = vec![203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];
        rest.extend([0x04, 0, 2, 9, 9]);
        assert_eq!(
            client(&start(0x21, 0x11, 17), &rest),
            Ok(Some([203, 0, 113, 7].into()))
        );
    }

    #[test]
    fn a_proxy_may_speak_for_itself() {
        assert_eq!(client(&start(0x20, 0x00, 0), &[]), Ok(None));
        assert_eq!(client(&start(0x20, 0x11, 12), &[1; 12]), Ok(None));
        assert_eq!(client(&start(0x21, 0x00, 0), &[]), Ok(None));
        assert_eq!(client(&start(0x21, 0x31, 216), &[0; 216]), Ok(None));
    }

    #[test]
    fn anything_else_is_refused() {
        let refused = |bytes: &[u8; START_BYTES]| Start::parse(bytes).unwrap_err();
        assert_eq!(refused(b"GET /ws HTTP/1.1"), ProxyHeaderError::Missing);
        assert_eq!(refused(b"PROXY TCP4 1.2.3"), ProxyHeaderError::Missing);
        assert_eq!(
            refused(&start(0x11, 0x11, 12)),
            ProxyHeaderError::Version(1)
        );
        assert_eq!(
            refused(&start(0x22, 0x11, 12)),
            ProxyHeaderError::Command(2)
        );
        assert_eq!(
            refused(&start(0x21, 0x11, 4_097)),
            ProxyHeaderError::TooLong(4_097)
        );
        assert!(Start::parse(&start(0x21, 0x11, 4_096)).is_ok());
        for short in [0, 4, 11] {
            let rest = vec![1; short];
            assert_eq!(
                client(&start(0x21, 0x11, 12), &rest),
                Err(ProxyHeaderError::TooShort(short))
            );
        }
        assert_eq!(
            client(&start(0x21, 0x21, 36), &[1; 35]),
            Err(ProxyHeaderError::TooShort(35))
        );
    }
}
