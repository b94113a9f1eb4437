use std::sync::Arc;

use tenure_types::{ActorId, KEY_BYTES_MAX, NUMBER_MAX};

use super::subject::{
    Open, Subject, actor, assert_fenced, due, outcome, put, remind, reminder, row, state, stored_of,
};
use crate::submitted::submit;
use crate::{
    Content, EventLog, ROW_BYTES_MAX, ROW_NAME_BYTES_MAX, Row, RowChange, RowKey, Stored,
    UNIT_BYTES_MAX, UNIT_ROWS_MAX, Unit, UnitOutcome,
};

/// What `unit` stores, with these rows beside it.
fn with_rows(unit: &Unit, rows: Vec<Row>) -> Stored {
    Stored { rows, ..stored_of(unit) }
}

/// Rows are put, replaced and deleted together with the head, and survive a restart.
pub async fn rows_follow_their_unit(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    let mut unit = open.unit(&cart, 0, 1);
    unit.rows = vec![
        remind("later", 70),
        put(outcome("b"), "1"),
        put(RowKey::Event(1), "1"),
        put(outcome("a"), "1"),
    ];
    let rows = vec![
        row(outcome("a"), None, "1"),
        row(outcome("b"), None, "1"),
        row(reminder("later"), Some(70), "later at 70"),
    ];
    open.commit(unit.clone()).await;
    let stored = with_rows(&unit, rows);
    open.assert_stored(&cart, Some(&stored), "a load sees the rows of a unit, in order").await;
    assert_eq!(open.all_events(&cart).await, [1], "an event is kept beside");
    // A unit that names no row leaves them alone.
    let unit = open.unit(&cart, 1, 2);
    open.commit(unit.clone()).await;
    let stored = with_rows(&unit, stored.rows);
    open.assert_stored(&cart, Some(&stored), "rows stay where a unit does not name them").await;
    let mut unit = open.unit(&cart, 2, 3);
    unit.rows = vec![
        RowChange::Delete(outcome("a")),
        RowChange::Delete(outcome("none")),
        RowChange::Delete(RowKey::Snapshot),
        put(outcome("b"), "2"),
        put(outcome("c"), "2"),
    ];
    open.commit(unit.clone()).await;
    let rows = vec![
        row(outcome("b"), None, "2"),
        row(outcome("c"), None, "2"),
        row(reminder("later"), Some(70), "later at 70"),
    ];
    let stored = with_rows(&unit, rows);
    open.assert_stored(&cart, Some(&stored), "rows are replaced, made and deleted").await;
    open.close().await;
    let open = Open::new(subject).await;
    open.assert_stored(&cart, Some(&stored), "rows survive a restart").await;
    assert_eq!(open.all_due().await, [due(&cart, 70, "later")], "what is due survives it too");
    open.close().await;
}

/// Of a unit that is not committed no row is changed either.
pub async fn rows_of_refused_units_are_absent(subject: &impl Subject) {
    let before = Open::new(subject).await;
    let cart = actor("cart", "alice");
    let mut unit = before.unit(&cart, 0, 1);
    unit.rows = vec![put(outcome("kept"), "1"), remind("kept", 5), put(RowKey::Event(1), "1")];
    before.commit(unit.clone()).await;
    let rows = vec![row(outcome("kept"), None, "1"), row(reminder("kept"), Some(5), "kept at 5")];
    let stored = with_rows(&unit, rows);
    let open = Open::of(Arc::clone(&before.store)).await;
    let changed = |open: &Open, actor: &ActorId, expected| {
        let mut unit = open.unit(actor, expected, 2);
        unit.rows = vec![
            RowChange::Delete(outcome("kept")),
            remind("kept", 6),
            remind("new", 6),
            put(RowKey::Event(2), "2"),
        ];
        unit
    };
    let answer = open.submit(changed(&before, &cart, 1)).await;
    assert_fenced(&answer, "a unit of an earlier incarnation is refused");
    let answer = open.submit(changed(&open, &cart, 7)).await;
    assert!(matches!(answer, UnitOutcome::Conflict { .. }), "it conflicts: {answer:?}");
    let mut large = changed(&open, &cart, 1);
    large.content = state(vec![0; UNIT_BYTES_MAX + 1]);
    let answer = open.submit(large).await;
    assert!(matches!(answer, UnitOutcome::TooLarge { .. }), "it is too large: {answer:?}");
    let deletes = Content::Deleted { until_ms: NUMBER_MAX };
    let answer = open.submit(Unit { content: deletes, ..changed(&open, &cart, 7) }).await;
    assert!(matches!(answer, UnitOutcome::Conflict { .. }), "it conflicts: {answer:?}");
    let new = actor("cart", "new");
    let answer = open.submit(changed(&open, &new, 3)).await;
    assert!(matches!(answer, UnitOutcome::Conflict { .. }), "it conflicts: {answer:?}");
    open.assert_stored(&cart, Some(&stored), "a refused unit changes no row").await;
    open.assert_stored(&new, None, "a refused unit makes no row").await;
    assert_eq!(open.all_events(&cart).await, [1], "a refused unit adds no event");
    assert_eq!(open.all_events(&new).await, [0; 0], "a refused unit adds no event");
    assert_eq!(open.all_due().await, [due(&cart, 5, "kept")], "a refused unit makes nothing due");
    open.close().await;
}

