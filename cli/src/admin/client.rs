//! Asks the admin listener. One connection for each question: a command has few of them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A component is compiled before it is answered for, and may wait for others.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// Why a server did not do what it was asked. The texts say why; what was asked stands before them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error(
        "no server runs with the data directory {}; start one with `parlor serve`, or name one with --data-dir, or with \
         --admin and --token",
        data_dir.display()
    )]
    NoServer {
        data_dir: PathBuf,
        source: io::Error,
    },
    #[error("the admin token is not in {}; give it with --token, or the right --data-dir", path.display())]
    NoToken { path: PathBuf, source: io::Error },
    #[error("the admin address {0:?} is none; give one such as http://127.0.0.1:8081")]
    Address(String),
    #[error(
        "the admin listener speaks http only, and {0} asks for https; forward its port, as with \
         `ssh -L 8081:127.0.0.1:8081 HOST`, and give --admin http://127.0.0.1:8081"
    )]
    Https(String),
    #[error("the admin token has characters that no token has")]
    Token,
    #[error("no server answers at {url}; is it running?")]
    Unreachable { url: String, source: io::Error },
    #[error("the server at {url} did not answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Silent { url: String },
    #[error("the connection to {url} broke")]
    Broken { url: String, source: hyper::Error },
    #[error(
        "the token is not that of this server; give the right one with --token, or the right --data-dir"
    )]
    Unauthorized,
    #[error("{message} ({code})")]
    Refused {
        status: StatusCode,
        code: String,
        message: String,
    },
    #[error("the answer of {url} is not one of a Parlor server of this version")]
    Answer {
        url: String,
        source: serde_json::Error,
    },
}

impl AdminError {
    /// Whether there is no server, where one may be.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::NoServer { .. } | Self::Unreachable { .. })
    }

    /// Whether the server said no for a reason with this code.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// Whether the server has nothing of that kind, or nothing to do.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if [StatusCode::NOT_FOUND, StatusCode::CONFLICT].contains(status))
    }
}

/// A server's admin listener.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    authority: String,
    token: String,
}

impl Admin {
    pub(crate) fn new(url: &str, token: &str) -> Result<Self, AdminError> {
        // What is left of `http://` without its slashes would be a host.
        let plain = url.strip_suffix('/').filter(|it| !it.ends_with('/'));
        let uri: Uri = plain
            .unwrap_or(url)
            .parse()
            .map_err(|_| AdminError::Address(url.to_owned()))?;
        let scheme = uri.scheme_str().unwrap_or("http");
        if scheme == "https" {
            return Err(AdminError::Https(url.to_owned()));
        }
        let (Some(host), "http", "" | "/") = (uri.host(), scheme, uri.path()) else {
            return Err(AdminError::Address(url.to_owned()));
        };
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AdminError::Token);
        }
        Ok(Self {
            authority: format!("{host}:{}", uri.port_u16().unwrap_or(80)),
            token: token.to_owned(),
        })
    }

    /// Reads something; the path is below `/api/v1`.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, AdminError> {
        self.ask(Method::GET, path, &[], Bytes::new()).await
    }

    /// Has something done.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, AdminError> {
        let json = [(CONTENT_TYPE.as_str(), "application/json")];
        let body = Bytes::from(body.to_string());
        self.ask(Method::POST, path, &json, body).await
    }

    /// Has something ended.
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, AdminError> {
        self.ask(Method::DELETE, path, &[], Bytes::new()).await
    }

    /// Hands a component over.
    pub(crate) async fn upload(
        &self,
        path: &str,
        component: Bytes,
        signature: Option<&str>,
    ) -> Result<Value, AdminError> {
        let mut headers = vec![(CONTENT_TYPE.as_str(), "application/wasm")];
        headers.extend(signature.map(|text| ("parlor-signature", text)));
        self.ask(Method::POST, path, &headers, component).await
    }

    /// An answer as what it is.
    pub(crate) fn read<T: DeserializeOwned>(&self, answer: Value) -> Result<T, AdminError> {
        serde_json::from_value(answer).map_err(|source| AdminError::Answer {
            url: self.url(),
            source,
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Value, AdminError> {
        let asking = self.exchange(method, path, headers, body);
        let (status, body) = match timeout(ANSWER_TIMEOUT, asking).await {
            Ok(answer) => answer?,
            Err(_) => return Err(AdminError::Silent { url: self.url() }),
        };
        if !status.is_success() {
            return Err(refusal(status, &body));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|source| AdminError::Answer {
            url: self.url(),
            source,
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), AdminError> {
        let unreachable = |source| AdminError::Unreachable {
            url: self.url(),
            source,
        };
        let broken = |source| AdminError::Broken {
            url: self.url(),
            source,
        };
        let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(&self.authority));
        let stream = match connecting.await {
            Ok(stream) => stream.map_err(unreachable)?,
            Err(_) => return Err(unreachable(io::ErrorKind::TimedOut.into())),
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // It ends with the sender; what goes wrong on it comes back from the request.
        let connection = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(body))
            .expect("paths are escaped, and the token was looked at");
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(broken)?;
        connection.abort();
        Ok((status, body.to_bytes()))
    }
}

/// What a server says that it will not do. Some of its doors answer with plain text.
fn refusal(status: StatusCode, body: &[u8]) -> AdminError {
    if status == StatusCode::UNAUTHORIZED {
        return AdminError::Unauthorized;
    }
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    let plain = || match String::from_utf8_lossy(body).trim() {
        "" => format!("the server answered {status}"),
        text => text.to_owned(),
    };
    AdminError::Refused {
        status,
        code: text("code").unwrap_or_else(|| status.as_u16().to_string()),
        message: text("message").unwrap_or_else(plain),
    }
}

/// A name as a part of a path.
pub(crate) fn segment(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
