//! The entries of a feed in the order of their commit, whichever stripes they are in.

use std::ops::Bound::{Excluded, Included};

use tenure_store::row::feed::decode_entry;
use tenure_store::{FeedEntry, StoreError};
use tenure_types::FeedName;

use super::order::Order;
use crate::keys;
use crate::view::{Scan, View};

/// An entry, or what is there in its place.
pub(super) struct Found {
    pub(super) stripe: u64,
    pub(super) position: u64,
    pub(super) entry: Result<FeedEntry, StoreError>,
    /// Bytes of its row.
    pub(super) bytes: u64,
    order: Option<Order>,
}

/// A part of a stripe: the entries after the first position up to the second.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) stripe: u64,
    pub(super) after: u64,
    pub(super) until: u64,
}

/// Reads parts of stripes as one.
///
/// A stripe whose entries have no order was written by who was alone: those of lower numbers were closed
/// before, those of higher ones opened after. The others are merged.
pub(super) struct Merge<'a> {
    view: &'a View,
    feed: &'a FeedName,
    /// By number, those that were not read to their end.
    parts: Vec<Reader>,
}

struct Reader {
    part: Part,
    /// The last position that was read.
    read: u64,
    scan: Option<Scan>,
    next: Option<Found>,
}

impl<'a> Merge<'a> {
    /// `parts` come by the numbers of their stripes.
    pub(super) fn new(
        view: &'a View,
        feed: &'a FeedName,
        parts: impl IntoIterator<Item = Part>,
    ) -> Self {
        let reader = |part: Part| Reader { part, read: part.after, scan: None, next: None };
        Self { view, feed, parts: parts.into_iter().map(reader).collect() }
    }

    /// The next entry. Where it is not the next one of its stripe by position, that one is missing.
    pub(super) fn next(&mut self) -> Result<Option<Found>, StoreError> {
        let mut first: Option<(Order, usize)> = None;
        let mut at = 0;
        while let Some(reader) = self.parts.get_mut(at) {
            let Some(found) = reader.peek(self.view, self.feed)? else {
                self.parts.remove(at);
                continue;
            };
            let Some(order) = found.order else {
                // All merged ones before it come first, and it comes before all after it.
                first = first.or(Some((Order::default(), at)));
                break;
            };
            if first.is_none_or(|(earliest, _)| order < earliest) {
                first = Some((order, at));
            }
            at += 1;
        }
        Ok(first.and_then(|(_, at)| self.parts[at].next.take()))
    }
}

impl Reader {
    fn peek(&mut self, view: &View, feed: &FeedName) -> Result<Option<&Found>, StoreError> {
        if self.next.is_none() {
            self.next = self.read(view, feed)?;
        }
        Ok(self.next.as_ref())
    }

    fn read(&mut self, view: &View, feed: &FeedName) -> Result<Option<Found>, StoreError> {
        let reading = |error: crate::failure::TreeError| error.reading(&format!("the feed {feed}"));
        let Part { stripe, after, until } = self.part;
        let scan = match &mut self.scan {
            Some(scan) => scan,
            None => {
                let from = Excluded(keys::entry(feed, stripe, after));
                let range = (from, Included(keys::entry(feed, stripe, until)));
                self.scan.insert(view.scan(range).map_err(reading)?)
            }
        };
        let Some((key, row)) = scan.next().map_err(reading)? else {
            return Ok((self.read < until).then(|| self.missing(feed)));
        };
        let position = keys::read_position(&key).unwrap_or(0);
        let (order, entry) = Order::split(feed, (stripe, position), &row);
        let entry = decode_entry(feed, (stripe, position), entry);
        self.read = position;
        Ok(Some(Found { stripe, position, entry, bytes: row.len() as u64, order }))
    }

    /// What is told in place of an entry that should follow, before everything else.
    fn missing(&mut self, feed: &FeedName) -> Found {
        let Part { stripe, until, .. } = self.part;
        let position = self.read + 1;
        let error = StoreError::Corrupt {
            what: format!("entry {position} of stripe {stripe} of the feed {feed}").into(),
            detail: "it is missing; restore a backup".into(),
        };
        self.read = until;
        // No entry of the part is there.
        let (position, order) = (until + 1, Some(Order::default()));
        Found { stripe, position, entry: Err(error), bytes: 0, order }
    }
}
