//! Calls that are made again with the same `Idempotency-Key`.

use crate::world::{Response, World, get, post, wait_until};

/// A request with a JSON body and a key.
fn keyed(path: &str, key: &str, body: &str) -> String {
    post(path, body).replacen("\r\n", &format!("\r\nidempotency-key: {key}\r\n"), 1)
}

fn replayed(reply: &Response) -> Option<&str> {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.header("idempotency-replayed")
}

#[test]
fn a_call_that_is_made_again_has_one_effect_and_one_reply() {
    let world = World::new();
    let first = world.ask(&keyed("/v1/counter/42/add", "k-1", "5"));
    assert_eq!((first.body.as_str(), replayed(&first)), ("5", None));
    // Quotes are no part of the key, and arguments are compared, not their spelling.
    for (key, body) in [("k-1", "5"), ("\"k-1\"", "5"), ("k-1", r#" {"by": 5} "#)] {
        let again = world.ask(&keyed("/v1/counter/42/add", key, body));
        assert_eq!((again.body.as_str(), replayed(&again)), ("5", Some("true")), "{key} {body}");
        assert_eq!(again.header("x-durability"), Some("durable"));
    }
    let other = world.ask(&keyed("/v1/counter/42/add", "k-2", "5"));
    assert_eq!((other.body.as_str(), replayed(&other)), ("10", None));
    // A key belongs to one actor.
    let other = world.ask(&keyed("/v1/counter/43/add", "k-1", "5"));
    assert_eq!((other.body.as_str(), replayed(&other)), ("5", None));
    assert_eq!(world.ask(&post("/v1/counter/42/add", "5")).body, "15");
}

#[test]
fn an_application_error_is_given_again_too() {
    let world = World::new();
    for replayed in [None, Some("true")] {
        let reply = world.ask(&keyed("/v1/counter/42/take", "k", "5"));
        assert_eq!(reply.problem(409, "not_enough"), "only 0 are left");
        assert_eq!(reply.header("idempotency-replayed"), replayed);
        assert_eq!(reply.json()["error"]["left"], 0);
        assert_eq!(world.ask(&post("/v1/counter/42/add", "5")).status, 200);
    }
    assert_eq!(world.ask(&get("/v1/counter/42/get")).body, "10");
}

#[test]
fn a_key_of_a_call_that_runs_is_409_and_may_be_tried_again() {
    let world = World::new();
    let mut first = world.client();
    first.write(keyed("/v1/counter/busy/add", "k", "5").as_bytes());
    wait_until("the call is in the mailbox", || world.host.waiting() == 1);
    let reply = world.ask(&keyed("/v1/counter/busy/add", "k", "5"));
    let detail = reply.problem(409, "in_progress");
    assert!(detail.contains("has not ended"), "{detail}");
    assert_eq!(reply.header("retry-after"), Some("1"));
    let json = reply.json();
    assert_eq!(json["type"], "urn:tenure:problem:in_progress");
    assert_eq!((&json["outcome"], &json["retryable"]), (&"not-executed".into(), &true.into()));
    world.host.release();
    let (first, again) = (first.response(), world.ask(&keyed("/v1/counter/busy/add", "k", "5")));
    assert_eq!((first.body.as_str(), replayed(&first)), ("5", None));
    assert_eq!((again.body.as_str(), replayed(&again)), ("5", Some("true")));
}

#[test]
fn a_key_of_another_call_is_422() {
    let world = World::new();
    assert_eq!(world.ask(&keyed("/v1/counter/42/add", "k", "5")).body, "5");
    for (method, body) in [("add", "6"), ("take", "5")] {
        let reply = world.ask(&keyed(&format!("/v1/counter/42/{method}"), "k", body));
        let detail = reply.problem(422, "key_reused");
        assert!(detail.contains("belongs to another call"), "{detail}");
        assert_eq!(reply.header("retry-after"), None);
        let json = reply.json();
        assert_eq!(json["type"], "urn:tenure:problem:key_reused");
        assert_eq!((&json["outcome"], &json["retryable"]), (&"not-executed".into(), &false.into()));
    }
    assert_eq!(world.ask(&get("/v1/counter/42/get")).body, "5");
}

#[test]
fn messages_have_keys_too() {
    let world = World::new();
    for _ in 0..3 {
        let reply = world.ask(&keyed("/v1/counter/42/add/send", "k", "5"));
        assert_eq!((reply.status, reply.header("idempotency-replayed")), (202, None));
    }
    assert_eq!(world.ask(&get("/v1/counter/42/get")).body, "5");
    let reply = world.ask(&keyed("/v1/counter/43/add/send?delay=30s", "k", "5"));
    assert_eq!(reply.status, 202);
    world.host.send_delayed();
    let reply = world.ask(&keyed("/v1/counter/43/add", "k", "5"));
    assert_eq!((reply.body.as_str(), replayed(&reply)), ("5", Some("true")));
}

#[test]
fn a_method_that_only_reads_ignores_its_key() {
    let world = World::new();
    let read = "GET /v1/counter/42/get HTTP/1.1\r\nhost: t\r\nidempotency-key: k\r\n\r\n";
    for expected in ["0", "1", "2"] {
        for request in [read.to_owned(), keyed("/v1/counter/42/get", "k", "")] {
            let reply = world.ask(&request);
            assert_eq!((reply.body.as_str(), replayed(&reply)), (expected, None));
        }
        world.ask(&post("/v1/counter/42/add", "1"));
    }
}

#[test]
fn what_is_no_key_is_400() {
    let world = World::new();
    let too_long = "k".repeat(257);
    for (header, part) in [
        ("", "Idempotency-Key is 1 to 256 visible ASCII characters"),
        ("\"\"", "this one is empty"),
        ("a b", "this one has ' ' at byte 1"),
        ("\"a", "this one has '\\\"' at byte 0"),
        ("日", "this one has '\\xe6' at byte 0"),
        (too_long.as_str(), "this one has 257"),
        ("a\r\nidempotency-key: a", "idempotency-key occurs more than once"),
    ] {
        for path in ["/v1/counter/42/add", "/v1/counter/42/add/send", "/v1/counter/42/get"] {
            let reply = world.ask(&keyed(path, header, "5"));
            let detail = reply.problem(400, "bad_request");
            assert!(detail.contains(part), "{header:?}: {detail}");
            assert_eq!(reply.json()["outcome"], "not-executed");
        }
    }
    assert_eq!(world.ask(&get("/v1/counter/42/get")).body, "0");
}

#[test]
fn a_key_opens_no_door_to_pages_of_other_sites() {
    let world = World::new();
    let form = keyed("/v1/counter/42/add", "k", "5").replacen(
        "content-type: application/json",
        "origin: https://evil.example\r\ncontent-type: text/plain",
        1,
    );
    world.ask(&form).problem(415, "unsupported_media_type");
    let reply = world.ask(
        "OPTIONS /v1/counter/42/add HTTP/1.1\r\nhost: t\r\norigin: https://evil.example\r\n\
         access-control-request-method: POST\r\n\
         access-control-request-headers: content-type, idempotency-key, prefer\r\n\r\n",
    );
    reply.problem(405, "method_not_allowed");
    for name in ["access-control-allow-origin", "access-control-allow-headers"] {
        assert_eq!(reply.header(name), None);
    }
}
