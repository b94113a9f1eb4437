use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included};

use tenure_store::feed::FEEDS_MAX;
use tenure_store::row::Owner;
use tenure_store::row::feed::{EntryParts, encode_entry, encode_stripe, entry_bytes};
use tenure_store::{StoreError, Stripes, Trimmed, Unit, UnitOutcome};
use tenure_types::{FeedName, Incarnation};

use super::order::{ORDER_BYTES, Order};
use super::{TrimPart, TrimPlan};
use crate::keys;
use crate::rows::Batch;
use crate::view::View;

/// All stripes of all feeds, as the committing thread knows them. They are read once, when the
/// store opens: to append reads nothing, and writes a row for each entry and one for each feed of a
/// batch.
#[derive(Default)]
pub(crate) struct Feeds {
    by_name: BTreeMap<FeedName, Result<Stripes, StoreError>>,
    /// Those that the batch appends to, and who does.
    touched: BTreeMap<FeedName, Vec<Incarnation>>,
    /// Several incarnations append at a time: each entry says when it was committed.
    are_ordered: bool,
    /// How many entries the batch has by now.
    batch_entries: u32,
    scratch: Vec<u8>,
}

impl Feeds {
    /// Reads what there is; `are_ordered` where several incarnations append at a time. A feed whose stripes cannot be read is named to whoever needs it.
    ///
    /// # Errors
    /// The tree cannot be read, or a stripe has no feed.
    pub(crate) fn open(view: &View, are_ordered: bool) -> Result<Self, StoreError> {
        let range = (Included(keys::STRIPES.0.to_vec()), Excluded(keys::STRIPES.1.to_vec()));
        let mut by_name = BTreeMap::new();
        for name in view.feed_names(range)? {
            let stripes = view.stripes(&name);
            if let Err(error) = &stripes {
                tracing::error!(feed = %name, %error, "nothing can be appended to a feed");
            }
            by_name.insert(name, stripes);
        }
        Ok(Self { by_name, are_ordered, ..Self::default() })
    }

    /// Says whether what `unit` appends can be appended.
    pub(crate) fn check(&self, unit: &Unit) -> Result<(), UnitOutcome> {
        let mut new = BTreeSet::new();
        for entry in &unit.entries {
            match self.by_name.get(&entry.feed) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.unit_outcome()),
                None => _ = new.insert(&entry.feed),
            }
        }
        match new.first() {
            Some(feed) if self.by_name.len() + new.len() > FEEDS_MAX => {
                let reason = format!("a store has at most {FEEDS_MAX} feeds; {feed} is no more");
                Err(UnitOutcome::Invalid { reason: reason.into() })
            }
            _ => Ok(()),
        }
    }

    /// Adds what `unit`, which was checked and commits, appends to the batch of this number.
    pub(crate) fn append(&mut self, unit: &Unit, number: u64, batch: &mut Batch) {
        let incarnation = unit.token.incarnation;
        for (entry, index) in unit.entries.iter().zip(0..) {
            let feed = &entry.feed;
            let stripes = self.by_name.entry(feed.clone()).or_insert(Ok(Stripes::default()));
            let Ok(stripes) = stripes else { continue };
            let stripe = stripes.of(incarnation);
            let parts = EntryParts {
                actor: Owner::from(&unit.actor),
                version: unit.version,
                index,
                at_ms: unit.written_at_ms,
                data: &entry.data,
            };
            let order_bytes = if self.are_ordered { ORDER_BYTES } else { 0 };
            let position = stripe.append((order_bytes + entry_bytes(&parts)) as u64);
            self.scratch.clear();
            if self.are_ordered {
                let order = Order { batch: number, nth: self.batch_entries };
                order.write(feed, (stripe.number, position), &mut self.scratch);
                self.batch_entries += 1;
            }
            encode_entry(feed, (stripe.number, position), &parts, &mut self.scratch);
            batch.put(&keys::entry(feed, stripe.number, position), &self.scratch);
            match self.touched.get_mut(feed) {
                Some(by) if by.contains(&incarnation) => {}
                Some(by) => by.push(incarnation),
                None => _ = self.touched.insert(feed.clone(), vec![incarnation]),
            }
        }
    }

    /// Adds how far the stripes are that the batch has appended to.
    pub(crate) fn end_batch(&mut self, batch: &mut Batch) {
        self.batch_entries = 0;
        for (feed, by) in std::mem::take(&mut self.touched) {
            let Some(Ok(stripes)) = self.by_name.get_mut(&feed) else { continue };
            for incarnation in by {
                let stripe = stripes.of(incarnation);
                batch.put(&keys::stripe(&feed, stripe.number), &encode_stripe(&feed, stripe));
            }
        }
    }

    /// Adds a trim, if nobody else has trimmed there since it was planned.
    pub(crate) fn trim(&mut self, plan: &TrimPlan, batch: &mut Batch) -> Option<Trimmed> {
        let TrimPlan { feed, parts, has_more } = plan;
        let stripes = self.by_name.get_mut(feed)?.as_mut().ok()?;
        let mut removed = Trimmed { has_more: *has_more, ..Trimmed::default() };
        for TrimPart { stripe, after, until, bytes } in parts {
            // Trims come from one place, one after the other: where one stripe is as it was planned, all
            // are, but for those that are trimmed here already.
            let Some(trimmed) = stripes.trim(*stripe, *after, *until, *bytes) else { break };
            for position in after + 1..=*until {
                batch.remove(keys::entry(feed, *stripe, position));
            }
            batch.put(&keys::stripe(feed, *stripe), &encode_stripe(feed, &trimmed));
            removed.entries += until - after;
            removed.bytes += bytes;
        }
        if removed.entries == 0 {
            return None;
        }
        while let Some(number) = stripes.forget() {
            batch.remove(keys::stripe(feed, number));
        }
        Some(removed)
    }
}
