//! The sessions of this node, also those without a connection, and what it takes to take one up again.
//!
//! A resume token is a MAC over the session and a *generation*. Each successful resume brings the next generation; the
//! one before stays good until the client is known to have the new token, for the answer may be lost on its way.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use dashmap::DashMap;
use parlor_gate::jwt::Identity;
use parlor_gate::resume_token::ResumeKey;
use parlor_proto::client;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::outbox::Outbox;
use super::{Link, Peer, SessionId};

/// The file that holds the key of all resume tokens, readable by its owner only.
const KEY_FILE: &str = "resume-key";
/// How many words to a session may wait.
const INPUTS_MAX: usize = 8;

/// Everything that can reach a session from elsewhere than its socket and its rooms.
#[derive(Debug)]
pub(crate) enum SessionInput {
    /// Another connection takes the session up.
    Takeover(Box<Takeover>),
    /// The server is about to stop: it is this session's turn to go.
    Drain,
}

/// A connection that takes up an earlier session.
#[derive(Debug)]
pub(crate) struct Takeover {
    pub(crate) link: Link,
    pub(crate) resume: client::Resume,
    pub(crate) generation: u64,
    /// Whose token the connection came with.
    pub(crate) identity: Option<Identity>,
    /// Told whether it worked; if not, it gets its connection back.
    pub(crate) outcome: oneshot::Sender<Result<(), Box<Link>>>,
}

impl Takeover {
    /// Gives the connection back.
    pub(crate) fn refuse(self) {
        // Whoever handed it over waits for this, unless the server is ending.
        let _ = self.outcome.send(Err(Box::new(self.link)));
    }
}

/// Which tokens of a session are good.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Generations {
    newest: u64,
    /// Whether the client is not yet known to have the newest token.
    is_unconfirmed: bool,
    /// Whether newer tokens than the newest that is known may have been given out: the server before this one may not have
    /// come to writing that down. The signature shows that they were.
    #[serde(skip)]
    is_behind: bool,
}

impl Generations {
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether a token of this generation may still be used.
    pub(crate) fn accepts(&self, generation: u64) -> bool {
        generation == self.newest
            || (self.is_unconfirmed && generation.checked_add(1) == Some(self.newest))
            || (self.is_behind && generation > self.newest)
    }

    /// As they are for the server that comes after the one that wrote them down.
    pub(crate) fn after_restart(mut self) -> Self {
        self.is_behind = true;
        self
    }

    /// Notes that a token was used. Who used the one before the newest never got that, and gets it again.
    pub(crate) fn on_used(&mut self, generation: u64) {
        if generation >= self.newest {
            self.newest = generation.saturating_add(1);
            self.is_unconfirmed = true;
        }
        // Whoever has an even newer one is not who used this.
        self.is_behind = false;
    }

    /// The client has the newest token: those before it are good no more. Whether that is news.
    pub(crate) fn confirm(&mut self, generation: u64) -> bool {
        generation == self.newest && std::mem::take(&mut self.is_unconfirmed)
    }
}

/// The way to a session.
#[derive(Debug, Clone)]
pub(crate) struct SessionHandle {
    pub(crate) inputs: mpsc::Sender<SessionInput>,
    outbox: Arc<Outbox>,
    generations: Arc<Mutex<Generations>>,
    /// The user it belongs to, once that is known; it never becomes another's.
    user: Arc<OnceLock<String>>,
    /// The rooms it was in when the server before this one ended.
    pub(super) found_in: Arc<OnceLock<HashSet<String>>>,
}

impl SessionHandle {
    /// Notes whose session it is.
    pub(super) fn belongs_to(&self, user: &str) {
        self.user.get_or_init(|| user.to_owned());
    }

    pub(crate) fn generations(&self) -> MutexGuard<'_, Generations> {
        let lock = self.generations.lock();
        lock.unwrap_or_else(|lock| lock.into_inner())
    }
}

/// All sessions of this node.
#[derive(Debug)]
pub(crate) struct Sessions {
    by_id: DashMap<SessionId, SessionHandle>,
    key: ResumeKey,
}

