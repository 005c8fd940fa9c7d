//! A web server for one document: a set of keys that can be changed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it serves, and how often it was asked.
#[derive(Debug, Default)]
struct State {
    /// The status line's end and the document.
    answer: (String, String),
    requests: Vec<String>,
}

/// A running one; it is gone when this is dropped.
#[derive(Debug)]
pub struct KeyServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl KeyServer {
    /// Serves these keys.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub async fn start(keys: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::<State>::default());
        let served = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever hangs up in between gets no answer.
                let _ = answer(stream, &served).await;
            }
        });
        let server = Self {
            address,
            state,
            task,
        };
        server.serve(keys);
        server
    }

    /// Where the keys are.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    /// Serves these keys from now on.
    pub fn serve(&self, keys: &str) {
        self.lock().answer = ("200 OK".to_owned(), keys.to_owned());
    }

    /// Serves no keys from now on, but this status.
    pub fn fail(&self, status: &str) {
        self.lock().answer = (status.to_owned(), String::new());
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(|lock| lock.into_inner())
}

async fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await?;
        request.push(byte);
    }
    let answer = {
        let mut state = lock(state);
        let request = String::from_utf8_lossy(&request).into_owned();
        state.requests.push(request);
        let (status, body) = &state.answer;
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    stream.write_all(answer.as_bytes()).await
}