/// Of two changes of one row in one unit the later one counts.
pub async fn later_changes_of_a_row_count(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    let mut unit = open.unit(&cart, 0, 1);
    unit.rows = vec![
        put(outcome("made"), "1"),
        remind("moved", 5),
        remind("gone", 6),
        RowChange::Delete(outcome("made")),
        put(outcome("twice"), "1"),
        RowChange::Delete(outcome("back")),
        remind("moved", 9),
        put(outcome("back"), "1"),
        RowChange::Delete(reminder("gone")),
        put(outcome("twice"), "2"),
    ];
    open.commit(unit.clone()).await;
    let rows = vec![
        row(outcome("back"), None, "1"),
        row(outcome("twice"), None, "2"),
        row(reminder("moved"), Some(9), "moved at 9"),
    ];
    let stored = with_rows(&unit, rows);
    open.assert_stored(&cart, Some(&stored), "the later change counts").await;
    assert_eq!(open.all_due().await, [due(&cart, 9, "moved")], "the later due time counts");
    // In units that may share a batch as well.
    let mut flying = Vec::new();
    for version in 1..20 {
        let mut unit = open.unit(&cart, version, version + 1);
        unit.rows = match version % 3 {
            0 => vec![RowChange::Delete(reminder("moved"))],
            _ => vec![remind("moved", 100 + version), put(outcome("twice"), "3")],
        };
        flying.push(submit(&*open.store, Arc::new(unit)));
    }
    for submitted in flying {
        assert_eq!(
            submitted.await,
            UnitOutcome::Committed,
            "units of one actor follow one another"
        );
    }
    assert_eq!(open.all_due().await, [due(&cart, 119, "moved")], "the last unit counts");
    open.close().await;
}

/// A load gives the rows that its content needs, and no others.
pub async fn loads_give_what_the_content_needs(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    let mut unit = open.unit(&cart, 0, 1);
    unit.log = EventLog { epoch: 3, offset: 5, open: Some(unit.tenure) };
    unit.content = Content::Journaled { snapshot: 2 };
    unit.rows = vec![remind("r", 1), put(outcome("o"), "o"), put(RowKey::Snapshot, "s")];
    for offset in (1..=5).rev() {
        unit.rows.push(put(RowKey::Journal(offset), "j"));
        unit.rows.push(put(RowKey::Event(offset), "e"));
    }
    open.commit(unit.clone()).await;
    let tail = [row(outcome("o"), None, "o"), row(reminder("r"), Some(1), "r at 1")];
    let mut rows: Vec<_> = (3..=5).map(|n| row(RowKey::Journal(n), None, "j")).collect();
    rows.push(row(RowKey::Snapshot, None, "s"));
    rows.extend(tail.clone());
    let journaled = with_rows(&unit, rows);
    open.assert_stored(&cart, Some(&journaled), "the journal after the snapshot is loaded").await;
    // The same rows are stored, and what the head says of them changes.
    let mut unit = open.unit(&cart, 1, 2);
    unit.log = EventLog { epoch: 3, offset: 5, open: None };
    unit.content = Content::Journaled { snapshot: 0 };
    open.commit(unit.clone()).await;
    let mut rows: Vec<_> = (1..=5).map(|n| row(RowKey::Journal(n), None, "j")).collect();
    rows.extend(tail.clone());
    let all = with_rows(&unit, rows);
    open.assert_stored(&cart, Some(&all), "without a snapshot the whole journal is loaded").await;
    let mut unit = open.unit(&cart, 2, 3);
    unit.content = Content::Journaled { snapshot: 5 };
    unit.log = EventLog { epoch: 3, offset: 5, open: None };
    open.commit(unit.clone()).await;
    let mut rows = vec![row(RowKey::Snapshot, None, "s")];
    rows.extend(tail.clone());
    let none = with_rows(&unit, rows);
    open.assert_stored(&cart, Some(&none), "a snapshot of the last event needs no journal").await;
    let unit = open.unit(&cart, 3, 4);
    open.commit(unit.clone()).await;
    let plain = with_rows(&unit, tail.to_vec());
    open.assert_stored(&cart, Some(&plain), "a state needs no journal").await;
    open.close().await;
    let open = Open::new(subject).await;
    open.assert_stored(&cart, Some(&plain), "and after a restart").await;
    open.close().await;
}

