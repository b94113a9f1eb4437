use std::time::Duration;

use hyper::Method as Http;
use tenure_actor::{DataTypes, Hooks, Invoked, MethodInfo, MethodTypes, StandingMethods};
use tenure_types::{ActorTypeName, CallError};

use super::*;

const fn method(info: &'static MethodInfo, shape: Shape, internal: bool) -> Method {
    fn nothing(_: tenure_actor::Invocation<'_>) -> Invoked {
        Err(CallError::NotFound { detail: "".into() })
    }
    Method {
        info,
        shape,
        internal,
        types: &MethodTypes::NONE,
        invoke: nothing,
        deliver: |_, _, _| unreachable!("nothing is delivered"),
    }
}

const fn info(name: &'static str, exclusive: bool) -> MethodInfo {
    MethodInfo { name, exclusive, may_suspend: false, durable: false }
}

const BY: Shape = Shape::One { name: "by", scalar: true };
static METHODS: [Method; 4] = [
    method(&info("add", true), BY, false),
    method(&info("get", false), Shape::None, false),
    method(&info("range", false), Shape::Named(&["from", "to"]), false),
    method(&info("compact", true), Shape::None, true),
];

static DELETE: Method = method(&info("_delete", true), Shape::None, false);

fn routes() -> Routes {
    let actor_type = |name| ActorType {
        name: ActorTypeName::new(name).unwrap(),
        slot: 1,
        type_id: std::any::TypeId::of::<()>(),
        rust_name: "Counter",
        persist: Persist::Volatile,
        schema: 1,
        idle_after: Some(Duration::ZERO),
        mailbox_len_max: None,
        state_bytes: 0,
        create: || unreachable!("nothing is activated"),
        decode: |_, _, _| unreachable!("nothing is activated"),
        apply: |_, _, _, _| unreachable!("nothing is activated"),
        data: DataTypes::default,
        methods: &METHODS,
        hooks: Hooks::default(),
        event_json: |_, _| Ok(Vec::new()),
        standing: StandingMethods {
            delete: &DELETE,
            inspect: &METHODS[1],
            follow: &METHODS[1],
            defer: &METHODS[1],
        },
    };
    Routes::new(&[actor_type("counter"), actor_type("cart")])
}

#[test]
fn who_asks_the_wrong_port_is_told_the_other_one() {
    let routes = routes();
    for path in ["/admin/v1/actors", "/metrics", "/livez", "/readyz", "/startupz"] {
        let told = routes.find(&Http::GET, path, None).unwrap_err();
        assert!(told.detail.contains("127.0.0.1:7071"), "{path}: {}", told.detail);
    }
    for path in ["/", "/v1", "/administration", "/v1/counter"] {
        let told = routes.find(&Http::GET, path, None).unwrap_err();
        assert!(!told.detail.contains("7071"), "{path}: {}", told.detail);
    }
}

