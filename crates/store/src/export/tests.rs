use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use tenure_types::{ActorId, ActorTypeName, Incarnation, Key, Tenure, Token, Version};

use super::*;
use crate::memory::tests::hand::Hand;
use crate::{
    Content, Encoded, EventLog, MemoryDisk, MemoryStore, ROW_BYTES_MAX, Row, RowChange, RowKey,
    Store, StoreError, Unit, UnitOutcome, submit,
};

/// A memory store that is open, on tasks driven by hand.
struct Node {
    hand: Hand,
    store: MemoryStore,
    incarnation: Incarnation,
}

impl Node {
    fn start() -> Self {
        let hand = Hand::default();
        let store = MemoryStore::new(MemoryDisk::new(), Arc::new(hand.clone()));
        let incarnation = hand.run(store.open()).expect("it opens");
        Self { hand, store, incarnation }
    }

    fn commit(&self, unit: Unit) {
        let outcome = self.hand.run(submit(&self.store, Arc::new(unit)));
        assert_eq!(outcome, UnitOutcome::Committed);
    }

    fn export(&self) -> (Vec<u8>, Totals) {
        let mut file = Vec::new();
        let totals = self.hand.run(async {
            let mut walk = self.store.walk().await?;
            export(&mut *walk, &mut file).await
        });
        let totals = totals.expect("it is exported");
        assert_eq!(totals.bytes, file.len() as u64);
        (file, totals)
    }

    fn import(&self, file: &[u8]) -> Result<Totals, StoreError> {
        let how = Import { incarnation: self.incarnation, epoch: 77, now_ms: 5 };
        let mut reader = Reader::new(file)?;
        self.hand.run(import(&self.store, how, &mut reader))
    }

    fn compare(&self, file: &[u8]) -> Result<Totals, Difference> {
        let compared = self.hand.run(async {
            let mut walk = self.store.walk().await?;
            compare(&mut *walk, Reader::new(file)?).await
        });
        compared.expect("both are read")
    }
}

fn actor(type_name: &'static str, key: &str) -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new(type_name).expect("a good name"),
        key: Key::new(key).expect("a good key"),
    }
}

fn value(bytes: impl Into<Vec<u8>>) -> Encoded {
    Encoded { schema: 3, codec: 1, bytes: bytes.into() }
}

fn put(key: RowKey, bytes: impl Into<Vec<u8>>) -> RowChange {
    RowChange::Put(Row { key, value: value(bytes), due_ms: None })
}

fn remind(name: &str, due_ms: u64) -> RowChange {
    let key = RowKey::Reminder(name.into());
    RowChange::Put(Row { key, value: value("ring"), due_ms: Some(due_ms) })
}

/// A unit of one store, with what belongs to the store in it.
fn unit(node: &Node, actor: ActorId, expected: u64, secret: u64) -> Unit {
    Unit {
        actor,
        expected: Version(expected),
        version: Version(expected + 1),
        tenure: Tenure { view: secret, sequence: secret },
        token: Token { incarnation: node.incarnation, sequence: secret },
        written_at_ms: secret,
        log: EventLog::default(),
        content: Content::State(value("state")),
        rows: Vec::new(),
        entries: Vec::new(),
    }
}

/// A store with actors of every kind. `secret` is in everything that belongs to the store.
fn filled(secret: u64) -> Node {
    let node = Node::start();
    if secret > 1 {
        // One that is gone, and that another store never had.
        node.commit(unit(&node, actor("cart", "gone"), 0, secret));
        let mut deleted = unit(&node, actor("cart", "gone"), 1, secret);
        deleted.content = Content::Deleted { until_ms: u64::MAX >> 1 };
        node.commit(deleted);
    }
    // Written through, with an outcome, a reminder and events for clients.
    let mut through = unit(&node, actor("cart", "alice"), 6, secret);
    through.expected = Version::NONE;
    through.log = EventLog { epoch: 100 + secret, offset: 12, open: None };
    through.rows = vec![
        put(RowKey::Outcome("k1".into()), "reply"),
        remind("r", 9_000),
        put(RowKey::Event(11), "said"),
        put(RowKey::Event(12), "done"),
    ];
    node.commit(through);
    // Written behind: its log may have lost events, so it is begun anew by whoever loads it.
    let mut behind = unit(&node, actor("cart", "bob"), 0, secret);
    let open = Some(Tenure { view: secret, sequence: 1 });
    behind.log = EventLog { epoch: 200 + secret, offset: 40 + secret, open };
    behind.rows = vec![put(RowKey::Event(40), "lost"), remind("r", 1)];
    node.commit(behind);
    // Event sourced, with and without a snapshot.
    for (key, snapshot) in [("with", 2), ("without", 0)] {
        let mut sourced = unit(&node, actor("account", key), 0, secret);
        sourced.content = Content::Journaled { snapshot };
        sourced.log = EventLog { epoch: 300 + secret, offset: 3, open: None };
        sourced.rows = (1..=3).map(|n| put(RowKey::Journal(n), format!("event {n}"))).collect();
        if snapshot > 0 {
            sourced.rows.push(put(RowKey::Snapshot, "both"));
        }
        node.commit(sourced);
    }
    node
}

