//! The consumer: its cursor and its counts are one file, replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};

use crate::http::{Connection, Failure};
use crate::speaker::FEED;

const AWAY_PAUSE: Duration = Duration::from_millis(10);

/// What a consumer is told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where the server takes calls
    #[arg(long)]
    pub address: SocketAddr,
    /// The file with its cursor and its counts
    #[arg(long)]
    pub book: PathBuf,
}

/// What a consumer knows.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Up to where it has read.
    cursor: Option<String>,
    /// How much each speaker has said, by its key.
    pub counts: BTreeMap<String, u64>,
    /// Version and index of the last entry of each: turns that share a commit share a version.
    places: BTreeMap<String, (u64, u64)>,
    /// What must not be.
    pub wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<Entry>,
    cursor: String,
}

#[derive(Deserialize)]
struct Entry {
    key: String,
    version: u64,
    index: u64,
    data: u64,
}

impl Book {
    /// What the file says; an empty book where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).context("the book is torn"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).context("the book cannot be read"),
        }
    }

    /// Cursor and counts become true together: a rename replaces the file as a whole.
    fn write(&self, file: &Path) -> anyhow::Result<()> {
        let new = file.with_extension("new");
        fs::write(&new, serde_json::to_vec(self)?)?;
        Ok(fs::rename(&new, file)?)
    }

    /// How many entries were counted.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.counts.values().sum()
    }

    fn take(&mut self, page: Page) {
        for Entry { key, version, index, data } in page.entries {
            let count = self.counts.entry(key.clone()).or_default();
            let place = (version, index);
            let before = self.places.insert(key.clone(), place);
            if data != *count + 1 || before >= Some(place) {
                self.wrong.push(format!(
                    "speaker/{key}: {data} at {place:?} came after {count} at {before:?}"
                ));
            }
            *count += 1;
        }
        self.cursor = Some(page.cursor);
    }
}

/// Reads the feed until it is killed.
///
/// # Errors
/// When its book cannot be kept, or the server refuses it.
pub fn run(options: &Options) -> anyhow::Result<()> {
    // A campaign that is killed leaves no consumer behind.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut book = Book::read(&options.book)?;
    let mut connection = Connection::new(options.address);
    loop {
        let after = book.cursor.as_ref().map_or(String::new(), |it| format!("&after={it}"));
        let path = format!("/v1/_feeds/{FEED}?limit=200&wait=5s{after}");
        match connection.call("GET", &path, "") {
            Ok(reply) => {
                book.take(serde_json::from_str(&reply)?);
                book.write(&options.book)?;
            }
            Err(Failure::Refused(refusal)) => {
                book.wrong.push(format!("the consumer was refused: {refusal}"));
                return book.write(&options.book);
            }
            // The server is away, or its connection was cut: to read changes nothing.
            Err(_) => std::thread::sleep(AWAY_PAUSE),
        }
    }
}
