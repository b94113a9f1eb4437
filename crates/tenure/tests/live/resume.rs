use rustix::process::Signal;
use serde_json::json;

use crate::node::Node;
use crate::socket::{Socket, events, numbered};

const KINDS: [&str; 4] = ["through", "sourced", "behind", "fleeting"];

/// A socket that has seen the first two events of an actor of each kind, and their epochs.
fn seen_two(node: &Node) -> Vec<serde_json::Value> {
    let mut socket = Socket::connected(node);
    let follow = |kind: &&str| {
        let topic = format!("{kind}:a");
        let began = socket.subscribe(&topic);
        assert_eq!(began["offset"], 0, "{began}");
        node.say(&format!("{kind}/a"), 2);
        assert_eq!([socket.event(&topic), socket.event(&topic)], [(1, 1), (2, 2)]);
        began["epoch"].clone()
    };
    KINDS.iter().map(follow).collect()
}

#[test]
fn who_was_away_gets_what_it_missed_and_then_what_follows() {
    let node = Node::start(&[]);
    let epochs = seen_two(&node);
    let mut socket = Socket::connected(&node);
    for (kind, epoch) in KINDS.iter().zip(&epochs) {
        let (topic, actor) = (format!("{kind}:a"), format!("{kind}/a"));
        node.say(&actor, 3);
        let back = socket.resume(&topic, epoch, 2);
        assert_eq!(events(&back), numbered(3..=5), "{back}");
        assert_eq!((&back["recovered"], &back["was_recovering"]), (&json!(true), &json!(true)));
        assert_eq!((&back["epoch"], &back["offset"]), (epoch, &json!(5)), "{back}");
        node.say(&actor, 1);
        assert_eq!(socket.event(&topic), (6, 6));
    }
}

#[test]
fn an_orderly_restart_loses_no_event_of_what_is_stored() {
    let node = Node::start(&[]);
    let epochs = seen_two(&node);
    for kind in KINDS {
        node.say(&format!("{kind}/a"), 1);
    }
    let node = node.restarted(Signal::TERM, &[]);
    let mut socket = Socket::connected(&node);
    for (kind, epoch) in KINDS.iter().zip(&epochs) {
        let (topic, actor) = (format!("{kind}:a"), format!("{kind}/a"));
        let back = socket.resume(&topic, epoch, 2);
        if *kind == "fleeting" {
            assert_eq!((&back["recovered"], &back["was_recovering"]), (&json!(null), &json!(true)));
            assert_ne!(back["epoch"], *epoch, "{back}");
            assert_eq!((events(&back), &back["offset"]), (vec![], &json!(0)), "{back}");
            continue;
        }
        assert_eq!((events(&back), &back["recovered"]), (numbered(3..=3), &json!(true)), "{kind}");
        assert_eq!(node.say(&actor, 1), 4);
        assert_eq!(socket.event(&topic), (4, 4), "{kind}");
    }
}

#[test]
fn a_crash_loses_no_durable_event_and_begins_a_new_epoch_where_some_may_be_lost() {
    let node = Node::start(&[]);
    let epochs = seen_two(&node);
    for kind in KINDS {
        node.say(&format!("{kind}/a"), 1);
    }
    let node = node.restarted(Signal::KILL, &[]);
    let mut socket = Socket::connected(&node);
    for (kind, epoch) in KINDS.iter().zip(&epochs) {
        let topic = format!("{kind}:a");
        let back = socket.resume(&topic, epoch, 2);
        let is_durable = matches!(*kind, "through" | "sourced");
        assert_eq!(back["recovered"], if is_durable { json!(true) } else { json!(null) }, "{back}");
        assert_eq!(back["epoch"] == *epoch, is_durable, "{kind}: {back}");
        assert_eq!(events(&back).len(), usize::from(is_durable), "{kind}: {back}");
        node.say(&format!("{kind}/a"), 1);
        let next = back["offset"].as_u64().expect("an offset") + 1;
        assert_eq!(socket.event(&topic).0, next, "{kind}");
    }
}

#[test]
fn who_asks_for_what_is_not_kept_is_told_that_it_cannot_go_on() {
    let node = Node::start(&[]);
    let mut socket = Socket::connected(&node);
    let epochs = seen_two(&node);
    for kind in ["through", "sourced"] {
        assert_eq!(node.say(&format!("{kind}/a"), 1_100), 1_102);
    }
    let again = |socket: &mut Socket, topic: &str, epoch: &serde_json::Value, offset| {
        let back = socket.resume(topic, epoch, offset);
        socket.ask("unsubscribe", &json!({ "channel": topic }));
        (back["recovered"] == true, events(&back).len(), back["offset"].as_u64())
    };
    for (what, epoch, offset, expected) in [
        ("below the window", epochs[0].clone(), 101, (false, 0, Some(1_102))),
        ("its oldest event", epochs[0].clone(), 102, (true, 1_000, Some(1_102))),
        ("the end", epochs[0].clone(), 1_102, (true, 0, Some(1_102))),
        ("the future", epochs[0].clone(), 1_103, (false, 0, Some(1_102))),
        ("no number", epochs[0].clone(), u64::MAX, (false, 0, Some(1_102))),
        ("another log", json!("17"), 1_000, (false, 0, Some(1_102))),
        ("another server", json!("xyz"), 1_000, (false, 0, Some(1_102))),
    ] {
        assert_eq!(again(&mut socket, "through:a", &epoch, offset), expected, "{what}");
    }
    // A journal is kept whole. What is more than a page follows the answer.
    let back = socket.resume("sourced:a", &epochs[1], 1);
    assert_eq!(back["recovered"], true, "{}", back["offset"]);
    let mut seen = events(&back);
    while seen.len() < 1_101 {
        seen.push(socket.event("sourced:a"));
    }
    assert_eq!(seen, numbered(2..=1_102));
    socket.is_well();
}

#[test]
fn an_actor_that_is_deleted_ends_its_log_and_nothing_else() {
    let node = Node::start(&[]);
    let mut socket = Socket::connected(&node);
    let began = socket.subscribe("through:a");
    socket.subscribe("through:b");
    node.say("through/a", 2);
    assert_eq!([socket.event("through:a"), socket.event("through:a")], [(1, 1), (2, 2)]);
    assert_eq!(node.call("DELETE /v1/through/a", "").status, 204);
    node.say("through/a", 1);
    let push = socket.push();
    assert_eq!(
        (&push["channel"], &push["unsubscribe"]["code"]),
        (&json!("through:a"), &json!(2500))
    );
    node.say("through/b", 1);
    assert_eq!(socket.event("through:b"), (1, 1));
    let back = socket.resume("through:a", &began["epoch"], 2);
    assert_eq!((&back["recovered"], events(&back)), (&json!(null), vec![]), "{back}");
    let offset = back["offset"].as_u64().expect("an offset");
    node.say("through/a", 1);
    assert_eq!(socket.event("through:a").0, offset + 1);
}
