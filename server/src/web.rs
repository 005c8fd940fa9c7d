//! The pages and the client SDK that come with the server, and the operator's own files in their place.

mod storage;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tower_http::services::ServeDir;

pub(crate) use storage::router as storage_router;

/// Files built into the binary.
pub trait Assets: Send + Sync + 'static {
    /// The file of this path, such as `play/index.html`.
    fn get(&self, path: &str) -> Option<Cow<'static, [u8]>>;
}

/// Where the pages come from.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) assets: Arc<dyn Assets>,
    /// The operator's folder, served at `/`.
    pub(crate) folder: Option<PathBuf>,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// What the bundled pages may load: themselves, and sockets to this server.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The pages beside `/`: without a slash, with it, and the file of each.
const PAGES: [(&str, &str, &str); 3] = [
    ("/play", "/play/", "play/index.html"),
    ("/arena", "/arena/", "arena/index.html"),
    ("/replay", "/replay/", "replay/index.html"),
];

/// The routes of the site. Its pages and `/parlor.js` stay ours even where `/` is the operator's.
pub(crate) fn router(site: Site) -> Router {
    let folder = site.folder.clone();
    let mut bundled = Router::new();
    for (bare, page, file) in PAGES {
        bundled = bundled
            .route(bare, get(move || async move { Redirect::permanent(page) }))
            .route(
                page,
                get(move |State(site): State<Site>| async move { site.file(file) }),
            );
    }
    let bundled = bundled
        .route(
            "/parlor.js",
            get(|State(site): State<Site>| async move { site.file("parlor.js") }),
        )
        .route("/play/assets/{*path}", get(asset));
    match folder {
        Some(folder) => bundled
            .with_state(site)
            .fallback_service(ServeDir::new(folder)),
        None => bundled
            .route(
                "/",
                get(|State(site): State<Site>| async move { site.file("index.html") }),
            )
            .route("/{file}", get(top_level))
            .with_state(site),
    }
}

async fn asset(State(site): State<Site>, Path(path): Path<String>) -> Response {
    site.file(&format!("play/assets/{path}"))
}

async fn top_level(State(site): State<Site>, Path(file): Path<String>) -> Response {
    site.file(&file)
}

impl Site {
    fn file(&self, path: &str) -> Response {
        let Some(bytes) = self.assets.get(path) else {
            return (StatusCode::NOT_FOUND, "there is no such page\n").into_response();
        };
        let mime = mime_guess::from_path(path).first_or_octet_stream();
        // The bundler puts a hash of the content into the names of assets; everything else may change at any time.
        let caching = if path.starts_with("play/assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let mime = HeaderValue::from_str(mime.as_ref())
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let headers = [
            (header::CONTENT_TYPE, mime),
            (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
            (
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
            (
                header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(CONTENT_SECURITY_POLICY),
            ),
        ];
        (headers, bytes).into_response()
    }
}
