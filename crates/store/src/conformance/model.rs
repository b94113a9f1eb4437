use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_types::{ActorId, Token, Version};

use super::feeds::{read_all, with_entries};
use super::subject::{Open, Subject, actor, due, outcome, put, reminder, row, state, stored_of};
use super::walk::{walk_all, walked};
use crate::submitted::submit;
use crate::{
    Content, Cursor, Due, Encoded, EventLog, FeedFrom, Row, RowChange, RowKey, StoreError, Stored,
    Unit, UnitOutcome, Walked,
};

const ACTORS: usize = 5;
const ROUNDS: u64 = 120;
/// How many the suite tries; an engine whose commits are fast tries more.
const SEEDS: u64 = 2;

/// Random units of a few actors, several in flight at a time and with restarts in between, leave
/// what a model of the contract has.
pub async fn random_units_follow_the_model<S: Subject>(make: &impl Fn() -> S) {
    for seed in 1..=SEEDS {
        follow_the_model(&make(), seed).await;
    }
}

/// As [`random_units_follow_the_model`], from one seed.
pub async fn follow_the_model(subject: &impl Subject, seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut open = Open::new(subject).await;
    let mut model = Model::default();
    let carts: Vec<_> = (0..ACTORS).map(|n| actor("cart", &"k".repeat(n + 1))).collect();
    for round in 0..ROUNDS {
        let why = format!("seed {seed}, round {round}");
        let mut flying: Vec<(Arc<Unit>, _)> = Vec::new();
        for _ in 0..=dice.below(6) {
            let cart = &carts[dice.below(ACTORS as u64) as usize];
            // Now and then two units of one actor are on their way, which need not fit together.
            let is_flying = flying.iter().any(|(unit, _)| unit.actor == *cart);
            if is_flying && dice.below(3) > 0 {
                continue;
            }
            let unit = Arc::new(model.random_unit(&open, cart, &mut dice));
            flying.push((Arc::clone(&unit), submit(&*open.store, unit)));
        }
        for (unit, submitted) in flying {
            model.settle(&unit, &submitted.await, &why);
        }
        for cart in &carts {
            model.check_load(cart, open.load(cart).await, &why);
            let after = dice.below(12);
            let events = open.store.events(cart, after, usize::MAX).await;
            model.check_events(cart, after, events, &why);
        }
        assert_eq!(open.all_due().await, model.due(), "{why}");
        model.check_feed(&open, &mut dice, &why).await;
        if round % 5 == 0 && subject.can_be_walked() {
            model.check_walk(walk_all(&*open.store).await, &why);
        }
        if dice.below(15) == 0 {
            open.close().await;
            open = Open::new(subject).await;
        }
    }
    open.close().await;
}

#[derive(Default)]
struct Model {
    actors: BTreeMap<ActorId, Actor>,
    /// What each actor appended, in order.
    appended: BTreeMap<ActorId, Vec<(Version, u32)>>,
    /// How far a consumer has read, and what.
    consumer: Option<Cursor>,
    consumed: BTreeMap<ActorId, Vec<(Version, u32)>>,
    sequence: u64,
    time_ms: u64,
}

#[derive(Clone, Debug)]
struct Actor {
    head: Stored,
    rows: BTreeMap<RowKey, Row>,
}

impl Actor {
    /// Whether an engine may have forgotten it by now.
    fn may_be_gone(&self, time_ms: u64) -> bool {
        matches!(self.head.content, Content::Deleted { until_ms } if until_ms <= time_ms)
    }

    /// What a load gives; `None` where the journal has a gap.
    fn loaded(&self) -> Option<Stored> {
        let content = &self.head.content;
        if let Content::Journaled { snapshot } = content
            && (!self.is_whole_after(*snapshot)
                || (*snapshot > 0 && !self.rows.contains_key(&RowKey::Snapshot)))
        {
            return None;
        }
        let is_loaded = |key: &RowKey| match (key, content) {
            (RowKey::Outcome(_) | RowKey::Reminder(_), _) => true,
            (RowKey::Journal(offset), Content::Journaled { snapshot }) => offset > snapshot,
            (RowKey::Snapshot, Content::Journaled { snapshot }) => *snapshot > 0,
            (RowKey::Journal(_) | RowKey::Snapshot | RowKey::Event(_), _) => false,
        };
        let rows = self.rows.values().filter(|row| is_loaded(&row.key)).cloned().collect();
        Some(Stored { rows, ..self.head.clone() })
    }

    /// What is read of its events; `None` where the journal has a gap.
    fn events(&self, after: u64) -> Option<Vec<(u64, Encoded)>> {
        if let Content::Journaled { snapshot } = self.head.content
            && !self.is_whole_after(after.max(snapshot))
        {
            return None;
        }
        let events = self.rows.values().filter_map(|row| match (&row.key, &self.head.content) {
            (RowKey::Journal(offset), Content::Journaled { .. })
            | (RowKey::Event(offset), Content::State(_)) => {
                (*offset > after).then(|| (*offset, row.value.clone()))
            }
            _ => None,
        });
        Some(events.collect())
    }

