//! The keys that tokens are checked with, kept up to date: from a file that is read again when it changes, or from an
//! address that is asked again from time to time, and when a token names a key that is not known.
//!
//! The keys there are stay in use while others cannot be had.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use parlor_gate::jwt::KeySet;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::fetch;
use super::settings::{KeyLocation, KeyUrl};

/// How often an address is asked again.
const REFRESH_EVERY: Duration = Duration::from_secs(5 * 60);
/// How often it is asked at most because of a key that is not known: anybody can name one.
const ASK_FOR_UNKNOWN_EVERY: Duration = Duration::from_secs(10);
/// How soon it is asked again while there are no keys at all; twice as long after each failure.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// And the longest of these.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// The keys, and where they come from.
#[derive(Debug)]
pub(super) struct Keys {
    current: RwLock<Option<Arc<KeySet>>>,
    source: Source,
}

enum Source {
    File {
        path: PathBuf,
        /// How the file was when it was last read.
        seen: Mutex<Option<Seen>>,
    },
    Url {
        url: KeyUrl,
        tls: Option<TlsConnector>,
        /// When it was last asked because of a key that is not known. Held while it is asked, so that those who come
        /// meanwhile wait for the same answer.
        asked: Mutex<Option<Instant>>,
    },
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, .. } => f.debug_tuple("File").field(path).finish(),
            Self::Url { url, .. } => f.debug_tuple("Url").field(&url.uri).finish(),
        }
    }
}

/// What shows that a file is another, or was written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    file: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl From<&Metadata> for Seen {
    fn from(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.len(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Keys {
    /// Loads the keys. Those of a file must be there; where an address does not answer, it is asked again until it does.
    pub(super) async fn open(location: KeyLocation) -> io::Result<Self> {
        let source = match location {
            KeyLocation::File(path) => Source::File {
                path,
                seen: Mutex::default(),
            },
            KeyLocation::Url(url) => {
                if !url.is_tls {
                    tracing::warn!(url = %url.uri, "keys come over plain HTTP; whoever is on the way can sign tokens");
                }
                Source::Url {
                    tls: url.is_tls.then(fetch::connector_for_system).transpose()?,
                    url,
                    asked: Mutex::default(),
                }
            }
        };
        let keys = Self {
            current: RwLock::default(),
            source,
        };
        match &keys.source {
            Source::File { path, .. } => {
                if !keys.read_if_changed().await {
                    let text = format!("read the keys in {}", path.display());
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
            }
            Source::Url { url, tls, .. } => {
                keys.fetch(url, tls.as_ref()).await;
            }
        }
        Ok(keys)
    }

    /// The keys as they are now, if there are any.
    pub(super) async fn current(&self) -> Option<Arc<KeySet>> {
        self.read_if_changed().await;
        self.loaded()
    }

    /// The keys after a look for one that is not known, if it is time for one. `None` if it is not.
    pub(super) async fn look_for_unknown(&self) -> Option<Arc<KeySet>> {
        let Source::Url { url, tls, asked } = &self.source else {
            return None;
        };
        let before = self.loaded();
        let mut asked = asked.lock().await;
        if asked.is_none_or(|asked| asked.elapsed() >= ASK_FOR_UNKNOWN_EVERY) {
            self.fetch(url, tls.as_ref()).await;
            *asked = Some(Instant::now());
        }
        let after = self.loaded()?;
        let is_new = before.is_none_or(|before| !Arc::ptr_eq(&before, &after));
        is_new.then_some(after)
    }

    /// Whether there are keys.
    pub(super) fn are_there(&self) -> bool {
        self.loaded().is_some()
    }

    /// Asks the address again and again, for as long as it is polled.
    pub(super) async fn keep_fresh(&self) {
        let Source::Url { url, tls, .. } = &self.source else {
            return std::future::pending().await;
        };
        let mut asked = 0;
        loop {
            tokio::time::sleep(pause(self.are_there(), asked)).await;
            asked = asked.saturating_add(1);
            self.fetch(url, tls.as_ref()).await;
        }
    }

    fn loaded(&self) -> Option<Arc<KeySet>> {
        let current = self.current.read().unwrap_or_else(|lock| lock.into_inner());
        current.clone()
    }

    async fn fetch(&self, url: &KeyUrl, tls: Option<&TlsConnector>) {
        let from = &url.uri;
        let outcome = match fetch::get(url, tls).await {
            Ok(text) => self.take(&text, &from.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = outcome {
            let effect = if self.are_there() {
                "the keys there are stay in use"
            } else {
                "no token is accepted until there are keys"
            };
            tracing::warn!(%from, "failed to {error}; {effect}");
        }
    }

    /// Reads the file, if it is not as it was. Whether there are keys then. Not for addresses.
    async fn read_if_changed(&self) -> bool {
        let Source::File { path, seen } = &self.source else {
            return false;
        };
        let mut seen = seen.lock().await;
        let now = tokio::fs::metadata(path).await.ok();
        let now = now.as_ref().map(Seen::from);
        if now != *seen {
            // Noted whatever comes of it, so that a bad file is complained of once.
            *seen = now;
            if let Err(error) = self.read(path).await {
                tracing::warn!(path = %path.display(), "failed to {error}; the keys there are stay in use");
            }
        }
        self.are_there()
    }

    async fn read(&self, path: &Path) -> Result<(), String> {
        let text = tokio::fs::read(path).await;
        let text = text.map_err(|error| format!("read the keys: {error}"))?;
        self.take(&text, &path.display().to_string())
    }

    /// Takes a new set of keys into use.
    fn take(&self, text: &[u8], from: &str) -> Result<(), String> {
        let keys = KeySet::parse(text).map_err(|error| error.to_string())?;
        if matches!(self.source, Source::Url { .. }) && keys.has_secret() {
            let text =
                "use a key of kty oct from an address, where it is no secret; put it into a file";
            return Err(text.to_owned());
        }
        for why in keys.skipped() {
            tracing::warn!(from, "a key is not used: {why}");
        }
        tracing::info!(from, keys = keys.key_count(), "keys loaded");
        let mut current = self
            .current
            .write()
            .unwrap_or_else(|lock| lock.into_inner());
        *current = Some(Arc::new(keys));
        Ok(())
    }
}

/// How long to wait before the address is asked again.
fn pause(are_there: bool, asked: u32) -> Duration {
    if are_there {
        return REFRESH_EVERY;
    }
    let doubled = RETRY_FIRST.saturating_mul(1 << asked.min(16));
    doubled.min(RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AU11
    #[test]
    fn an_address_is_asked_again_at_once_until_there_are_keys_and_then_every_five_minutes() {
        let seconds: Vec<u64> = (0..7).map(|asked| pause(false, asked).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause(false, u32::MAX), Duration::from_secs(30));
        assert_eq!(pause(true, 0), Duration::from_secs(300));
    }
}
