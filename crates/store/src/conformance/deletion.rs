use tenure_types::{ActorId, NUMBER_MAX, Token, Version};

use super::subject::{
    Open, Subject, actor, due, outcome, put, remind, reminder, row, state, stored_of,
};
use crate::{Content, EventLog, RowChange, RowKey, Stored, Unit, UnitOutcome};

/// A unit that makes rows of every kind.
fn furnished(open: &Open, actor: &ActorId, expected: u64) -> Unit {
    let mut unit = open.unit(actor, expected, expected + 1);
    unit.log = EventLog { epoch: 1, offset: 40, open: None };
    unit.content = Content::Journaled { snapshot: 1 };
    unit.rows = (1..=40)
        .flat_map(|n| [put(RowKey::Journal(n), "j"), put(RowKey::Event(n), "e")])
        .chain([put(RowKey::Snapshot, "s"), put(outcome("o"), "o"), remind("r", 7)])
        .collect();
    unit
}

fn deletes(open: &Open, actor: &ActorId, expected: u64, until_ms: u64) -> Unit {
    let unit = open.unit(actor, expected, expected + 1);
    Unit { content: Content::Deleted { until_ms }, ..unit }
}

/// The unit that deletes an actor removes all that lies beside it and leaves the head; what comes
/// after begins with nothing and goes on from its version.
pub async fn deleted_actors_leave_only_their_head(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let (cart, other) = (actor("cart", "a"), actor("cart", "ab"));
    open.commit(furnished(&open, &cart, 0)).await;
    let kept = furnished(&open, &other, 0);
    open.commit(kept.clone()).await;
    let kept = open.load(&other).await;
    let mut unit = deletes(&open, &cart, 1, NUMBER_MAX);
    unit.log = EventLog { epoch: 1, offset: 40, open: None };
    // What the same unit puts goes as well.
    unit.rows = vec![put(outcome("new"), "o"), remind("new", 8), put(RowKey::Journal(41), "j")];
    let deleted = open.commit(unit.clone()).await;
    let others = vec![due(&other, 7, "r")];
    let check = async |open: &Open, why: &str| {
        open.assert_stored(&cart, Some(&deleted), why).await;
        assert_eq!(open.all_events(&cart).await, [0; 0], "{why}");
        assert_eq!(open.all_due().await, others, "{why}");
        assert_eq!(open.load(&other).await, kept, "{why}: others keep what is theirs");
    };
    check(&open, "a deletion leaves the head").await;
    // Late writers meet their conflict.
    let own = UnitOutcome::Conflict { version: Version(2), token: unit.token };
    assert_eq!(open.submit(unit).await, own, "a deletion that is submitted again is recognised");
    assert_eq!(open.submit(furnished(&open, &cart, 1)).await, own, "a late writer conflicts");
    assert_eq!(open.submit(open.unit(&cart, 0, 9)).await, own, "so does one who knows of nothing");
    check(&open, "what conflicts changes nothing").await;
    open.close().await;
    let open = Open::new(subject).await;
    check(&open, "a deletion survives a restart").await;
    assert_eq!(open.submit(furnished(&open, &cart, 1)).await, own, "the conflict survives it too");
    // A new life.
    let mut unit = open.unit(&cart, 2, 3);
    unit.log = EventLog { epoch: 2, offset: 1, open: Some(unit.tenure) };
    unit.rows = vec![put(outcome("o"), "of the new life"), put(RowKey::Event(1), "e")];
    open.commit(unit.clone()).await;
    let rows = vec![row(outcome("o"), None, "of the new life")];
    let lives = Stored { rows, ..stored_of(&unit) };
    open.assert_stored(&cart, Some(&lives), "a new life has only what it made").await;
    assert_eq!(open.all_events(&cart).await, [1], "a new life has its own events");
    open.close().await;
    let open = Open::new(subject).await;
    open.assert_stored(&cart, Some(&lives), "a new life survives a restart").await;
    // And its end: the journal of the first life is not that of the third.
    open.commit(deletes(&open, &cart, 3, NUMBER_MAX)).await;
    let mut unit = open.unit(&cart, 4, 5);
    unit.log = EventLog { epoch: 3, offset: 2, open: None };
    unit.content = Content::Journaled { snapshot: 0 };
    unit.rows = vec![put(RowKey::Journal(1), "j"), put(RowKey::Journal(2), "j")];
    open.commit(unit.clone()).await;
    let rows = [1, 2].map(|n| row(RowKey::Journal(n), None, "j")).to_vec();
    let lives = Stored { rows, ..stored_of(&unit) };
    open.assert_stored(&cart, Some(&lives), "nor is what an earlier life left found").await;
    assert_eq!(open.all_due().await, others, "nor is anything due of an earlier life");
    open.close().await;
}

