//! A store that is opened to be read is as it was.

use std::path::Path;

use tenure_store::{Store, StoreError, UnitOutcome};
use tenure_types::{Incarnation, Version};

use super::support::{Image, Node, folder, wait};
use crate::failure::injected::Injected;
use crate::{EmbeddedConfig, EmbeddedStore};

const ACTORS: u64 = 20;

/// Reads everything that is stored in `folder`, and lets go of it.
fn read(folder: &Path) -> Vec<u64> {
    let store = EmbeddedStore::new(folder);
    assert_eq!(wait(store.open_to_read()), Ok(true));
    let types = wait(store.types()).expect("types are listed");
    assert_eq!(types.len(), 1);
    let heads = wait(store.heads(&types[0], None, 1_000)).expect("heads are listed");
    let versions = heads.into_iter().map(|head| head.stored.expect("whole").version.0).collect();
    assert_eq!(wait(store.close()), Ok(()));
    versions
}

#[test]
fn what_is_read_is_as_it_was_however_the_store_was_left() {
    for way in ["running", "stopped", "stopped with journals"] {
        let (origin, copy) = (folder(), folder());
        let config = EmbeddedConfig::new(origin.path());
        let faults = config.faults.clone();
        let node = Node::try_start(config).expect("the store opens");
        for n in 0..ACTORS {
            assert_eq!(node.commit(&format!("a{n}"), 0), UnitOutcome::Committed);
            assert_eq!(node.commit(&format!("a{n}"), 1), UnitOutcome::Committed);
        }
        match way {
            "running" => Image::take_calm(origin.path()).write(copy.path()),
            _ => {
                if way == "stopped with journals" {
                    faults.set(Injected::Flush);
                }
                node.close();
                Image::take_calm(origin.path()).write(copy.path());
            }
        }
        for _ in 0..3 {
            assert_eq!(read(copy.path()), vec![2; ACTORS as usize], "{way}");
        }
        let node = Node::start(copy.path());
        assert_eq!(node.incarnation, Incarnation(2), "{way}: readers were given none");
        for n in 0..ACTORS {
            assert_eq!(node.version(&format!("a{n}")), Ok(Some(Version(2))), "{way}");
        }
        assert_eq!(node.commit("later", 0), UnitOutcome::Committed, "{way}");
        node.close();
        assert_eq!(read(copy.path()).len() as u64, ACTORS + 1, "{way}");
    }
}

#[test]
fn a_store_that_is_open_is_not_read_and_one_that_is_not_there_is_not_made() {
    let folder = folder();
    let node = Node::start(folder.path());
    let reader = EmbeddedStore::new(folder.path());
    let error = wait(reader.open_to_read()).expect_err("the store is locked");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    node.close();
    assert_eq!(wait(reader.open_to_read()), Ok(true), "a close lets go of it");
    let error = wait(EmbeddedStore::new(folder.path()).open()).expect_err("a reader has it");
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    // A reader that is dropped lets go some time later.
    wait(reader.close()).expect("it closes");
    Node::start(folder.path()).close();
    let missing = folder.path().join("missing");
    assert_eq!(wait(EmbeddedStore::new(&missing).open_to_read()), Ok(false));
    assert!(!missing.exists(), "nothing was made");
}