impl Sessions {
    /// Reads the key of this data directory, or makes one.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        Ok(Self {
            by_id: DashMap::new(),
            key: open_key(&data_dir.join(KEY_FILE))?,
        })
    }

    /// Takes a new session in.
    pub(super) fn register(
        &self,
        id: SessionId,
        outbox: Arc<Outbox>,
    ) -> (SessionHandle, mpsc::Receiver<SessionInput>) {
        let (inputs, receiver) = mpsc::channel(INPUTS_MAX);
        let handle = SessionHandle {
            inputs,
            outbox,
            generations: Arc::default(),
            user: Arc::default(),
            found_in: Arc::default(),
        };
        self.by_id.insert(id, handle.clone());
        (handle, receiver)
    }

    /// Whether a session that the server before this one left is in this room.
    pub(crate) fn awaits(&self, id: SessionId, room: &str) -> bool {
        let session = self.by_id.get(&id);
        session.is_some_and(|it| it.found_in.get().is_some_and(|rooms| rooms.contains(room)))
    }

    /// The way to a session that has no connection.
    pub(crate) fn peer_of(&self, id: SessionId) -> Peer {
        let outbox = self.by_id.get(&id).map(|it| Arc::clone(&it.outbox));
        outbox.map_or_else(Peer::nobody, |outbox| Peer::without_connection(id, outbox))
    }

    pub(super) fn unregister(&self, id: SessionId) {
        self.by_id.remove(&id);
    }

    /// How many sessions there are.
    pub(crate) fn count(&self) -> usize {
        self.by_id.len()
    }

    /// Every session there is.
    pub(crate) fn all(&self) -> Vec<SessionHandle> {
        self.by_id.iter().map(|it| it.value().clone()).collect()
    }

    /// The newest token of a session.
    pub(super) fn token(&self, id: SessionId, handle: &SessionHandle) -> String {
        self.key.issue(id.0, handle.generations().newest())
    }

    /// The session that a `resume` asks for, if its token is good and it is this user's.
    pub(super) fn find(
        &self,
        resume: &client::Resume,
        user: Option<&str>,
    ) -> Option<(SessionId, SessionHandle, u64)> {
        let (session, generation) = self.key.open(&resume.resume_token)?;
        let id = SessionId(session);
        if resume.session != id.to_string() {
            return None;
        }
        let handle = self.by_id.get(&id)?.clone();
        let is_theirs = handle.user.get().map(String::as_str) == user;
        let is_good = is_theirs && handle.generations().accepts(generation);
        is_good.then_some((id, handle, generation))
    }
}

fn open_key(path: &Path) -> io::Result<ResumeKey> {
    match fs::read(path) {
        Ok(bytes) => {
            let bytes: [u8; 32] = bytes.try_into().map_err(|_| {
                let message = format!(
                    "{} does not hold 32 bytes; delete it to have a key made, which ends all sessions",
                    path.display()
                );
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?;
            Ok(ResumeKey::new(&bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let bytes: [u8; 32] = rand::random();
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            Ok(ResumeKey::new(&bytes))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RS6
    #[test]
    fn a_used_token_is_good_until_the_client_is_known_to_have_the_next() {
        let mut generations = Generations::default();
        assert!(generations.accepts(0) && !generations.accepts(1));
        generations.on_used(0);
        assert!(generations.accepts(0), "the answer may be lost");
        assert!(generations.accepts(1));
        generations.on_used(0);
        assert_eq!(generations.newest(), 1, "the same token is sent again");
        generations.confirm(0);
        assert!(generations.accepts(0), "a word about an older one");
        generations.confirm(1);
        assert!(!generations.accepts(0) && generations.accepts(1));
        generations.on_used(1);
        assert!(!generations.accepts(0) && generations.accepts(1) && generations.accepts(2));
    }

    #[test]
    fn after_a_restart_a_token_that_is_newer_than_what_was_written_is_good() {
        let mut generations = Generations::default();
        generations.on_used(0);
        let mut later = generations.after_restart();
        assert!(later.accepts(0) && later.accepts(1) && later.accepts(3));
        later.on_used(3);
        assert!(
            later.accepts(3) && later.accepts(4),
            "the answer may be lost"
        );
        assert!(!later.accepts(5) && !later.accepts(1));
    }

    #[test]
    fn the_key_is_made_once_and_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        let token = open_key(&path).unwrap().issue(7, 3);
        assert_eq!(open_key(&path).unwrap().open(&token), Some((7, 3)));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, "short").unwrap();
        assert!(open_key(&path).is_err());
    }
}
