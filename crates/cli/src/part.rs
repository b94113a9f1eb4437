//! A copy of a store on its way: a file of its own until it is whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// What a copy is.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// What every copy of this kind begins with: enough to know one from a file of another kind.
    pub(crate) begin: &'static [u8],
    pub(crate) noun: &'static str,
}

/// An unfinished copy.
///
/// **Invariant:** only who holds the lock of the file that has the unfinished name writes to it, names
/// it or removes it.
pub(crate) struct Part {
    /// The name once it is whole.
    name: PathBuf,
    path: PathBuf,
    file: File,
}

impl Part {
    /// Makes one beside `name`, or takes over what another process left.
    ///
    /// # Errors
    /// When `name` cannot become a copy, or another process makes one of this name.
    pub(crate) fn make(name: &Path, kind: Kind) -> Result<Self, Failure> {
        let path = check(name, kind)?;
        loop {
            let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
            let file = opened.map_err(|error| Failure::file("making", &path, &error))?;
            if file.try_lock().is_err() {
                let text = format!("{} is being written by another process", path.display());
                return Err(Failure::new(text).advice("wait for it, or choose another name"));
            }
            // Before the lock was free its holder may have given the file its name, or removed it.
            if is_at(&file, &path) {
                file.set_len(0).map_err(|error| Failure::file("emptying", &path, &error))?;
                return Ok(Self { name: name.to_owned(), path, file });
            }
        }
    }

    /// Gives a whole copy its name, durably.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let finished = self.name_it();
        if finished.is_err() {
            self.discard();
        }
        finished
    }

    fn name_it(&self) -> Result<(), Failure> {
        let Self { name, path, file } = self;
        file.sync_all().map_err(|error| Failure::file("syncing", path, &error))?;
        fs::rename(path, name).map_err(|error| Failure::file("naming", name, &error))?;
        let folder = match name.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Failure::file("syncing", folder, &error))
    }

    pub(crate) fn discard(self) {
        // Where it cannot be removed the next copy takes it over.
        if is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for &Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.file).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.file).flush()
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: &fs::Metadata, b: &fs::Metadata| a.dev() == b.dev() && a.ino() == b.ino();
    matches!(&(file.metadata(), fs::metadata(path)), (Ok(own), Ok(found)) if same(own, found))
}

/// Gives the unfinished name. Refuses what cannot be, before the node has any work.
fn check(name: &Path, kind: Kind) -> Result<PathBuf, Failure> {
    let Some(last) = name.file_name() else {
        return Err(Failure::usage(format!("{} is no name of a file", name.display())));
    };
    match fs::metadata(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::file("looking at", name, &error)),
        Ok(found) if found.is_file() && is_copy(name, kind) => {}
        Ok(_) => {
            let text = format!("{} is there and is no {}; it stays", name.display(), kind.noun);
            return Err(Failure::usage(text).advice("choose another name"));
        }
    }
    let mut part = OsString::from(last);
    part.push(".part");
    Ok(name.with_file_name(part))
}

/// Whether a file may be replaced: it is an earlier copy, or empty.
fn is_copy(file: &Path, kind: Kind) -> bool {
    let mut begin = vec![0; kind.begin.len()];
    let Ok(mut opened) = File::open(file) else { return false };
    match opened.read_exact(&mut begin) {
        Ok(()) => begin == kind.begin,
        Err(_) => opened.metadata().is_ok_and(|it| it.len() == 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { begin: b"tnr-bak", noun: "backup" };

    #[test]
    fn one_process_makes_a_copy_and_names_it_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let name = folder.path().join("copy");
        let part = Part::make(&name, KIND).expect("the first");
        let second = Part::make(&name, KIND).err().expect("one at a time");
        assert!(second.text.contains("another process"), "{}", second.text);
        (&part).write_all(b"tnr-bak1").expect("it is written");
        part.finish().expect("it gets its name");
        assert_eq!(fs::read(&name).expect("it is there"), b"tnr-bak1");
        Part::make(&name, KIND).expect("the next").discard();
        assert_eq!(fs::read(&name).expect("it stays"), b"tnr-bak1");
        assert_eq!(folder.path().read_dir().expect("a folder").count(), 1);
    }

    #[test]
    fn a_file_that_got_its_name_is_never_taken_for_an_unfinished_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let name = folder.path().join("copy");
        let part = Part::make(&name, KIND).expect("the first");
        let late = File::open(part.path()).expect("another process opened it");
        part.finish().expect("it gets its name");
        late.try_lock().expect("it is free");
        assert!(!is_at(&late, &folder.path().join("copy.part")));
    }
}
