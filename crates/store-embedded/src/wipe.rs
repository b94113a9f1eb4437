//! Deleting a store, for development.

use std::path::Path;

use tenure_store::StoreError;

use crate::failure::io;
use crate::lock::FolderLock;

/// The file that marks a folder as a store's: it is in every store that was ever opened.
const MARK: &str = "lock";

/// Deletes the store in `path`, so that the next open starts with an empty one. `false` if there
/// was none.
///
/// # Errors
/// [`StoreError::Locked`] when a process has it open, [`StoreError::Io`] when `path` holds
/// something that is not a store, or when files could not be deleted. In the first two cases
/// nothing was deleted.
pub fn wipe(path: &Path) -> Result<bool, StoreError> {
    let is_empty = match path.read_dir() {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io("reading", path, &error)),
    };
    if is_empty {
        return Ok(false);
    }
    if !path.join(MARK).is_file() {
        return Err(StoreError::Io {
            doing: format!("wiping {}", path.display()).into(),
            detail: "it holds files but no store; delete it by hand if that is what you want"
                .into(),
        });
    }
    let lock = FolderLock::acquire(path)?;
    let wiped = std::fs::remove_dir_all(path).map_err(|error| io("wiping", path, &error));
    drop(lock);
    wiped.map(|()| true)
}
