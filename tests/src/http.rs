//! One HTTP request, as plain as it gets.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::in_time;

/// An answer.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The status line and the headers, in lower case.
    pub head: String,
    /// The body, as text.
    pub body: String,
}

impl HttpResponse {
    /// The value of a header, in lower case; its name must be, too.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|it| it.1)
    }
}

/// Asks for a page and reads the answer to its end.
pub async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> HttpResponse {
    request(address, "GET", path, headers).await
}

/// Asks with any method, and reads the answer to its end.
///
/// # Panics
///
/// When there is no answer that is HTTP.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> HttpResponse {
    let (answer, _) = send(address, method, path, headers, &[]).await;
    answer
}

/// Asks with any method and a body, and reads the answer to its end, also as bytes.
///
/// # Panics
///
/// When there is no answer that is HTTP.
pub async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (HttpResponse, Vec<u8>) {
    let answer = in_time(path, exchange(address, method, path, headers, body)).await;
    let bytes = answer.expect("the server answers");
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n");
    let body = end.map_or_else(Vec::new, |end| bytes[end + 4..].to_vec());
    let answer = String::from_utf8_lossy(&bytes);
    let (head, text) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no HTTP: {answer:?}"));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let response = HttpResponse {
        status: status.unwrap_or_else(|| panic!("no status: {head:?}")),
        head: head.to_ascii_lowercase(),
        body: text.to_owned(),
    };
    (response, body)
}

/// Whether a server that may be down says that it is ready.
pub(crate) async fn is_ready(address: SocketAddr) -> bool {
    let asking = exchange(address, "GET", "/ready", &[], &[]);
    let answer = in_time("/ready", asking).await;
    answer.is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200 "))
}

async fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Vec<u8>> {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
