//! Services that follow a feed at any node of a cluster.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;
use tenure_postgres_server::PostgresServer;
use tenure_store_postgres::{PostgresConfig, migrate};

use crate::cluster::{Nodes, keys_at};
use crate::node::{Node, PATIENCE, attempt, wait_until};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const WRITERS: usize = 6;

/// What each actor appended, in the order in which it was read.
type Read = BTreeMap<String, Vec<u64>>;

/// A database with nodes on it, each a process.
struct Database(PostgresServer);

impl Database {
    fn new() -> Self {
        let server = PostgresServer::start().expect("PostgreSQL is installed");
        let config: PostgresConfig = server.url().parse().expect("a URL");
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        runtime.block_on(migrate(&config, 0)).expect("the tables are made");
        Self(server)
    }

    fn start(&self, name: &str) -> Node {
        Node::start(&[
            ("TENURE_STORE", &self.0.url()),
            ("TENURE_NODE__NAME", name),
            ("TENURE_CLUSTER__LISTEN", "127.0.0.1:0"),
            ("TENURE_CLUSTER__KEY", KEY),
        ])
    }
}

/// A page behind a cursor, or from the oldest on.
fn page(at: SocketAddr, after: Option<&str>, rest: &str) -> Value {
    let after = after.map(|it| format!("&after={it}")).unwrap_or_default();
    let reply = attempt(at, &format!("GET /v1/_feeds/said?{rest}{after}"), "").expect("a reply");
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).expect("it is JSON")
}

fn take(page: &Value, read: &mut Read) {
    for entry in page["entries"].as_array().expect("entries") {
        let key = entry["key"].as_str().expect("a key").to_owned();
        read.entry(key).or_default().push(entry["data"]["n"].as_u64().expect("a number"));
    }
}

fn cursor(page: &Value) -> String {
    page["cursor"].as_str().expect("a cursor").to_owned()
}

/// Everything behind a cursor.
fn read_all(at: SocketAddr, mut after: Option<String>, mut read: Read) -> Read {
    loop {
        let page = page(at, after.as_deref(), "limit=50");
        take(&page, &mut read);
        if page["more"] == false {
            return read;
        }
        after = Some(cursor(&page));
    }
}

/// Lets an actor append until it may not any more, at the first of these nodes that answers; gives the
/// last number that was acknowledged.
fn write(at: [SocketAddr; 2], key: &str, ends: &AtomicBool, wrote: &mpsc::Sender<()>) -> u64 {
    let mut last = 0;
    while !ends.load(Ordering::Relaxed) {
        let head = format!("POST /v1/scribe/{key}/say");
        let reply = at.iter().find_map(|at| attempt(*at, &head, "{\"times\":1,\"bytes\":0}"));
        // What was not acknowledged is appended, or not.
        if let Some(reply) = reply.filter(|it| it.status == 200) {
            last = reply.body.trim().parse().expect("a number");
            let _ = wrote.send(());
        }
    }
    last
}

/// Follows at a node until it may not any more and nothing is left; tells what it read, and a cursor
/// of the way with what was read before it.
fn follow(at: SocketAddr, ends: &AtomicBool) -> (Read, (Read, String)) {
    let (mut read, mut after, mut middle) = (Read::new(), None, None);
    loop {
        let is_last = ends.load(Ordering::Relaxed);
        let page = page(at, after.as_deref(), "limit=20&wait=1s");
        take(&page, &mut read);
        after = Some(cursor(&page));
        if middle.is_none() && !read.is_empty() {
            middle = Some((read.clone(), cursor(&page)));
        }
        if is_last && page["more"] == false {
            return (read, middle.expect("something was read"));
        }
    }
}

/// A node is killed while two services follow and actors append at all nodes.
fn follows_over_a_kill(start: impl Fn(&str) -> Node) {
    let (one, two) = (start("a"), start("b"));
    keys_at(&[&one, &two], "scribe");
    let (writing, following) = (AtomicBool::new(false), AtomicBool::new(false));
    let (wrote, heard) = mpsc::channel();
    let (acknowledged, (read, (before, middle))) = std::thread::scope(|scope| {
        let follower = scope.spawn(|| follow(two.calls, &following));
        let writers: Vec<_> = (0..WRITERS)
            .map(|nth| {
                let at = if nth % 2 == 0 { [one.calls, two.calls] } else { [two.calls; 2] };
                let (wrote, ends) = (wrote.clone(), &writing);
                let name = format!("w{nth}");
                (name.clone(), scope.spawn(move || write(at, &name, ends, &wrote)))
            })
            .collect();
        let hear = |times| (0..times).for_each(|_| heard.recv_timeout(3 * PATIENCE).expect("more"));
        hear(200);
        one.signal(Signal::KILL);
        hear(200);
        // Those that lived there answer again.
        let keys: Vec<_> = (0..WRITERS).map(|nth| format!("scribe/w{nth}")).collect();
        wait_until("every actor answers", || {
            keys.iter().all(|key| {
                let head = format!("POST /v1/{key}/say");
                attempt(two.calls, &head, "{\"times\":0,\"bytes\":0}")
                    .is_some_and(|it| it.status == 200)
            })
        });
        writing.store(true, Ordering::Relaxed);
        let acknowledged: BTreeMap<String, u64> = writers
            .into_iter()
            .map(|(name, writer)| (name, writer.join().expect("it writes")))
            .collect();
        following.store(true, Ordering::Relaxed);
        (acknowledged, follower.join().expect("it follows"))
    });
    for (name, last) in &acknowledged {
        let numbers = &read[name];
        assert!(numbers.len() as u64 >= *last, "{name}: {last} were acknowledged, {numbers:?}");
        assert!((1..).zip(numbers).all(|(n, it)| n == *it), "{name}: once, in order: {numbers:?}");
    }
    // At another node, from the cursor on and from the beginning.
    let three = start("c");
    assert_eq!(read_all(three.calls, Some(middle), before), read, "it resumes at another node");
    assert_eq!(read_all(three.calls, None, Read::new()), read, "every node reads the same");
    is_woken(&three, &two);
}

/// Who waits at one node hears soon of what an actor appends at another.
fn is_woken(one: &Node, two: &Node) {
    let keys = keys_at(&[one, two], "scribe");
    for (waits, key) in [(one, &keys[1]), (two, &keys[0])] {
        let latest = cursor(&page(waits.calls, Some("latest"), "limit=1"));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| page(waits.calls, Some(&latest), "wait=30s"));
            wait_until("somebody waits", || {
                let metrics = waits.ask(waits.admin, "GET /metrics", "").body;
                let of = metrics.lines().filter(|line| line.starts_with("tenure_feed_polls"));
                of.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>()
                    > 0.0
            });
            let began = Instant::now();
            two.say(&format!("scribe/{key}"), 1);
            let page = waiter.join().expect("it is told before it gives up");
            assert_eq!(page["entries"][0]["key"], **key, "{page}");
            assert!(began.elapsed() < PATIENCE / 2, "it took {:?}", began.elapsed());
        });
    }
}

#[test]
fn a_feed_is_followed_at_any_node_on_postgresql_while_one_is_killed() {
    let database = Database::new();
    follows_over_a_kill(|name| database.start(name));
}

#[test]
fn a_feed_is_followed_at_any_node_of_a_local_cluster_while_one_is_killed() {
    let nodes = Nodes::new();
    follows_over_a_kill(|name| nodes.start(name));
}
