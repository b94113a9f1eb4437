use std::collections::BTreeMap;

use tenure_types::{FeedName, Incarnation};

use crate::feed::{FEEDS_MAX, Reading, TRIM_ENTRIES_MAX};
use crate::row::Owner;
use crate::row::feed::{EntryParts, decode_entry, encode_entry};
use crate::{
    FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Stripes, Trimmed, Unit, UnitOutcome,
};

/// What units appended, in its stored form.
#[derive(Default)]
pub(super) struct Feeds {
    /// Tells the disk's cursors from those of others.
    pub(super) store: u64,
    by_name: BTreeMap<FeedName, Feed>,
}

#[derive(Default)]
struct Feed {
    stripes: Stripes,
    /// By stripe and position.
    entries: BTreeMap<(u64, u64), Vec<u8>>,
}

impl Feeds {
    /// Says whether there is room for what `unit` appends.
    pub(super) fn check(&self, unit: &Unit) -> Result<(), UnitOutcome> {
        let mut new: Vec<&FeedName> = unit.entries.iter().map(|it| &it.feed).collect();
        new.retain(|feed| !self.by_name.contains_key(*feed));
        new.sort_unstable();
        new.dedup();
        match new.first() {
            Some(feed) if self.by_name.len() + new.len() > FEEDS_MAX => {
                let reason = format!("a store has at most {FEEDS_MAX} feeds; {feed} is no more");
                Err(UnitOutcome::Invalid { reason: reason.into() })
            }
            _ => Ok(()),
        }
    }

    /// Appends what `unit`, which commits, brings.
    pub(super) fn append(&mut self, unit: &Unit) {
        for (entry, index) in unit.entries.iter().zip(0..) {
            let feed = self.by_name.entry(entry.feed.clone()).or_default();
            let stripe = feed.stripes.of(unit.token.incarnation);
            let parts = EntryParts {
                actor: Owner::from(&unit.actor),
                version: unit.version,
                index,
                at_ms: unit.written_at_ms,
                data: &entry.data,
            };
            let position = stripe.append(crate::row::feed::entry_bytes(&parts) as u64);
            let mut row = Vec::new();
            encode_entry(&entry.feed, (stripe.number, position), &parts, &mut row);
            let place = (stripe.number, position);
            feed.entries.insert(place, row);
        }
    }

    pub(super) fn read(
        &self,
        name: &FeedName,
        current: Incarnation,
        from: &FeedFrom,
        limit: usize,
    ) -> Result<FeedPage, FeedError> {
        let empty = Feed::default();
        let feed = self.by_name.get(name).unwrap_or(&empty);
        let mut reading = Reading::begin((self.store, name), &feed.stripes, current, from, limit)?;
        while let Some(segment) = reading.segment() {
            let range = (segment.stripe, segment.after + 1)..=(segment.stripe, segment.until);
            for (place, row) in feed.entries.range(range) {
                if !reading.push(decode_entry(name, *place, row)?)? {
                    return Ok(reading.page());
                }
            }
            reading = reading.end_segment()?;
        }
        Ok(reading.page())
    }

    pub(super) fn list(&self) -> Vec<FeedInfo> {
        let info = |(name, feed): (&FeedName, &Feed)| {
            let oldest = feed.entries.first_key_value();
            let oldest = oldest.map(|(place, row)| decode_entry(name, *place, row)).transpose();
            FeedInfo {
                name: name.clone(),
                entries: feed.stripes.entries(),
                bytes: feed.stripes.bytes(),
                oldest_ms: oldest.as_ref().ok().and_then(|it| it.as_ref().map(|it| it.at_ms)),
                error: oldest.err(),
            }
        };
        self.by_name.iter().map(info).collect()
    }

    pub(super) fn trim(&mut self, name: &FeedName, keep: FeedKeep) -> Trimmed {
        let mut trimmed = Trimmed::default();
        let Some(feed) = self.by_name.get_mut(name) else { return trimmed };
        let (mut going, mut kept, mut unread) = (Vec::new(), feed.stripes.bytes(), 0);
        for (place, row) in &feed.entries {
            let length = row.len() as u64 + std::mem::take(&mut unread);
            let Ok(entry) = decode_entry(name, *place, row) else {
                unread = length;
                continue;
            };
            if entry.at_ms >= keep.since_ms && kept <= keep.bytes_max {
                break;
            }
            if trimmed.entries >= TRIM_ENTRIES_MAX {
                trimmed.has_more = true;
                break;
            }
            going.push(*place);
            kept -= length;
            (trimmed.entries, trimmed.bytes) = (trimmed.entries + 1, trimmed.bytes + length);
        }
        let Some(last) = going.last() else { return trimmed };
        let rest = feed.entries.split_off(&(last.0, last.1 + 1));
        for ((stripe, position), row) in std::mem::replace(&mut feed.entries, rest) {
            feed.stripes.trim(stripe, position - 1, position, row.len() as u64);
        }
        while feed.stripes.forget().is_some() {}
        trimmed
    }

    /// Flips a bit of the oldest entry. Returns whether there is one.
    pub(super) fn damage(&mut self, name: &FeedName) -> bool {
        let feed = self.by_name.get_mut(name);
        let Some(mut oldest) = feed.and_then(|feed| feed.entries.first_entry()) else {
            return false;
        };
        oldest.get_mut()[20] ^= 1;
        true
    }
}