    /// The rows that a walk comes by; `None` where the journal has a gap.
    fn walked(&self) -> Option<Vec<Row>> {
        self.loaded()?;
        let content = &self.head.content;
        let rows = self.rows.values().filter(|row| match (&row.key, content) {
            (_, Content::Deleted { .. }) => false,
            (RowKey::Outcome(_) | RowKey::Reminder(_), _)
            | (RowKey::Event(_), Content::State(_))
            | (RowKey::Journal(_), Content::Journaled { .. }) => true,
            (RowKey::Snapshot, Content::Journaled { snapshot }) => *snapshot > 0,
            (RowKey::Journal(_) | RowKey::Snapshot | RowKey::Event(_), _) => false,
        });
        Some(rows.cloned().collect())
    }

    fn is_whole_after(&self, after: u64) -> bool {
        let offsets = self.rows.keys().filter_map(|key| match key {
            RowKey::Journal(offset) => Some(*offset).filter(|offset| *offset > after),
            _ => None,
        });
        offsets.eq(after + 1..=self.head.log.offset)
    }
}

impl Model {
    fn random_unit(&mut self, open: &Open, cart: &ActorId, dice: &mut Dice) -> Unit {
        self.sequence += 1;
        self.time_ms += dice.below(3);
        let before = self.actors.get(cart).map(|before| &before.head);
        let version = before.map_or(0, |before| before.version.0);
        let expected = if dice.below(8) == 0 { dice.below(version + 2) } else { version };
        let mut unit = open.unit(cart, expected, self.sequence);
        unit.written_at_ms = self.time_ms;
        let is_open = dice.below(4) == 0;
        let log = before.map_or_else(EventLog::default, |before| before.log);
        unit.log = EventLog { open: is_open.then_some(unit.tenure), ..log };
        match dice.below(10) {
            0 => unit.content = Content::Deleted { until_ms: self.time_ms + dice.below(20) },
            1..5 => add_events(&mut unit, before.map(|before| &before.content), dice),
            _ => unit.content = state(vec![7; dice.below(300) as usize]),
        }
        for _ in 0..dice.below(6) {
            unit.rows.push(random_change(dice));
        }
        let entries = dice.below(3) as usize;
        with_entries(unit, &vec![("model", "{}"); entries])
    }

    /// A consumer that goes on now and then finds everything that was committed, once, and of each
    /// actor in order.
    async fn check_feed(&mut self, open: &Open, dice: &mut Dice, why: &str) {
        if dice.below(4) > 0 {
            return;
        }
        let from = self.consumer.take().map_or(FeedFrom::Oldest, FeedFrom::After);
        let (found, next) = read_all(&*open.store, "model", from, 1 + dice.below(9) as usize).await;
        self.consumer = Some(next);
        for entry in found {
            let id = actor("cart", entry.key.as_str());
            self.consumed.entry(id).or_default().push((entry.version, entry.index));
        }
        assert_eq!(self.consumed, self.appended, "{why}: every entry is read once, in order");
    }

    /// Takes an outcome, which must be one that the contract allows.
    fn settle(&mut self, unit: &Unit, outcome: &UnitOutcome, why: &str) {
        let stored = self.actors.get(&unit.actor);
        let head = stored.map_or((Version::NONE, Token::default()), |stored| {
            (stored.head.version, stored.head.token)
        });
        let may_be_gone = stored.is_some_and(|stored| stored.may_be_gone(self.time_ms));
        match outcome {
            UnitOutcome::Committed if head.0 == unit.expected => self.apply(unit),
            UnitOutcome::Committed if may_be_gone && unit.expected == Version::NONE => {
                self.actors.remove(&unit.actor);
                self.apply(unit);
            }
            UnitOutcome::Conflict { version, token } if unit.expected != *version => {
                if head != (*version, *token) {
                    let is_gone = may_be_gone && *version == Version::NONE;
                    assert!(is_gone, "{why}: {outcome:?} of a unit that meets {head:?}");
                    self.actors.remove(&unit.actor);
                }
            }
            _ => panic!("{why}: {outcome:?} of a unit that expects {} at {head:?}", unit.expected),
        }
    }

    fn apply(&mut self, unit: &Unit) {
        if !unit.entries.is_empty() {
            let of = self.appended.entry(unit.actor.clone()).or_default();
            of.extend((0..).zip(&unit.entries).map(|(index, _)| (unit.version, index)));
        }
        let before = self.actors.remove(&unit.actor);
        let mut rows = before.map_or_else(BTreeMap::new, |before| before.rows);
        for change in &unit.rows {
            match change {
                RowChange::Put(row) => drop(rows.insert(row.key.clone(), row.clone())),
                RowChange::Delete(key) => drop(rows.remove(key)),
            }
        }
        if let Content::Deleted { .. } = unit.content {
            rows.clear();
        }
        self.actors.insert(unit.actor.clone(), Actor { head: stored_of(unit), rows });
    }

