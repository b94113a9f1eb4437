use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tenure_store::StoreError;
use xxhash_rust::xxh3::xxh3_64;

use super::BatchRecord;
use crate::failure;

const FILE: &str = "progress";
const MAGIC: [u8; 7] = *b"TNRPROG";
const FORMAT: u8 = 1;
/// Two slots, each in a page of its own, are written in turn: a write that is torn by a power cut
/// leaves the other one.
const SLOT_BYTES: usize = 48;
const SLOT_DISTANCE: usize = 4_096;
const FILE_BYTES: usize = 2 * SLOT_DISTANCE;

/// Whether the store was stopped in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgressState {
    /// It serves, or ended without a word.
    Running,
    /// Everything was synced and nothing came after.
    Stopped,
    /// As [`ProgressState::Stopped`], and everything is in tables: journals that are still there
    /// hold nothing else.
    Emptied,
}

impl ProgressState {
    const ALL: [Self; 3] = [Self::Running, Self::Stopped, Self::Emptied];
}

/// What the progress file says.
///
/// ```text
///  7  "TNRPROG"
///  1  format, 1
///  8  counts the writes of this file
///  8  number of the last batch
///  8  incarnation that wrote it
///  8  0 running, 1 stopped, 2 stopped and everything is in tables
///  8  xxh3-64 of the bytes before
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    writes: u64,
    /// The last batch that is certainly durable.
    pub(crate) number: u64,
    pub(crate) incarnation: u64,
    pub(crate) state: ProgressState,
}

/// The progress file of a store that serves.
///
/// A number is written after its batch was synced, and is not synced itself. So a process that is
/// killed leaves the exact number, a power cut one that is a few seconds old at most (when the
/// system last wrote pages back), and neither ever one of a batch that is not durable.
pub(crate) struct Progress {
    file: File,
    path: PathBuf,
    noted: Noted,
}

impl Progress {
    /// Makes the file of a new store, in which everything up to batch `number` is synced.
    pub(crate) fn create(data: &Path, number: u64) -> Result<Self, StoreError> {
        let path = data.join(FILE);
        let noted = Noted { writes: 0, number, incarnation: 0, state: ProgressState::Stopped };
        let create = || {
            let file = File::create_new(&path)?;
            file.write_all_at(&[0; FILE_BYTES], 0)?;
            io::Result::Ok(file)
        };
        let file = create().map_err(|error| failure::io("creating", &path, &error))?;
        let mut progress = Self { file, path, noted };
        progress.mark(ProgressState::Stopped, number)?;
        Ok(progress)
    }

    /// Opens the file as it is.
    pub(crate) fn open(data: &Path) -> Result<Self, StoreError> {
        let noted = read(data)?;
        let path = data.join(FILE);
        let opened = OpenOptions::new().write(true).open(&path);
        let file = opened.map_err(|error| failure::io("opening", &path, &error))?;
        Ok(Self { file, path, noted })
    }

    /// Notes that everything up to the batch of `record` is durable.
    pub(crate) fn note(&mut self, record: BatchRecord) -> io::Result<()> {
        self.noted.number = record.number;
        self.noted.incarnation = record.incarnation.0;
        self.write_slot()
    }

    /// Changes the state, durably. Everything up to batch `number` is durable already.
    pub(crate) fn mark(&mut self, state: ProgressState, number: u64) -> Result<(), StoreError> {
        self.noted.state = state;
        self.noted.number = number;
        let mut write = || {
            self.write_slot()?;
            self.write_slot()?;
            self.file.sync_all()
        };
        let written = write();
        written.map_err(|error| failure::io("writing", &self.path, &error))
    }

    fn write_slot(&mut self) -> io::Result<()> {
        self.noted.writes += 1;
        let slot = self.noted.writes % 2 * SLOT_DISTANCE as u64;
        self.file.write_all_at(&self.noted.encode(), slot)
    }
}

/// Reads the progress file.
///
/// # Errors
/// [`StoreError::Corrupt`] when it is gone or neither slot can be read.
pub(crate) fn read(data: &Path) -> Result<Noted, StoreError> {
    let path = data.join(FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(corrupt(&path, "it is missing"));
        }
        Err(error) => return Err(failure::io("reading", &path, &error)),
    };
    if bytes.len() != FILE_BYTES {
        return Err(corrupt(&path, &format!("it has {} bytes", bytes.len())));
    }
    if bytes[..7] == MAGIC && bytes[7] > FORMAT {
        return Err(StoreError::Newer {
            what: path.display().to_string().into(),
            detail: format!("its format is {}, this program knows {FORMAT}", bytes[7]).into(),
        });
    }
    let slots = [Noted::decode(&bytes), Noted::decode(&bytes[SLOT_DISTANCE..])];
    let latest = slots.iter().flatten().max_by_key(|noted| noted.writes);
    let Some(latest) = latest else { return Err(corrupt(&path, "no entry of it can be read")) };
    if slots.iter().any(Option::is_none) {
        tracing::warn!(file = %path.display(), "one of two entries cannot be read; the other is used");
    }
    Ok(*latest)
}

impl Noted {
    fn encode(self) -> [u8; SLOT_BYTES] {
        let mut bytes = [0; SLOT_BYTES];
        bytes[..7].copy_from_slice(&MAGIC);
        bytes[7] = FORMAT;
        let state = self.state as u64;
        for (at, number) in
            [(8, self.writes), (16, self.number), (24, self.incarnation), (32, state)]
        {
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        let checksum = xxh3_64(&bytes[..40]);
        bytes[40..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let u64_at = |at: usize| {
            let eight = bytes[at..at + 8].try_into().expect("eight bytes");
            u64::from_le_bytes(eight)
        };
        let is_whole =
            bytes[..7] == MAGIC && bytes[7] == FORMAT && u64_at(40) == xxh3_64(&bytes[..40]);
        let state = ProgressState::ALL.into_iter().find(|state| *state as u64 == u64_at(32))?;
        let (writes, number, incarnation) = (u64_at(8), u64_at(16), u64_at(24));
        is_whole.then_some(Self { writes, number, incarnation, state })
    }
}

fn corrupt(path: &Path, detail: &str) -> StoreError {
    StoreError::Corrupt {
        what: path.display().to_string().into(),
        detail: format!("{detail}, so lost batches would not be noticed; restore a backup").into(),
    }
}
