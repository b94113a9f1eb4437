use std::collections::BTreeMap;

use tenure_types::{FeedName, Incarnation};

use crate::feed::{FEEDS_MAX, Reading, Stripe, TRIM_ENTRIES_MAX};
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
    entries: BTreeMap<(u64, u64), Kept>,
    /// How many were ever appended.
    appended: u64,
    /// Stripes as they were before something was shown too early.
    shown_early: Vec<Stripe>,
}

struct Kept {
    /// Which of the feed's entries it is, in the order of commit: an actor's follow its versions.
    order: u64,
    row: Vec<u8>,
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
            feed.appended += 1;
            feed.entries.insert(place, Kept { order: feed.appended, row });
        }
    }

    /// Appends what `unit` brings although nobody knows whether it commits.
    pub(super) fn show_early(&mut self, unit: &Unit) {
        for entry in &unit.entries {
            let feed = self.by_name.entry(entry.feed.clone()).or_default();
            let stripe = *feed.stripes.of(unit.token.incarnation);
            if feed.shown_early.iter().all(|it| it.number != stripe.number) {
                feed.shown_early.push(stripe);
            }
        }
        self.append(unit);
    }

    /// Takes back what `incarnation` was shown to append too early.
    pub(super) fn take_back(&mut self, incarnation: Incarnation) {
        for feed in self.by_name.values_mut() {
            let is_of = |it: &Stripe| it.incarnation == incarnation;
            let Some(at) = feed.shown_early.iter().position(is_of) else { continue };
            let before = feed.shown_early.swap_remove(at);
            *feed.stripes.of(incarnation) = before;
            feed.entries.retain(|place, _| place.0 != before.number || place.1 <= before.stable);
        }
    }

    pub(super) fn read(
        &self,
        name: &FeedName,
        is_closed: impl Fn(Incarnation) -> bool,
        from: &FeedFrom,
        limit: usize,
    ) -> Result<FeedPage, FeedError> {
        let empty = Feed::default();
        let feed = self.by_name.get(name).unwrap_or(&empty);
        let place = (self.store, name);
        let mut reading = Reading::begin(place, &feed.stripes, is_closed, from, limit)?;
        loop {
            let mut next: Option<(u64, (u64, u64), &Kept)> = None;
            for segment in reading.segments() {
                let place = (segment.stripe, segment.after + 1);
                let Some(kept) = feed.entries.get(&place) else {
                    return Err(reading.missing(segment).into());
                };
                if next.is_none_or(|(order, ..)| kept.order < order) {
                    next = Some((kept.order, place, kept));
                }
            }
            let Some((_, place, kept)) = next else { break };
            if !reading.push(decode_entry(name, place, &kept.row)?)? {
                break;
            }
        }
        Ok(reading.page())
    }

    pub(super) fn list(&self) -> Vec<FeedInfo> {
        let info = |(name, feed): (&FeedName, &Feed)| {
            let oldest = feed.entries.first_key_value();
            let oldest =
                oldest.map(|(place, kept)| decode_entry(name, *place, &kept.row)).transpose();
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

    pub(super) fn end(&self, name: &FeedName) -> u64 {
        self.by_name.get(name).map_or(0, |feed| feed.stripes.end())
    }

    pub(super) fn trim(&mut self, name: &FeedName, keep: FeedKeep) -> Trimmed {
        let mut trimmed = Trimmed::default();
        let Some(feed) = self.by_name.get_mut(name) else { return trimmed };
        let (mut going, mut kept, mut unread) = (Vec::new(), feed.stripes.bytes(), Vec::new());
        // Whichever stripe they are in.
        let mut oldest_first: Vec<_> = feed.entries.iter().collect();
        oldest_first.sort_by_key(|(_, it)| it.order);
        for (place, Kept { row, .. }) in oldest_first {
            let Ok(entry) = decode_entry(name, *place, row) else {
                unread.push((*place, row.len() as u64));
                continue;
            };
            let length = row.len() as u64 + unread.iter().map(|(_, length)| length).sum::<u64>();
            if entry.at_ms >= keep.since_ms && kept <= keep.bytes_max {
                break;
            }
            if trimmed.entries >= TRIM_ENTRIES_MAX {
                trimmed.has_more = true;
                break;
            }
            going.append(&mut unread);
            going.push((*place, row.len() as u64));
            kept -= length;
            (trimmed.entries, trimmed.bytes) = (trimmed.entries + 1, trimmed.bytes + length);
        }
        for ((stripe, position), length) in going {
            feed.entries.remove(&(stripe, position));
            feed.stripes.trim(stripe, position - 1, position, length);
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
        oldest.get_mut().row[20] ^= 1;
        true
    }
}
