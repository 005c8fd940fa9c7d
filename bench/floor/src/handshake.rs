//! The opening handshake of a WebSocket, as far as a client that does it right can tell.

use std::io::{self, ErrorKind};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What a request may take.
const HEAD_BYTES_MAX: usize = 16 << 10;
const KEY_HEADER: &str = "sec-websocket-key";
/// RFC 6455, section 1.3.
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Reads a request and answers it.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> io::Result<S> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // Nothing comes behind a request before it is answered, so that this reads to its end and not beyond.
        if head.len() > HEAD_BYTES_MAX || stream.read_buf(&mut head).await? == 0 {
            return Err(ErrorKind::InvalidData.into());
        }
    }
    let head = std::str::from_utf8(&head).map_err(|_| ErrorKind::InvalidData)?;
    let key = key(head).ok_or(ErrorKind::InvalidData)?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        answer_to(key)
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(stream)
}

/// The value of the header that has the key.
fn key(head: &str) -> Option<&str> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(KEY_HEADER).then(|| value.trim())
    })
}

fn answer_to(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(KEY_SUFFIX);
    STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_has_the_answer_of_the_rfc() {
        let head =
            "GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-KEY:  dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let answer = key(head).map(answer_to);
        assert_eq!(answer.as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(key("GET / HTTP/1.1\r\n\r\n"), None);
    }
}
