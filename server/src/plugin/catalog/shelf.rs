//! All versions that are there, in the order in which they came, and which of them new rooms are made of.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::error::FindError;
use super::state::Kept;
use super::version::{Source, Version};

/// So many rooms lost to a version within [`LOSS_WINDOW`] put it under suspicion.
pub(super) const LOSSES_MAX: usize = 3;
/// The time within which lost rooms count.
pub(super) const LOSS_WINDOW: Duration = Duration::from_secs(600);
/// The least of a digest that names a version.
const PREFIX_CHARS_MIN: usize = 6;
/// Versions of a name that are kept, unless rooms run more.
pub(super) const VERSIONS_MAX: usize = 64;
/// Files that were refused are remembered up to so many.
const REFUSED_MAX: usize = 64;

/// A file in the folder of plugins that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedFile {
    /// Its path.
    pub(crate) path: String,
    /// Why, as a sentence.
    pub(crate) why: String,
}

/// The versions of all names.
#[derive(Default)]
pub(super) struct Shelf {
    names: BTreeMap<String, Name>,
    by_digest: HashMap<Arc<str>, Arc<Version>>,
    losses: HashMap<Arc<str>, VecDeque<(Instant, Arc<str>)>>,
    /// The digest that each file in the folder of plugins had when it was last taken.
    pub(super) files: BTreeMap<String, String>,
    refused: VecDeque<RefusedFile>,
    /// What new rooms are to be made of, once it is there: the folder of plugins may not have been looked at yet.
    pub(super) wanted: BTreeMap<String, String>,
    /// What is known against versions that are not there, by digest.
    pub(super) recalled: BTreeMap<String, String>,
    /// Uploaded versions that could not be brought back, and are not forgotten.
    pub(super) dormant: Vec<Kept>,
}

/// The versions of one name.
#[derive(Default)]
struct Name {
    /// From the earliest to the newest. Never empty once it is in the shelf.
    versions: Vec<Arc<Version>>,
    default: Option<Arc<str>>,
}

impl Name {
    /// What new rooms are made of: the default, or else the newest before it that nothing is known against.
    fn choose(&self) -> Option<&Arc<Version>> {
        self.choose_of(|_| true)
    }

    /// The same of these versions alone.
    fn choose_of(&self, is_meant: impl Fn(&Version) -> bool) -> Option<&Arc<Version>> {
        let at = self
            .versions
            .iter()
            .position(|it| Some(&it.digest) == self.default.as_ref());
        let end = at.map_or(self.versions.len(), |at| at + 1);
        self.versions[..end]
            .iter()
            .rev()
            .find(|it| it.suspect().is_none() && is_meant(it))
    }
}

impl Shelf {
    /// Puts a version on the shelf, behind all others. One of a time before this server's comes before them; and one that
    /// the folder had all along, before what was uploaded since.
    pub(super) fn put(&mut self, version: &Arc<Version>, is_default: bool) {
        if let Some(why) = self.recalled.remove(&*version.digest) {
            version.record.recall_suspect(why.into());
        }
        let name = self
            .names
            .entry(version.description.name.clone())
            .or_default();
        // One that was there already is the newest again.
        name.versions.retain(|it| it.digest != version.digest);
        let at = match version.source() {
            Source::Room => Some(0),
            Source::Folder if !is_default => {
                let mut sources = name.versions.iter().map(|it| it.source());
                sources.position(|it| it == Source::Upload)
            }
            Source::Folder | Source::Bundle | Source::Upload => None,
        };
        let at = at.unwrap_or(name.versions.len());
        name.versions.insert(at, Arc::clone(version));
        let is_stranger = version.source() == Source::Room;
        let wanted = self.wanted.get(&version.description.name);
        let is_wanted = wanted.is_some_and(|it| **it == *version.digest);
        if is_default || !is_stranger && (is_wanted || name.default.is_none()) {
            name.default = Some(Arc::clone(&version.digest));
            if is_default || is_wanted {
                self.wanted.remove(&version.description.name);
            }
        }
        self.by_digest
            .insert(Arc::clone(&version.digest), Arc::clone(version));
    }

    /// Has new rooms be made of this version.
    pub(super) fn set_default(&mut self, version: &Version) {
        if let Some(name) = self.names.get_mut(&version.description.name) {
            name.default = Some(Arc::clone(&version.digest));
            self.wanted.remove(&version.description.name);
        }
    }

    pub(super) fn choose(&self, name: &str) -> Option<Arc<Version>> {
        self.names.get(name)?.choose().cloned()
    }

    /// What new rooms would be made of if this version were not there.
    pub(super) fn choose_beside(&self, version: &Version) -> Option<Arc<Version>> {
        let name = self.names.get(&version.description.name)?;
        let chosen = name.choose_of(|it| it.digest != version.digest);
        chosen.cloned()
    }

    pub(super) fn newest_of(&self, name: &str) -> Option<&Arc<Version>> {
        self.names.get(name)?.versions.last()
    }

    pub(super) fn by_digest(&self, digest: &str) -> Option<&Arc<Version>> {
        self.by_digest.get(digest)
    }

    /// The newest version of this label.
    pub(super) fn by_label(&self, label: &str) -> Option<&Arc<Version>> {
        let (name, _) = label.split_once('@')?;
        let versions = &self.names.get(name)?.versions;
        versions.iter().rev().find(|it| *it.label == *label)
    }

