//! What an entry's row begins with where several incarnations append at a time.
//!
//! ```text
//!  4  "TNO" and the format's version, 1
//!  8  the batch that committed the entry
//!  4  its place among the batch's entries
//!  8  xxh3-64 of the feed's name, a zero byte, stripe and position (8 bytes each), and the bytes before
//!     the entry as `tenure_store::row::feed` has it
//! ```
//! Numbers are little-endian. Where one incarnation commits at a time the row is the entry alone: its
//! stripe says when it was committed.

use tenure_types::FeedName;
use xxhash_rust::xxh3::Xxh3;

const MARK: [u8; 4] = *b"TNO\x01";
const CHECKED_BYTES: usize = 16;
/// How much longer it makes a row.
pub(super) const ORDER_BYTES: usize = CHECKED_BYTES + 8;

/// When an entry was committed, beside those of other stripes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    /// The batch that committed it.
    pub(crate) batch: u64,
    /// Its place among the batch's entries.
    pub(crate) nth: u32,
}

impl Order {
    /// Appends what the row of the entry at this place begins with.
    pub(super) fn write(self, feed: &FeedName, place: (u64, u64), out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MARK);
        out.extend_from_slice(&self.batch.to_le_bytes());
        out.extend_from_slice(&self.nth.to_le_bytes());
        let sum = checksum(feed, place, &out[start..]);
        out.extend_from_slice(&sum.to_le_bytes());
    }

    /// Takes the order off a row; `None` where it has none. What is damaged comes before everything
    /// else: so it is met at once.
    pub(super) fn split<'a>(
        feed: &FeedName,
        place: (u64, u64),
        row: &'a [u8],
    ) -> (Option<Self>, &'a [u8]) {
        if !row.starts_with(&MARK) {
            return (None, row);
        }
        let Some((head, entry)) = row.split_at_checked(ORDER_BYTES) else { return (None, row) };
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("8 bytes"));
        if number(CHECKED_BYTES) != checksum(feed, place, &head[..CHECKED_BYTES]) {
            // The entry itself may be whole, but nobody knows when it was committed.
            return (Some(Self::default()), &[]);
        }
        let nth = u32::from_le_bytes(head[12..16].try_into().expect("4 bytes"));
        (Some(Self { batch: number(4), nth }), entry)
    }
}

fn checksum(feed: &FeedName, (stripe, position): (u64, u64), bytes: &[u8]) -> u64 {
    let mut sum = Xxh3::new();
    sum.update(feed.as_str().as_bytes());
    sum.update(&[0]);
    sum.update(&stripe.to_le_bytes());
    sum.update(&position.to_le_bytes());
    sum.update(bytes);
    sum.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_an_order_is_noticed_and_rows_without_one_are_left_alone() {
        let feed = FeedName::new("answers").expect("a good name");
        let order = Order { batch: 77, nth: 3 };
        let mut row = Vec::new();
        order.write(&feed, (2, 9), &mut row);
        row.extend_from_slice(b"entry");
        assert_eq!(Order::split(&feed, (2, 9), &row), (Some(order), &b"entry"[..]));
        assert_eq!(Order::split(&feed, (2, 8), &row), (Some(Order::default()), &[][..]));
        for bit in 0..ORDER_BYTES * 8 {
            let mut damaged = row.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let (found, entry) = Order::split(&feed, (2, 9), &damaged);
            assert!(found != Some(order) && entry != b"entry", "bit {bit}");
        }
        assert_eq!(Order::split(&feed, (2, 9), b"TNF\x01"), (None, &b"TNF\x01"[..]));
    }
}
