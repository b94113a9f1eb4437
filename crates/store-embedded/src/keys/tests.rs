use super::*;

const LONG: &str = "t23456789_123456789_123456789_123456789_123456789_123456789_123456789";

/// Owners whose names begin alike, in the order of their names.
fn owners() -> Vec<(String, String)> {
    let keys = [" ", "a", "a ", "ab", "b", "é", &"k".repeat(512)].map(str::to_owned);
    let mut owners: Vec<_> = ["a", "a0", "a_b", "ab", LONG]
        .into_iter()
        .flat_map(|type_name| keys.clone().map(|key| (type_name.to_owned(), key)))
        .collect();
    owners.sort_unstable();
    owners
}

fn owner((type_name, key): &(String, String)) -> Owner<'_> {
    Owner { type_name, key }
}

#[test]
fn keys_of_an_actor_lie_together_and_in_order() {
    let owners = owners();
    let rows = [
        RowKey::Journal(1),
        RowKey::Journal(u64::MAX),
        RowKey::Snapshot,
        RowKey::Event(256),
        RowKey::Outcome("\0".into()),
        RowKey::Outcome("a".into()),
        RowKey::Reminder("a".into()),
    ];
    let mut keys = Vec::new();
    for name in &owners {
        keys.push(HeadKey::new().of(owner(name)).to_vec());
        for life in [1, 255, 256, u64::MAX] {
            let prefix = Prefix::of(owner(name), life);
            for row in &rows {
                let key = prefix.row(row);
                assert_eq!(prefix.read(&key).as_ref(), Some(row));
                keys.push(key);
            }
            let last = keys.last().expect("one was just added");
            let (number, beginning) = read_ended(&ended(7, owner(name), life)).expect("it ended");
            assert_eq!(number, 7);
            assert!(last.starts_with(&beginning) && *last < after(&beginning));
        }
    }
    assert!(keys.is_sorted_by(|before, after| before < after));
}

#[test]
fn what_is_due_is_ordered_as_it_is_listed() {
    let owners = owners();
    let mut due_keys = Vec::new();
    for due_ms in [0, 1, 255, 256, u64::MAX] {
        for name in &owners {
            for reminder in ["\0", "a", "a\0", "ab", "é"] {
                let key = due(due_ms, owner(name), reminder);
                let read = read_due(&key).expect("it is due");
                assert_eq!((read.due_ms, &*read.reminder), (due_ms, reminder));
                assert_eq!((&*read.type_name, read.key.as_str()), (&*name.0, &*name.1));
                assert!(due_from(due_ms) < key && key < due_until(due_ms));
                due_keys.push((read, key));
            }
        }
    }
    assert!(due_keys.is_sorted_by(|before, after| before.0 < after.0 && before.1 < after.1));
    assert!(due_until(0) < due_from(1) && due_until(255) < due_from(256));
}

#[test]
fn notes_of_what_was_deleted_are_read() {
    for name in &owners() {
        for until_ms in [0, 256, u64::MAX] {
            let key = deleted(until_ms, owner(name));
            assert_eq!(read_deleted(&key), Some((until_ms, owner(name))));
        }
    }
    for no_note in [&b""[..], &[DELETED], &[DELETED, 0, 0, 0, 0, 0, 0, 0, 0], &[ENDED; 20]] {
        assert_eq!(read_deleted(no_note), None);
        assert_eq!(read_due(no_note), None);
    }
}
