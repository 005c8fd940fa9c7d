//! The opening handshake.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::text::mix;

/// What an answer may take.
const HEAD_BYTES_MAX: usize = 16 << 10;
const END: &[u8] = b"\r\n\r\n";
/// RFC 6455, section 1.3.
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) subprotocol: Option<&'static str>,
}

/// Why there is no WebSocket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the handshake broke: {0}")]
    Io(#[from] io::Error),
    #[error("the server ended the connection within the handshake")]
    Ended,
    #[error("the server's answer to the handshake has no end")]
    TooLong,
    #[error("the server refused the handshake: {0}")]
    Refused(String),
    #[error("the server's answer to the handshake is wrong: {0}")]
    Wrong(&'static str),
}

/// Asks for a WebSocket. Returns what the server has sent on it already.
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    authority: &str,
    request: &Request,
    seed: u64,
) -> Result<Vec<u8>, HandshakeError> {
    let key = key(seed);
    let mut text = format!(
        "GET {} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n",
        request.path
    );
    if let Some(subprotocol) = request.subprotocol {
        text.push_str(&format!("Sec-WebSocket-Protocol: {subprotocol}\r\n"));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes()).await?;

    let mut answer = Vec::new();
    loop {
        if let Some(end) = answer.windows(END.len()).position(|bytes| bytes == END) {
            let rest = answer.split_off(end + END.len());
            check(&answer, &key, request.subprotocol)?;
            return Ok(rest);
        }
        if answer.len() > HEAD_BYTES_MAX {
            return Err(HandshakeError::TooLong);
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(HandshakeError::Ended);
        }
    }
}

/// Sixteen bytes that are another's on another connection.
fn key(seed: u64) -> String {
    let halves = [mix(seed), mix(!seed)].map(u64::to_le_bytes);
    STANDARD.encode(halves.concat())
}

fn check(head: &[u8], key: &str, subprotocol: Option<&str>) -> Result<(), HandshakeError> {
    let head = std::str::from_utf8(head).map_err(|_| HandshakeError::Wrong("it is no text"))?;
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("101") {
        return Err(HandshakeError::Refused(status.to_owned()));
    }
    let header = |wanted: &str| {
        let mut lines = lines.clone();
        lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    if header("Sec-WebSocket-Accept") != Some(&answer_to(key)) {
        return Err(HandshakeError::Wrong("it does not go with the key"));
    }
    if header("Sec-WebSocket-Protocol") != subprotocol {
        return Err(HandshakeError::Wrong("it has another subprotocol"));
    }
    if header("Sec-WebSocket-Extensions").is_some() {
        return Err(HandshakeError::Wrong(
            "it has extensions, and none was offered",
        ));
    }
    Ok(())
}

fn answer_to(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(KEY_SUFFIX);
    STANDARD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// What comes of a handshake that is answered like this. `ACCEPT` stands for what goes with the key.
    async fn check_answer(
        answer: &str,
        subprotocol: Option<&'static str>,
    ) -> Result<Vec<u8>, String> {
        let (mut client, mut server) = duplex(4 << 10);
        let request = Request {
            path: "/x?y".to_owned(),
            subprotocol,
        };
        let answer = answer.replace("ACCEPT", &answer_to(&key(7)));
        let serving = async move {
            let mut head = Vec::new();
            while !head.ends_with(END) {
                server.read_buf(&mut head).await.unwrap();
            }
            let head = String::from_utf8(head).unwrap();
            assert!(
                head.starts_with("GET /x?y HTTP/1.1\r\nHost: here:1\r\n"),
                "{head}"
            );
            assert!(head.contains(&key(7)));
            assert_eq!(
                head.contains("Sec-WebSocket-Protocol: v9"),
                subprotocol.is_some()
            );
            server.write_all(answer.as_bytes()).await.unwrap();
        };
        let (opened, ()) = tokio::join!(open(&mut client, "here:1", &request, 7), serving);
        opened.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_comes_right_behind_the_answer_is_kept() {
        let answer = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nsec-websocket-accept: ACCEPT\r\n\r\nmore";
        assert_eq!(check_answer(answer, None).await, Ok(b"more".to_vec()));
        let answer = "HTTP/1.1 101 Yes\r\nSec-WebSocket-Protocol: v9\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n";
        assert_eq!(check_answer(answer, Some("v9")).await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_servers_words() {
        let refused = check_answer("HTTP/1.1 503 Not now\r\n\r\n", None).await;
        assert!(refused.unwrap_err().ends_with("HTTP/1.1 503 Not now"));
        let ended = check_answer("HTTP/1.1 101 Yes\r\n", None).await;
        assert!(ended.unwrap_err().contains("ended the connection"));
    }

    #[tokio::test]
    async fn a_wrong_answer_is_none() {
        let wrong = "HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: x\r\n\r\n";
        assert!(check_answer(wrong, None).await.is_err());
        let right = "HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: ACCEPT\r\n\r\n";
        assert!(check_answer(right, Some("v9")).await.is_err());
        let compressed = "HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        assert!(check_answer(compressed, None).await.is_err());
    }

    #[test]
    fn the_key_of_the_rfc_has_the_answer_of_the_rfc() {
        assert_eq!(
            answer_to("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_eq!(STANDARD.decode(key(1)).unwrap().len(), 16);
        assert_ne!(key(1), key(2));
    }
}
