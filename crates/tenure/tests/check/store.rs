//! Against what is stored.

use std::time::Duration;

use tenure::Node;

use crate::program::{first, ledger, raised};
use crate::world::World;

const BUDGET: Duration = Duration::from_secs(10);

/// A node over the world's store.
macro_rules! node {
    ($world:expr, $($actor:ty),*) => {
        Node::builder()$(.actor::<$actor>())*.store_in($world.store()).start().await.expect("it starts")
    };
}

async fn stop(node: Node) {
    node.stop(BUDGET).await.expect("it stops");
}

#[tokio::test]
async fn stored_records_are_read_with_the_code_of_the_program() {
    let world = World::new();
    let node = node!(world, first::Cart);
    for key in ["alice", "bob", "carol"] {
        node.actor::<first::Cart>(key).put("tea".into(), 2).await.expect("it is put");
    }
    let incarnation = node.incarnation();
    stop(node).await;
    world.expect("first", "check --update", 0, &[]);
    for _ in 0..2 {
        world.expect("first", "check", 0, &["store: records read in .tenure: 3 of cart"]);
    }
    world.expect("first", "check --records 2", 0, &["the first 2 of cart"]);
    world.expect("raised", "check", 0, &["3 of cart"]);
    // The file says that all is well, and the records do not.
    world.expect("noted", "check --update --force", 0, &[]);
    let unread =
        ["incompatible  cart/alice (version 1) and 2 others: cannot be read: missing field `note`"];
    world.expect("noted", "check", 1, &unread);
    let ended = world.run("noted", "check --no-store");
    assert_eq!(ended.code, 0, "{}", ended.said);
    assert!(!ended.said.contains("store"), "{}", ended.said);
    let node = node!(world, first::Cart);
    assert_eq!(node.incarnation().0, incarnation.0 + 1, "a check is no start");
    assert_eq!(node.actor::<first::Cart>("bob").count().await, Ok(1));
    stop(node).await;
}

#[tokio::test]
async fn records_of_a_newer_schema_and_of_no_type_are_told() {
    let world = World::new();
    let node = node!(world, raised::Cart);
    node.actor::<raised::Cart>("alice").put("tea".into(), 2).await.expect("it is put");
    stop(node).await;
    world.expect("first", "check --update", 0, &[]);
    let newer = ["cart/alice (version 1): has schema 2, newer than this program's 1"];
    world.expect("first", "check", 1, &newer);
    world.expect("ledger", "check --schemas ledger.json --update", 0, &[]);
    let gone =
        ["warning       cart: the store has actors of this type, and the program has it not"];
    world.expect("ledger", "check --schemas ledger.json", 0, &gone);
}

#[tokio::test]
async fn events_are_applied_one_by_one() {
    let world = World::new();
    let node = node!(world, ledger::Ledger);
    for _ in 0..3 {
        node.actor::<ledger::Ledger>("a").add(2).await.expect("it is added");
    }
    stop(node).await;
    world.expect("ledger", "check --update", 0, &[]);
    world.expect("ledger", "check", 0, &["1 of ledger"]);
    let gone = ["ledger event.Added: the variant `Added` is gone"];
    world.expect("ledger_changed", "check", 1, &gone);
    world.expect("ledger_changed", "check --update --force", 0, &[]);
    let unread = ["ledger/a (version 3): its event 1 cannot be applied", "unknown variant `Added`"];
    world.expect("ledger_changed", "check", 1, &unread);
}

#[tokio::test]
async fn a_store_that_is_in_use_is_not_checked_and_keeps_nobody() {
    let world = World::new();
    let node = node!(world, first::Cart);
    node.actor::<first::Cart>("alice").put("tea".into(), 2).await.expect("it is put");
    world.expect("first", "check --update", 0, &[]);
    let in_use = ["store: not checked: the store in .tenure is in use (process"];
    world.expect("first", "check", 0, &in_use);
    world.expect("noted", "check", 1, &["cart.lines[].note", "is in use"]);
    assert_eq!(node.actor::<first::Cart>("alice").count().await, Ok(1));
    stop(node).await;
}
