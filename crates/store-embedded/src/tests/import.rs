//! Stores that are made of an export, and what is left of one that could not be made.

use std::fs;
use std::path::Path;

use tenure_store::export::{self, Import, Reader, Totals};
use tenure_store::{
    Content, Encoded, EventLog, Row, RowChange, RowKey, Store, StoreError, UnitOutcome,
};
use tenure_types::{Incarnation, NUMBER_MAX, Version};

use super::support::{Node, fast_folder as folder, wait};
use crate::import::IMPORT;
use crate::{EmbeddedConfig, EmbeddedImport, EmbeddedStore};

/// More than one unit takes, and more than a page of a walk.
const EVENTS: u64 = 20_000;

fn put(key: RowKey, due_ms: Option<u64>) -> RowChange {
    let value = Encoded { schema: 1, codec: 1, bytes: vec![7; 30] };
    RowChange::Put(Row { key, value, due_ms })
}

/// A store with states, journals, reminders, outcomes and deleted actors.
fn filled(folder: &Path, states: u64) -> Node {
    let node = Node::start(folder);
    let commit = |unit| assert_eq!(wait(node.submit(unit)), UnitOutcome::Committed);
    for n in 0..states {
        let mut unit = node.unit(&format!("state{n}"), 0);
        unit.rows = vec![
            put(RowKey::Outcome("k".into()), None),
            put(RowKey::Reminder("r".into()), Some(5_000 + n)),
        ];
        commit(unit);
        if n % 5 == 0 {
            let mut unit = node.unit(&format!("state{n}"), 1);
            unit.content = Content::Deleted { until_ms: NUMBER_MAX };
            commit(unit);
        }
        if n % 10 == 0 {
            commit(node.unit(&format!("state{n}"), 2));
        }
    }
    for part in 0..2 {
        let mut unit = node.unit("journal", part);
        unit.content = Content::Journaled { snapshot: 2 };
        unit.log = EventLog { epoch: 9, offset: (part + 1) * EVENTS / 2, open: None };
        let offsets = part * EVENTS / 2 + 1..=unit.log.offset;
        unit.rows = offsets.map(|offset| put(RowKey::Journal(offset), None)).collect();
        unit.rows.push(put(RowKey::Snapshot, None));
        commit(unit);
    }
    node
}

fn export(store: &EmbeddedStore) -> (Vec<u8>, Totals) {
    let mut file = Vec::new();
    let totals = wait(async {
        let mut walk = store.walk().await?;
        export::export(&mut *walk, &mut file).await
    });
    (file, totals.expect("it is exported"))
}

fn export_of(folder: &Path) -> (Vec<u8>, Totals) {
    let store = EmbeddedStore::new(folder);
    assert_eq!(wait(store.open_to_read()), Ok(true));
    let exported = export(&store);
    wait(store.close()).expect("it closes");
    exported
}

/// Puts `file` into the store that `import` makes.
fn pour(import: &EmbeddedImport, file: &[u8]) -> Result<Totals, StoreError> {
    let store = import.store();
    let incarnation = wait(store.open())?;
    let how = Import { incarnation, epoch: 77, now_ms: 5 };
    let poured =
        Reader::new(file).and_then(|mut reader| wait(export::import(&store, how, &mut reader)));
    wait(store.close())?;
    poured
}

fn import_into(folder: &Path, file: &[u8]) -> Result<Totals, StoreError> {
    let import = EmbeddedImport::begin(&EmbeddedConfig::new(folder))?;
    let totals = pour(&import, file)?;
    import.finish()?;
    Ok(totals)
}

