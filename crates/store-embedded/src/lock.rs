//! The lock that keeps a second process, or a second engine of this one, out of the folder.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tenure_store::StoreError;

use crate::failure::io;

/// The lock file's name in the store's folder.
const LOCK_FILE: &str = "lock";

/// How often a lock is taken whose file is replaced meanwhile.
const ATTEMPTS_MAX: usize = 16;

/// Held as long as anything of this process may write to the folder. The operating system
/// releases it when the process dies.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Takes the lock and writes this process's id into the file, for people.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another holds it.
    pub(crate) fn acquire(folder: &Path) -> Result<Self, StoreError> {
        let path = path(folder);
        let mut attempts = 0;
        let mut file = loop {
            attempts += 1;
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(|error| io("opening", &path, &error))?;
            match file.try_lock() {
                // A restore that failed removes its lock: one that is gone keeps nobody out. A file
                // system that shows one file as two must not keep the store from opening.
                Ok(()) if is_at(&file, &path) || attempts == ATTEMPTS_MAX => break file,
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(locked(folder, &mut file)),
                Err(TryLockError::Error(error)) => return Err(io("locking", &path, &error)),
            }
        };
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        // The id only serves a message; a full disk must not keep the store from opening.
        if let Err(error) = written {
            tracing::debug!(%error, "the lock file of the store does not name this process");
        }
        Ok(Self { file })
    }
}

/// Where the lock of a store's folder is.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join(LOCK_FILE)
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: &Metadata, b: &Metadata| a.dev() == b.dev() && a.ino() == b.ino();
    matches!(&(file.metadata(), fs::metadata(path)), (Ok(own), Ok(found)) if same(own, found))
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing would not do: a process that is being started, elsewhere in this one, holds a
        // copy of every open file for a moment, and with it the lock.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the store's folder could not be unlocked");
        }
    }
}

fn locked(folder: &Path, file: &mut File) -> StoreError {
    let mut holder = String::new();
    let holder = match file.read_to_string(&mut holder) {
        Ok(_) if holder.parse::<u32>().is_ok() => format!("process {holder}"),
        _ => "its id is not known".to_owned(),
    };
    StoreError::Locked {
        store: format!("the store in {}", folder.display()).into(),
        holder: holder.into(),
    }
}
