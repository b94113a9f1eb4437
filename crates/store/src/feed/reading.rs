//! One page of a feed while it is read: which entries come, in which order, and where it ends.
//!
//! Where one incarnation commits at a time stripes follow each other ([`Reading::segment`]); where
//! several do, the engine merges them ([`Reading::segments`]).

use std::collections::VecDeque;

use tenure_types::{FeedName, Incarnation};

use super::cursor::{Cursor, CursorError, STRIPES_MAX};
use super::stripes::{Stripe, Stripes};
use super::{FEED_PAGE_BYTES_MAX, FeedEntry, FeedError, FeedFrom, FeedPage};
use crate::StoreError;

/// A part of a stripe that is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The number of the stripe.
    pub stripe: u64,
    /// The position before the first entry.
    pub after: u64,
    /// The position of the last one.
    pub until: u64,
    is_closed: bool,
}

/// A page that is being read.
#[derive(Debug)]
pub struct Reading {
    store: u64,
    feed: FeedName,
    segments: VecDeque<Segment>,
    /// After the last stripe.
    end: u64,
    limit: usize,
    bytes: usize,
    entries: Vec<FeedEntry>,
}

impl Reading {
    /// A page of at most `limit` entries. `is_closed` says of an incarnation whether it is fenced.
    ///
    /// # Errors
    /// [`FeedError::Expired`] and [`FeedError::Cursor`].
    pub fn begin(
        (store, feed): (u64, &FeedName),
        stripes: &Stripes,
        is_closed: impl Fn(Incarnation) -> bool,
        from: &FeedFrom,
        limit: usize,
    ) -> Result<Self, FeedError> {
        let all = stripes.all();
        let mut segments = VecDeque::new();
        for stripe in all {
            let after = match from {
                FeedFrom::Oldest => stripe.floor,
                FeedFrom::Latest => stripe.stable,
                FeedFrom::After(cursor) => cursor.position(stripe.number).unwrap_or(stripe.stable),
            };
            segments.push_back(Segment {
                stripe: stripe.number,
                after,
                until: stripe.stable,
                is_closed: is_closed(stripe.incarnation),
            });
        }
        let end = all.last().map_or(1, |last| last.number + 1);
        let (name, entries) = (feed.clone(), Vec::new());
        let reading = Self { store, feed: name, segments, end, limit, bytes: 0, entries };
        if let FeedFrom::After(cursor) = from {
            reading.check(cursor, all)?;
        }
        let reading = reading.passed();
        if reading.listed().count() > STRIPES_MAX {
            let detail = format!(
                "more than {STRIPES_MAX} incarnations append to the feed {feed} at a time: no cursor \
                 holds so many"
            );
            return Err(StoreError::Unavailable { detail: detail.into() }.into());
        }
        Ok(reading)
    }

    /// Refuses a cursor behind which something is missing.
    fn check(&self, cursor: &Cursor, all: &[Stripe]) -> Result<(), FeedError> {
        cursor.check(self.store, &self.feed)?;
        let listed = cursor.stripes.last().map_or(0, |(number, _)| *number);
        if cursor.below > self.end
            || listed >= self.end
            || self.segments.iter().any(|it| it.after > it.until)
        {
            return Err(CursorError::Ahead.into());
        }
        let first = all.first().map_or(1, |first| first.number);
        let first_asked = cursor.stripes.first().map_or(cursor.below, |(number, _)| *number);
        let is_trimmed = all.iter().zip(&self.segments).any(|(it, asked)| asked.after < it.floor);
        if first_asked.min(cursor.below) < first || is_trimmed {
            return Err(FeedError::Expired { oldest: self.oldest(all) });
        }
        Ok(())
    }

    /// Before the oldest entry that is kept.
    fn oldest(&self, all: &[Stripe]) -> Cursor {
        let segments = self.segments.iter().zip(all);
        let segments = segments.map(|(it, stripe)| Segment { after: stripe.floor, ..*it });
        let kept = Self {
            segments: segments.collect(),
            entries: Vec::new(),
            feed: self.feed.clone(),
            ..*self
        };
        kept.passed().cursor()
    }