#[test]
fn an_imported_store_exports_the_same_file_and_goes_on() {
    let (from, to) = (folder(), folder());
    let node = filled(from.path(), 40);
    let (file, totals) = export(&node.store);
    node.close();
    assert_eq!(export_of(from.path()), (file.clone(), totals), "a stopped store has the same");
    assert_eq!(totals.actors, 40 - 4 + 1);
    assert_eq!(import_into(to.path(), &file), Ok(totals));
    assert_eq!(export_of(to.path()), (file.clone(), totals));
    let names =
        fs::read_dir(to.path()).expect("a folder").map(|it| it.expect("a file").file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["data", "lock"], "nothing of the import is left");
    let node = Node::start(to.path());
    assert_eq!(node.incarnation, Incarnation(2));
    let due = wait(node.store.due(u64::MAX, None, 1_000)).expect("it is listed");
    assert_eq!(due.len(), 40 - 8);
    let journal = node.load("journal").expect("it is whole").expect("it is there");
    assert_eq!((journal.version, journal.log.offset), (Version(2), EVENTS));
    assert_eq!(node.commit("state1", 1), UnitOutcome::Committed);
    assert_ne!(export(&node.store).0, file);
    node.close();
}

#[test]
fn an_export_while_it_serves_is_of_one_moment() {
    let from = folder();
    let node = filled(from.path(), 4);
    let mut walk = wait(node.store.walk()).expect("it begins");
    assert_eq!(node.commit("later", 0), UnitOutcome::Committed);
    let mut file = Vec::new();
    let totals = wait(export::export(&mut *walk, &mut file)).expect("it is exported");
    drop(walk);
    assert_eq!(export(&node.store).1.actors, totals.actors + 1);
    node.close();
}

#[test]
fn an_import_that_fails_leaves_nothing() {
    let from = folder();
    let node = filled(from.path(), 3);
    let (file, _) = export(&node.store);
    node.close();
    for (length, flipped) in [(0, None), (7, None), (100, None), (file.len() - 1, None)]
        .into_iter()
        .chain([0, 9, 300, file.len() / 2, file.len() - 1].map(|at| (file.len(), Some(at))))
    {
        let to = folder();
        let data = to.path().join("new/data");
        let mut altered = file[..length].to_vec();
        if let Some(at) = flipped {
            altered[at] ^= 1;
        }
        let error = import_into(&data, &altered).expect_err("it is refused");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{length} {flipped:?}: {error}");
        assert!(!to.path().join("new").exists(), "{length} {flipped:?}");
    }
}

#[test]
fn a_store_that_is_there_is_refused_and_stays() {
    let (from, to) = (folder(), folder());
    let (file, _) = export(&filled(from.path(), 2).store);
    let node = Node::start(to.path());
    assert_eq!(node.commit("mine", 0), UnitOutcome::Committed);
    let error = import_into(to.path(), &file).expect_err("it is open");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    node.close();
    let error = import_into(to.path(), &file).expect_err("it is there").to_string();
    assert!(error.contains("there is a store already; move it away"), "{error}");
    let node = Node::start(to.path());
    assert_eq!(node.version("mine"), Ok(Some(Version(1))));
    node.close();
}

/// A process that is killed in the middle of an import leaves what nobody takes for a store.
#[test]
fn what_a_killed_import_left_is_never_served() {
    let (from, to, crashed) = (folder(), folder(), folder());
    let (file, totals) = export(&filled(from.path(), 5).store);
    let import = EmbeddedImport::begin(&EmbeddedConfig::new(to.path())).expect("it begins");
    let error = import_into(to.path(), &file).expect_err("one at a time");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    let store = import.store();
    let incarnation = wait(store.open()).expect("it opens");
    let how = Import { incarnation, epoch: 77, now_ms: 5 };
    let mut reader = Reader::new(&file[..]).expect("it begins");
    wait(export::import(&store, how, &mut reader)).expect("it is imported");
    wait(store.close()).expect("it closes");
    // As it would be found after the process was killed here: filled, and without its place.
    let moved = fs::rename(to.path().join(IMPORT), crashed.path().join(IMPORT));
    moved.expect("it is moved");
    drop(import);
    assert!(crashed.path().join(IMPORT).join("data").is_dir());
    let reader = EmbeddedStore::new(crashed.path());
    assert_eq!(wait(reader.open_to_read()), Ok(false), "there is no store");
    assert_eq!(import_into(crashed.path(), &file), Ok(totals), "it is imported again");
    assert!(!crashed.path().join(IMPORT).exists());
    let node = Node::start(crashed.path());
    assert_eq!(node.version("state1"), Ok(Some(Version(1))));
    node.close();
}
