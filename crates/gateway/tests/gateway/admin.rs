//! The admin server.

use std::net::SocketAddr;
use std::sync::Arc;

use tenure_actor::ActorType;
use tenure_actor::host::HostHandle;
use tenure_gateway::{
    Actors, Admin, AdminConfig, Copy, FeedAnswer, FeedLine, FeedRefusal, FeedWanted, Feeds,
    OpenApi, OpenSessions, Server, Steering, StoredState, serve_admin,
};
use tenure_observe::{Condition, Health, LiveActor, Metrics, NodeStatus, StoredActor, names};
use tenure_types::{BoxFuture, CallError, Key, Outcome};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::world::{Client, MapHost, Response, types};

/// Actors `a` to `e`: all are stored, `a` to `c` are live, `b` is busy and `e` damaged.
struct Five;

fn keys<'a>(of: &'a [&'a str], after: Option<&Key>, limit: usize) -> impl Iterator<Item = String> {
    let after = after.map(ToString::to_string).unwrap_or_default();
    of.iter().filter(move |key| ***key > *after).take(limit).map(|key| (*key).to_owned())
}

fn stored(key: String) -> StoredActor {
    let error = (key == "e").then(|| "it is damaged".to_owned());
    StoredActor { key, error, ..StoredActor::default() }
}

impl Actors for Five {
    fn live(&self, _: &ActorType, after: Option<&Key>, limit: usize) -> Vec<LiveActor> {
        let live = keys(&["a", "b", "c"], after, limit);
        live.map(|key| LiveActor { key, ..LiveActor::default() }).collect()
    }

    fn live_one(&self, actor_type: &ActorType, key: &Key) -> Option<LiveActor> {
        self.live(actor_type, None, 9).into_iter().find(|live| live.key == **key)
    }

    fn stored(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredActor>, CallError>> {
        let found: Vec<_> = keys(&["a", "b", "c", "d", "e"], after, limit).map(stored).collect();
        let found = match type_name {
            "gone" => Ok(found),
            "counter" => Ok(found),
            _ => Err(CallError::Storage { detail: "no".into(), outcome: Outcome::NotExecuted }),
        };
        Box::pin(std::future::ready(found))
    }

    fn stored_one(
        &self,
        _: &ActorType,
        key: Key,
    ) -> BoxFuture<'static, Result<Option<StoredState>, CallError>> {
        let state = if *key == *"e" { Err("it is damaged".to_owned()) } else { Ok(7.into()) };
        let is_there = key.len() == 1 && *key <= *"e";
        let found = is_there.then(|| (stored(key.to_string()), state));
        Box::pin(std::future::ready(Ok(found)))
    }

    fn deactivate(&self, _: &ActorType, key: Key) -> BoxFuture<'static, bool> {
        Box::pin(std::future::ready(*key != *"b"))
    }

    fn back_up(&self) -> Result<Copy, String> {
        let (pieces, copy) = tokio::sync::mpsc::channel(4);
        pieces.try_send(Ok("co".into())).unwrap();
        pieces.try_send(Ok("py".into())).unwrap();
        Ok(copy)
    }
}

struct Pages {
    _runtime: Runtime,
    _server: Server,
    health: Arc<Health>,
    address: SocketAddr,
}

struct OneFeed;

impl Feeds for OneFeed {
    fn read(&self, _: FeedWanted) -> BoxFuture<'static, Result<FeedAnswer, FeedRefusal>> {
        unreachable!("admin pages list feeds")
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<FeedLine>, String>> {
        let (name, entries, bytes) = ("answers".to_owned(), 3, 300);
        let line =
            FeedLine { name, entries, bytes, oldest_at: Some(1_700_000_000_000), error: None };
        Box::pin(std::future::ready(Ok(vec![line])))
    }
}

#[test]
fn feeds_are_listed() {
    let pages = Pages::new();
    let page = pages.get("/admin/v1/feeds");
    assert_eq!(page.status, 200);
    let line = r#"{"name":"answers","entries":3,"bytes":300,"oldest_at":1700000000000}"#;
    assert_eq!(page.body, format!(r#"{{"feeds":[{line}]}}"#));
}

/// A node without others.
struct Alone;

impl Steering for Alone {
    fn cordon(&self, _: bool) -> bool {
        false
    }

    fn drain(&self) {}
}

#[test]
fn a_node_is_told_with_post_and_one_alone_cannot_be_cordoned() {
    let pages = Pages::new();
    let host = "host: localhost:7071\r\n";
    assert_eq!(pages.ask("POST", "/admin/v1/node/drain", host).status, 202);
    for path in ["/admin/v1/node/cordon", "/admin/v1/node/uncordon"] {
        let page = pages.ask("POST", path, host);
        assert_eq!(page.status, 409);
        assert!(page.body.contains("the node is alone"), "{}", page.body);
        assert_eq!(pages.get(path).status, 405);
    }
    let foreign = pages.ask("POST", "/admin/v1/node/drain", "host: evil.example\r\n");
    assert_eq!(foreign.status, 403);
}

impl Pages {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let metrics = Arc::new(Metrics::new());
        metrics.register_gauge(names::MAILBOX_CALLS, &[]).unwrap().set(3);
        let health = Arc::new(Health::new());
        let host = HostHandle::new(Arc::new(MapHost::new(runtime.handle().clone())));
        let admin = Admin {
            openapi: OpenApi::default(),
            sessions: OpenSessions::none(host.fork()),
            host,
            types: types(),
            metrics,
            health: Arc::clone(&health),
            status: Arc::new(|| NodeStatus { node: "n1".into(), ..NodeStatus::default() }),
            actors: Arc::new(Five),
            feeds: Arc::new(OneFeed),
            steering: Arc::new(Alone),
        };
        let server = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            serve_admin(listener, AdminConfig::default(), admin).unwrap()
        });
        let address = server.address();
        Self { _runtime: runtime, _server: server, health, address }
    }

    fn get(&self, path: &str) -> Response {
        self.ask("GET", path, "host: localhost:7071\r\n")
    }

    fn ask(&self, method: &str, path: &str, headers: &str) -> Response {
        Client::connect(self.address).ask(&format!("{method} {path} HTTP/1.1\r\n{headers}\r\n"))
    }
}

