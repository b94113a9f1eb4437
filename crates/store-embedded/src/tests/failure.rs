//! A disk that fails: nothing is acknowledged, and the next open starts from what is stored.

use tenure_store::{Store, StoreError, UnitOutcome};
use tenure_types::Version;

use super::support::{Node, actor, folder, wait};
use crate::EmbeddedConfig;
use crate::failure::injected::Injected;

fn is_fenced(outcome: &UnitOutcome) -> bool {
    matches!(outcome, UnitOutcome::Fenced { .. })
}

#[test]
fn a_failed_batch_fences_until_the_store_is_opened_again() {
    for fault in [Injected::Write, Injected::Sync, Injected::Panic] {
        let folder = folder();
        let config = EmbeddedConfig::new(folder.path());
        let faults = config.faults.clone();
        let mut node = Node::try_start(config).expect("the store opens");
        let first = node.incarnation;
        assert_eq!(node.commit("kept", 0), UnitOutcome::Committed);
        faults.set(fault);
        let failing: Vec<_> =
            (0..50).map(|n| node.submit(node.unit(&format!("failing-{n}"), 0))).collect();
        let outcomes: Vec<_> = failing.into_iter().map(wait).collect();
        // The first may have been a batch of its own; what comes after the failure is fenced.
        assert!(outcomes.iter().any(is_fenced), "{fault:?}: {outcomes:?}");
        let after = outcomes.iter().position(is_fenced).expect("one is fenced");
        assert!(outcomes[after..].iter().all(is_fenced), "{fault:?}: {outcomes:?}");
        assert!(is_fenced(&node.commit("later", 0)), "{fault:?}");
        super::support::wait_until("loads are refused", || {
            matches!(node.load("kept"), Err(StoreError::Unavailable { .. }))
        });
        node.reopen().expect("the store opens again");
        assert!(node.incarnation > first);
        assert_eq!(node.version("kept"), Ok(Some(Version(1))), "{fault:?}");
        assert_eq!(node.version("later"), Ok(None), "{fault:?}");
        for (n, outcome) in outcomes.iter().enumerate() {
            let version = node.version(&format!("failing-{n}")).expect("it loads");
            if *outcome == UnitOutcome::Committed {
                assert_eq!(version, Some(Version(1)), "{fault:?}");
            }
            // What was fenced may be there or not, and from now on stays so.
            let expected = version.map_or(0, |version| version.0);
            let key = format!("failing-{n}");
            assert_eq!(node.commit(&key, expected), UnitOutcome::Committed, "{fault:?}");
        }
        node.close();
        let node = Node::start(folder.path());
        assert!(node.version("failing-49").expect("it loads").is_some(), "{fault:?}");
    }
}

#[test]
fn a_batch_that_was_not_written_is_not_found() {
    let folder = folder();
    let config = EmbeddedConfig::new(folder.path());
    let faults = config.faults.clone();
    let mut node = Node::try_start(config).expect("the store opens");
    faults.set(Injected::Write);
    assert!(is_fenced(&node.commit("lost", 0)));
    node.reopen().expect("the store opens again");
    assert_eq!(node.version("lost"), Ok(None));
}

#[test]
fn a_failed_open_can_be_repeated() {
    let folder = folder();
    let config = EmbeddedConfig::new(folder.path());
    let faults = config.faults.clone();
    let mut node = Node::try_start(config).expect("the store opens");
    let first = node.incarnation;
    assert_eq!(node.commit("kept", 0), UnitOutcome::Committed);
    for fault in [Injected::Sync, Injected::Write, Injected::Write, Injected::Panic] {
        faults.set(fault);
        let error = node.reopen().expect_err("counting the incarnation fails");
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(matches!(node.load("kept"), Err(StoreError::Unavailable { .. })));
        assert!(is_fenced(&node.commit("kept", 1)));
    }
    node.reopen().expect("the disk is well again");
    assert!(node.incarnation > first);
    assert_eq!(node.version("kept"), Ok(Some(Version(1))));
}

#[test]
fn loads_and_units_in_flight_are_answered_when_the_disk_fails() {
    let folder = folder();
    let config = EmbeddedConfig::new(folder.path());
    let faults = config.faults.clone();
    let node = Node::try_start(config).expect("the store opens");
    for n in 0..20 {
        assert_eq!(node.commit(&format!("{n}"), 0), UnitOutcome::Committed);
    }
    faults.set(Injected::Write);
    let units: Vec<_> = (0..500).map(|n| node.submit(node.unit(&format!("u{n}"), 0))).collect();
    let loads: Vec<_> = (0..500).map(|n| node.store.load(&actor(&format!("{}", n % 25)))).collect();
    for unit in units {
        let outcome = wait(unit);
        assert!(is_fenced(&outcome) || outcome == UnitOutcome::Committed, "{outcome:?}");
    }
    for load in loads {
        match wait(load) {
            Ok(_) | Err(StoreError::Unavailable { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let closed = wait(node.store.close());
    assert!(matches!(closed, Err(StoreError::Unavailable { .. })), "no orderly stop: {closed:?}");
}