/// Loads that run beside a commit see the actor as it was before the unit or after it.
pub async fn loads_see_whole_units(subject: &impl Subject) {
    const ROUNDS: u64 = 300;
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    for version in 0..ROUNDS {
        let mut unit = open.unit(&cart, version, version + 1);
        unit.log.offset = version + 1;
        unit.content = Content::Journaled { snapshot: version / 8 * 8 };
        let value = format!("{}", version + 1);
        unit.rows = vec![
            put(RowKey::Journal(version + 1), &value),
            put(outcome("o"), &value),
            RowChange::Put(row(reminder("r"), Some(version), &value)),
        ];
        if version % 8 == 0 {
            unit.rows.push(put(RowKey::Snapshot, &format!("{version}")));
        }
        let submitted = submit(&*open.store, Arc::new(unit));
        for _ in 0..2 {
            let loaded = open.load(&cart).await.unwrap_or_else(|error| panic!("{error}"));
            assert_whole(loaded.as_ref(), version);
        }
        assert_eq!(submitted.await, UnitOutcome::Committed);
    }
    open.close().await;
}

/// What was loaded while the unit that expects `version` was in flight.
fn assert_whole(loaded: Option<&Stored>, version: u64) {
    let Some(stored) = loaded else {
        assert_eq!(version, 0, "what was committed is there");
        return;
    };
    let Content::Journaled { snapshot } = stored.content else {
        panic!("no state was stored");
    };
    let at = stored.version.0;
    assert!(at == version || at == version + 1, "version {at} of {version}");
    let text = |number: u64| format!("{number}").into_bytes();
    for row in &stored.rows {
        let expected = match row.key {
            RowKey::Journal(offset) => text(offset),
            RowKey::Snapshot => text(snapshot),
            _ => text(at),
        };
        assert_eq!(row.value.bytes, expected, "{:?} is of the head's moment", row.key);
    }
    let rows = (at - snapshot) as usize + 2 + usize::from(snapshot > 0);
    assert_eq!(stored.rows.len(), rows, "no row of version {at} is missing");
}

/// Names and offsets at their bounds, and actors whose names begin alike, are kept apart.
pub async fn rows_of_every_name_are_apart(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let longest = "n".repeat(ROW_NAME_BYTES_MAX);
    let unicode = "日".repeat(ROW_NAME_BYTES_MAX / 3);
    let names = ["a", "a\0", "a\0b", "ab", "\0", "\u{1}", "\u{10ffff}", "é", &longest, &unicode];
    let long_key = "k".repeat(KEY_BYTES_MAX);
    let actors = [
        actor("cart", "a"),
        actor("cart", "ab"),
        actor("cart", &long_key),
        actor("cart", &long_key[1..]),
        actor("carta", "b"),
    ];
    let mut all = Vec::new();
    for (n, actor) in actors.iter().enumerate() {
        let mut unit = open.unit(actor, 0, n as u64 + 1);
        unit.log.offset = NUMBER_MAX;
        unit.content = Content::Journaled { snapshot: NUMBER_MAX - 1 };
        let value = |name: &str| format!("{name} of {actor}");
        let mut rows = vec![
            row(RowKey::Journal(NUMBER_MAX), None, &value("last")),
            row(RowKey::Snapshot, None, &value("snapshot")),
        ];
        let mut sorted = names.to_vec();
        sorted.sort_unstable();
        rows.extend(sorted.iter().map(|name| row(outcome(name), None, &value(name))));
        let due = [0, NUMBER_MAX, n as u64];
        let timed = sorted.iter().enumerate().map(|(at, name)| (Some(due[at % 3]), name));
        rows.extend(timed.map(|(due_ms, name)| row(reminder(name), due_ms, &value(name))));
        unit.rows = rows.iter().rev().cloned().map(RowChange::Put).collect();
        unit.rows.push(put(RowKey::Event(NUMBER_MAX), "not loaded"));
        unit.rows.push(put(RowKey::Journal(1), "not loaded"));
        open.commit(unit.clone()).await;
        all.push(with_rows(&unit, rows));
    }
    open.close().await;
    let open = Open::new(subject).await;
    for (actor, stored) in actors.iter().zip(&all) {
        open.assert_stored(actor, Some(stored), "an actor's rows are its own").await;
        assert_eq!(open.all_events(actor).await, [1, NUMBER_MAX], "the journal of {actor}");
    }
    let expected = actors.iter().zip(&all).flat_map(|(actor, stored)| {
        stored.rows.iter().filter_map(|row| match &row.key {
            RowKey::Reminder(name) => Some(due(actor, row.due_ms?, name)),
            _ => None,
        })
    });
    let mut expected: Vec<_> = expected.collect();
    expected.sort_unstable();
    assert_eq!(open.all_due().await, expected, "what is due is in order");
    open.close().await;
}

