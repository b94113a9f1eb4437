//! Pages of feeds.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_gateway::{
    Access, Authorise, FeedAnswer, FeedItem, FeedLine, FeedRefusal, FeedStart, FeedWanted, Feeds,
    Refusal,
};
use tenure_types::BoxFuture;

use crate::world::{World, get};

/// Answers what the name of the feed says, and tells what it was asked.
struct Named(Mutex<Sender<FeedWanted>>);

impl Feeds for Named {
    fn read(&self, wanted: FeedWanted) -> BoxFuture<'static, Result<FeedAnswer, FeedRefusal>> {
        let name = wanted.feed.to_string();
        self.0.lock().send(wanted).unwrap();
        let detail = "a test".to_owned();
        let data: &[u8] = match name.as_str() {
            "torn" => b"{",
            _ => br#"{ "n" : 1.0 }"#,
        };
        let item = FeedItem {
            type_name: "cart".into(),
            key: "a \"b\"".into(),
            version: 7,
            index: 1,
            at_ms: 1_700_000_000_123,
            data: data.to_vec(),
        };
        let answer = FeedAnswer { entries: vec![item], cursor: "c1".into(), has_more: true };
        Box::pin(std::future::ready(match name.as_str() {
            "expired" => Err(FeedRefusal::Expired { oldest: "o1".into() }),
            "cursor" => Err(FeedRefusal::Cursor { detail }),
            "full" => Err(FeedRefusal::Overloaded { detail }),
            "away" => Err(FeedRefusal::Storage { detail }),
            _ => Ok(answer),
        }))
    }

    fn list(&self) -> BoxFuture<'static, Result<Vec<FeedLine>, String>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

fn world(authorise: Option<Arc<dyn Authorise>>) -> (World, Receiver<FeedWanted>) {
    let (send, asked) = channel();
    (World::with_feeds(Arc::new(Named(Mutex::new(send))), authorise), asked)
}

#[test]
fn a_page_has_its_entries_as_they_were_appended() {
    let (world, asked) = world(None);
    let reply = world.ask(&get("/v1/_feeds/answers"));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let entry = r#"{"type":"cart","key":"a \"b\"","version":7,"index":1,"at":1700000000123,"data":{ "n" : 1.0 }}"#;
    assert_eq!(reply.body, format!(r#"{{"entries":[{entry}],"cursor":"c1","more":true}}"#));
    let wanted = asked.recv().unwrap();
    let (from, limit, wait) = (wanted.from, wanted.limit, wanted.wait);
    assert_eq!((from, limit, wait), (FeedStart::Oldest, 100, Duration::ZERO));
    for (query, from, limit, wait) in [
        ("after=", FeedStart::Oldest, 100, 0),
        ("after=latest", FeedStart::Latest, 100, 0),
        ("after=a_-1&limit=1&wait=60s", FeedStart::After("a_-1".into()), 1, 60_000),
        ("limit=1000&wait=1m", FeedStart::Oldest, 1_000, 60_000),
        ("&wait=250ms&", FeedStart::Oldest, 100, 250),
    ] {
        assert_eq!(world.ask(&get(&format!("/v1/_feeds/answers?{query}"))).status, 200);
        let wanted = asked.recv().unwrap();
        let wait = Duration::from_millis(wait);
        assert_eq!((wanted.from, wanted.limit, wanted.wait), (from, limit, wait), "{query}");
    }
    let head = "GET /v1/_feeds/answers?wait=60s HTTP/1.1\r\nhost: t\r\ngrpc-timeout: 2S\r\n\r\n";
    assert_eq!(world.ask(head).status, 200);
    assert_eq!(asked.recv().unwrap().wait, Duration::from_secs(2), "a deadline is kept");
}

#[test]
fn what_is_wrong_is_told() {
    let (world, asked) = world(None);
    let long = "f".repeat(65);
    for (path, status, code, part) in [
        ("/v1/_feeds/", 400, "bad_request", "1 to 64 bytes"),
        (&*format!("/v1/_feeds/{long}"), 400, "bad_request", "1 to 64 bytes"),
        ("/v1/_feeds/_a", 400, "bad_request", "does not begin with '_'"),
        ("/v1/_feeds/a/b", 400, "bad_request", "'/' at byte 1"),
        ("/v1/_feeds/a%2Fb", 400, "bad_request", "'/' at byte 1"),
        ("/v1/_feeds/A", 400, "bad_request", "'A' at byte 0"),
        ("/v1/_feeds/a?limit=0", 400, "bad_request", "from 1 to 1000; this one is \"0\""),
        ("/v1/_feeds/a?limit=1001", 400, "bad_request", "from 1 to 1000"),
        ("/v1/_feeds/a?limit=", 400, "bad_request", "from 1 to 1000"),
        ("/v1/_feeds/a?wait=61s", 400, "bad_request", "at most 60s"),
        ("/v1/_feeds/a?wait=10", 400, "bad_request", "as in 10s; this one is \"10\""),
        ("/v1/_feeds/a?from=1", 400, "bad_request", "this one has `from`"),
        ("/v1/_feeds/a?limit=1&limit=2", 400, "bad_request", "`limit` occurs more than once"),
    ] {
        let detail = world.ask(&get(path)).problem(status, code);
        assert!(detail.contains(part), "{path}: {detail}");
    }
    assert!(asked.try_recv().is_err(), "nothing of it was asked for");
    for (feed, status, code, part) in [
        ("cursor", 400, "bad_request", "`after`: a test"),
        ("full", 503, "overloaded", "a test"),
        ("away", 503, "storage", "a test"),
        ("torn", 500, "storage", "no JSON"),
        ("expired", 410, "expired", "not kept any more"),
    ] {
        let reply = world.ask(&get(&format!("/v1/_feeds/{feed}")));
        assert!(reply.problem(status, code).contains(part), "{reply:?}");
        assert_eq!(reply.header("retry-after").is_some(), status == 503, "{feed}");
        let oldest = (status == 410).then_some("o1");
        assert_eq!(reply.json()["oldest"].as_str(), oldest, "{feed}");
    }
    let post = "POST /v1/_feeds/a HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\r\n";
    let reply = world.ask(post);
    reply.problem(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("GET"));
    let body = "GET /v1/_feeds/a HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\n1";
    world.ask(body).problem(400, "bad_request");
    let without = World::new();
    without.ask(&get("/v1/_feeds/a")).problem(404, "not_found");
}

/// Lets in who reads the feed `open`.
struct OpenAlone;

impl Authorise for OpenAlone {
    fn authorise<'a>(&'a self, access: Access<'a>) -> BoxFuture<'a, Result<(), Refusal>> {
        let entrance = (access.actor_type, access.key, access.method, access.exclusive);
        let is_open = entrance == ("_feeds", "open", "read", false);
        let refusal = Refusal::Forbidden { detail: format!("{entrance:?}").into() };
        Box::pin(std::future::ready(if is_open { Ok(()) } else { Err(refusal) }))
    }
}

#[test]
fn who_reads_a_feed_is_asked_as_who_calls() {
    let (world, asked) = world(Some(Arc::new(OpenAlone)));
    assert_eq!(world.ask(&get("/v1/_feeds/open")).status, 200);
    assert!(asked.recv().is_ok());
    let detail = world.ask(&get("/v1/_feeds/closed")).problem(403, "denied");
    assert!(detail.contains("closed"), "{detail}");
    assert!(asked.try_recv().is_err());
}
