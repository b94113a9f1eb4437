//! Units that a test submits until it knows what became of them, and what must then be stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tenure_store::conformance::submit;
use tenure_store::{
    Append, Content, Encoded, EventLog, FeedFrom, Row, RowChange, RowKey, Store, Unit, UnitOutcome,
};
use tenure_types::{ActorId, ActorTypeName, FeedName, Incarnation, Key, Tenure, Token, Version};

/// How long a unit may take until its fate is known.
const FATE_MAX: Duration = Duration::from_secs(60);
/// When a unit is submitted again.
const AGAIN_AFTER: Duration = Duration::from_millis(2);

/// What a unit has beside its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Heads,
    Rows,
    Entries,
}

pub(super) fn actor(key: &str) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new("cart").expect("it follows the rule"),
        key: Key::new(key).expect("it follows the rule"),
    }
}

pub(super) fn feed() -> FeedName {
    FeedName::new("orders").expect("it follows the rule")
}

fn value(text: String) -> Encoded {
    Encoded { schema: 1, codec: 1, bytes: text.into_bytes() }
}

/// The unit that moves `actor` to `version`.
pub(super) fn unit(
    actor: &ActorId,
    version: u64,
    incarnation: Incarnation,
    shape: Shape,
) -> Arc<Unit> {
    let sequence = version;
    let (mut rows, mut entries) = (Vec::new(), Vec::new());
    if shape != Shape::Heads {
        let key = RowKey::Outcome(format!("call-{version:06}").into());
        let row = Row { key, value: value(format!("{version:06}")), due_ms: None };
        rows.push(RowChange::Put(row));
        let key = RowKey::Reminder("tick".into());
        let row = Row { key, value: value(format!("{version:06}")), due_ms: Some(version) };
        rows.push(RowChange::Put(row));
        let gone = version.saturating_sub(2);
        rows.push(RowChange::Delete(RowKey::Outcome(format!("call-{gone:06}").into())));
    }
    if shape == Shape::Entries {
        for part in ["a", "b"] {
            let data = format!("\"{}-{version:06}-{part}\"", actor.key).into_bytes();
            entries.push(Append { feed: feed(), data });
        }
    }
    Arc::new(Unit {
        actor: actor.clone(),
        expected: Version(version - 1),
        version: Version(version),
        tenure: Tenure { view: incarnation.0, sequence: 1 },
        token: Token { incarnation, sequence },
        written_at_ms: 1_700_000_000_000 + version,
        log: EventLog::default(),
        content: Content::State(value(format!("{version:06}"))),
        rows,
        entries,
    })
}

/// Opens it, as a process that has just started does: an engine takes nothing back from another.
pub(super) async fn open(store: &dyn Store) -> Incarnation {
    store.close().await.unwrap_or_else(|error| panic!("the store does not close: {error}"));
    store.open().await.unwrap_or_else(|error| panic!("the store does not open: {error}"))
}

/// Submits a unit until its fate is known; counts the answers that told nothing.
pub(super) async fn fate(store: &dyn Store, unit: &Arc<Unit>) -> (UnitOutcome, usize) {
    let unknown = AtomicUsize::new(0);
    let outcome = fate_counted(store, unit, &unknown).await;
    (outcome, unknown.into_inner())
}

/// As [`fate`], counted while it is not known yet.
pub(super) async fn fate_counted(
    store: &dyn Store,
    unit: &Arc<Unit>,
    unknown: &AtomicUsize,
) -> UnitOutcome {
    let (began, mut pace) = (Instant::now(), tokio::time::interval(AGAIN_AFTER));
    loop {
        pace.tick().await;
        match submit(store, Arc::clone(unit)).await {
            UnitOutcome::Unknown { reason } => {
                assert!(began.elapsed() < FATE_MAX, "{unit:?} is still unknown: {reason}");
                unknown.fetch_add(1, Ordering::Relaxed);
            }
            outcome => return outcome,
        }
    }
}

/// Whether the unit became durable, by this or an earlier submission.
pub(super) fn is_done(unit: &Unit, outcome: &UnitOutcome) -> bool {
    let own = UnitOutcome::Conflict { version: unit.version, token: unit.token };
    *outcome == UnitOutcome::Committed || *outcome == own
}

/// What is stored of an actor is that of this version, in one piece.
pub(super) async fn assert_at(store: &dyn Store, actor: &ActorId, version: u64, shape: Shape) {
    let stored = store.load(actor).await;
    let stored = stored.unwrap_or_else(|error| panic!("{actor} does not load: {error}"));
    let stored = stored.unwrap_or_else(|| panic!("{actor} is not stored, not at {version}"));
    assert_eq!((stored.version.0, stored.token.sequence), (version, version), "{actor}");
    assert_eq!(stored.content, Content::State(value(format!("{version:06}"))), "{actor}");
    let found: Vec<_> = stored.rows.iter().map(|row| (row.key.clone(), row.due_ms)).collect();
    let mut expected = Vec::new();
    if shape != Shape::Heads {
        for kept in version.saturating_sub(1).max(1)..=version {
            expected.push((RowKey::Outcome(format!("call-{kept:06}").into()), None));
        }
        expected.push((RowKey::Reminder("tick".into()), Some(version)));
    }
    assert_eq!(found, expected, "{actor} at {version}");
    for row in stored.rows {
        let kept = match &row.key {
            RowKey::Outcome(name) => name["call-".len()..].to_owned(),
            _ => format!("{version:06}"),
        };
        assert_eq!(row.value, value(kept), "{actor} at {version}: {:?}", row.key);
    }
}

/// The feed has what these actors appended up to these versions, once and in order.
pub(super) async fn assert_feed(store: &dyn Store, versions: &BTreeMap<ActorId, u64>) {
    let mut found: BTreeMap<ActorId, Vec<String>> = BTreeMap::new();
    let mut from = FeedFrom::Oldest;
    loop {
        let page = store.read_feed(&feed(), from, 500).await;
        let page = page.unwrap_or_else(|error| panic!("the feed does not read: {error}"));
        if page.entries.is_empty() {
            break;
        }
        for entry in page.entries {
            let text = String::from_utf8(entry.data).expect("a test wrote it");
            found.entry(actor(entry.key.as_str())).or_default().push(text);
        }
        from = FeedFrom::After(page.next);
    }
    let wanted = versions.iter().map(|(actor, last)| {
        let of =
            |version: u64| ["a", "b"].map(|part| format!("\"{}-{version:06}-{part}\"", actor.key));
        (actor.clone(), (1..=*last).flat_map(of).collect::<Vec<_>>())
    });
    assert!(found == wanted.collect(), "the feed has each entry once, in order: {found:?}");
}
