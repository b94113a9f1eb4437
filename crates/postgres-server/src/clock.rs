use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Where Debian puts the library, in a folder for each kind of machine.
const LIBRARIES: &str = "/usr/lib";

/// A wall clock of its own for a process, by libfaketime. Its monotonic clock is the machine's.
pub(crate) struct Clock {
    library: PathBuf,
    /// Says how far it is from the machine's.
    file: PathBuf,
}

impl Clock {
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let folders = std::fs::read_dir(LIBRARIES)?;
        let mut libraries = folders
            .filter_map(|it| Some(it.ok()?.path().join("faketime/libfaketime.so.1")))
            .filter(|it| it.exists());
        let library = libraries.next().ok_or_else(|| {
            io::Error::other("libfaketime is not installed; type `apt-get install libfaketime`")
        })?;
        let this = Self { library, file: folder.join("clock") };
        this.set(0)?;
        Ok(this)
    }

    pub(crate) fn set(&self, seconds: i64) -> io::Result<()> {
        // Whole at any time: it is read all the time.
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}"))?;
        std::fs::rename(next, &self.file)
    }

    pub(crate) fn variables(&self) -> BTreeMap<&'static str, PathBuf> {
        BTreeMap::from([
            ("LD_PRELOAD", self.library.clone()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ])
    }
}
