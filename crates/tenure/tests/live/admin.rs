use serde_json::{Value, json};

use crate::node::Node;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::tokens::{self, SECRET};

fn page(node: &Node, query: &str) -> Value {
    let reply = node.ask(node.admin, &format!("GET /admin/v1/sessions{query}"), "");
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).expect("it is JSON")
}

fn ids(page: &Value) -> Vec<String> {
    let sessions = page["sessions"].as_array().expect("a list");
    sessions.iter().map(|it| it["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn sessions_are_listed_and_ended_by_whoever_runs_the_node() {
    let node = Node::start(&[("TENURE_AUTH__JWT_SECRET", SECRET)]);
    let alice = tokens::of("alice", 600);
    let mut first = Socket::connected_as(&node, &alice);
    let mut second = Socket::connected_as(&node, &alice);
    let mut bob = Socket::connected_as(&node, &tokens::of("bob/b", 600));
    let head = format!("GET /v1/room/a/events\nauthorization: Bearer {alice}");
    let mut stream = Stream::try_open(&node, &head).unwrap_or_else(|it| panic!("{it:?}"));
    stream.heard();

    let all = page(&node, "");
    let known = ids(&all);
    assert_eq!((known.len(), known.is_sorted(), &all["next"]), (4, true, &json!(null)), "{all}");
    let status = node.ask(node.admin, "GET /admin/v1/node", "").body;
    let status: Value = serde_json::from_str(&status).expect("it is JSON");
    assert_eq!((&status["sessions"], status.get("cluster")), (&json!(4), None), "{status}");
    let two = page(&node, "?limit=2");
    assert_eq!((ids(&two), &two["next"]), (known[..2].to_vec(), &json!(known[1])));
    let rest = page(&node, &format!("?limit=2&after={}", known[1]));
    assert_eq!((ids(&rest), &rest["next"]), (known[2..].to_vec(), &json!(null)));
    let bobs = page(&node, "?user=bob%2Fb");
    let one = &bobs["sessions"][0];
    assert_eq!(
        (ids(&bobs).len(), &one["user"], &one["protocol"]),
        (1, &json!("bob/b"), &json!("centrifuge"))
    );
    assert!(one["peer"].as_str().is_some_and(|it| it.starts_with("127.0.0.1:")), "{one}");
    assert_eq!(ids(&page(&node, "?user=alice")).len(), 3);
    assert_eq!(ids(&page(&node, "?user=nobody")).len(), 0);

    let end = |path: &str| {
        let reply = node.ask(node.admin, &format!("DELETE /admin/v1/sessions{path}"), "");
        (reply.status, reply.body)
    };
    for (path, status) in [("", 400), ("?user=", 400), ("?user=alice&limit=1", 400), ("/none", 404)]
    {
        assert_eq!(end(path).0, status, "{path}");
    }
    assert_eq!(end("?user=alice"), (200, "{\"ended\":3}".to_owned()));
    assert_eq!((first.end(), second.end()), (3503, 3503));
    assert_eq!(stream.next(), None);
    bob.is_well();
    let id = &ids(&page(&node, "?user=bob%2Fb"))[0];
    assert_eq!(end(&format!("/{id}")).0, 204);
    assert_eq!(bob.end(), 3503);
    // Kept out is who has no token any more; this one has.
    Socket::connected_as(&node, &alice).is_well();
}