#[test]
fn health_is_told_with_its_reasons() {
    let pages = Pages::new();
    assert_eq!(pages.get("/livez").status, 200);
    assert_eq!(pages.get("/startupz").status, 503);
    assert_eq!(pages.get("/readyz").json()["reasons"][0]["condition"], "starting");
    pages.health.resolve(Condition::Starting);
    assert_eq!(pages.get("/startupz").status, 200);
    assert_eq!(pages.get("/readyz").status, 200);
    pages.health.report(Condition::Store, "no answer for 3 s");
    let reply = pages.get("/readyz");
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json()["reasons"][0]["reason"], "no answer for 3 s");
    assert_eq!(pages.get("/livez").status, 200, "a store out of reach is no cause to restart");
    // The last beat was at the clock's zero, an hour ago.
    pages.health.beat(tenure_types::Instant::from_nanos(1));
    assert_eq!(pages.get("/livez").status, 503);
}

#[test]
fn the_pages_show_what_there_is() {
    let pages = Pages::new();
    let call = pages.ask("POST", "/v1/counter/42/add", "host: localhost\r\ncontent-length: 0\r\n");
    assert_eq!(call.status, 404);
    assert!(call.body.contains("calls go to the port for calls (gateway.listen"), "{}", call.body);
    let metrics = pages.get("/metrics");
    assert!(metrics.body.contains("tenure_mailbox_calls 3\n"), "{}", metrics.body);
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    assert!(!metrics.body.contains("# EOF"), "{}", metrics.body);
    let accept = "host: localhost\r\naccept: application/openmetrics-text;version=1.0.0\r\n";
    let metrics = pages.ask("GET", "/metrics", accept);
    assert!(metrics.body.ends_with("# EOF\n"), "{}", metrics.body);
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert_eq!(pages.get("/admin/v1/node").json()["node"], "n1");
    let types = pages.get("/admin/v1/types").json();
    assert_eq!(types[0]["name"], "counter");
    assert_eq!(types[0]["persist"], "write_through");
    let methods = types[0]["methods"].as_array().unwrap();
    let range = methods.iter().find(|method| method["name"] == "range").unwrap();
    assert_eq!(range["arguments"], serde_json::json!(["from", "to"]));
    assert_eq!((&range["exclusive"], &range["http"]), (&false.into(), &true.into()));
    let document = pages.get("/admin/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/v1/counter/{key}/add"]["post"].is_object(), "{document}");
    pages.get("/nothing").problem(404, "not_found");
    let reply = pages.ask("POST", "/metrics", "host: localhost\r\ncontent-length: 0\r\n");
    reply.problem(405, "method_not_allowed");
    assert!(reply.header("allow").unwrap().contains("GET"));
    assert_eq!(pages.get("/livez").header("cache-control"), Some("no-store"));
}

#[test]
fn the_dashboard_is_there_whole_and_loads_nothing_from_elsewhere() {
    let pages = Pages::new();
    let (mut open, mut seen) = (vec!["/".to_owned()], Vec::new());
    while let Some(path) = open.pop() {
        let file = pages.get(&path);
        assert_eq!(file.status, 200, "{path}");
        let kind = match path.rsplit_once('.').map(|(_, kind)| kind) {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(file.header("content-type"), Some(kind), "{path}");
        let policy = file.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'self'; "), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        let body = file.body.replace("http://www.w3.org/2000/svg", "");
        assert!(!body.contains("http://") && !body.contains("https://"), "{path}");
        // Keys are other people's data: nothing puts text into the page as anything but text.
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!body.contains(way), "{path} has {way}");
        }
        let links = body.split('"').filter(|it| it.starts_with("/dashboard/"));
        let imports = body.split('"').filter_map(|it| it.strip_prefix("./"));
        let links = links.map(str::to_owned).chain(imports.map(|it| format!("/dashboard/{it}")));
        for link in links.filter(|it| it.contains('.')).collect::<Vec<_>>() {
            if !seen.contains(&link) {
                seen.push(link.clone());
                open.push(link);
            }
        }
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
    pages.get("/dashboard/other.js").problem(404, "not_found");
    pages.ask("GET", "/", "host: evil.example\r\n").problem(403, "denied");
}

