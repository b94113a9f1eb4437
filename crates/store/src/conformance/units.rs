use std::sync::Arc;

use tenure_types::{Token, Version};

use super::subject::{Open, Subject, actor, state, stored_of};
use crate::submitted::submit;
use crate::{UNIT_BYTES_MAX, UnitOutcome};

/// A unit is visible to every load that begins after its answer, with every field.
pub async fn units_replace_what_was_stored(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    open.assert_stored(&cart, None, "nothing is stored of a new actor").await;
    for version in 0..50 {
        let stored = open.commit(open.unit(&cart, version, version + 1)).await;
        open.assert_stored(&cart, Some(&stored), "a load sees the last committed unit").await;
    }
    // Versions may move by more than one.
    let mut unit = open.unit(&cart, 50, 51);
    unit.version = Version(1_000);
    let stored = open.commit(unit).await;
    open.assert_stored(&cart, Some(&stored), "a unit may cover many versions").await;
    open.close().await;
}

/// Only a unit that expects the stored version is committed.
pub async fn versions_are_compared(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    let mut sequence = 0;
    let mut next = |expected| {
        sequence += 1;
        open.unit(&cart, expected, sequence)
    };
    let outcome = open.submit(next(5)).await;
    let none = UnitOutcome::Conflict { version: Version::NONE, token: Token::default() };
    assert_eq!(outcome, none, "a unit that expects a version where none is stored conflicts");
    open.assert_stored(&cart, None, "a conflict writes nothing").await;
    let mut stored = open.commit(next(0)).await;
    for expected in [0, 2, 7, 1 << 40] {
        let outcome = open.submit(next(expected)).await;
        let conflict = UnitOutcome::Conflict { version: stored.version, token: stored.token };
        assert_eq!(outcome, conflict, "a unit that expects {expected} conflicts with version 1");
        open.assert_stored(&cart, Some(&stored), "a conflict writes nothing").await;
    }
    stored = open.commit(next(1)).await;
    open.assert_stored(&cart, Some(&stored), "the right version is committed after all").await;
    open.close().await;
}

/// A conflict says what is stored, also after a restart.
pub async fn conflicts_tell_what_is_stored(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    let mut unit = open.unit(&cart, 0, 77);
    unit.version = Version(9);
    let stored = open.commit(unit).await;
    open.close().await;
    let open = Open::new(subject).await;
    let outcome = open.submit(open.unit(&cart, 3, 1)).await;
    let conflict = UnitOutcome::Conflict { version: Version(9), token: stored.token };
    assert_eq!(outcome, conflict, "a conflict tells the stored version and the token of its unit");
    open.close().await;
}

/// A unit that is submitted again conflicts with its own token and is not committed twice.
pub async fn resubmitted_units_are_recognised(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    let unit = open.unit(&cart, 0, 1);
    let stored = open.commit(unit.clone()).await;
    for _ in 0..3 {
        let outcome = open.submit(unit.clone()).await;
        let own = UnitOutcome::Conflict { version: unit.version, token: unit.token };
        assert_eq!(outcome, own, "a unit that is submitted again conflicts with its own token");
    }
    open.assert_stored(&cart, Some(&stored), "a unit that is submitted again writes nothing").await;
    // Both at once: the engine may put them into one batch.
    let unit = Arc::new(open.unit(&cart, 1, 2));
    let first = submit(&*open.store, Arc::clone(&unit));
    let second = submit(&*open.store, Arc::clone(&unit));
    let own = UnitOutcome::Conflict { version: unit.version, token: unit.token };
    assert_eq!(first.await, UnitOutcome::Committed, "of two equal units one is committed");
    assert_eq!(second.await, own, "of two equal units the second conflicts");
    open.close().await;
}

/// Bodies from empty to the largest are kept to the byte; a larger one is refused.
pub async fn bodies_of_every_size_are_kept(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let sizes = [0, 1, 100, 4_096, 65_537, 1 << 20, UNIT_BYTES_MAX];
    let mut all = Vec::new();
    for (size, sequence) in sizes.into_iter().zip(1..) {
        let blob = actor("blob", &format!("{size}"));
        let mut unit = open.unit(&blob, 0, sequence);
        // Incompressible, and different at every offset.
        let mut x = 0x9e37_79b9_7f4a_7c15_u64 ^ size as u64;
        let bytes = std::iter::repeat_with(|| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x.to_le_bytes()[3]
        });
        unit.content = state(bytes.take(size).collect());
        let stored = open.commit(unit).await;
        open.assert_stored(&blob, Some(&stored), "a body is kept to the byte").await;
        all.push((blob, stored));
    }
    let large = actor("blob", "large");
    let mut unit = open.unit(&large, 0, 100);
    unit.content = state(vec![1; UNIT_BYTES_MAX + 1]);
    let too_large = UnitOutcome::TooLarge { bytes: UNIT_BYTES_MAX + 1, bytes_max: UNIT_BYTES_MAX };
    assert_eq!(open.submit(unit).await, too_large, "a larger body is refused");
    open.assert_stored(&large, None, "a refused body writes nothing").await;
    open.close().await;
    let open = Open::new(subject).await;
    for (blob, stored) in &all {
        open.assert_stored(blob, Some(stored), "a body survives a restart to the byte").await;
    }
    open.close().await;
}

/// Units of many actors in flight at a time: each actor's versions follow one another.
pub async fn many_actors_commit_together(subject: &impl Subject) {
    const ACTORS: u64 = 300;
    const ROUNDS: u64 = 8;
    let open = Open::new(subject).await;
    let actors: Vec<_> = (0..ACTORS).map(|n| actor("cart", &format!("many-{n}"))).collect();
    for round in 0..ROUNDS {
        let mut flying = Vec::new();
        for (n, actor) in actors.iter().enumerate() {
            let unit = open.unit(actor, round, round * ACTORS + n as u64 + 1);
            flying.push(submit(&*open.store, Arc::new(unit)));
            // Beside it a unit that must lose.
            if n % 7 == 0 {
                let sequence = ROUNDS * ACTORS + round * ACTORS + n as u64;
                let stale = open.unit(actor, round + 5, sequence);
                let outcome = submit(&*open.store, Arc::new(stale)).await;
                assert!(
                    matches!(outcome, UnitOutcome::Conflict { .. }),
                    "a unit that expects a version to come conflicts: {outcome:?}",
                );
            }
        }
        for (submitted, actor) in flying.into_iter().zip(&actors) {
            let outcome = submitted.await;
            assert_eq!(outcome, UnitOutcome::Committed, "{actor} in round {round}");
        }
    }
    for (n, actor) in actors.iter().enumerate() {
        let last = open.unit(actor, ROUNDS - 1, (ROUNDS - 1) * ACTORS + n as u64 + 1);
        let expected = stored_of(&last);
        open.assert_stored(actor, Some(&expected), "each actor has its last unit").await;
    }
    open.close().await;
}
