//! The operator's way to a server.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value as Json;

use crate::http::{HttpResponse, send};

/// A server's admin listener, with its token.
#[derive(Debug, Clone)]
pub struct Admin {
    address: SocketAddr,
    token: String,
}

impl Admin {
    /// That of the server on this data directory, which has made its token by now.
    ///
    /// # Panics
    ///
    /// When it has not.
    #[must_use]
    pub fn of(address: SocketAddr, data_dir: &Path) -> Self {
        let token = std::fs::read_to_string(data_dir.join("admin-token"));
        Self {
            address,
            token: token.expect("the server made a token").trim().to_owned(),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it asks for.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request. The answer comes as bytes, too.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (HttpResponse, Vec<u8>) {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = headers.to_vec();
        headers.push(("Authorization", &bearer));
        send(self.address, method, path, &headers, body).await
    }

    /// Sends a request without a body.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    pub async fn ask(&self, method: &str, path: &str) -> HttpResponse {
        self.send(method, path, &[], &[]).await.0
    }

    /// Sends JSON.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    pub async fn post(&self, path: &str, json: &Json) -> HttpResponse {
        let content = [("Content-Type", "application/json")];
        let bytes = json.to_string().into_bytes();
        self.send("POST", path, &content, &bytes).await.0
    }

    /// Uploads a component. The query says how; it may be empty.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    pub async fn upload(&self, query: &str, component: &[u8]) -> HttpResponse {
        let path = format!("/api/v1/plugins{query}");
        self.send("POST", &path, &[], component).await.0
    }
}
