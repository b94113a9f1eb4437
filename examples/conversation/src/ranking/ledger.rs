use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::tally::Tally;

/// The file that has a tally with its place in the feed: one transaction is one file, written anew, synced
/// and renamed, so a crash leaves the one before or the one after.
#[derive(Clone, Debug)]
pub struct Ledger {
    file: PathBuf,
}

/// Why the ledger cannot be read or written. The file is as it was.
#[derive(Debug)]
pub struct LedgerError {
    file: PathBuf,
    why: String,
}

impl Ledger {
    /// The ledger in this file, which need not be there yet.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// What was stored last; an empty tally if nothing was.
    ///
    /// # Errors
    /// [`LedgerError`] if the file is there and cannot be read.
    pub fn read(&self) -> Result<Tally, LedgerError> {
        let text = match std::fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Tally::default()),
            Err(error) => return Err(self.error(error)),
        };
        serde_json::from_slice(&text).map(Tally::indexed).map_err(|error| self.error(error))
    }

    /// Stores a tally in place of the one before.
    ///
    /// # Errors
    /// [`LedgerError`]; the one before is stored still.
    pub fn write(&self, tally: &Tally) -> Result<(), LedgerError> {
        let folder = match self.file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let text = serde_json::to_vec(tally).map_err(|error| self.error(error))?;
        let written = || {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist(&self.file)?;
            File::open(folder)?.sync_all()
        };
        written().map_err(|error| self.error(error))
    }

    fn error(&self, why: impl std::fmt::Display) -> LedgerError {
        LedgerError { file: self.file.clone(), why: why.to_string() }
    }
}

impl std::fmt::Display for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (file, why) = (self.file.display(), &self.why);
        write!(
            f,
            "the ledger {file}: {why}; mend it, or delete it to count the feed from its beginning"
        )
    }
}

impl std::error::Error for LedgerError {}

#[cfg(test)]
mod tests {
    use super::super::tally::{Entry, Page};
    use super::*;
    use crate::submission::Submission;

    fn page(cursor: &str, entries: Vec<Entry>) -> Page {
        Page { entries, cursor: cursor.to_owned(), more: false }
    }

    fn compared(key: &str, winner: &str, loser: &str) -> Entry {
        let data = Submission::Compared { winner: winner.to_owned(), loser: loser.to_owned() };
        Entry { key: key.to_owned(), data }
    }

    #[test]
    fn what_was_counted_and_how_far_is_stored_as_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::new(folder.path().join("ranking.json"));
        let mut tally = ledger.read().expect("there is none yet");
        assert_eq!(tally, Tally::default());
        let data = Submission::Answered { answer: "a".to_owned(), text: "A!".to_owned() };
        let answered = Entry { key: "films.ada".to_owned(), data };
        let entries =
            vec![answered, compared("films.ada", "a", "b"), compared("other.bob", "b", "a")];
        assert_eq!(tally.take(page("c1", entries), "films"), 2);
        ledger.write(&tally).expect("it is written");
        let mut again = ledger.read().expect("it is read");
        assert_eq!(again, tally);
        assert_eq!(again.cursor.as_deref(), Some("c1"));
        again.take(
            page("c2", vec![compared("films.bob", "a", "b"), compared("films.bob", "b", "a")]),
            "films",
        );
        let ranking = again.ranking();
        assert_eq!((ranking.participants, ranking.answers, ranking.comparisons), (2, 1, 3));
        let texts: Vec<_> =
            ranking.ranked.iter().map(|it| (it.text.as_str(), it.comparisons)).collect();
        assert_eq!(texts, [("A!", 3), ("b", 3)]);
    }

    #[test]
    fn a_damaged_ledger_is_named_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ranking.json");
        std::fs::write(&file, b"{").expect("it is written");
        let error = Ledger::new(file.clone()).read().expect_err("it is damaged");
        assert!(error.to_string().contains("ranking.json"), "{error}");
        assert_eq!(std::fs::read(&file).expect("it is there"), b"{");
    }
}