#[test]
fn stores_with_the_same_actors_have_equal_files_and_nothing_of_the_store_is_in_them() {
    let (one, other) = (filled(1), filled(9));
    let ((file, totals), (other_file, _)) = (one.export(), other.export());
    assert_eq!(file, other_file);
    assert_eq!((totals.actors, totals.rows), (4, 4 + 1 + 4 + 3));
    assert_eq!(Reader::new(&file[..]).and_then(Reader::verify), Ok(totals));
}

#[test]
fn an_imported_store_has_every_actor_and_exports_the_same_file() {
    let (from, to) = (filled(4), Node::start());
    let (file, totals) = from.export();
    assert_eq!(to.import(&file), Ok(totals));
    assert_eq!(to.export(), (file.clone(), totals));
    assert_eq!(to.compare(&file), Ok(totals));
    let load = |node: &Node, id: &ActorId| {
        node.hand.run(node.store.load(id)).expect("it is read").expect("it is there")
    };
    for id in [("cart", "alice"), ("cart", "bob"), ("account", "with"), ("account", "without")] {
        let id = actor(id.0, id.1);
        let (before, after) = (load(&from, &id), load(&to, &id));
        let what = |it: &crate::Stored| (it.version, it.content.clone(), it.rows.clone());
        assert_eq!(what(&after), what(&before), "{id}");
        // Whoever followed it before is told that the log is another; offsets go on.
        let offset = if before.log.open.is_some() { 0 } else { before.log.offset };
        let epoch = if offset > 0 { 77 } else { 0 };
        assert_eq!(after.log, EventLog { epoch, offset, open: None }, "{id}");
        // Nothing ever ran under it, and every right is above it.
        assert_eq!((after.tenure, after.written_at_ms), (Tenure::default(), 5), "{id}");
    }
    let due = |node: &Node| node.hand.run(node.store.due(u64::MAX, None, 9));
    assert_eq!(due(&to), due(&from));
    let events = to.hand.run(to.store.events(&actor("account", "with"), 0, 9)).expect("events");
    assert_eq!(events.len(), 3, "what is before the snapshot is there as well");
}

#[test]
fn a_file_that_was_altered_or_cut_anywhere_is_refused_with_the_place() {
    let (file, _) = filled(1).export();
    let refusal = |file: &[u8]| match Reader::new(file).and_then(Reader::verify) {
        Err(StoreError::Corrupt { detail, .. }) => detail,
        Err(StoreError::Newer { detail, .. }) => detail,
        other => panic!("it is {other:?}"),
    };
    for at in 0..file.len() {
        for change in [1, 0x80, 0xff] {
            let mut altered = file.clone();
            altered[at] ^= change;
            let detail = refusal(&altered);
            assert!(at < 8 || detail.contains("which begins at byte "), "{at}: {detail}");
        }
        let detail = refusal(&file[..at]);
        assert!(detail.contains("it is cut short; copy the file again"), "{at}: {detail}");
    }
    assert!(refusal(&[&file[..], &[0]].concat()).contains("something follows the end"));
    // Records that are whole each, and in another place.
    let first = 8..8 + record_bytes(&file[8..]);
    let twice = [&file[..first.end], &file[first.clone()], &file[first.end..]].concat();
    assert!(refusal(&twice).contains("does not match its checksum"));
    let without = [&file[..first.start], &file[first.end..]].concat();
    assert!(refusal(&without).contains("record 1, which begins at byte 8 is not"));
}

/// The length of the record that `file` begins with.
fn record_bytes(file: &[u8]) -> usize {
    let length = u32::from_le_bytes(file[1..5].try_into().expect("four bytes"));
    FRAME_HEAD_BYTES + length as usize + CHECKSUM_BYTES
}

