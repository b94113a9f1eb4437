use std::ops::Bound::{self, Excluded, Included};

use tenure_store::feed::{Reading, Segment, TRIM_ENTRIES_MAX};
use tenure_store::row::feed::decode_stripe;
use tenure_store::{
    FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Fences, StoreError, Stripes,
};
use tenure_types::FeedName;

use super::merge::{Merge, Part};
use crate::keys;
use crate::view::View;

/// The bytes of entries that are looked at for one trim.
const PLAN_BYTES_MAX: u64 = 16 << 20;

/// Which entries go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TrimPlan {
    pub(crate) feed: FeedName,
    /// One for each stripe that something goes of.
    pub(crate) parts: Vec<TrimPart>,
    pub(crate) has_more: bool,
}

/// Of one stripe: the entries behind `after` up to `until`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TrimPart {
    pub(crate) stripe: u64,
    pub(crate) after: u64,
    pub(crate) until: u64,
    pub(crate) bytes: u64,
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

    /// Reads what [`tenure_store::Store::read_feed`] answers. `fences` are from before this view was
    /// taken: of who is over there everything is in it.
    pub(crate) fn read_feed(
        &self,
        (store, feed): (u64, &FeedName),
        fences: &Fences,
        from: &FeedFrom,
        limit: usize,
    ) -> Result<FeedPage, FeedError> {
        let stripes = self.stripes(feed)?;
        let is_over = |it| fences.is_over(it);
        let mut reading = Reading::begin((store, feed), &stripes, is_over, from, limit)?;
        let part = |it: &Segment| Part { stripe: it.stripe, after: it.after, until: it.until };
        let mut entries = Merge::new(self, feed, reading.segments().map(part).collect::<Vec<_>>());
        while let Some(found) = entries.next()? {
            if !reading.push(found.entry?)? {
                return Ok(reading.page());
            }
        }
        Ok(reading.page())
    }

    /// Reads what [`tenure_store::Store::feeds`] answers.
    pub(crate) fn feeds(&self) -> Result<Vec<FeedInfo>, StoreError> {
        let range = (Included(keys::STRIPES.0.to_vec()), Excluded(keys::STRIPES.1.to_vec()));
        let names = self.feed_names(range)?;
        Ok(names.into_iter().map(|name| self.feed_info(name)).collect())
    }

    /// What [`tenure_store::Store::feed_ends`] answers.
    pub(crate) fn feed_ends(&self, feeds: &[FeedName]) -> Vec<u64> {
        feeds.iter().map(|feed| self.stripes(feed).map_or(0, |it| it.end())).collect()
    }

    fn feed_info(&self, name: FeedName) -> FeedInfo {
        let mut info = FeedInfo { name, entries: 0, bytes: 0, oldest_ms: None, error: None };
        let read = self.stripes(&info.name).and_then(|stripes| {
            (info.entries, info.bytes) = (stripes.entries(), stripes.bytes());
            let oldest = Merge::new(self, &info.name, parts(&stripes)).next()?;
            oldest.map(|found| found.entry).transpose()
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
        let mut entries = Merge::new(self, feed, parts(&stripes));
        let mut going = Going { parts: Vec::new(), unread: Vec::new(), entries: 0, bytes: 0 };
        let (mut has_more, kept) = (true, stripes.bytes());
        while going.entries < TRIM_ENTRIES_MAX && going.bytes < PLAN_BYTES_MAX {
            let Some(found) = entries.next()? else { break };
            let floor = stripes.all().iter().find(|it| it.number == found.stripe);
            let reached = going.reached(found.stripe).or(floor.map(|it| it.floor));
            if reached.map(|it| it + 1) != Some(found.position) {
                // What is missing is named to who reads it, and kept from being counted as trimmed.
                break;
            }
            let place = (found.stripe, found.position, found.bytes);
            match found.entry {
                // A damaged one tells no time: it goes with the next that goes.
                Err(_) => going.unread.push(place),
                Ok(it) if it.at_ms >= keep.since_ms && kept - going.bytes <= keep.bytes_max => {
                    has_more = false;
                    break;
                }
                Ok(_) => going.take(place),
            }
        }
        let (feed, parts) = (feed.clone(), going.parts);
        Ok((!parts.is_empty()).then_some(TrimPlan { feed, parts, has_more }))
    }
}

/// The entries that a trim is found to remove.
struct Going {
    /// One for each stripe.
    parts: Vec<TrimPart>,
    /// Damaged ones that go with the next.
    unread: Vec<(u64, u64, u64)>,
    entries: u64,
    bytes: u64,
}

impl Going {
    /// The last position that was looked at of a stripe.
    fn reached(&self, stripe: u64) -> Option<u64> {
        let unread = self.unread.iter().rev().find(|it| it.0 == stripe).map(|it| it.1);
        unread.or_else(|| self.parts.iter().find(|it| it.stripe == stripe).map(|it| it.until))
    }

    fn take(&mut self, place: (u64, u64, u64)) {
        for (stripe, position, bytes) in std::mem::take(&mut self.unread).into_iter().chain([place])
        {
            match self.parts.iter_mut().find(|it| it.stripe == stripe) {
                Some(part) => {
                    part.until = position;
                    part.bytes += bytes;
                }
                None => {
                    let after = position - 1;
                    self.parts.push(TrimPart { stripe, after, until: position, bytes });
                }
            }
            self.entries += 1;
            self.bytes += bytes;
        }
    }
}

/// All that is kept of each stripe.
fn parts(stripes: &Stripes) -> Vec<Part> {
    let kept = stripes.all().iter().filter(|it| it.entries() > 0);
    kept.map(|it| Part { stripe: it.number, after: it.floor, until: it.stable }).collect()
}
