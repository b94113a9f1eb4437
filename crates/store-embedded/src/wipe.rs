//! Deleting a store, for development.

use std::path::Path;

use tenure_store::StoreError;

use crate::failure::io;
use crate::import::IMPORT;
use crate::lock::FolderLock;
use crate::open::{DATA, DATA_UNFINISHED};

/// The file that marks a folder as a store's: it is in every store that was ever opened.
const MARK: &str = "lock";

/// Deletes the store in `path`, so that the next open starts with an empty one, and nothing else that
/// lies in that folder. `false` if there was none.
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
    let data = path.join(DATA);
    let is_foreign = data.exists() && !data.join(crate::integrity::TREE).is_dir();
    if !path.join(MARK).is_file() || is_foreign {
        return Err(StoreError::Io {
            doing: format!("wiping {}", path.display()).into(),
            detail: "it holds files but no store; delete it by hand if that is what you want"
                .into(),
        });
    }
    let lock = FolderLock::acquire(path)?;
    // The folder may be a project's, which is no business of the store's.
    let wiped =
        [DATA, DATA_UNFINISHED, IMPORT].map(|name| path.join(name)).iter().try_for_each(|folder| {
            match std::fs::remove_dir_all(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(io("wiping", folder, &error))
                }
                _ => Ok(()),
            }
        });
    drop(lock);
    wiped.map(|()| true)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_store_is_deleted_and_what_lies_beside_it_stays() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path();
        for name in ["data/tree", "data.new", "import.new/data/tree", "src"] {
            std::fs::create_dir_all(path.join(name)).expect("a folder");
        }
        for name in ["lock", "data/progress", "src/main.rs", "Cargo.toml"] {
            std::fs::write(path.join(name), "x").expect("a file");
        }
        assert_eq!(wipe(path), Ok(true));
        for name in ["data", "data.new", "import.new"] {
            assert!(!path.join(name).exists(), "{name}");
        }
        assert!(path.join("src/main.rs").exists() && path.join("Cargo.toml").exists());
    }

    #[test]
    fn a_folder_that_is_no_store_is_left_alone() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path();
        assert_eq!(wipe(&path.join("none")), Ok(false));
        assert_eq!(wipe(path), Ok(false));
        std::fs::create_dir_all(path.join("data")).expect("a folder");
        std::fs::write(path.join("data/mine"), "x").expect("a file");
        assert!(wipe(path).is_err());
        // Somebody else's lock beside somebody else's data.
        std::fs::write(path.join("lock"), "x").expect("a file");
        assert!(wipe(path).is_err());
        assert!(path.join("data/mine").exists());
    }
}