    pub(super) fn find(&self, text: &str) -> Result<Arc<Version>, FindError> {
        if text.contains('@') {
            let found = self.by_label(text).cloned();
            return found.ok_or_else(|| FindError::NotFound(text.to_owned()));
        }
        let mut found = Vec::new();
        if text.len() >= PREFIX_CHARS_MIN {
            let prefix = text.to_ascii_lowercase();
            found = self
                .all()
                .filter(|it| it.digest.starts_with(&prefix))
                .collect();
        }
        match found[..] {
            [] => Err(FindError::NotFound(text.to_owned())),
            [version] => Ok(Arc::clone(version)),
            [_, _, ..] => Err(FindError::Ambiguous {
                prefix: text.to_owned(),
                count: found.len(),
            }),
        }
    }

    /// All versions, by name, each from the earliest to the newest.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Version>> {
        self.names.values().flat_map(|name| &name.versions)
    }

    pub(super) fn versions_of(&self, name: &str) -> Vec<Arc<Version>> {
        self.names
            .get(name)
            .map_or_else(Vec::new, |it| it.versions.clone())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    /// What new rooms are made of, where that is not simply what came with the server.
    pub(super) fn defaults(&self) -> BTreeMap<String, String> {
        let is_chosen = |name: &&Name| {
            let mut sources = name.versions.iter().map(|it| it.source());
            sources.any(|it| matches!(it, Source::Upload | Source::Folder))
        };
        let defaults = self.names.iter().filter_map(|(name, versions)| {
            let default = Some(versions).filter(is_chosen)?.default.as_ref()?;
            Some((name.clone(), default.to_string()))
        });
        let wanted = self
            .wanted
            .iter()
            .map(|(name, digest)| (name.clone(), digest.clone()));
        defaults.chain(wanted).collect()
    }

    /// Takes away the earliest versions of a name that are too many: those that came in while a server ran, that no room
    /// runs, and that new rooms are not made of.
    pub(super) fn thin_out(&mut self, name: &str) -> Vec<Arc<Version>> {
        let Some(name) = self.names.get_mut(name) else {
            return Vec::new();
        };
        let chosen = name.choose().map(|it| Arc::clone(&it.digest));
        let mut surplus = name.versions.len().saturating_sub(VERSIONS_MAX);
        let mut removed = Vec::new();
        let by_digest = &mut self.by_digest;
        name.versions.retain(|it| {
            let is_kept = surplus == 0
                || it.source() == Source::Bundle
                || Some(&it.digest) == chosen.as_ref()
                || Some(&it.digest) == name.default.as_ref()
                // This shelf holds it twice; whoever else does, needs it.
                || Arc::strong_count(it) > 2;
            if !is_kept {
                surplus -= 1;
                by_digest.remove(&it.digest);
                removed.push(Arc::clone(it));
            }
            is_kept
        });
        for version in &removed {
            self.losses.remove(&version.digest);
        }
        removed
    }

    /// Notes that a room was lost to a version. Says which rooms there were, if they are too many by now.
    pub(super) fn note_loss(
        &mut self,
        digest: &Arc<str>,
        room: &str,
        now: Instant,
    ) -> Option<Vec<Arc<str>>> {
        let lost = self.losses.entry(Arc::clone(digest)).or_default();
        lost.retain(|(at, name)| now.duration_since(*at) < LOSS_WINDOW && **name != *room);
        lost.push_back((now, room.into()));
        if lost.len() < LOSSES_MAX {
            return None;
        }
        let lost = self.losses.remove(digest)?;
        Some(lost.into_iter().map(|(_, room)| room).collect())
    }

    /// Remembers that a file was refused, or that it no longer is.
    pub(super) fn note_refused(&mut self, path: &str, why: Option<String>) {
        self.refused.retain(|it| it.path != path);
        if let Some(why) = why {
            if self.refused.len() == REFUSED_MAX {
                self.refused.pop_front();
            }
            let path = path.to_owned();
            self.refused.push_back(RefusedFile { path, why });
        }
    }

    pub(super) fn refused(&self) -> Vec<RefusedFile> {
        self.refused.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_rooms_lost_in_a_short_time_are_too_many_and_one_room_again_and_again_is_not() {
        let mut shelf = Shelf::default();
        let (digest, other): (Arc<str>, Arc<str>) = ("d1".into(), "d2".into());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..10 {
            assert_eq!(shelf.note_loss(&digest, "a", at(second)), None);
        }
        assert_eq!(shelf.note_loss(&digest, "b", at(10)), None);
        assert_eq!(shelf.note_loss(&other, "c", at(11)), None);
        // The first two are long ago by then.
        assert_eq!(shelf.note_loss(&digest, "c", at(700)), None);
        assert_eq!(shelf.note_loss(&digest, "d", at(701)), None);
        let rooms = shelf.note_loss(&digest, "e", at(702)).unwrap();
        assert_eq!(rooms, ["c".into(), "d".into(), "e".into()]);
        // What came of it is known; it is counted from the beginning.
        assert_eq!(shelf.note_loss(&digest, "f", at(703)), None);
    }

    #[test]
    fn a_file_is_refused_once_and_no_longer_when_it_is_better() {
        let mut shelf = Shelf::default();
        shelf.note_refused("a.wasm", Some("first".to_owned()));
        shelf.note_refused("a.wasm", Some("second".to_owned()));
        assert_eq!(shelf.refused().len(), 1);
        assert_eq!(shelf.refused()[0].why, "second");
        shelf.note_refused("a.wasm", None);
        assert!(shelf.refused().is_empty());
        for number in 0..2 * REFUSED_MAX {
            shelf.note_refused(&number.to_string(), Some(String::new()));
        }
        assert_eq!(shelf.refused().len(), REFUSED_MAX);
    }
}
