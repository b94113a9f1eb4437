//! What is refused, and how.

use std::sync::Arc;

use tenure_gateway::{Access, Authorise, GatewayConfig, Refusal};
use tenure_types::BoxFuture;

use crate::world::{World, get, post, wait_until};

#[test]
fn what_does_not_exist_is_told_with_what_does() {
    let world = World::new();
    for (request, part) in [
        (post("/v1/countr/42/add", "5"), "did you mean `counter`? (types: counter, gauge, tally)"),
        (post("/v1/counter/42/ad", "5"), "did you mean `add`?"),
        (post("/v1/counter/42/compact", ""), "no method `compact`"),
        (post("/v1/counter/a/b/add", "5"), "/v1/counter/a%2Fb/add"),
        (get("/"), "POST /v1/{type}/{key}/{method}"),
        (get("/v1/counter/42/events"), "tells of no events"),
    ] {
        let detail = world.ask(&request).problem(404, "not_found");
        assert!(detail.contains(part), "{detail}");
    }
}

#[test]
fn the_wrong_http_method_is_told_the_right_one() {
    let world = World::new();
    for (method, path, allow) in [
        ("GET", "/v1/counter/42/add", "POST"),
        ("GET", "/v1/counter/42/get/send", "POST"),
        ("PUT", "/v1/counter/42/get", "GET, POST"),
        ("GET", "/v1/counter/42", "DELETE"),
        ("OPTIONS", "/v1/counter/42/add", "POST"),
        ("BREW", "/v1/counter/42/add", "POST"),
    ] {
        let reply = world.ask(&format!("{method} {path} HTTP/1.1\r\nhost: t\r\n\r\n"));
        reply.problem(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
    let mut client = world.client();
    client.write(b"HEAD /v1/counter/42/get HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
    let rest = client.rest();
    assert!(rest.starts_with("HTTP/1.1 405 ") && rest.contains("allow: GET, POST"), "{rest}");
    assert!(rest.ends_with("\r\n\r\n"), "a reply to HEAD has no body: {rest}");
}

#[test]
fn arguments_that_do_not_fit_are_400() {
    let world = World::new();
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let fits = format!("{}{}", "[".repeat(64), "]".repeat(64));
    assert_eq!(world.ask(&post("/v1/counter/42/sum", &fits)).status, 200);
    for (path, body, part) in [
        ("add", "", "the body is empty"),
        ("add", "five", "send the JSON value of `by`"),
        ("add", "\"5\"", "invalid type: string"),
        ("add", "5 6", "trailing characters"),
        ("add", "[5]", "invalid type"),
        ("add", "{}", "missing field `by`"),
        ("add", "{\"by\":5,\"x\":1}", "unknown field `x`"),
        ("add", "{\"by\":5,\"by\":6}", "duplicate field `by`"),
        ("add", "99999999999999999999", "invalid"),
        ("add", "{\"by\":", "EOF"),
        ("add", "\u{0}", "expected value"),
        ("range", "{\"from\":1}", "missing field `to`"),
        ("range", "5", "takes 2 arguments"),
        ("get", "5", "takes no argument"),
        ("get", "{\"x\":1}", "unknown field"),
        ("sum", &deep, "nested deeper than 64"),
    ] {
        let reply = world.ask(&post(&format!("/v1/counter/42/{path}"), body));
        let detail = reply.problem(400, "bad_request");
        assert!(detail.contains(part), "{path} {body:?}: {detail}");
        assert_eq!(reply.json()["outcome"], "not-executed");
    }
    for (query, part) in [
        ("?from=1", "missing field `to`"),
        ("?from=1&to=x", "invalid"),
        ("?from=1&to=2&tow=3", "did you mean `to`?"),
    ] {
        let reply = world.ask(&get(&format!("/v1/counter/42/range{query}")));
        let detail = reply.problem(400, "bad_request");
        assert!(detail.contains(part), "{query}: {detail}");
    }
    let body = "GET /v1/counter/42/get HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\n5";
    world.ask(body).problem(400, "bad_request");
}

#[test]
fn a_body_that_is_not_utf_8_is_400() {
    let world = World::new();
    let mut client = world.client();
    client.write(
        b"POST /v1/counter/42/sum HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\n\"\xff\xfe\"",
    );
    client.response().problem(400, "bad_request");
}

#[test]
fn keys_that_break_a_rule_are_400_and_name_it() {
    let world = World::new();
    let too_long = "k".repeat(513);
    for (key, part) in [
        ("a%00b", "no control characters, this one has U+0000"),
        ("%0A", "U+000A"),
        (too_long.as_str(), "at most 512 bytes of UTF-8, this one has 513"),
        ("%ff", "not UTF-8"),
        ("%", "'%' at byte 0"),
        ("%zz", "'%' at byte 0"),
        ("", "at least one character"),
    ] {
        let reply = world.ask(&post(&format!("/v1/counter/{key}/add"), "5"));
        let detail = reply.problem(400, "bad_request");
        assert!(detail.contains(part), "{key}: {detail}");
        assert_eq!(reply.json().get("actor"), None);
    }
}

#[test]
fn headers_are_checked() {
    let world = World::new();
    let with = |headers: &str| {
        format!("POST /v1/counter/42/add HTTP/1.1\r\n{headers}content-length: 1\r\n\r\n5")
    };
    for (headers, status, code, part) in [
        ("", 400, "bad_request", "Host is missing"),
        ("host: a\r\nhost: b\r\n", 400, "bad_request", "host occurs more than once"),
        (
            "host: t\r\ncontent-type: application/json\r\ncontent-type: text/plain\r\n",
            400,
            "bad_request",
            "content-type occurs more than once",
        ),
        ("host: t\r\nif-match: 1-1\r\n", 400, "bad_request", "in double quotes"),
        ("host: t\r\ngrpc-timeout: soon\r\n", 400, "bad_request", "this one is \"soon\""),
        ("host: t\r\nconnect-timeout-ms: 0\r\n", 400, "bad_request", "above zero"),
        (
            "host: t\r\ncontent-type: text/html\r\n",
            415,
            "unsupported_media_type",
            "the body's type is text/html",
        ),
        (
            "host: t\r\norigin: https://evil.example\r\ncontent-type: text/plain\r\n",
            415,
            "unsupported_media_type",
            "from a web page",
        ),
        (
            "host: t\r\nsec-fetch-site: cross-site\r\n\
             content-type: application/x-www-form-urlencoded\r\n",
            415,
            "unsupported_media_type",
            "from a web page",
        ),
        (
            "host: t\r\ncontent-encoding: gzip\r\n",
            415,
            "unsupported_media_type",
            "Content-Encoding",
        ),
    ] {
        let detail = world.ask(&with(headers)).problem(status, code);
        assert!(detail.contains(part), "{headers}: {detail}");
    }
    assert_eq!(world.ask(&with("host: t\r\nprefer: respond-async\r\n")).body, "5");
    let old = "POST /v1/counter/42/add HTTP/1.0\r\ncontent-length: 1\r\n\r\n5";
    assert_eq!(world.ask(old).status, 200, "HTTP/1.0 needs no Host");
}

#[test]
fn what_is_no_http_is_answered_400_and_closed() {
    let world = World::new();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"POST /v1/counter/42/add\r\n\r\n",
        b"POST /v1/counter/a b/add HTTP/1.1\r\nhost: t\r\n\r\n",
        b"POST /v1/counter/42/add HTTP/1.1\r\nhost: t\r\ncontent-length: -1\r\n\r\n5",
        b"POST /v1/counter/42/add HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\
          content-length: 2\r\n\r\n5",
        b"POST /v1/counter/42/add HTTP/1.1\r\nhost: t\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST /v1/counter/42/add HTTP/1.1\r\nhost : t\r\ncontent-length: 1\r\n\r\n5",
        b"POST /v1/counter/42/add HTTP/1.1\r\n host: t\r\ncontent-length: 1\r\n\r\n5",
    ] {
        let mut client = world.client();
        client.write(bytes);
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(client.response().status, 400, "{shown}");
        assert!(client.is_closed(), "{shown}");
    }
    assert_eq!(world.ask(&get("/v1/counter/42/get")).body, "0");
}

#[test]
fn a_request_cannot_be_smuggled_behind_another() {
    let world = World::new();
    let mut client = world.client();
    // Both framings: the chunked one counts, and the connection is not used again.
    client.write(
        b"POST /v1/counter/42/add HTTP/1.1\r\nhost: t\r\ncontent-length: 6\r\n\
          transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/counter/42/get HTTP/1.1\r\n\
          host: t\r\n\r\n",
    );
    client.response().problem(400, "bad_request");
    assert!(client.is_closed());
}

#[test]
fn an_application_error_keeps_its_code_and_fields() {
    let world = World::new();
    let reply = world.ask(&post("/v1/counter/42/take", "5"));
    assert_eq!(reply.problem(409, "not_enough"), "only 0 are left");
    let json = reply.json();
    assert_eq!(json["error"]["left"], 0);
    assert_eq!(json["outcome"], "executed");
    assert_eq!(json["retryable"], false);
    assert_eq!(json["actor"], "counter/42");
    assert_eq!(json["node"], "n1");
    assert_eq!(json["instance"], "/v1/counter/42/take");
}

#[test]
fn call_errors_have_their_statuses() {
    let world = World::new();
    for (key, status, code, outcome, retry_after) in [
        ("full", 429, "overloaded", "not-executed", Some("2")),
        ("crowded", 503, "overloaded", "not-executed", Some("1")),
        ("homeless", 503, "unavailable", "not-executed", Some("1")),
        ("looped", 508, "cycle", "not-executed", None),
        ("newer", 502, "incompatible", "not-executed", None),
        ("unsaved", 503, "storage", "not-executed", Some("1")),
        ("lost", 503, "storage", "unknown", None),
    ] {
        let reply = world.ask(&post(&format!("/v1/counter/{key}/add"), "5"));
        reply.problem(status, code);
        assert_eq!(reply.json()["outcome"], outcome, "{key}");
        assert_eq!(reply.header("retry-after"), retry_after, "{key}");
        assert_eq!(reply.json()["retryable"], retry_after.is_some(), "{key}");
    }
}

#[test]
fn a_panic_is_500_and_keeps_its_message() {
    let world = World::new();
    let reply = world.ask(&post("/v1/counter/42/explode", ""));
    assert!(!reply.problem(500, "panicked").contains("secret"));
    assert_eq!(reply.json()["outcome"], "unknown");
    let world = World::with(GatewayConfig { show_panics: true, ..GatewayConfig::default() });
    let reply = world.ask(&post("/v1/counter/42/explode", ""));
    assert!(reply.problem(500, "panicked").contains("secret"));
}

#[test]
fn a_problem_names_the_trace_it_belongs_to() {
    let world = World::new();
    let reply = world.ask(
        "POST /v1/counter/42/nothing HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\
         traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
    );
    assert_eq!(reply.json()["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[test]
fn a_deadline_ends_a_call_that_waits() {
    let world = World::new();
    for header in ["grpc-timeout: 50m", "connect-timeout-ms: 50"] {
        let reply = world.ask(&format!(
            "POST /v1/counter/busy/add HTTP/1.1\r\nhost: t\r\n{header}\r\n\
             content-length: 1\r\n\r\n5"
        ));
        reply.problem(504, "deadline");
        assert_eq!(reply.json()["outcome"], "not-executed");
        assert_eq!(reply.json()["retryable"], true);
    }
    assert_eq!(world.host.waiting(), 0, "both were taken back");
}

#[test]
fn a_call_is_taken_back_when_its_client_goes_away() {
    let world = World::new();
    let mut client = world.client();
    client.write(post("/v1/counter/busy/add", "5").as_bytes());
    wait_until("the call is in the mailbox", || world.host.waiting() == 1);
    drop(client);
    wait_until("the call is taken back", || world.host.waiting() == 0);
    world.host.release();
    assert_eq!(world.host.waiting(), 0);
}

/// Lets in who has a token, to the type `counter` only.
struct Gate;

impl Authorise for Gate {
    fn authorise<'a>(&'a self, access: Access<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            assert_eq!(access.key, "4/2");
            assert_eq!(access.exclusive, access.method == "add");
            assert!(access.peer.ip().is_loopback());
            if access.headers.get("authorization").is_none() {
                return Err(Refusal::Unauthenticated {
                    detail: "no token".into(),
                    challenge: "Bearer",
                });
            }
            if access.actor_type != "counter" {
                let detail = format!("not {}", access.actor_type).into();
                return Err(Refusal::Forbidden { detail });
            }
            Ok(())
        })
    }
}

#[test]
fn the_hook_decides_before_the_body_is_read() {
    let world = World::guarded(GatewayConfig::default(), Some(Arc::new(Gate)));
    let with = |type_name: &str, headers: &str| {
        format!(
            "POST /v1/{type_name}/4%2F2/add HTTP/1.1\r\nhost: t\r\n{headers}\
             content-length: 1\r\n\r\n5"
        )
    };
    let reply = world.ask(&with("counter", ""));
    assert_eq!(reply.problem(401, "denied"), "no token");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    let reply = world.ask(&with("tally", "authorization: Bearer x\r\n"));
    assert_eq!(reply.problem(403, "denied"), "not tally");
    assert_eq!(world.ask(&with("counter", "authorization: Bearer x\r\n")).body, "5");
    // The answer comes although the body never does.
    let mut client = world.client();
    client.write(b"POST /v1/counter/4%2F2/add HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\n");
    client.response().problem(401, "denied");
}
