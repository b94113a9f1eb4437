use tenure_types::{ActorId, NUMBER_MAX};

use super::subject::{Open, Subject, actor, outcome, put, remind, reminder, row, state};
use crate::{
    Content, Row, RowChange, RowKey, Store, StoreError, Stored, WALK_PAGE_BYTES_MAX, WALK_PAGE_MAX,
    Walked,
};

/// Everything that a walk comes by.
pub(super) async fn walk_all(store: &dyn Store) -> Result<Vec<Walked>, StoreError> {
    let mut walk = store.walk().await?;
    let mut found = Vec::new();
    loop {
        let page = walk.next().await?;
        assert!(page.len() <= WALK_PAGE_MAX, "a page has {} entries", page.len());
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}

pub(super) fn walked(actor: &ActorId, stored: Stored) -> Walked {
    let (type_name, key) = (actor.actor_type.as_str().into(), actor.key.clone());
    Walked::Actor { type_name, key, stored }
}

/// A walk comes by every actor and everything beside it that belongs to it, in order, and by nothing that belongs
/// to none: deleted actors, earlier lives, rows of another kind of content.
pub async fn walks_come_by_everything_in_order(subject: &impl Subject) {
    let open = Open::new(subject).await;
    assert_eq!(walk_all(&*open.store).await, Ok(Vec::new()), "nothing is stored yet");
    let expected = fill(&open).await;
    // What is committed after it has begun is not in it.
    let mut walk = open.store.walk().await.expect("it begins");
    for (key, expected) in [("b", 1), ("late", 0)] {
        let mut unit = open.unit(&actor("car", key), expected, 900 + expected);
        unit.rows = vec![remind("late", 1)];
        open.commit(unit).await;
    }
    let mut found = Vec::new();
    while let Some(page) = Some(walk.next().await.expect("a page")).filter(|it| !it.is_empty()) {
        found.extend(page);
    }
    assert_eq!(found, expected, "a walk is of one moment");
    drop(walk);
    let late = walk_all(&*open.store).await.expect("it is read");
    assert_eq!(late.len(), expected.len() + 3, "the next one has it");
    open.close().await;
    let store = subject.store();
    assert_eq!(store.open_to_read().await, Ok(true), "there is a store");
    assert_eq!(walk_all(&*store).await, Ok(late), "who reads walks as well");
    assert_eq!(store.close().await, Ok(()));
}

/// Commits actors of every kind and gives what a walk comes by.
async fn fill(open: &Open) -> Vec<Walked> {
    let mut expected: Vec<(ActorId, Stored, Vec<Row>)> = Vec::new();
    for (type_name, sequence) in ["cart", "car", "cart_2", "x"].into_iter().zip(1..) {
        for (key, nth) in ["b", "a", "ab", "a b", "é", "~", "\u{10ffff}"].into_iter().zip(0_u64..)
        {
            let id = actor(type_name, key);
            let mut unit = open.unit(&id, 0, sequence * 100 + nth);
            let (event, old) = (row(RowKey::Event(2), None, "e"), put(RowKey::Journal(9), "no"));
            let named = [row(outcome("o"), None, "o"), row(reminder("r"), Some(7), "r at 7")];
            let mut rows: Vec<Row> = Vec::new();
            match (nth + 1) % 3 {
                0 => {}
                1 => rows.extend([&[event][..], &named].concat()),
                _ => {
                    unit.content = Content::Journaled { snapshot: 3 };
                    unit.log.offset = 5;
                    // The first event is gone, and the second is kept before the snapshot.
                    rows.extend((2..=5).map(|n| row(RowKey::Journal(n), None, "j")));
                    rows.extend([&[row(RowKey::Snapshot, None, "s")][..], &named].concat());
                }
            }
            unit.rows = rows.iter().cloned().map(RowChange::Put).collect();
            match (nth + 1) % 3 {
                1 => unit.rows.push(old),
                2 => unit.rows.push(put(RowKey::Event(1), "no")),
                _ => {}
            }
            let mut stored = open.commit(unit).await;
            if nth % 4 >= 2 {
                let mut unit = open.unit(&id, 1, sequence * 100 + 30 + nth);
                unit.content = Content::Deleted { until_ms: NUMBER_MAX };
                open.commit(unit).await;
            }
            if nth % 4 == 3 {
                let mut unit = open.unit(&id, 2, sequence * 100 + 60 + nth);
                unit.rows = vec![remind("r", 9)];
                rows = vec![row(reminder("r"), Some(9), "r at 9")];
                stored = open.commit(unit).await;
            }
            if nth % 4 != 2 {
                expected.push((id, stored, rows));
            }
        }
    }
    expected.sort_by(|(id, ..), (other, ..)| id.cmp(other));
    let expected = expected.into_iter().flat_map(|(id, stored, rows)| {
        std::iter::once(walked(&id, stored)).chain(rows.into_iter().map(Walked::Row))
    });
    expected.collect()
}

/// A page ends when it has many bytes, a journal of any length is read in pages, and none is lost in between.
pub async fn pages_of_walks_are_bounded(subject: &impl Subject) {
    const EVENTS: u64 = 6_000;
    const BYTES: usize = 3 << 20;
    let open = Open::new(subject).await;
    for part in 0..3 {
        let mut unit = open.unit(&actor("cart", "long"), part, part + 1);
        unit.content = Content::Journaled { snapshot: 0 };
        unit.log.offset = (part + 1) * EVENTS / 3;
        let offsets = part * EVENTS / 3 + 1..=unit.log.offset;
        unit.rows = offsets.map(|offset| put(RowKey::Journal(offset), "j")).collect();
        open.commit(unit).await;
    }
    for nth in 0..4 {
        let mut unit = open.unit(&actor("cart", &format!("wide{nth}")), 0, nth + 10);
        unit.content = state(vec![nth as u8; BYTES]);
        unit.rows = vec![put(outcome("o"), &"o".repeat(BYTES))];
        open.commit(unit).await;
    }
    let mut walk = open.store.walk().await.expect("it begins");
    let mut found = Vec::new();
    while let Some(page) = Some(walk.next().await.expect("a page")).filter(|it| !it.is_empty()) {
        let bytes = |walked: &Walked| match walked {
            Walked::Actor { stored, .. } => stored.content.bytes(),
            Walked::Row(row) => row.value.bytes.len(),
        };
        let before_last: usize = page[..page.len() - 1].iter().map(bytes).sum();
        assert!(before_last < WALK_PAGE_BYTES_MAX, "{before_last} bytes and another entry");
        assert!(page.len() <= WALK_PAGE_MAX, "{} entries", page.len());
        found.extend(page);
    }
    let offsets = found.iter().filter_map(|walked| match walked {
        Walked::Row(Row { key: RowKey::Journal(offset), .. }) => Some(*offset),
        _ => None,
    });
    assert!(offsets.eq(1..=EVENTS), "the journal is whole");
    assert_eq!(found.len() as u64, 1 + EVENTS + 8, "and so is the rest");
    drop(walk);
    open.close().await;
}

/// An engine that cannot be walked over says so.
pub async fn walks_are_refused(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let refused = open.store.walk().await.map(drop);
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    open.close().await;
}

/// What is damaged or missing ends a walk with an error that names it.
pub async fn walks_name_what_is_damaged<S: Subject>(make: &impl Fn() -> S) {
    let cart = actor("cart", "b");
    for (events, damaged) in [
        (vec![1, 2, 3], Some(None)),
        (vec![1, 2, 3], Some(Some(RowKey::Journal(2)))),
        (vec![1, 3], None),
        (vec![1, 2], None),
    ] {
        let subject = make();
        let open = Open::new(&subject).await;
        open.commit(open.unit(&actor("cart", "a"), 0, 1)).await;
        let mut unit = open.unit(&cart, 0, 2);
        unit.content = Content::Journaled { snapshot: 0 };
        unit.log.offset = 3;
        unit.rows = events.iter().map(|offset| put(RowKey::Journal(*offset), "j")).collect();
        open.commit(unit).await;
        open.commit(open.unit(&actor("cart", "c"), 0, 3)).await;
        open.close().await;
        if let Some(key) = damaged {
            subject.damage(&cart, key.as_ref());
        }
        let open = Open::new(&subject).await;
        match walk_all(&*open.store).await {
            Err(StoreError::Corrupt { what, .. }) => {
                assert!(what.contains("cart/b"), "cart/b is named, not {what:?}");
            }
            other => panic!("{events:?}: damage ends a walk as Corrupt, not {other:?}"),
        }
        open.close().await;
    }
}