/// Units that break a rule are refused, whatever is stored, and write nothing.
pub async fn invalid_units_are_refused(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "alice");
    let long = "n".repeat(ROW_NAME_BYTES_MAX + 1);
    let mut timed = row(outcome("o"), Some(1), "");
    timed.due_ms = Some(1);
    let too_many = vec![RowChange::Delete(RowKey::Snapshot); UNIT_ROWS_MAX + 1];
    for rows in [
        vec![put(outcome(""), "")],
        vec![put(outcome(&long), "")],
        vec![put(reminder(""), "")],
        vec![remind(&long, 1)],
        vec![RowChange::Delete(outcome(""))],
        vec![RowChange::Delete(reminder(&long))],
        vec![put(RowKey::Journal(0), "")],
        vec![put(RowKey::Event(0), "")],
        vec![put(RowKey::Event(NUMBER_MAX + 1), "")],
        vec![remind("r", NUMBER_MAX + 1)],
        vec![RowChange::Put(timed)],
        vec![put(outcome("good"), ""), put(outcome(""), "")],
        too_many,
    ] {
        let unit = Unit { rows, ..open.unit(&cart, 0, 1) };
        let answer = open.submit(unit).await;
        assert!(matches!(answer, UnitOutcome::Invalid { .. }), "it breaks a rule: {answer:?}");
    }
    let content = Content::Journaled { snapshot: 1 };
    let answer = open.submit(Unit { content, ..open.unit(&cart, 0, 1) }).await;
    assert!(matches!(answer, UnitOutcome::Invalid { .. }), "a snapshot of no event: {answer:?}");
    open.assert_stored(&cart, None, "a refused unit writes nothing").await;
    // Just within the bounds.
    let half = ROW_BYTES_MAX / 2;
    let mut unit = open.unit(&cart, 0, 1);
    unit.content = state(vec![3; UNIT_BYTES_MAX]);
    let mut blob = |key: &str, bytes: usize| {
        let mut row = row(outcome(key), None, "");
        row.value.bytes = vec![5; bytes];
        unit.rows.push(RowChange::Put(row.clone()));
        row
    };
    let rows = vec![blob("a", half), blob("b", ROW_BYTES_MAX - half)];
    let many = (2..UNIT_ROWS_MAX as u64).map(|n| RowChange::Delete(RowKey::Event(n)));
    unit.rows.extend(many);
    assert_eq!(unit.rows.len(), UNIT_ROWS_MAX);
    let mut larger = unit.clone();
    larger.rows[2] = put(outcome("c"), "c");
    let bytes = ROW_BYTES_MAX + 1;
    let too_large = UnitOutcome::TooLarge { bytes, bytes_max: ROW_BYTES_MAX };
    assert_eq!(open.submit(larger).await, too_large, "rows are bounded in all");
    open.assert_stored(&cart, None, "a refused unit writes nothing").await;
    open.commit(unit.clone()).await;
    let stored = with_rows(&unit, rows);
    open.assert_stored(&cart, Some(&stored), "the largest unit is kept to the byte").await;
    open.close().await;
}
