use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::schemas::{DocumentError, Program};

/// The file that says what the program was, committed with its source.
pub(super) struct SchemasFile<'a>(&'a Path);

/// Why the file is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// It is there and cannot be read or written.
    #[error("{path}: {what}")]
    Io { path: String, what: String },
    /// It is not what `check --update` writes.
    #[error("{0}")]
    Document(String),
}

impl<'a> SchemasFile<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Self(path)
    }

    /// What the program was; `None` where there is no such file.
    pub(super) fn read(&self) -> Result<Option<Program>, FileError> {
        let text = match fs::read(self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io(&error)),
        };
        let damaged =
            |error: DocumentError| FileError::Document(format!("{} {error}", self.0.display()));
        Program::read(&text).map(Some).map_err(damaged)
    }

    /// Writes what the program is, whole or not at all. `false` where the file says so already.
    pub(super) fn write(&self, program: &Program) -> Result<bool, FileError> {
        let text = program.write();
        if fs::read(self.0).is_ok_and(|before| before == text.as_bytes()) {
            return Ok(false);
        }
        self.replace(&text).map(|()| true).map_err(|error| self.io(&error))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let mut name = self.0.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let unfinished = self.0.with_file_name(name);
        let written = File::create(&unfinished)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&unfinished, self.0));
        if written.is_err() {
            drop(fs::remove_file(&unfinished));
        }
        written
    }

    fn io(&self, error: &io::Error) -> FileError {
        FileError::Io { path: self.0.display().to_string(), what: error.to_string() }
    }
}
