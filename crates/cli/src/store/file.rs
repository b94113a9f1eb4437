//! The file of an export, as it is read.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use tenure_store::StoreError;
use tenure_store::export::{Reader, Totals};

use crate::backup::Passing;
use crate::failure::Failure;
use crate::screen::Screen;

/// How much is read or written at a time.
pub(super) const BUFFER_BYTES: usize = 1 << 20;

type Opened<'a> = Reader<Passing<'a, BufReader<File>>>;

/// Begins to read a file.
pub(super) fn open<'a>(
    file: &Path,
    screen: &'a Screen,
) -> Result<Result<Opened<'a>, StoreError>, Failure> {
    let opened = File::open(file).map_err(|error| Failure::file("opening", file, &error))?;
    Ok(Reader::new(Passing::new(BufReader::with_capacity(BUFFER_BYTES, opened), screen)))
}

/// Reads a file to its end.
pub(super) fn check(file: &Path, screen: &Screen) -> Result<Totals, Failure> {
    let verified = open(file, screen)?.and_then(Reader::verify);
    screen.progress("");
    verified.map_err(|error| {
        Failure::new(format!("{}: {error}", file.display())).advice(match error {
            StoreError::Io { .. } => "look whether the file can be read, then repeat it",
            StoreError::Newer { .. } => "use the newer `tenure`",
            _ => "take another file; this is no whole export",
        })
    })
}
