//! What errors become, and how a failed engine lets go of its folder.

#[cfg(test)]
pub(crate) mod injected;

use std::any::Any;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tenure_store::StoreError;

/// How long the tree's threads may take to end, and how often that is looked at. They may be in
/// the middle of writing a table.
const CLOSE_MAX: Duration = Duration::from_secs(30);
const CLOSE_POLL: Duration = Duration::from_millis(1);

/// An [`StoreError::Io`] of `doing` something to `path`.
pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io {
        doing: format!("{doing} {}", path.display()).into(),
        detail: error.to_string().into(),
    }
}

/// Runs a call into the tree, which may panic on damaged files, and turns both its error and its
/// panic into text.
pub(crate) fn contain<T, E: Into<TreeError>>(
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T, TreeError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Into::into),
        Err(panic) => Err(TreeError { fault: Fault::Damage, detail: panic_text(&*panic).into() }),
    }
}

/// What is to blame for an error of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Stored bytes.
    Damage,
    /// The operating system.
    System,
    /// Something that stopped the tree's own threads, which do not say what: damage that they met
    /// while merging tables, or a full or failing disk.
    Threads,
}

/// An error of the tree.
#[derive(Debug)]
pub(crate) struct TreeError {
    pub(crate) fault: Fault,
    /// The tree's own words.
    pub(crate) detail: Box<str>,
}

impl TreeError {
    /// The error of reading `what`.
    pub(crate) fn reading(self, what: &str) -> StoreError {
        if self.fault == Fault::Damage {
            let detail = format!("{}; restore a backup", self.detail).into();
            StoreError::Corrupt { what: what.into(), detail }
        } else {
            StoreError::Io { doing: format!("reading {what}").into(), detail: self.detail }
        }
    }
}

impl From<fjall::Error> for TreeError {
    fn from(error: fjall::Error) -> Self {
        let fault = match error {
            fjall::Error::Storage(error) => return error.into(),
            fjall::Error::Io(ref error) => fault_of(error),
            fjall::Error::Poisoned => Fault::Threads,
            fjall::Error::Locked => Fault::System,
            _ => Fault::Damage,
        };
        Self { fault, detail: error.to_string().into() }
    }
}

impl From<lsm_tree::Error> for TreeError {
    fn from(error: lsm_tree::Error) -> Self {
        let fault = match &error {
            lsm_tree::Error::Io(error) => fault_of(error),
            _ => Fault::Damage,
        };
        Self { fault, detail: error.to_string().into() }
    }
}

impl From<io::Error> for TreeError {
    fn from(error: io::Error) -> Self {
        Self { fault: Fault::System, detail: error.to_string().into() }
    }
}

/// A file that ends too early, is not there, or is asked for impossible bytes was damaged;
/// everything else is the system's.
fn fault_of(error: &io::Error) -> Fault {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | NotFound | InvalidInput | InvalidData => Fault::Damage,
        _ => Fault::System,
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("reading it panicked: {}", text.unwrap_or("no message"))
}

/// Waits until this process has no file in `folder` open.
///
/// The tree counts its threads as gone a moment before they are: the last of them may still hold
/// the journal, and writes and syncs what it has buffered when it lets go.
///
/// # Errors
/// [`StoreError::Unavailable`] when something of the tree does not end.
pub(crate) fn wait_until_closed(folder: &Path) -> Result<(), StoreError> {
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    let deadline = Instant::now() + CLOSE_MAX;
    while has_open_files(&folder) {
        if Instant::now() > deadline {
            let detail = format!("threads still write to {}; try again", folder.display());
            return Err(StoreError::Unavailable { detail: detail.into() });
        }
        std::thread::sleep(CLOSE_POLL);
    }
    Ok(())
}

fn has_open_files(folder: &Path) -> bool {
    // Without /proc there is no telling; the tree's own waiting must do.
    let Ok(descriptors) = fs::read_dir("/proc/self/fd") else { return false };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path()).is_ok_and(|target| target.starts_with(folder))
    })
}

/// Makes the next reads of every file in `folder`, and in folders in it, come from the disk.
///
/// After a sync that failed the page cache may hold bytes that never reached the disk, and says
/// that they are clean. Syncing first makes sure that nothing dirty is left that would stay.
///
/// # Errors
/// [`StoreError::Io`] names the file that cannot be synced.
pub(crate) fn evict_all(folder: &Path) -> Result<(), StoreError> {
    for path in entries(folder)? {
        if path.is_dir() {
            evict_all(&path)?;
        } else {
            evict(&path)?;
        }
    }
    sync_folder(folder)
}

/// As [`evict_all`], for the journals of the tree.
///
/// # Errors
/// [`StoreError::Io`] names the file that cannot be synced.
pub(crate) fn evict_journals(tree: &Path) -> Result<(), StoreError> {
    journals(tree)?.iter().try_for_each(|path| evict(path))
}

/// The files of the tree that are named as journals are, in no order.
///
/// # Errors
/// [`StoreError::Io`].
pub(crate) fn journals(tree: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = entries(tree)?;
    found.retain(|path| {
        path.extension().is_some_and(|extension| extension == "jnl") && path.is_file()
    });
    Ok(found)
}

fn evict(path: &Path) -> Result<(), StoreError> {
    let evict = || {
        let file = File::open(path)?;
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        io::Result::Ok(())
    };
    evict().map_err(|error| io("syncing", path, &error))
}

/// Makes names that were made or removed in `folder` durable.
///
/// # Errors
/// [`StoreError::Io`].
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| io("syncing", folder, &error))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let list = || -> io::Result<_> { fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect() };
    list().map_err(|error| io("listing", folder, &error))
}
