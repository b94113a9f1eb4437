//! A store that is made through the contract, unit by unit, under a name that is not looked at.

use std::fs;
use std::path::PathBuf;

use tenure_store::StoreError;

use crate::open::{Claim, DATA};
use crate::{EmbeddedConfig, EmbeddedStore, failure};

/// Where the store is while it is made, in the folder that it is made for.
pub(crate) const IMPORT: &str = "import.new";

/// A store that is being filled in a folder that has none. It is there once it is finished: a process that ends
/// before leaves a folder that means nothing, and that the next attempt removes.
///
/// Dropped before it is finished, it leaves nothing.
pub struct EmbeddedImport {
    config: EmbeddedConfig,
    /// `None` once a store was made.
    claim: Option<Claim>,
}

impl EmbeddedImport {
    /// Claims the folder of `config`.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the folder has a store already, [`StoreError::Locked`] when a process uses it; others
    /// when the disk fails. Nothing was changed.
    pub fn begin(config: &EmbeddedConfig) -> Result<Self, StoreError> {
        let claim = Claim::of(&config.path)?;
        let import = Self { config: config.clone(), claim: Some(claim) };
        import.clear()?;
        Ok(import)
    }

    /// The store that is to be filled. It is opened and closed by who fills it.
    #[must_use]
    pub fn store(&self) -> EmbeddedStore {
        let mut config = self.config.clone();
        config.path = self.folder();
        EmbeddedStore::with_config(config)
    }

    /// Gives a store that was filled and closed its place.
    ///
    /// # Errors
    /// [`StoreError`]; there is then no store.
    pub fn finish(mut self) -> Result<(), StoreError> {
        let (made, named) = (self.folder().join(DATA), self.config.path.join(DATA));
        failure::wait_until_closed(&made)?;
        failure::sync_folder(&self.folder())?;
        fs::rename(&made, &named).map_err(|error| failure::io("naming", &named, &error))?;
        // From now on there is a store, which nobody opens before this is done.
        let claim = self.claim.take();
        // The folder that it was made in goes, or means nothing.
        drop(self.clear());
        let synced = failure::sync_folder(&self.config.path);
        drop(claim);
        synced
    }

    fn folder(&self) -> PathBuf {
        self.config.path.join(IMPORT)
    }

    fn clear(&self) -> Result<(), StoreError> {
        let folder = self.folder();
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failure::io("removing", &folder, &error))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for EmbeddedImport {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            // What cannot be removed means nothing, and is removed by the next attempt.
            drop(self.clear());
            claim.give_up();
        }
    }
}
