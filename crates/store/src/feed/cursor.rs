use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tenure_types::FeedName;
use xxhash_rust::xxh3::xxh3_64;

/// The most stripes that a cursor names.
pub(super) const STRIPES_MAX: usize = 255;
const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 1 + 8 + 8 + 8 + 1;
const STRIPE_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 8;
const BYTES_MAX: usize = HEAD_BYTES + STRIPES_MAX * STRIPE_BYTES + CHECKSUM_BYTES;
/// The longest text of a cursor.
pub const CURSOR_CHARS_MAX: usize = BYTES_MAX.div_ceil(3) * 4;

/// How far a feed was read. A text to everybody but engines; a closed stripe that was read to its
/// end is in it no more.
///
/// ```text
///  1  format, 1
///  8  store
///  8  xxh3-64 of the feed's name
///  8  below: of stripes with lower numbers, those that are not listed were read to their end
///  1  how many stripes are listed, at most 255
/// 16  each: its number, and the position up to which it was read
///  8  xxh3-64 of the bytes before
/// ```
/// Numbers are little-endian; the text is base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) store: u64,
    pub(super) feed: u64,
    pub(super) below: u64,
    /// By number, each once.
    pub(super) stripes: Vec<(u64, u64)>,
}

/// Why a cursor is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The text is no cursor, or not as it was given out.
    #[error("this is no cursor, or it was altered; give it back as it was, or begin without one")]
    Altered,
    /// A newer program made it.
    #[error("the cursor was made by a newer version of the program; deploy that one")]
    Newer,
    /// It was made for another feed.
    #[error("the cursor belongs to another feed; each feed has cursors of its own")]
    OtherFeed,
    /// It was made by another store, or before this one was restored from a backup.
    #[error(
        "the cursor belongs to another store, or to this one before it was restored; begin \
         without one, and leave out what was seen"
    )]
    OtherStore,
    /// It has read what the store does not have.
    #[error(
        "the cursor is ahead of the store, which was put back to an earlier state; begin without \
         one, and leave out what was seen"
    )]
    Ahead,
}

impl Cursor {
    /// Of a feed of whose stripes, by number, these were begun and not ended; of the others those
    /// below `below` were read to their end.
    pub(super) fn of(store: u64, feed: &FeedName, below: u64, stripes: Vec<(u64, u64)>) -> Self {
        Self { store, feed: name_hash(feed), below, stripes }
    }

    /// The first stripe that was not read to its end, and the position there up to which it was
    /// read.
    #[must_use]
    pub fn place(&self) -> (u64, u64) {
        match self.stripes.first() {
            Some(first) if first.0 <= self.below => *first,
            _ => (self.below, 0),
        }
    }

    /// The stripes that were begun and not ended, each with the position up to which it was read, by
    /// number.
    #[must_use]
    pub fn begun(&self) -> &[(u64, u64)] {
        &self.stripes
    }

    /// Of stripes with lower numbers, those that are not begun were read to their end; the others
    /// not at all.
    #[must_use]
    pub fn below(&self) -> u64 {
        self.below
    }

    /// Says whether it was made for this feed of this store.
    pub(super) fn check(&self, store: u64, feed: &FeedName) -> Result<(), CursorError> {
        if self.store != store {
            return Err(CursorError::OtherStore);
        }
        if self.feed != name_hash(feed) {
            return Err(CursorError::OtherFeed);
        }
        Ok(())
    }

    /// How far stripe `number` was read; `None`: to its end.
    pub(super) fn position(&self, number: u64) -> Option<u64> {
        let listed = self.stripes.iter().find(|(stripe, _)| *stripe == number);
        match listed {
            Some((_, position)) => Some(*position),
            None if number < self.below => None,
            None => Some(0),
        }
    }
}

fn name_hash(feed: &FeedName) -> u64 {
    xxh3_64(feed.as_str().as_bytes())
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + STRIPE_BYTES + CHECKSUM_BYTES);
        bytes.push(FORMAT);
        for number in [self.store, self.feed, self.below] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.push(self.stripes.len() as u8);
        for (stripe, position) in &self.stripes {
            bytes.extend_from_slice(&stripe.to_le_bytes());
            bytes.extend_from_slice(&position.to_le_bytes());
        }
        let checksum = xxh3_64(&bytes).to_le_bytes();
        bytes.extend_from_slice(&checksum);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > CURSOR_CHARS_MAX {
            return Err(CursorError::Altered);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Altered)?;
        let (content, checksum) =
            bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(CursorError::Altered)?;
        if xxh3_64(content) != u64::from_le_bytes(*checksum) {
            return Err(CursorError::Altered);
        }
        let (format, rest) = content.split_first().ok_or(CursorError::Altered)?;
        if *format > FORMAT {
            return Err(CursorError::Newer);
        }
        let (numbers, rest) = rest.split_at_checked(24).ok_or(CursorError::Altered)?;
        let (count, stripes) = rest.split_first().ok_or(CursorError::Altered)?;
        let count = usize::from(*count);
        if *format == 0 || count > STRIPES_MAX || stripes.len() != count * STRIPE_BYTES {
            return Err(CursorError::Altered);
        }
        let stripes: Vec<_> =
            stripes.chunks_exact(STRIPE_BYTES).map(|it| (u64_at(it, 0), u64_at(it, 8))).collect();
        if stripes.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err(CursorError::Altered);
        }
        let [store, feed, below] = [0, 8, 16].map(|at| u64_at(numbers, at));
        Ok(Self { store, feed, below, stripes })
    }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(name: &str) -> FeedName {
        FeedName::new(name).expect("a good name")
    }

    #[test]
    fn a_cursor_comes_back_from_its_text_and_no_changed_text_is_one() {
        let most = (1..=STRIPES_MAX as u64).map(|n| (n, n * 7)).collect();
        for cursor in [
            Cursor::of(7, &feed("answers"), 1, Vec::new()),
            Cursor::of(u64::MAX, &feed("answers"), 9, vec![(9, u64::MAX)]),
            Cursor { store: 1, feed: 2, below: 3, stripes: most },
        ] {
            let text = cursor.to_string();
            assert!(text.len() <= CURSOR_CHARS_MAX);
            assert_eq!(text.parse(), Ok(cursor));
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).expect("it is ASCII");
                assert_eq!(changed.parse::<Cursor>(), Err(CursorError::Altered), "{at}");
                assert_eq!(text[..at].parse::<Cursor>(), Err(CursorError::Altered), "{at}");
            }
        }
        for text in ["", "latest", "é", "A", &"A".repeat(CURSOR_CHARS_MAX * 2)] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError::Altered), "{text:.20}");
        }
    }

    #[test]
    fn a_cursor_of_a_newer_program_is_told_as_that() {
        let mut bytes = vec![FORMAT + 1, 1, 2, 3];
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        let text = URL_SAFE_NO_PAD.encode(bytes);
        assert_eq!(text.parse::<Cursor>(), Err(CursorError::Newer));
    }

    #[test]
    fn a_cursor_is_good_for_its_feed_of_its_store() {
        let cursor = Cursor::of(7, &feed("answers"), 3, vec![(3, 5)]);
        assert_eq!(cursor.check(7, &feed("answers")), Ok(()));
        assert_eq!(cursor.check(8, &feed("answers")), Err(CursorError::OtherStore));
        assert_eq!(cursor.check(7, &feed("orders")), Err(CursorError::OtherFeed));
        assert_eq!([2, 3, 4].map(|n| cursor.position(n)), [None, Some(5), Some(0)]);
    }
}
