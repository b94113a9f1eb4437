//! `tenure actor`.

use serde_json::json;

use crate::world::Service;

fn filled() -> (tempfile::TempDir, Service) {
    let data = tempfile::tempdir().expect("a folder");
    let counter = Service::start(data.path());
    for key in ["a", "b/c", "d", "ö"] {
        assert_eq!(counter.said(&["call", "counter", key, "add", "5"]), "5");
    }
    (data, counter)
}

/// The first column below the head.
fn keys(table: &str) -> Vec<&str> {
    table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn actors_are_listed_in_pages() {
    let (_data, counter) = filled();
    assert_eq!(keys(&counter.said(&["actor", "ls", "counter"])), ["a", "b/c", "d", "ö"]);
    let first = ["actor", "ls", "counter", "--limit", "2"];
    let ran = counter.tenure(&first);
    assert_eq!(keys(ran.good(&first)), ["a", "b/c"]);
    assert!(ran.err.contains("--after 'b/c'"), "{}", ran.err);
    let rest = counter.said(&["actor", "ls", "counter", "--stored", "--after", "b/c"]);
    assert_eq!(keys(&rest), ["d", "ö"]);
    for more in [&[][..], &["--stored"]] {
        let all = [&["actor", "ls", "counter", "--all", "--limit", "1"], more].concat();
        assert_eq!(keys(&counter.said(&all)), ["a", "b/c", "d", "ö"], "{more:?}");
        let page = counter.json(&all);
        let listed: Vec<_> = page["actors"].as_array().expect("a list").iter().collect();
        assert_eq!(listed.len(), 4);
        assert_eq!((&listed[1]["key"], &page["next"]), (&json!("b/c"), &json!(null)));
    }
    let page = counter.json(&["actor", "ls", "counter", "--limit", "3"]);
    assert_eq!((page["actors"].as_array().map(Vec::len), &page["next"]), (Some(3), &json!("d")));
}

#[test]
fn an_actor_is_shown_put_out_of_memory_and_deleted() {
    let (_data, counter) = filled();
    let shown = counter.said(&["actor", "get", "counter", "b/c"]);
    for word in ["counter/b/c\n", "live: bytes=", "stored: bytes=", "\"value\": 5"] {
        assert!(shown.contains(word), "{shown}");
    }
    let left = counter.said(&["actor", "deactivate", "counter", "b/c"]);
    assert_eq!(left, "counter/b/c is not in memory");
    let page = counter.json(&["actor", "get", "counter", "b/c"]);
    assert_eq!((&page["live"], &page["state"]), (&json!(null), &json!({ "value": 5 })));

    let delete = ["actor", "delete", "counter", "b/c"];
    let unasked = counter.tenure(&delete);
    assert!(unasked.bad(2, &delete).contains("--yes"), "{}", unasked.err);
    assert_eq!(counter.json(&["actor", "get", "counter", "b/c"])["state"]["value"], 5);
    let deleted = counter.json(&[&delete[..], &["--yes"]].concat());
    assert_eq!(deleted, json!({ "type": "counter", "key": "b/c", "deleted": true }));
    assert_eq!(counter.json(&["actor", "get", "counter", "b/c"])["stored"]["deleted"], true);
    assert_eq!(counter.said(&["call", "counter", "b/c", "get"]), "0");
}

#[test]
fn what_waits_with_an_actor_is_shown_up_to_a_bound() {
    const SENT: usize = 102;
    let (_data, counter) = filled();
    let send = |key: &str, delay: &str| {
        let sending = ["call", "counter", "a", "add", "1", "--send", "--durable"];
        counter.said(&[&sending[..], &["--key", key, "--delay", delay]].concat());
    };
    send("late", "2h");
    for n in 1..SENT {
        send(&format!("k{n}"), "1h");
    }
    let page = counter.json(&["actor", "get", "counter", "a"]);
    let listed = page["stored"]["next_reminders"].as_array().expect("a list");
    assert_eq!((listed.len(), &page["stored"]["reminders"]), (100, &json!(SENT)));
    assert_eq!((&listed[0]["name"], &listed[0]["method"]), (&json!("sent:k1"), &json!("add")));
    assert!(listed[0]["due_at_ms"].as_u64() > page["stored"]["written_at_ms"].as_u64());
    assert!(listed.iter().all(|it| it["name"] != "sent:late"), "the first that are due");
    let shown = counter.said(&["actor", "get", "counter", "a"]);
    assert!(shown.contains("\nreminder sent:k1: calls add at 20"), "{shown}");
    assert!(shown.contains("\nand 2 later ones\n"), "{shown}");
    let page = counter.json(&["actor", "get", "counter", "d"]);
    assert_eq!(page["stored"]["reminders"], 0);
    // A list of actors does not read them.
    let all = counter.json(&["actor", "ls", "counter", "--stored"]);
    assert!(all["actors"][0].get("reminders").is_none(), "{all}");
}

#[test]
fn actors_that_are_not_there_say_so() {
    let (_data, counter) = filled();
    let long = "x".repeat(513);
    for (code, arguments, expected) in [
        (1, &["ls", "cart"][..], "no actor type `cart`"),
        (2, &["ls", ""], "say which type"),
        (2, &["ls", "counter", "--limit", "0"], "--limit"),
        (2, &["ls", "counter", "--limit", "1001"], "--limit"),
        (1, &["ls", "counter", "--after", &long], "code: bad_request"),
        (1, &["get", "counter", "nobody"], "neither in memory nor stored"),
        (1, &["get", "conter", "a"], "did you mean"),
        (2, &["get", "counter", ""], "neither of them empty"),
        (2, &["get", "counter"], "<KEY>"),
        (1, &["deactivate", "conter", "a"], "did you mean"),
        (1, &["deactivate", "counter", &long], "code: bad_request"),
        (1, &["delete", "conter", "a", "--yes"], "did you mean"),
        (1, &["get", "counter", "a", "--admin", "127.0.0.1:1"], "is a node running?"),
        (2, &["get", "counter", "a", "--admin", "http://a b"], "this is no URL"),
    ] {
        let all = [&["actor"], arguments].concat();
        let ran = counter.tenure(&all);
        assert!(ran.bad(code, &all).contains(expected), "{all:?}:\n{}", ran.err);
    }
    let empty = ["actor", "ls", "counter", "--after", "zzz"];
    let ran = counter.tenure(&empty);
    assert_eq!(keys(ran.good(&empty)), ["ö"]);
    // The calls port has no actors to list.
    let swapped = ["actor", "ls", "counter", "--admin", &counter.url];
    assert!(counter.tenure(&swapped).bad(1, &swapped).contains("code: not_found"));
}
