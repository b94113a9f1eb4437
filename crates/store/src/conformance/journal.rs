use tenure_types::ActorId;

use super::subject::{Open, Subject, actor, put};
use crate::{Content, EVENTS_BYTES_MAX, RowChange, RowKey, StoreError, Unit};

/// A unit that leaves `actor` journaled.
fn journaled(open: &Open, actor: &ActorId, expected: u64, snapshot: u64, offset: u64) -> Unit {
    let mut unit = open.unit(actor, expected, expected + 1);
    unit.content = Content::Journaled { snapshot };
    unit.log.offset = offset;
    unit
}

fn events(offsets: impl IntoIterator<Item = u64>) -> Vec<RowChange> {
    offsets.into_iter().map(|n| put(RowKey::Journal(n), &format!("event {n}"))).collect()
}

/// An event or a snapshot that is missing is named, and the actor not served.
pub async fn gaps_in_journals_are_named(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let at = |missing: u64| format!("event {missing} in the journal");
    let cases = [
        ("first", 0, vec![2, 3, 4], false, at(1)),
        ("middle", 0, vec![1, 2, 4], false, at(3)),
        ("last", 0, vec![1, 2, 3], false, at(4)),
        ("all", 0, vec![], false, at(1)),
        ("after-the-snapshot", 2, vec![1, 2, 4], true, at(3)),
        ("only-before-it", 2, vec![1, 2], true, at(3)),
        ("beyond-the-last", 0, vec![1, 2, 3, 4, 5], false, at(5)),
        ("snapshot", 2, vec![1, 2, 3, 4], false, "the snapshot".to_owned()),
        ("snapshot-of-the-last", 4, vec![1, 2, 3, 4], false, "the snapshot".to_owned()),
    ];
    for (key, snapshot, offsets, has_snapshot, _) in &cases {
        let mut unit = journaled(&open, &actor("cart", key), 0, *snapshot, 4);
        unit.rows = events(offsets.iter().copied());
        if *has_snapshot {
            unit.rows.push(put(RowKey::Snapshot, "snapshot"));
        }
        open.commit(unit).await;
    }
    let whole = actor("cart", "whole");
    let mut unit = journaled(&open, &whole, 0, 0, 4);
    unit.rows = events(1..=4);
    open.commit(unit).await;
    open.close().await;
    let open = Open::new(subject).await;
    for (key, _, _, _, missing) in &cases {
        let cart = actor("cart", key);
        assert_missing(&open.load(&cart).await, &cart, missing);
        if missing.contains("event") {
            assert_missing(&open.store.events(&cart, 0, usize::MAX).await, &cart, missing);
        }
    }
    assert!(open.load(&whole).await.is_ok(), "a whole journal loads");
    // A row that was deleted is missing as well.
    let mut unit = journaled(&open, &whole, 1, 0, 4);
    unit.rows = vec![RowChange::Delete(RowKey::Journal(2))];
    open.commit(unit).await;
    assert_missing(&open.load(&whole).await, &whole, &at(2));
    open.close().await;
}

fn assert_missing<T: std::fmt::Debug>(
    result: &Result<T, StoreError>,
    actor: &ActorId,
    missing: &str,
) {
    match result {
        Err(StoreError::Corrupt { what, .. }) => {
            assert!(what.contains(missing), "{missing} is named, not {what:?}");
            assert!(what.contains(&actor.to_string()), "{actor} is named, not {what:?}");
        }
        other => panic!("{actor} misses {missing} and is answered Corrupt, not {other:?}"),
    }
}

