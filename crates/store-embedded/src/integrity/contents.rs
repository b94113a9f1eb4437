//! The table of contents at the end of each table file.
//!
//! The tree believes a table's number of sections before it compares the checksum that covers it,
//! and asks for memory for so many: a flipped bit there would end the process. So it is compared
//! here first.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

const MAGIC: &[u8; 4] = b"SFA!";
/// Magic, version, kind of checksum, checksum, position and length of the contents.
const TRAILER_BYTES: usize = 4 + 1 + 1 + 16 + 8 + 8;
/// The contents of a table name a handful of sections; a damaged position must not make more than
/// this be read.
const CONTENTS_BYTES_MAX: u64 = 1 << 20;

/// Says whether the contents of the table at `path` are not those it was written with. A file that
/// does not end as a table at all is no damage here: the tree names it if it belongs to it, and
/// deletes it if it is what a full disk or a crash left half-written.
///
/// # Errors
/// [`io::Error`] when it cannot be read.
pub(super) fn are_damaged(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let Some(trailer_at) = length.checked_sub(TRAILER_BYTES as u64) else {
        return Ok(false);
    };
    let mut trailer = [0; TRAILER_BYTES];
    file.seek(SeekFrom::Start(trailer_at))?;
    file.read_exact(&mut trailer)?;
    let (magic, rest) = trailer.split_at(MAGIC.len());
    let stated = u128::from_le_bytes(rest[2..18].try_into().expect("sixteen bytes"));
    let position = u64::from_le_bytes(rest[18..26].try_into().expect("eight bytes"));
    if magic != MAGIC || position >= trailer_at || trailer_at - position > CONTENTS_BYTES_MAX {
        return Ok(false);
    }
    let mut contents = vec![0; usize::try_from(trailer_at - position).expect("at most 1 MiB")];
    file.seek(SeekFrom::Start(position))?;
    file.read_exact(&mut contents)?;
    Ok(xxh3_128(&contents) != stated)
}
