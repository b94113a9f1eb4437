use proptest::prelude::*;
use tenure_types::{ActorId, ActorTypeName, Key};

use super::*;
use crate::ROW_NAME_BYTES_MAX;

fn actor(key: &str) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new("cart").expect("a good name"),
        key: Key::new(key).expect("a good key"),
    }
}

fn keys() -> Vec<RowKey> {
    let text = |text: &str| Box::<str>::from(text);
    let longest = "n".repeat(ROW_NAME_BYTES_MAX);
    vec![
        RowKey::Journal(1),
        RowKey::Journal(255),
        RowKey::Journal(256),
        RowKey::Journal(u64::MAX),
        RowKey::Snapshot,
        RowKey::Event(1),
        RowKey::Event(u64::MAX),
        RowKey::Outcome(text("\0")),
        RowKey::Outcome(text("a")),
        RowKey::Outcome(text("a\0")),
        RowKey::Outcome(text("日本")),
        RowKey::Reminder(text("a")),
        RowKey::Reminder(text(&longest)),
    ]
}

fn row(key: RowKey, due_ms: Option<u64>, bytes: &[u8]) -> Row {
    Row { key, value: Encoded { schema: 2, codec: 1, bytes: bytes.to_vec() }, due_ms }
}

fn encoded(life: u64, row: &Row) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&actor("alice"), life, row, &mut out);
    out
}

fn decoded(life: u64, key: &RowKey, bytes: &[u8]) -> Result<Row, StoreError> {
    decode(&actor("alice"), life, key.clone(), bytes)
}

fn is_noticed(result: &Result<Row, StoreError>) -> bool {
    matches!(result, Err(StoreError::Corrupt { .. } | StoreError::Newer { .. }))
}

/// The checksums were computed with another implementation of XXH3 (python-xxhash).
#[test]
fn the_layout_never_changes() {
    let event = row(RowKey::Journal(7), None, b"event");
    let reminder = row(RowKey::Reminder("tea".into()), Some(1_700_000_000_123), b"");
    for (life, row, expected) in [
        (
            0,
            event,
            "544e420101000000 02000000 0000000000000000 05000000 6576656e74 7c18fedcf1f81985",
        ),
        (9, reminder, "544e420101010000 02000000 7b68e5cf8b010000 00000000 e64a8769d38860da"),
    ] {
        let hex: String = expected.split_whitespace().collect();
        let found: String = encoded(life, &row).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, hex);
    }
}

#[test]
fn names_are_ordered_as_keys_are() {
    let keys = keys();
    assert!(keys.is_sorted());
    let name = |key: &RowKey| {
        let mut name = Vec::new();
        write_name(key, &mut name);
        name
    };
    let names: Vec<_> = keys.iter().map(name).collect();
    assert!(names.is_sorted());
    for (key, name) in keys.iter().zip(&names) {
        assert_eq!(read_name(name).as_ref(), Some(key));
    }
    for no_name in [&[][..], &[0], &[6, 1], &[1], &[1, 0, 0, 0, 0, 0, 0, 0], &[2, 0], &[4, 0xff]] {
        assert_eq!(read_name(no_name), None, "{no_name:?}");
    }
}

#[test]
fn every_flipped_bit_truncation_and_addition_is_noticed() {
    let due = [None, Some(0), Some(u64::MAX)];
    let values = [&b""[..], b"value", &[7; 600]];
    for (due_ms, bytes) in due.into_iter().flat_map(|due| values.map(|value| (due, value))) {
        let row = row(RowKey::Reminder("tea".into()), due_ms, bytes);
        let whole = encoded(5, &row);
        assert_eq!(decoded(5, &row.key, &whole), Ok(row.clone()));
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(is_noticed(&decoded(5, &row.key, &damaged)), "bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(is_noticed(&decoded(5, &row.key, &whole[..length])), "{length} are left");
        }
        for added in [0, 1, 255] {
            let longer = [&whole[..], &[added]].concat();
            assert!(is_noticed(&decoded(5, &row.key, &longer)), "{added} was added");
        }
    }
}

#[test]
fn a_row_under_another_name_is_noticed() {
    let keys = keys();
    for key in &keys {
        let bytes = encoded(5, &row(key.clone(), None, b"value"));
        for other in &keys {
            assert_eq!(decoded(5, other, &bytes).is_ok(), other == key, "{key:?} as {other:?}");
        }
        for life in [0, 4, 6] {
            assert!(is_noticed(&decoded(life, key, &bytes)), "{key:?} in another life");
        }
        let others = decode(&actor("alicf"), 5, key.clone(), &bytes);
        assert!(is_noticed(&others), "{key:?} of another actor");
    }
    // Nor is one taken for a head, or a head for one.
    let bytes = encoded(5, &row(RowKey::Snapshot, None, b"value"));
    assert!(crate::row::decode(&actor("alice"), &bytes).is_err());
}

#[test]
fn errors_name_the_row_and_its_actor() {
    for (key, named) in [
        (RowKey::Journal(7), "event 7 in the journal of cart/alice"),
        (RowKey::Snapshot, "the snapshot of cart/alice"),
        (RowKey::Event(7), "event 7 of cart/alice"),
        (RowKey::Outcome("o".into()), "the outcome \"o\" of cart/alice"),
        (RowKey::Reminder("r".into()), "the reminder \"r\" of cart/alice"),
    ] {
        let Err(StoreError::Corrupt { what, .. }) = decoded(0, &key, b"") else {
            panic!("nothing is left of {key:?}");
        };
        assert_eq!(*what, *named);
    }
}

#[test]
fn a_newer_format_is_not_damage() {
    let row = row(RowKey::Snapshot, None, b"value");
    let mut bytes = encoded(0, &row);
    bytes[3] = FORMAT + 1;
    assert!(matches!(decoded(0, &row.key, &bytes), Err(StoreError::Newer { .. })));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        key in prop::sample::select(keys()),
        (life, due_ms) in (any::<u64>(), any::<Option<u64>>()),
        (schema, codec) in (any::<u32>(), any::<u8>()),
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let row = Row { key, value: Encoded { schema, codec, bytes }, due_ms };
        prop_assert_eq!(decoded(life, &row.key, &encoded(life, &row)), Ok(row));
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decoded(0, &RowKey::Snapshot, &bytes).is_err());
        if let Some(key) = read_name(&bytes) {
            let mut name = Vec::new();
            write_name(&key, &mut name);
            prop_assert_eq!(name, bytes);
        }
    }
}
