use std::sync::Arc;

use tenure_types::ActorId;

use super::subject::{Open, Subject, actor, outcome, put, remind, reminder, state};
use crate::submitted::submit;
use crate::{Content, RowKey, StoreError, Unit, UnitOutcome};

/// A damaged row is named and never served; others are not touched by it.
pub async fn damaged_rows_are_named(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let (well, damaged) = (actor("cart", "well"), actor("cart", "damaged"));
    let stored = open.commit(open.unit(&well, 0, 1)).await;
    open.commit(open.unit(&damaged, 0, 2)).await;
    open.close().await;
    subject.damage(&damaged, None);
    let open = Open::new(subject).await;
    assert_named(&open, &damaged).await;
    open.assert_stored(&well, Some(&stored), "a damaged row does not touch others").await;
    open.close().await;
}

/// A damaged row beside a head is named and never served, nor is what it belongs to.
pub async fn damaged_rows_beside_are_named(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let keys =
        [RowKey::Journal(2), RowKey::Snapshot, outcome("o"), reminder("r"), RowKey::Event(1)];
    let actors: Vec<_> = (0..=keys.len()).map(|n| actor("cart", &format!("{n}"))).collect();
    let mut stored = Vec::new();
    for cart in &actors {
        let mut unit = open.unit(cart, 0, 1);
        unit.rows = vec![put(outcome("o"), "o"), remind("r", 7)];
        if *cart == actors[4] {
            unit.rows.push(put(RowKey::Event(1), "e"));
        } else {
            unit.content = Content::Journaled { snapshot: 1 };
            unit.log.offset = 2;
            unit.rows.extend([put(RowKey::Snapshot, "s"), put(RowKey::Journal(2), "j")]);
        }
        open.commit(unit).await;
        stored.push(open.load(cart).await);
    }
    let due = open.all_due().await;
    open.close().await;
    for (key, cart) in keys.iter().zip(&actors) {
        subject.damage(cart, Some(key));
    }
    let open = Open::new(subject).await;
    for ((key, cart), stored) in keys.iter().zip(&actors).zip(&stored) {
        let events = open.store.events(cart, 0, 10).await;
        match key {
            RowKey::Event(_) => assert_eq!(open.load(cart).await, *stored, "no load reads events"),
            _ => assert_named(&open, cart).await,
        }
        match (key, events) {
            (RowKey::Journal(_) | RowKey::Event(_), Err(StoreError::Corrupt { what, .. })) => {
                assert!(what.contains(&cart.to_string()), "{cart} is named, not {what:?}");
            }
            (RowKey::Journal(_) | RowKey::Event(_), other) => {
                panic!("a damaged event is answered Corrupt, not {other:?}")
            }
            (_, events) => assert_eq!(events.map(|events| events.len()), Ok(1), "{cart}"),
        }
    }
    // What would have to be compared with a damaged row is refused; where nothing need be, the row
    // is replaced and whole.
    let cart = &actors[3];
    let mut unit = open.unit(cart, 1, 2);
    unit.rows = vec![remind("r", 8)];
    let mut due = due;
    match open.submit(unit).await {
        UnitOutcome::Committed => {
            assert!(open.load(cart).await.is_ok(), "a row that was replaced is whole");
            due.retain(|it| it.key != cart.key);
            due.push(super::subject::due(cart, 8, "r"));
        }
        outcome => assert_corrupt(&outcome, cart),
    }
    let whole = &actors[keys.len()];
    assert_eq!(open.load(whole).await, stored[keys.len()], "damage does not touch others");
    assert_eq!(open.all_due().await, due, "what is due is not touched by the rows");
    open.close().await;
}

/// A unit that meets a damaged row is answered `Corrupt`, whatever it expects and however often it
/// is submitted, and leaves the row as it is. Units beside it commit.
pub async fn units_that_meet_damage_are_told(subject: &impl Subject) {
    const BESIDE: u64 = 8;
    let open = Open::new(subject).await;
    let damaged = actor("cart", "damaged");
    open.commit(open.unit(&damaged, 0, 1)).await;
    open.close().await;
    subject.damage(&damaged, None);
    let open = Open::new(subject).await;
    // The first would conflict with what was stored, the second follow it.
    for expected in [0, 1] {
        let unit = open.unit(&damaged, expected, 1 + expected);
        for _ in 0..2 {
            assert_corrupt(&open.submit(unit.clone()).await, &damaged);
        }
        assert_named(&open, &damaged).await;
    }
    // What is submitted while the engine is busy shares its next batch.
    let mut large = open.unit(&actor("cart", "large"), 0, 10);
    large.content = state(vec![7; 1 << 20]);
    let fly = |unit: Unit| submit(&*open.store, Arc::new(unit));
    let busy = fly(large);
    let beside: Vec<_> = (0..BESIDE).map(|n| actor("cart", &format!("beside-{n}"))).collect();
    let (before, after) = beside.split_at(beside.len() / 2);
    let unit = |beside: &ActorId| open.unit(beside, 0, 20);
    let mut flying: Vec<_> = before.iter().map(|beside| fly(unit(beside))).collect();
    let met = fly(open.unit(&damaged, 1, 30));
    flying.extend(after.iter().map(|beside| fly(unit(beside))));
    assert_eq!(busy.await, UnitOutcome::Committed);
    assert_corrupt(&met.await, &damaged);
    for (submitted, beside) in flying.into_iter().zip(&beside) {
        let outcome = submitted.await;
        assert_eq!(outcome, UnitOutcome::Committed, "{beside} shares a batch with a damaged one");
    }
    open.close().await;
    let open = Open::new(subject).await;
    assert_named(&open, &damaged).await;
    for beside in &beside {
        let found = open.load(beside).await.map(|stored| stored.map(|stored| stored.version.0));
        assert_eq!(found, Ok(Some(1)), "{beside} was committed");
    }
    open.close().await;
}

async fn assert_named(open: &Open, damaged: &ActorId) {
    match open.load(damaged).await {
        Err(StoreError::Corrupt { what, .. }) => {
            let name = damaged.to_string();
            assert!(what.contains(&name), "the damaged row is named, not {what:?}");
        }
        other => panic!("a damaged row is answered Corrupt, not {other:?}"),
    }
}

fn assert_corrupt(outcome: &UnitOutcome, damaged: &ActorId) {
    match outcome {
        UnitOutcome::Corrupt { reason } => {
            let name = damaged.to_string();
            assert!(reason.contains(&name), "the damaged row is named, not {reason:?}");
        }
        other => panic!("a unit that meets a damaged row is answered Corrupt, not {other:?}"),
    }
}
