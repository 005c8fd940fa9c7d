//! One request over HTTP, for servers that want to be asked before they are connected to.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What an answer may take.
const ANSWER_BYTES_MAX: usize = 64 << 10;
const END: &str = "\r\n\r\n";

/// What is asked, with JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// Asks on a connection of its own, and returns the body of the answer. What goes wrong comes back in words.
pub(crate) async fn post<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    authority: &str,
    post: &Post,
) -> Result<Vec<u8>, String> {
    let Post { path, body } = post;
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    let failed = |error| format!("POST {path}: {error}");
    stream.write_all(&request).await.map_err(failed)?;
    let mut answer = Vec::new();
    let most = ANSWER_BYTES_MAX as u64;
    let reading = stream.take(most).read_to_end(&mut answer).await;
    reading.map_err(failed)?;
    parse(&answer).map_err(|problem| format!("POST {path}: {problem}"))
}

/// The body of an answer that is whole.
fn parse(answer: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(answer).map_err(|_| "the answer is no text")?;
    let (head, body) = text.split_once(END).ok_or("the answer has no end")?;
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(format!("{status}: {body}"));
    }
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("Content-Length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    if length != Some(body.len()) {
        return Err(format!("the answer is not whole: {answer:?}"));
    }
    Ok(body.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    async fn answered(answer: &str) -> Result<Vec<u8>, String> {
        let (client, mut server) = duplex(4 << 10);
        let request = Post {
            path: "/x".to_owned(),
            body: b"{}".to_vec(),
        };
        let serving = async move {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n{}") {
                server.read_buf(&mut asked).await.unwrap();
            }
            let asked = String::from_utf8(asked).unwrap();
            assert!(asked.starts_with("POST /x HTTP/1.1\r\nHost: here:1\r\n"));
            assert!(asked.contains("\r\nContent-Length: 2\r\n"));
            server.write_all(answer.as_bytes()).await.unwrap();
        };
        let (answer, ()) = tokio::join!(post(client, "here:1", &request), serving);
        answer
    }

    #[tokio::test]
    async fn the_body_of_a_whole_answer_comes_back() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{\"\"}";
        assert_eq!(answered(answer).await, Ok(b"{\"\"}".to_vec()));
    }

    #[tokio::test]
    async fn any_other_answer_is_told() {
        for (answer, word) in [
            (
                "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
                "404 No: no",
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{", "not whole"),
            ("HTTP/1.1 200 OK\r\n", "no end"),
        ] {
            let problem = answered(answer).await.unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
    }
}