    fn check_load(&mut self, cart: &ActorId, found: Result<Option<Stored>, StoreError>, why: &str) {
        let expected =
            self.actors.get(cart).map(|stored| (stored.loaded(), stored.may_be_gone(self.time_ms)));
        match (expected, found) {
            (Some((_, true)), Ok(None)) => drop(self.actors.remove(cart)),
            (Some((None, _)), Err(StoreError::Corrupt { .. })) => {}
            (Some((None, _)), found) => panic!("{why}: {cart} has a gap, and is {found:?}"),
            (Some((expected, _)), found) => assert_eq!(found, Ok(expected), "{why}: {cart}"),
            (None, found) => assert_eq!(found, Ok(None), "{why}: {cart}"),
        }
    }

    fn check_events(
        &self,
        cart: &ActorId,
        after: u64,
        found: Result<Vec<(u64, Encoded)>, StoreError>,
        why: &str,
    ) {
        let expected = self.actors.get(cart).map(|stored| stored.events(after));
        match (expected.unwrap_or_else(|| Some(Vec::new())), found) {
            (None, Err(StoreError::Corrupt { .. })) => {}
            (None, found) => panic!("{why}: {cart} has a gap, and its events are {found:?}"),
            (Some(expected), found) => assert_eq!(found, Ok(expected), "{why}: {cart}"),
        }
    }

    fn check_walk(&self, found: Result<Vec<Walked>, StoreError>, why: &str) {
        let shown = self.actors.iter().map(|(cart, stored)| {
            let rows = stored.walked()?.into_iter().map(Walked::Row);
            let is_deleted = matches!(stored.head.content, Content::Deleted { .. });
            let head = (!is_deleted).then(|| walked(cart, stored.head.clone()));
            Some(head.into_iter().chain(rows).collect::<Vec<_>>())
        });
        match (shown.collect::<Option<Vec<_>>>(), found) {
            (None, Err(StoreError::Corrupt { .. })) => {}
            (None, found) => panic!("{why}: there is a gap, and the walk found {found:?}"),
            (Some(expected), found) => assert_eq!(found, Ok(expected.concat()), "{why}: the walk"),
        }
    }

    fn due(&self) -> Vec<Due> {
        let due = self.actors.iter().flat_map(|(cart, stored)| {
            stored.rows.values().filter_map(|row| match &row.key {
                RowKey::Reminder(name) => Some(due(cart, row.due_ms?, name)),
                _ => None,
            })
        });
        let mut due: Vec<_> = due.collect();
        due.sort_unstable();
        due
    }
}

/// Makes `unit` that of an actor with a journal, and adds a few events to it.
fn add_events(unit: &mut Unit, before: Option<&Content>, dice: &mut Dice) {
    let last = unit.log.offset + dice.below(4);
    let value = |dice: &mut Dice| format!("{}", dice.below(1_000));
    for offset in unit.log.offset + 1..=last {
        unit.rows.push(put(RowKey::Journal(offset), &value(dice)));
    }
    unit.log.epoch = unit.log.epoch.max(1);
    unit.log.offset = last;
    unit.content = match before {
        Some(Content::Journaled { snapshot }) if dice.below(4) > 0 => {
            Content::Journaled { snapshot: *snapshot }
        }
        // What was before is no journal, or is put into a snapshot.
        _ => {
            if last > 0 {
                unit.rows.push(put(RowKey::Snapshot, &value(dice)));
            }
            let oldest = 1..=dice.below(last + 1);
            unit.rows.extend(oldest.map(|offset| RowChange::Delete(RowKey::Journal(offset))));
            Content::Journaled { snapshot: last }
        }
    };
}

fn random_change(dice: &mut Dice) -> RowChange {
    let name = ["a", "a\0", "aa", "b"][dice.below(4) as usize];
    let key = match dice.below(12) {
        0..4 => outcome(name),
        4..9 => reminder(name),
        9..11 => RowKey::Event(1 + dice.below(8)),
        _ => RowKey::Journal(1 + dice.below(60)),
    };
    // A row of a journal that is put at random has its place at most once in a while.
    if dice.below(3) == 0 || matches!(key, RowKey::Journal(_)) && dice.below(2) == 0 {
        return RowChange::Delete(key);
    }
    let is_timed = matches!(key, RowKey::Reminder(_)) && dice.below(4) > 0;
    let due_ms = is_timed.then(|| dice.below(50));
    let value = format!("{}", dice.below(1_000));
    RowChange::Put(row(key, due_ms, &value))
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The high bits are the better ones.
        (self.0 >> 11) % below
    }
}
