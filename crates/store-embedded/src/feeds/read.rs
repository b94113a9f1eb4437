use std::ops::Bound::{self, Excluded, Included};

use tenure_store::feed::{Reading, TRIM_ENTRIES_MAX};
use tenure_store::row::feed::{decode_entry, decode_stripe};
use tenure_store::{
    FeedEntry, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, StoreError, Stripes,
};
use tenure_types::{FeedName, Incarnation};

use crate::keys;
use crate::view::{Scan, View};

/// The bytes of entries that are looked at for one trim.
const PLAN_BYTES_MAX: u64 = 16 << 20;

/// Which entries go: those of one stripe behind `after` up to `until`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TrimPlan {
    pub(crate) feed: FeedName,
    pub(crate) stripe: u64,
    pub(crate) after: u64,
    pub(crate) until: u64,
    pub(crate) bytes: u64,
    pub(crate) has_more: bool,
}

impl View {
    /// The names of the feeds whose stripes lie in this range.
    pub(crate) fn feed_names(
        &self,
        (mut from, end): (Bound<Vec<u8>>, Bound<Vec<u8>>),
    ) -> Result<Vec<FeedName>, StoreError> {
        const WHAT: &str = "the list of feeds";
        let mut names = Vec::new();
        loop {
            let next = self.scan((from, end.clone())).and_then(|mut scan| scan.next());
            let Some((key, _)) = next.map_err(|error| error.reading(WHAT))? else {
                return Ok(names);
            };
            let Some((name, _)) = keys::read_stripe(&key) else {
                let detail = "an entry has a name that no feed has; restore a backup".into();
                return Err(StoreError::Corrupt { what: WHAT.into(), detail });
            };
            from = Included(keys::stripes_of(&name).1);
            names.push(name);
        }
    }

    /// The stripes of a feed; none where it has not begun.
    pub(crate) fn stripes(&self, feed: &FeedName) -> Result<Stripes, StoreError> {
        let what = || format!("the feed {feed}");
        let (from, end) = keys::stripes_of(feed);
        let reading = |error: crate::failure::TreeError| error.reading(&what());
        let mut scan = self.scan((Included(from), Excluded(end))).map_err(reading)?;
        let mut found = Vec::new();
        while let Some((key, row)) = scan.next().map_err(reading)? {
            let number = keys::read_stripe(&key).map_or(0, |(_, number)| number);
            found.push(decode_stripe(feed, number, &row)?);
        }
        Stripes::found(found).map_err(|detail| StoreError::Corrupt {
            what: what().into(),
            detail: format!("{detail}; restore a backup").into(),
        })
    }

    /// Reads what [`tenure_store::Store::read_feed`] answers.
    pub(crate) fn read_feed(
        &self,
        (store, feed): (u64, &FeedName),
        current: Incarnation,
        from: &FeedFrom,
        limit: usize,
    ) -> Result<FeedPage, FeedError> {
        let stripes = self.stripes(feed)?;
        let mut reading = Reading::begin((store, feed), &stripes, |it| it < current, from, limit)?;
        while let Some(segment) = reading.segment() {
            let mut entries =
                Entries::of(self, feed, segment.stripe, segment.after, segment.until)?;
            while let Some((_, entry, _)) = entries.next()? {
                if !reading.push(entry?)? {
                    return Ok(reading.page());
                }
            }
            reading = reading.end_segment()?;
        }
        Ok(reading.page())
    }

    /// Reads what [`tenure_store::Store::feeds`] answers.
    pub(crate) fn feeds(&self) -> Result<Vec<FeedInfo>, StoreError> {
        let range = (Included(keys::STRIPES.0.to_vec()), Excluded(keys::STRIPES.1.to_vec()));
        let names = self.feed_names(range)?;
        Ok(names.into_iter().map(|name| self.feed_info(name)).collect())
    }

    fn feed_info(&self, name: FeedName) -> FeedInfo {
        let mut info = FeedInfo { name, entries: 0, bytes: 0, oldest_ms: None, error: None };
        let read = self.stripes(&info.name).and_then(|stripes| {
            (info.entries, info.bytes) = (stripes.entries(), stripes.bytes());
            let Some(it) = stripes.oldest() else { return Ok(None) };
            let mut oldest = Entries::of(self, &info.name, it.number, it.floor, it.floor + 1)?;
            oldest.next()?.map(|(_, entry, _)| entry).transpose()
        });
        match read {
            Ok(oldest) => info.oldest_ms = oldest.map(|entry| entry.at_ms),
            Err(error) => info.error = Some(error),
        }
        info
    }

    /// Finds out what a trim removes next; `None` if that is nothing.
    pub(crate) fn plan_trim(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> Result<Option<TrimPlan>, StoreError> {
        let stripes = self.stripes(feed)?;
        let Some(oldest) = stripes.oldest() else { return Ok(None) };
        let (mut until, mut bytes, kept) = (oldest.floor, 0, stripes.bytes());
        let mut entries = Entries::of(self, feed, oldest.number, until, oldest.stable)?;
        let (mut has_more, mut at, mut unread) = (true, until, 0);
        while until - oldest.floor < TRIM_ENTRIES_MAX && bytes < PLAN_BYTES_MAX {
            let Some((position, entry, length)) = entries.next()? else { break };
            if position != at + 1 {
                break;
            }
            (at, unread) = (position, unread + length);
            // A damaged one tells no time: it goes with the next that goes.
            let Ok(entry) = entry else { continue };
            if entry.at_ms >= keep.since_ms && kept - bytes <= keep.bytes_max {
                has_more = false;
                break;
            }
            (until, bytes) = (at, bytes + std::mem::take(&mut unread));
        }
        // What is missing is named to who reads it, and kept from being counted as trimmed.
        let (stripe, after) = (oldest.number, oldest.floor);
        let plan = TrimPlan { feed: feed.clone(), stripe, after, until, bytes, has_more };
        Ok((until > after).then_some(plan))
    }
}

/// The position of an entry, what it is, and its bytes.
type Found = (u64, Result<FeedEntry, StoreError>, u64);

/// The entries of a part of a stripe.
struct Entries<'a> {
    feed: &'a FeedName,
    stripe: u64,
    scan: Scan,
}

impl<'a> Entries<'a> {
    fn of(
        view: &View,
        feed: &'a FeedName,
        stripe: u64,
        after: u64,
        until: u64,
    ) -> Result<Self, StoreError> {
        let from = Excluded(keys::entry(feed, stripe, after));
        let range = (from, Included(keys::entry(feed, stripe, until)));
        let scan = view.scan(range).map_err(|error| error.reading(&format!("the feed {feed}")))?;
        Ok(Self { feed, stripe, scan })
    }

    /// The position of the next one, what it is, and its bytes.
    fn next(&mut self) -> Result<Option<Found>, StoreError> {
        let next = self.scan.next();
        let next = next.map_err(|error| error.reading(&format!("the feed {}", self.feed)))?;
        let Some((key, row)) = next else { return Ok(None) };
        let position = keys::read_position(&key).unwrap_or(0);
        let entry = decode_entry(self.feed, (self.stripe, position), &row);
        Ok(Some((position, entry, row.len() as u64)))
    }
}