#[test]
fn web_pages_of_other_sites_see_nothing() {
    let pages = Pages::new();
    for headers in [
        "host: evil.example\r\n",
        "host: localhost\r\nhost: evil.example\r\n",
        "host: localhost\r\norigin: https://evil.example\r\n",
        "host: localhost\r\nsec-fetch-site: cross-site\r\n",
        "",
    ] {
        for path in ["/admin/v1/node", "/metrics", "/livez", "/nothing"] {
            pages.ask("GET", path, headers).problem(403, "denied");
        }
    }
    let own = "host: 127.0.0.1:7071\r\norigin: http://127.0.0.1:7071\r\n";
    assert_eq!(pages.ask("GET", "/admin/v1/node", own).status, 200);
}

#[test]
fn actors_are_listed_in_pages() {
    let pages = Pages::new();
    let list = |query: &str| {
        let page = pages.get(&format!("/admin/v1/actors?{query}")).json();
        let keys = page["actors"].as_array().unwrap().iter().map(|it| it["key"].clone());
        (keys.collect::<Vec<_>>(), page["next"].clone())
    };
    let none = serde_json::Value::Null;
    assert_eq!(list("type=counter"), (vec!["a".into(), "b".into(), "c".into()], none.clone()));
    assert_eq!(list("type=counter&limit=2"), (vec!["a".into(), "b".into()], "b".into()));
    assert_eq!(list("type=counter&limit=2&after=b"), (vec!["c".into()], none));
    let (mut after, mut all) = (String::new(), Vec::new());
    loop {
        // A type that the program has no more can still be looked at.
        let (keys, next) = list(&format!("type=gone&stored=true&limit=2{after}"));
        all.extend(keys);
        let Some(next) = next.as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(all, ["a", "b", "c", "d", "e"]);
    for (query, status, part) in [
        ("", 400, "say which type"),
        ("type=countr", 404, "did you mean `counter`?"),
        ("type=counter&limit=0", 400, "from 1 to 1000"),
        ("type=counter&limit=9999", 400, "from 1 to 1000"),
        ("type=counter&stored=yes", 400, "true or false"),
        ("type=counter&after=%0A", 400, "control"),
        ("type=counter&after=%f", 400, "no two digits"),
        ("type=counter&page=2", 400, "this one has `page`"),
        ("type=other&stored=true", 503, "no"),
    ] {
        let reply = pages.get(&format!("/admin/v1/actors?{query}"));
        let json = reply.json();
        assert_eq!(reply.status, status, "{query}: {json}");
        assert!(json["detail"].as_str().unwrap().contains(part), "{query}: {json}");
    }
}

#[test]
fn one_actor_is_shown_and_left_alone_or_deleted() {
    let pages = Pages::new();
    let shown = |key: &str| pages.get(&format!("/admin/v1/actors/counter/{key}")).json();
    let stored = shown("d");
    assert_eq!((&stored["live"], &stored["state"]), (&serde_json::Value::Null, &7.into()));
    assert_eq!((&stored["type"], &stored["stored"]["key"]), (&"counter".into(), &"d".into()));
    let live = shown("a");
    assert_eq!(live["live"]["key"], "a");
    assert!(live["state"].is_object() || live["error"].is_string(), "{live}");
    let damaged = shown("e");
    assert_eq!(
        (&damaged["state"], &damaged["error"]),
        (&serde_json::Value::Null, &"it is damaged".into())
    );
    let ask = |method: &str, path: &str, headers: &str| {
        let headers = format!("host: localhost\r\n{headers}");
        pages.ask(method, &format!("/admin/v1/actors/{path}"), &headers).status
    };
    assert_eq!(ask("GET", "counter/zz", ""), 404);
    assert_eq!(ask("GET", "countr/a", ""), 404);
    assert_eq!(ask("POST", "counter/a/deactivate", "content-length: 0\r\n"), 204);
    assert_eq!(ask("POST", "counter/b/deactivate", "content-length: 0\r\n"), 409);
    assert_eq!(ask("PUT", "counter/a", "content-length: 0\r\n"), 405);
    // A page of another site can do none of it.
    let foreign = "origin: https://evil.example\r\ncontent-length: 0\r\n";
    assert_eq!(ask("POST", "counter/a/deactivate", foreign), 403);
    assert_eq!(ask("DELETE", "counter/a", foreign), 403);
}

#[test]
fn a_copy_is_downloaded() {
    let pages = Pages::new();
    let copy = pages.get("/admin/v1/backup");
    assert_eq!((copy.status, copy.header("content-type")), (200, Some("application/octet-stream")));
    assert_eq!(copy.body, "copy");
}