#[test]
fn a_method_is_found_by_its_exact_path() {
    let routes = routes();
    let half_a_minute = Some(Duration::from_secs(30));
    for (http, path, query, one_way, delay, from_query) in [
        (Http::POST, "/v1/counter/42/add", None, false, None, false),
        (Http::POST, "/v1/counter/42/add", Some(""), false, None, false),
        (Http::POST, "/v1/counter/42/add/send", None, true, None, false),
        (Http::POST, "/v1/counter/42/add/send", Some("delay=30s"), true, half_a_minute, false),
        (Http::POST, "/v1/counter/42/get", None, false, None, false),
        (Http::GET, "/v1/counter/42/get", None, false, None, true),
        (Http::GET, "/v1/cart/42/range", Some("from=1&to=2"), false, None, true),
        (Http::GET, "/v1/cart/42/range", Some("%66rom=1"), false, None, true),
    ] {
        let found = routes.find(&http, path, query).unwrap();
        let source = if from_query { Source::Query } else { Source::Body };
        assert_eq!((found.one_way, found.source), (one_way, source), "{path}");
        assert_eq!(found.sending, Sending { delay, durable: false }, "{path}");
        assert_eq!(found.key, "42");
    }
    let sent = routes.find(&Http::POST, "/v1/counter/42/add/send", Some("durable=true")).unwrap();
    assert_eq!(sent.sending, Sending { delay: None, durable: true });
    let delete = routes.find(&Http::DELETE, "/v1/counter/42", None).unwrap();
    assert_eq!((delete.key, delete.source, delete.one_way), ("42", Source::Nowhere, false));
    assert_eq!(delete.route.method.info.name, "_delete");
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let routes = routes();
    for (http, path, query, status, part) in [
        (Http::POST, "/", None, 404, "POST /v1/{type}/{key}/{method} (types: cart, counter)"),
        (Http::POST, "/v1/countr/1/add", None, 404, "did you mean `counter`?"),
        (Http::POST, "/v1/Counter/1/add", None, 404, "no actor type `Counter`"),
        (
            Http::POST,
            "/v1/counter/1/ad",
            None,
            404,
            "did you mean `add`? (methods: add, get, range)",
        ),
        (Http::POST, "/v1/counter/1/%61dd", None, 404, "no method `%61dd`"),
        (Http::POST, "/v1/counter/1/compact", None, 404, "no method `compact`"),
        (Http::POST, "/v1/counter/1/", None, 404, "no method ``"),
        (Http::POST, "/v1/counter/a/b/add", None, 404, "/v1/counter/a%2Fb/add"),
        (Http::POST, "/v1/counter/a/b/add/send", None, 404, "/v1/counter/a%2Fb/add"),
        (Http::POST, "/v1/counter/a/add/", None, 404, "ends in a slash"),
        (
            Http::POST,
            "/v1/counter/a",
            None,
            405,
            "an actor itself can only be deleted; call a method",
        ),
        (Http::POST, "/v1/counter", None, 404, "a key and a method are missing"),
        (Http::POST, "/v1/counter/a/_delete", None, 404, "no method `_delete`"),
        (Http::DELETE, "/v1/countr/a", None, 404, "did you mean `counter`?"),
        (Http::DELETE, "/v1/counter", None, 404, "a key and a method are missing"),
        (Http::DELETE, "/v1/counter/a", Some("x=1"), 400, "DELETE takes no query"),
        (Http::GET, "/v1/counter/a", None, 405, "an actor itself can only be deleted"),
        (Http::DELETE, "/v1/counter/a/add", None, 405, "called with POST"),
        (Http::POST, "/v1/counter/a/events", None, 405, "are followed with GET"),
        (Http::POST, "/v1/counter/a/add/send", Some("delay=soon"), 400, "this one is \"soon\""),
        (Http::POST, "/v1/counter/a/add/send", Some("by=5"), 400, "this one has `by`"),
        (Http::POST, "/v1/counter/a/add/send", Some("durable=1"), 400, "true or false"),
        (Http::POST, "/v1/counter/a/add", Some("delay=30s"), 400, "belongs to POST ../send"),
        (Http::POST, "/v1/counter/a/add", Some("durable=true"), 400, "belongs to POST ../send"),
        (Http::GET, "/v1/counter/a/get", Some("delay=30s"), 400, "`get` has no argument `delay`"),
        (Http::POST, "/v1/counter/a/add", Some("by=5"), 400, "POST takes no query"),
        (Http::GET, "/v1/counter/a/get", Some("x=1"), 400, "`get` has no argument `x`"),
        (Http::GET, "/v1/counter/a/range", Some("form=1"), 400, "did you mean `from`?"),
        (Http::GET, "/v1/counter/a/add", None, 405, "call it with POST"),
        (Http::GET, "/v1/counter/a/get/send", None, 405, "sent with POST"),
        (Http::HEAD, "/v1/counter/a/get", None, 405, "called with GET or POST"),
        (Http::OPTIONS, "/v1/counter/a/add", None, 405, "called with POST"),
        (Http::PUT, "/v1/counter/a/add", None, 405, "called with POST"),
    ] {
        let problem = routes.find(&http, path, query).unwrap_err();
        assert_eq!(problem.status.as_u16(), status, "{http} {path}: {problem:?}");
        assert!(problem.detail.contains(part), "{http} {path}: {}", problem.detail);
        let allow = match (status, problem.detail.contains("GET or POST")) {
            (405, true) => Some("GET, POST"),
            (405, false) if problem.detail.contains("followed") => Some("GET"),
            (405, false) if problem.detail.contains("deleted") => Some("DELETE"),
            (405, false) => Some("POST"),
            _ => None,
        };
        assert_eq!(problem.allow, allow, "{http} {path}");
    }
}

#[test]
fn long_names_are_not_repeated_whole() {
    let path = format!("/v1/{}/1/add", "x".repeat(10_000));
    let problem = routes().find(&Http::POST, &path, None).unwrap_err();
    assert!(problem.detail.len() < 200, "{}", problem.detail);
}
