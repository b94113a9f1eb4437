//! What people see with `psql`.

use std::sync::Arc;

use tenure_store::conformance::submit;
use tenure_store::{Content, Encoded, EventLog, Row, RowChange, RowKey, Store, Unit, UnitOutcome};
use tenure_types::{ActorId, ActorTypeName, Incarnation, Key, Tenure, Token, Version};

use super::support::Database;
use crate::PostgresStore;

/// MessagePack of every kind of value, and what it is as JSON.
const VALUES: &[(&[u8], &str)] = &[
    (&[0x07], "7"),
    (&[0xff], "-1"),
    (&[0xc0], "null"),
    (&[0xc3], "true"),
    (&[0xc2], "false"),
    (&[0xcc, 0xc8], "200"),
    (&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "18446744073709551615"),
    (&[0xd1, 0xff, 0x38], "-200"),
    (&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], "-9223372036854775808"),
    (&[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], "1.5"),
    (&[0xcb, 0xc0, 0x04, 0, 0, 0, 0, 0, 0], "-2.5"),
    (&[0xcb, 0, 0, 0, 0, 0, 0, 0, 0], "0"),
    (&[0xca, 0x3f, 0x80, 0, 0], "1"),
    (&[0xa3, b'a', 0xc3, 0xa9], "\"aé\""),
    (&[0xd9, 0x01, b'"'], r#""\"""#),
    (&[0x93, 0x01, 0x90, 0x80], "[1, [], {}]"),
    (&[0xdc, 0, 1, 0x05], "[5]"),
    (
        &[0x82, 0xa1, b'b', 0x81, 0xa1, b'c', 0xc0, 0xa1, b'a', 0x91, 0x02],
        r#"{"a": [2], "b": {"c": null}}"#,
    ),
    (&[0xc4, 0x02, 0x01, 0x02], r#""AQI=""#),
];

fn encoded(bytes: &[u8]) -> Encoded {
    Encoded { schema: 1, codec: 1, bytes: bytes.to_vec() }
}

fn unit(key: &str, incarnation: Incarnation, content: Content) -> Unit {
    let actor_type = ActorTypeName::new("cart").expect("a good name");
    Unit {
        actor: ActorId { actor_type, key: Key::new(key).expect("a good key") },
        expected: Version(0),
        version: Version(1),
        tenure: Tenure { view: 1, sequence: 1 },
        token: Token { incarnation, sequence: 1 },
        written_at_ms: 1_700_000_000_000,
        log: EventLog::default(),
        content,
        rows: Vec::new(),
        entries: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_and_history_are_read_as_json() {
    let database = Database::start();
    let config = database.config();
    let store = PostgresStore::new(config.clone());
    let incarnation = store.open().await.expect("it opens");
    for (n, (bytes, _)) in VALUES.iter().enumerate() {
        let unit = unit(&format!("{n:02}"), incarnation, Content::State(encoded(bytes)));
        assert_eq!(submit(&store, Arc::new(unit)).await, UnitOutcome::Committed);
    }
    let states = database.sql(&config, "SELECT state FROM states WHERE type = 'cart' ORDER BY key");
    let expected: Vec<_> = VALUES.iter().map(|(_, json)| *json).collect();
    assert_eq!(states.lines().collect::<Vec<_>>(), expected);

    let mut sourced = unit("sourced", incarnation, Content::Journaled { snapshot: 2 });
    sourced.log.offset = 3;
    let put =
        |key, bytes: &[u8], due_ms| RowChange::Put(Row { key, value: encoded(bytes), due_ms });
    sourced.rows = (1..=3).map(|n| put(RowKey::Journal(n), &[n as u8], None)).collect();
    sourced.rows.push(put(RowKey::Snapshot, &[0xa1, b's'], None));
    sourced.rows.push(put(RowKey::Reminder("r".into()), &[0xc0], Some(1_800_000_000_000)));
    assert_eq!(submit(&store, Arc::new(sourced)).await, UnitOutcome::Committed);
    let history = database.sql(&config, "SELECT event, version, what FROM history ORDER BY event");
    assert_eq!(history, "1|1|1\n2|1|2\n3|1|3");
    let sql = "SELECT state, state_after_event FROM states WHERE key = 'sourced'";
    assert_eq!(database.sql(&config, sql), "\"s\"|2");
    let sql = "SELECT key, name, extract(epoch FROM due)::bigint FROM reminders";
    assert_eq!(database.sql(&config, sql), "sourced|r|1800000000");
    store.close().await.expect("it closes");
}