    /// Goes on to the first stripe that is not read to its closed end.
    fn passed(mut self) -> Self {
        while let Some(first) = self.segments.front()
            && first.is_over()
        {
            self.segments.pop_front();
        }
        self
    }

    /// The parts of stripes that are to be read, each in the order of positions. For engines that
    /// merge: of all entries that come next in theirs, the one that was committed first is pushed.
    pub fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|it| it.after < it.until)
    }

    /// What is to be read next, in the order of positions; `None` if the page is complete.
    pub fn segment(&self) -> Option<Segment> {
        self.segments.front().copied().filter(|it| it.after < it.until)
    }

    /// Takes the next entry of the segment; `false` if there is no room for it on the page.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if an entry that was committed should come before it.
    pub fn push(&mut self, entry: FeedEntry) -> Result<bool, StoreError> {
        let bytes = self.bytes + entry.data.len();
        let is_full = !self.entries.is_empty() && bytes > FEED_PAGE_BYTES_MAX;
        if is_full || self.entries.len() >= self.limit {
            return Ok(false);
        }
        let is_of = |it: &&mut Segment| it.stripe == entry.stripe;
        let segment = match self.segments.iter_mut().find(is_of) {
            Some(segment) if entry.position == segment.after + 1 => segment,
            Some(segment) => return Err(missing(&self.feed, segment)),
            None => match self.segments.front() {
                Some(segment) => return Err(missing(&self.feed, segment)),
                None => return Ok(false),
            },
        };
        segment.after += 1;
        self.bytes = bytes;
        self.entries.push(entry);
        Ok(true)
    }

    /// Ends a segment after the last entry that was found of it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if one that was committed should have come.
    pub fn end_segment(self) -> Result<Self, StoreError> {
        match self.segments.front() {
            Some(segment) if segment.after < segment.until => Err(missing(&self.feed, segment)),
            _ => Ok(self.passed()),
        }
    }

    /// The error of an entry that was committed and is not there: the next one of `segment`.
    #[must_use]
    pub fn missing(&self, segment: &Segment) -> StoreError {
        missing(&self.feed, segment)
    }

    /// The stripes that the cursor names: those that were begun and not ended, and below its bound
    /// all that were not ended.
    fn listed(&self) -> impl Iterator<Item = &Segment> {
        let below = self.below();
        let is_listed = move |it: &&Segment| it.stripe < below || it.after > 0;
        self.segments.iter().filter(|it| !it.is_over()).filter(is_listed)
    }

    /// Of stripes with lower numbers, those that are not listed were read to their closed end; of the
    /// others those that are not listed were not begun.
    fn below(&self) -> u64 {
        let first = self.segments.front().map_or(self.end, |first| first.stripe);
        // Mostly none was ended before one below it.
        let ended = self.segments.iter().rfind(|it| it.is_over());
        ended.map_or(first, |it| it.stripe + 1)
    }

    fn cursor(&self) -> Cursor {
        let stripes = self.listed().map(|it| (it.stripe, it.after)).collect();
        Cursor::of(self.store, &self.feed, self.below(), stripes)
    }

    /// The page as far as it was read.
    #[must_use]
    pub fn page(self) -> FeedPage {
        let reading = self.passed();
        FeedPage {
            next: reading.cursor(),
            has_more: reading.segments.iter().any(|it| it.after < it.until),
            entries: reading.entries,
        }
    }
}

impl Segment {
    /// Whether it was read to its closed end.
    fn is_over(&self) -> bool {
        self.is_closed && self.after == self.until
    }
}

fn missing(feed: &FeedName, segment: &Segment) -> StoreError {
    let (position, stripe) = (segment.after + 1, segment.stripe);
    StoreError::Corrupt {
        what: format!("entry {position} of stripe {stripe} of the feed {feed}").into(),
        detail: "it is missing; restore a backup".into(),
    }
}

#[cfg(test)]
mod tests;
