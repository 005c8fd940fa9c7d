//! What of the catalog outlives the server: uploaded components, and the list of them.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::shelf::Shelf;
use super::state::{Kept, State, StateFile};
use super::{Catalog, LoadError, Offer, Origin, Source, Version};
use crate::components::Components;
use crate::crash_point::CrashPoints;

/// How long a disk that takes nothing is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The files of a catalog.
#[derive(Debug)]
pub(super) struct Keeping {
    pub(super) components: Components,
    pub(super) state: StateFile,
    crash_points: CrashPoints,
}

impl Keeping {
    pub(super) fn open(data_dir: &Path, crash_points: CrashPoints) -> io::Result<Self> {
        Ok(Self {
            components: Components::open(data_dir, crash_points.clone())?,
            state: StateFile::new(data_dir),
            crash_points,
        })
    }
}

impl Catalog {
    /// Keeps an offered component, writes down that it is there, and puts it on the shelf: in this order, so that
    /// whenever the server dies, the next one finds all of it or nothing.
    pub(super) fn put_for_good(
        &self,
        version: &Arc<Version>,
        offer: &Offer,
    ) -> Result<(), LoadError> {
        let is_default = offer.is_default && version.suspect().is_none();
        if offer.origin == Origin::Upload
            && let Some(keeping) = &self.keeping
        {
            let components = &keeping.components;
            if let Some(signature) = &offer.signature {
                let kept = components.keep_signature(&version.digest, signature);
                kept.map_err(LoadError::Keep)?;
            }
            let kept = components.keep(&version.digest, &version.component);
            kept.map_err(LoadError::Keep)?;
        }
        let removed = {
            let _saving = self.saving.lock().unwrap_or_else(|lock| lock.into_inner());
            if let Some(keeping) = &self.keeping {
                let mut state = state_of(&self.shelf());
                state.add(version, &offer.origin, is_default);
                keeping.state.write(&state).map_err(LoadError::Keep)?;
                keeping.crash_points.pass("upload-state-written");
            }
            let mut shelf = self.shelf_mut();
            shelf.dormant.retain(|it| *it.digest != *version.digest);
            if let Origin::File(file) = &offer.origin {
                shelf.files.insert(file.clone(), version.digest.to_string());
            }
            // What came with the server or was uploaded stays what it is when it is found in the folder, too.
            if matches!(version.source(), Source::Room | Source::Folder) {
                version.set_source(offer.origin.source());
            }
            shelf.put(version, is_default);
            shelf.thin_out(&version.description.name)
        };
        self.let_go(&removed);
        Ok(())
    }

    /// Lets go of the files of versions that are no longer there.
    fn let_go(&self, removed: &[Arc<Version>]) {
        let Some(keeping) = self.keeping.as_ref().filter(|_| !removed.is_empty()) else {
            return;
        };
        let gone = self.save().and_then(|()| {
            let mut gone = removed
                .iter()
                .map(|it| keeping.components.remove(&it.digest));
            gone.try_for_each(|it| it)
        });
        if let Err(error) = gone {
            tracing::warn!(%error, "components of old versions could not be removed");
        }
    }

    /// Writes down what is to outlive the server.
    pub(crate) fn save(&self) -> io::Result<()> {
        let _saving = self.saving.lock().unwrap_or_else(|lock| lock.into_inner());
        self.changes.take();
        match &self.keeping {
            Some(keeping) => keeping.state.write(&state_of(&self.shelf())),
            None => Ok(()),
        }
    }

    /// Writes down what changed, if anything did.
    pub(crate) fn save_changes(&self) {
        if self.changes.take()
            && let Err(error) = self.save()
        {
            self.changes.note();
            tracing::error!(%error, "what is known of plugin versions could not be written down");
        }
    }

    /// Writes down every change soon after it was made.
    pub(crate) async fn keep_saved(self: &Arc<Self>) -> Infallible {
        loop {
            self.changes.wait().await;
            let catalog = Arc::clone(self);
            let saving = tokio::task::spawn_blocking(move || catalog.save_changes());
            if saving.await.is_err() || self.changes.is_there() {
                tokio::time::sleep(RETRY_AFTER).await;
                self.changes.note();
            }
        }
    }
}

impl State {
    fn add(&mut self, version: &Version, origin: &Origin, is_default: bool) {
        let digest = &version.digest;
        let is_kept = *origin == Origin::Upload || version.source() == Source::Upload;
        if is_kept && version.source() != Source::Bundle {
            self.versions.retain(|it| *it.digest != **digest);
            self.versions.push(Kept::of(version));
        }
        if is_default {
            let name = version.description.name.clone();
            self.defaults.insert(name, digest.to_string());
        }
        if let Origin::File(file) = origin {
            self.files.insert(file.clone(), digest.to_string());
        }
    }
}

impl Kept {
    fn of(version: &Version) -> Self {
        Self {
            digest: version.digest.to_string(),
            label: version.label.to_string(),
        }
    }
}

fn state_of(shelf: &Shelf) -> State {
    let uploaded = shelf.all().filter(|it| it.source() == Source::Upload);
    let suspects = shelf
        .all()
        .filter_map(|it| Some((it.digest.to_string(), it.suspect()?.to_string())));
    State {
        versions: uploaded
            .map(|it| Kept::of(it))
            .chain(shelf.dormant.clone())
            .collect(),
        suspects: suspects.chain(shelf.recalled.clone()).collect(),
        defaults: shelf.defaults(),
        files: shelf.files.clone(),
    }
}
