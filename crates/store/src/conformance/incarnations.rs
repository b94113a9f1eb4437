use tenure_types::Incarnation;

use super::subject::{Open, Subject, actor, assert_fenced, stored_of};
use crate::StoreError;
use crate::submitted::submit;
use std::sync::Arc;

/// Incarnations grow over every way of opening again.
pub async fn opens_count_incarnations(subject: &impl Subject) {
    let first = Open::new(subject).await;
    assert!(first.incarnation > Incarnation(0), "incarnations begin above zero");
    let mut last = first.incarnation;
    // Opened again while it is open.
    let again = Open::of(Arc::clone(&first.store)).await;
    assert!(again.incarnation > last, "a second open hands out a higher incarnation");
    last = again.incarnation;
    drop(first);
    again.close().await;
    for _ in 0..3 {
        let next = Open::new(subject).await;
        assert!(next.incarnation > last, "an open after a close hands out a higher incarnation");
        last = next.incarnation;
        next.close().await;
    }
    // Closed and opened without a new engine.
    let store = subject.store();
    for _ in 0..2 {
        let next = Open::of(Arc::clone(&store)).await;
        assert!(next.incarnation > last, "the same engine opens again after a close");
        last = next.incarnation;
        next.close().await;
    }
}

/// When `open` has returned, no unit of an earlier incarnation becomes visible.
pub async fn later_opens_fence_earlier_ones(subject: &impl Subject) {
    let first = Open::new(subject).await;
    let (kept, refused) = (actor("cart", "kept"), actor("cart", "refused"));
    let stored = first.commit(first.unit(&kept, 0, 1)).await;
    let second = Open::of(Arc::clone(&first.store)).await;
    let stale = second.submit(first.unit(&kept, 1, 2)).await;
    assert_fenced(&stale, "a unit of an earlier incarnation is refused");
    let stale = second.submit(first.unit(&refused, 0, 3)).await;
    assert_fenced(&stale, "a first unit of an earlier incarnation is refused");
    second.assert_stored(&kept, Some(&stored), "a fence leaves what was committed").await;
    second.assert_stored(&refused, None, "a refused unit never becomes visible").await;
    second.commit(second.unit(&kept, 1, 1)).await;
    second.close().await;
    // Units that are in flight while the store opens are committed before it, or never.
    let third = Open::new(subject).await;
    let actors: Vec<_> = (0..64).map(|n| actor("cart", &format!("race-{n}"))).collect();
    let racing = actors
        .iter()
        .zip(1..)
        .map(|(actor, sequence)| submit(&*third.store, Arc::new(third.unit(actor, 0, sequence))));
    let racing: Vec<_> = racing.collect();
    let fourth = Open::of(Arc::clone(&third.store)).await;
    let mut seen = Vec::new();
    for actor in &actors {
        seen.push(fourth.load(actor).await);
    }
    for ((submitted, seen), actor) in racing.into_iter().zip(seen).zip(&actors) {
        let outcome = submitted.await;
        let seen = seen.unwrap_or_else(|error| panic!("{actor} does not load: {error}"));
        let now = fourth.load(actor).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(now, seen, "{actor} does not change after open, its unit said {outcome:?}");
        if outcome == crate::UnitOutcome::Committed {
            assert!(seen.is_some(), "{actor} was answered Committed and is not there after open");
        }
    }
    fourth.close().await;
}

/// A fence refuses the units of its incarnation and leaves later ones alone.
pub async fn fences_refuse(subject: &impl Subject) {
    let first = Open::new(subject).await;
    let fenced = actor("cart", "fenced");
    let stored = first.commit(first.unit(&fenced, 0, 1)).await;
    let second = Open::of(Arc::clone(&first.store)).await;
    let done = second.store.fence(first.incarnation).await;
    assert_eq!(done, Ok(()), "an earlier incarnation can be fenced");
    let stale = second.submit(first.unit(&fenced, 1, 2)).await;
    assert_fenced(&stale, "a unit of a fenced incarnation is refused");
    second.assert_stored(&fenced, Some(&stored), "a fence of another leaves loads alone").await;
    second.commit(second.unit(&fenced, 1, 1)).await;
    let done = second.store.fence(second.incarnation).await;
    assert_eq!(done, Ok(()), "the current incarnation can be fenced");
    let refused = second.submit(second.unit(&fenced, 2, 2)).await;
    assert_fenced(&refused, "a unit after its incarnation's fence is refused");
    assert!(
        matches!(second.load(&fenced).await, Err(StoreError::Unavailable { .. })),
        "a fenced incarnation does not load",
    );
    let third = Open::of(Arc::clone(&second.store)).await;
    assert!(third.incarnation > second.incarnation, "a fence is followed by a higher incarnation");
    let expected = stored_of(&second.unit(&fenced, 1, 1));
    third.assert_stored(&fenced, Some(&expected), "a refused unit never becomes visible").await;
    third.close().await;
}

/// Everything committed is there after an orderly stop.
pub async fn close_keeps_everything(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let actors: Vec<_> = (0..200).map(|n| actor("cart", &format!("{n}"))).collect();
    let mut stored = Vec::new();
    for (actor, sequence) in actors.iter().zip(1..) {
        stored.push(open.commit(open.unit(actor, 0, sequence)).await);
    }
    // Units that are still in flight are committed by the close.
    let last = actor("cart", "last");
    let unit = open.unit(&last, 0, 1_000);
    let expected = stored_of(&unit);
    let submitted = submit(&*open.store, Arc::new(unit));
    open.close().await;
    assert_eq!(submitted.await, crate::UnitOutcome::Committed, "a close commits what waits");
    let open = Open::new(subject).await;
    for (actor, stored) in actors.iter().zip(&stored) {
        open.assert_stored(actor, Some(stored), "a close keeps everything").await;
    }
    open.assert_stored(&last, Some(&expected), "a close keeps what it committed").await;
    open.close().await;
}

/// Before `open` and after `close` nothing works, and nothing is changed.
pub async fn closed_stores_refuse(subject: &impl Subject) {
    let store = subject.store();
    let open = Open::of(Arc::clone(&store)).await;
    let kept = actor("cart", "kept");
    let stored = open.commit(open.unit(&kept, 0, 1)).await;
    let late = open.unit(&kept, 1, 2);
    open.close().await;
    let outcome = submit(&*store, Arc::new(late)).await;
    assert_fenced(&outcome, "a unit after the close is refused");
    assert!(
        matches!(store.load(&kept).await, Err(StoreError::Unavailable { .. })),
        "a closed store does not load",
    );
    assert_eq!(store.close().await, Ok(()), "a close of a closed store does nothing");
    drop(store);
    let store = subject.store();
    let early = Open { store: Arc::clone(&store), incarnation: Incarnation(1) };
    let outcome = early.submit(early.unit(&kept, 1, 2)).await;
    assert_fenced(&outcome, "a unit before the open is refused");
    assert!(
        matches!(store.load(&kept).await, Err(StoreError::Unavailable { .. })),
        "a store that is not open does not load",
    );
    let open = Open::of(store).await;
    open.assert_stored(&kept, Some(&stored), "a refused unit changed nothing").await;
    open.close().await;
}