/// Events are read in order, from any offset and in pages of any length.
pub async fn events_are_read_in_pages(subject: &impl Subject) {
    const LAST: u64 = 60;
    let open = Open::new(subject).await;
    let (journal, window) = (actor("cart", "journal"), actor("cart", "window"));
    let mut unit = journaled(&open, &journal, 0, 0, LAST);
    unit.rows = events(1..=LAST);
    // These are of no interest to one that has a journal.
    unit.rows.extend((1..=LAST).map(|n| put(RowKey::Event(n), "another")));
    open.commit(unit).await;
    let mut unit = open.unit(&window, 0, 1);
    unit.log.offset = LAST;
    unit.rows = (1..=LAST).map(|n| put(RowKey::Event(n), &format!("event {n}"))).collect();
    unit.rows.extend((1..=LAST).map(|n| put(RowKey::Journal(n), "another")));
    open.commit(unit).await;
    // The oldest go, and so do those before the snapshot of the journal.
    let oldest = |key: fn(u64) -> RowKey| (1..=10).map(key).map(RowChange::Delete).collect();
    let mut unit = open.unit(&window, 1, 2);
    unit.rows = oldest(RowKey::Event);
    open.commit(unit).await;
    let mut unit = journaled(&open, &journal, 1, 20, LAST);
    unit.rows = oldest(RowKey::Journal);
    unit.rows.push(put(RowKey::Snapshot, "snapshot"));
    open.commit(unit).await;
    for actor in [&journal, &window] {
        for (limit, from) in [(1, 0), (7, 0), (7, 15), (1_000, 30), (usize::MAX, 0)] {
            let mut after = from;
            let mut found = Vec::new();
            loop {
                let page = open.store.events(actor, after, limit).await;
                let page = page.unwrap_or_else(|error| panic!("{error}"));
                assert!(page.len() <= limit, "a page of {actor} is no longer than asked for");
                let Some((last, _)) = page.last() else { break };
                after = *last;
                found.extend(page);
                assert!(found.len() <= LAST as usize, "no event of {actor} is read twice");
            }
            let offsets: Vec<_> = found.iter().map(|(offset, _)| *offset).collect();
            let expected: Vec<_> = (from.max(10) + 1..=LAST).collect();
            assert_eq!(offsets, expected, "{actor} after {from}, {limit} at a time");
            for (offset, event) in &found {
                let value = format!("event {offset}").into_bytes();
                assert_eq!((event.schema, event.codec, &event.bytes), (4, 9, &value), "{actor}");
            }
        }
        for (after, limit) in [(0, 0), (LAST, 10), (LAST + 1, 10), (u64::MAX, 10)] {
            let page = open.store.events(actor, after, limit).await;
            assert_eq!(page, Ok(Vec::new()), "{actor} has none after {after}, {limit} at a time");
        }
    }
    let nobody = open.store.events(&actor("cart", "nobody"), 0, 10).await;
    assert_eq!(nobody, Ok(Vec::new()), "an actor that is not stored has no events");
    open.close().await;
}

/// A page ends where its events become too many bytes, whatever the limit.
pub async fn pages_of_events_are_bounded(subject: &impl Subject) {
    const EVENT_BYTES: usize = 3 << 20;
    const EVENTS: u64 = 8;
    let open = Open::new(subject).await;
    let large = actor("cart", "large");
    for offset in 1..=EVENTS {
        let mut unit = journaled(&open, &large, offset - 1, 0, offset);
        let mut change = put(RowKey::Journal(offset), "");
        if let RowChange::Put(row) = &mut change {
            row.value.bytes = vec![offset as u8; EVENT_BYTES];
        }
        unit.rows = vec![change];
        open.commit(unit).await;
    }
    let mut after = 0;
    while after < EVENTS {
        let page = open.store.events(&large, after, usize::MAX).await;
        let page = page.unwrap_or_else(|error| panic!("{error}"));
        assert!(!page.is_empty(), "only the end is empty");
        let most = EVENTS_BYTES_MAX.div_ceil(EVENT_BYTES);
        assert!(page.len() <= most, "a page has at most one event beyond its bytes");
        for (offset, event) in page {
            after += 1;
            assert_eq!(offset, after, "pages follow one another");
            assert!(event.bytes == vec![offset as u8; EVENT_BYTES], "event {offset} is whole");
        }
    }
    open.close().await;
}