#[test]
fn a_length_that_a_file_claims_is_not_allocated() {
    let mut file = [&EXPORT_MAGIC[..], &[FORMAT, ACTOR]].concat();
    file.extend_from_slice(&(RECORD_BYTES_MAX as u32).to_le_bytes());
    let mut reader = Reader::new(&file[..]).expect("it begins well");
    assert!(reader.next().is_err());
    assert!(reader.body.capacity() < 1 << 10, "{}", reader.body.capacity());
    file[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = Reader::new(&file[..]).and_then(Reader::verify).expect_err("it is refused");
    assert!(error.to_string().contains("longer than any"), "{error}");
}

#[test]
fn a_file_of_a_newer_program_is_told_as_that() {
    let (mut file, _) = filled(1).export();
    file[7] = FORMAT + 1;
    let error = Reader::new(&file[..]).map(|_| ()).expect_err("it is refused");
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
}

#[test]
fn a_store_with_anything_in_it_takes_no_import_and_is_as_it_was() {
    let (file, _) = filled(1).export();
    let full = Node::start();
    full.commit(unit(&full, actor("user", "carol"), 0, 3));
    let before = full.export();
    let error = full.import(&file).expect_err("it is refused");
    assert!(error.to_string().contains("it has user/carol already"), "{error}");
    assert_eq!(full.export(), before);
}

#[test]
fn rows_that_are_too_many_for_a_unit_come_in_several() {
    const EVENTS: u64 = 40_000;
    let (from, to) = (Node::start(), Node::start());
    for part in 0..4 {
        let mut sourced = unit(&from, actor("account", "long"), part, 1 + part);
        sourced.content = Content::Journaled { snapshot: 0 };
        sourced.log.offset = (part + 1) * EVENTS / 4;
        let events = part * EVENTS / 4 + 1..=sourced.log.offset;
        sourced.rows = events.map(|n| put(RowKey::Journal(n), "event")).collect();
        from.commit(sourced);
    }
    for part in 0..3 {
        let mut wide = unit(&from, actor("cart", "wide"), part, 1 + part);
        wide.rows = vec![put(RowKey::Outcome(format!("k{part}").into()), vec![7; ROW_BYTES_MAX])];
        from.commit(wide);
    }
    let (file, totals) = from.export();
    assert_eq!(totals.rows, EVENTS + 3);
    assert_eq!(to.import(&file), Ok(totals));
    assert_eq!(to.export().0, file);
    let batches = to.store.disk().counts().commits;
    assert_eq!(batches, 3 + 3, "of 16,384 rows, and of 4 MiB");
}

#[test]
fn a_difference_is_named() {
    let (file, _) = filled(1).export();
    let changed = |change: &dyn Fn(&Node)| {
        let node = filled(1);
        change(&node);
        node.compare(&file).expect_err("they differ").to_string()
    };
    let commit = |node: &Node, key: &str, expected: u64, rows: Vec<RowChange>| {
        let mut changed = unit(node, actor("cart", key), expected, 50);
        changed.rows = rows;
        node.commit(changed);
    };
    let more = changed(&|node| commit(node, "zoe", 0, Vec::new()));
    assert_eq!(more, "cart/zoe is in the store and not in the file");
    let other = changed(&|node| commit(node, "alice", 7, Vec::new()));
    assert_eq!(other, "cart/alice is another in the store than in the file");
    let deleted = changed(&|node| {
        let mut deleted = unit(node, actor("cart", "alice"), 7, 50);
        deleted.content = Content::Deleted { until_ms: 9 };
        node.commit(deleted);
    });
    assert_eq!(deleted, "cart/alice is in the file and not in the store");
    let row = changed(&|node| {
        let mut same = unit(node, actor("account", "with"), 0, 50);
        (same.expected, same.version) = (Version(1), Version(2));
        same.content = Content::Journaled { snapshot: 2 };
        same.log.offset = 3;
        node.commit(same);
    });
    assert_eq!(row, "account/with is another in the store than in the file");
}

fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("cart"), Just("car"), Just("user_2"), Just("x")]
}

fn encoded() -> impl Strategy<Value = Encoded> {
    (any::<u32>(), any::<u8>(), vec(any::<u8>(), 0..40))
        .prop_map(|(schema, codec, bytes)| Encoded { schema, codec, bytes })
}