/// Deletions and new lives follow one another in units that may share batches.
pub async fn lives_follow_one_another(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    let mut flying = Vec::new();
    for version in 0..60 {
        let mut unit = open.unit(&cart, version, version + 1);
        match version % 4 {
            0 => unit.rows = vec![remind("r", version), put(outcome("o"), "o")],
            1 => unit.rows = vec![remind("s", version), RowChange::Delete(reminder("r"))],
            2 => unit.content = Content::Deleted { until_ms: NUMBER_MAX },
            _ => unit.content = state(vec![version as u8]),
        }
        flying.push(super::submit(&*open.store, std::sync::Arc::new(unit)));
    }
    for submitted in flying {
        assert_eq!(
            submitted.await,
            UnitOutcome::Committed,
            "units of one actor follow one another"
        );
    }
    let last = Unit { content: state(vec![59]), ..open.unit(&cart, 59, 60) };
    open.assert_stored(&cart, Some(&stored_of(&last)), "the last life has no rows").await;
    assert_eq!(open.all_due().await, [], "nothing is due of an ended life");
    open.close().await;
}

/// A deleted actor is kept until its time; after that it may be forgotten, and then begins anew.
/// What lives is never forgotten.
pub async fn only_deleted_actors_are_forgotten(subject: &impl Subject) {
    const ACTORS: u64 = 40;
    let open = Open::new(subject).await;
    let carts: Vec<_> = (0..ACTORS).map(|n| actor("cart", &format!("{n}"))).collect();
    let until = |n: u64| 1_000 + n;
    for (n, cart) in (0..).zip(&carts) {
        let at = |mut unit: Unit| {
            unit.written_at_ms = 500;
            unit
        };
        open.commit(at(furnished(&open, cart, 0))).await;
        open.commit(at(deletes(&open, cart, 1, until(n)))).await;
        if n % 3 == 0 {
            // It lives again.
            open.commit(at(furnished(&open, cart, 2))).await;
        }
    }
    let clock = actor("cart", "clock");
    let mut open = open;
    for now in 0..ACTORS + 20 {
        let mut unit = open.unit(&clock, now, now + 1);
        unit.written_at_ms = 1_000 + now;
        open.commit(unit).await;
        for (n, cart) in (0..).zip(&carts) {
            let found = open.load(cart).await.unwrap_or_else(|error| panic!("{error}"));
            let version = found.as_ref().map_or(0, |stored| stored.version.0);
            match n % 3 {
                0 => assert_eq!(version, 3, "{cart} lives"),
                _ if until(n) > 1_000 + now => assert_eq!(version, 2, "{cart} is kept"),
                _ => assert!(version == 2 || version == 0, "{cart} is kept, or forgotten"),
            }
        }
        if now == ACTORS / 2 {
            open.close().await;
            open = Open::new(subject).await;
        }
    }
    for (n, cart) in (0..).zip(&carts).filter(|(n, _)| n % 3 != 0) {
        let mut first = furnished(&open, cart, 0);
        first.token.sequence = 9_000 + n;
        match open.submit(first.clone()).await {
            UnitOutcome::Committed => {
                let found = open.load(cart).await.unwrap_or_else(|error| panic!("{error}"));
                let rows = found.map(|stored| stored.rows.len());
                assert_eq!(rows, Some(39 + 3), "{cart} begins anew, and whole");
            }
            UnitOutcome::Conflict { version, token } => {
                assert_eq!(version, Version(2), "{cart} was not forgotten");
                let first = Token { sequence: 2, ..token };
                assert_eq!(token, first, "{cart} was not forgotten");
            }
            other => panic!("{cart} begins anew or conflicts, not {other:?}"),
        }
    }
    open.close().await;
}