fn text() -> impl Strategy<Value = Box<str>> {
    "[a-c\u{e9}]{1,3}".prop_map(Box::from)
}

/// An actor and its rows, as a store may show them.
fn shown() -> impl Strategy<Value = (Version, u64, Content, Vec<Row>)> {
    let named = btree_map(text(), (encoded(), option::of(0_u64..99)), 0..3);
    let events = (0_u64..5, 0_u64..5);
    (1_u64..99, events, option::of(encoded()), named, encoded()).prop_map(
        |(version, (first, count), state, named, event)| {
            let last = first + count;
            let row = |key| Row { key, value: event.clone(), due_ms: None };
            let mut rows: Vec<Row> = Vec::new();
            let offsets = first + 1..=last;
            let content = match state {
                Some(state) => {
                    rows.extend(offsets.map(|n| row(RowKey::Event(n))));
                    Content::State(state)
                }
                None => {
                    rows.extend(offsets.map(|n| row(RowKey::Journal(n))));
                    rows.extend((first > 0).then(|| row(RowKey::Snapshot)));
                    Content::Journaled { snapshot: first }
                }
            };
            let outcomes = named.iter().map(|(name, (value, _))| (name, value, None));
            rows.extend(outcomes.map(|(name, value, due_ms)| Row {
                key: RowKey::Outcome(name.clone()),
                value: value.clone(),
                due_ms,
            }));
            rows.extend(named.into_iter().map(|(name, (value, due_ms))| Row {
                key: RowKey::Reminder(name),
                value,
                due_ms,
            }));
            (Version(version), last, content, rows)
        },
    )
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    btree_map((name(), text()), shown(), 0..6).prop_map(|actors| {
        let records = actors.into_iter().flat_map(|((type_name, key), shown)| {
            let (version, events, content, rows) = shown;
            let (type_name, key) = (type_name.into(), Key::new(&key).expect("a good key"));
            let actor = Actor { type_name, key, version, events, content };
            std::iter::once(Record::Actor(actor)).chain(rows.into_iter().map(Record::Row))
        });
        records.collect()
    })
}

fn write(records: &[Record]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file).expect("it begins");
    for record in records {
        writer.write(record).expect("it fits");
    }
    writer.finish().expect("it ends");
    file
}

fn read(file: &[u8]) -> Result<Vec<Record>, StoreError> {
    let (mut reader, mut found) = (Reader::new(file)?, Vec::new());
    while let Some(record) = reader.next()? {
        found.push(record);
    }
    assert_eq!(reader.totals().map(|it| it.bytes), Some(file.len() as u64));
    Ok(found)
}

proptest! {
    #[test]
    fn what_is_written_is_read(records in records()) {
        prop_assert_eq!(read(&write(&records)), Ok(records));
    }

    #[test]
    fn one_set_of_actors_has_one_file(records in records()) {
        let node = Node::start();
        let file = write(&records);
        prop_assert!(node.import(&file).is_ok());
        prop_assert_eq!(node.export().0, file);
    }

    /// A piece of the file is replaced by anything: no other file is read than the one that was written.
    #[test]
    fn no_other_file_is_read(
        records in records(),
        at in any::<prop::sample::Index>(),
        length in 0_usize..30,
        piece in vec(any::<u8>(), 0..30),
    ) {
        let file = write(&records);
        let begin = at.index(file.len());
        let end = (begin + length).min(file.len());
        let altered = [&file[..begin], &piece, &file[end..]].concat();
        match read(&altered) {
            Ok(_) => prop_assert_eq!(altered, file),
            Err(error) => prop_assert!(!matches!(error, StoreError::Io { .. }), "{}", error),
        }
    }

    #[test]
    fn records_in_no_order_are_refused(records in records(), swapped in any::<prop::sample::Index>()) {
        prop_assume!(records.len() > 1);
        let at = swapped.index(records.len() - 1);
        let mut disordered = records;
        disordered.swap(at, at + 1);
        let mut writer = Writer::new(Vec::new()).expect("it begins");
        let mut written = disordered.iter().try_for_each(|record| writer.write(record));
        if written.is_ok() {
            written = writer.finish().map(drop);
        }
        // Two rows of different actors cannot be told from rows of one another.
        let is_row = |record: &Record| matches!(record, Record::Row(_));
        let may_fit = is_row(&disordered[at]) != is_row(&disordered[at + 1]);
        prop_assert!(written.is_err() || may_fit);
    }
}
