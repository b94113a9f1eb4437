//! Nodes that know of each other by gossip alone, each a process, over one PostgreSQL.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tenure_postgres_server::PostgresServer;
use tenure_store_postgres::{PostgresConfig, migrate};

use crate::node::{Node, Reply};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OTHER_KEY: &str = "f0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// Longer than it takes to notice a silent death.
const NOTICED: Duration = Duration::from_secs(60);

struct Cluster {
    server: PostgresServer,
    folder: tempfile::TempDir,
}

impl Cluster {
    fn new() -> Self {
        let server = PostgresServer::start().expect("PostgreSQL is installed");
        let config: PostgresConfig = server.url().parse().expect("a URL");
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        runtime.block_on(migrate(&config, 0)).expect("the tables are made");
        Self { server, folder: tempfile::tempdir().expect("a folder") }
    }

    fn seeds(&self) -> String {
        format!("file:{}", self.folder.path().join("seeds").display())
    }

    /// From now on whoever looks for others looks there.
    fn know(&self, addresses: &[String]) {
        std::fs::write(self.folder.path().join("seeds"), addresses.join("\n")).expect("a file");
    }

    fn start(&self, name: &str, more: &[(&str, &str)]) -> Node {
        let (url, seeds) = (self.server.url(), self.seeds());
        let mut variables: BTreeMap<&str, &str> = BTreeMap::from([
            ("TENURE_STORE__URL", &*url),
            ("TENURE_NODE__NAME", name),
            ("TENURE_CLUSTER__MEMBERSHIP", "gossip"),
            ("TENURE_CLUSTER__LISTEN", "127.0.0.1:0"),
            ("TENURE_CLUSTER__SEEDS", &*seeds),
            ("TENURE_CLUSTER__KEY", KEY),
        ]);
        variables.extend(more.iter().copied());
        Node::start(&variables.into_iter().collect::<Vec<_>>())
    }

    /// Three that find each other: the first founds, the others come at one time.
    fn three(&self, more: &[(&str, &str)]) -> [Node; 3] {
        let one = self.start("a", more);
        self.know(&[address(&one, "a")]);
        let [two, three] = thread::scope(|scope| {
            ["b", "c"]
                .map(|name| scope.spawn(move || self.start(name, more)))
                .map(|it| it.join().expect("it starts"))
        });
        let nodes = [one, two, three];
        nodes.iter().for_each(|node| wait_for_members(node, &["a", "b", "c"]));
        nodes
    }
}

fn cluster_of(node: &Node) -> Value {
    let status = node.ask(node.admin, "GET /admin/v1/node", "");
    let status: Value = serde_json::from_str(&status.body).expect("it is JSON");
    status["cluster"].clone()
}

/// The members of a node's view that are not gone.
fn members(node: &Node) -> Vec<String> {
    let cluster = cluster_of(node);
    let members = cluster["members"].as_array().expect("members");
    let living = members.iter().filter(|it| !matches!(it["state"].as_str(), Some("Down" | "Left")));
    let mut names: Vec<String> =
        living.map(|it| it["node"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

fn address(node: &Node, name: &str) -> String {
    let cluster = cluster_of(node);
    let members = cluster["members"].as_array().expect("members");
    let it = members.iter().rfind(|it| it["node"] == name).expect("it is listed");
    it["address"].as_str().expect("an address").to_owned()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + NOTICED;
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come");
        thread::yield_now();
    }
}

fn wait_for_members(node: &Node, expected: &[&str]) {
    wait_until(&format!("{expected:?}"), || members(node) == expected);
}

fn try_say(node: &Node, actor: &str) -> Reply {
    node.call(&format!("POST /v1/{actor}/say"), "{\"times\":1,\"bytes\":0}")
}

/// Lets an actor say something once it answers; gives its number.
fn said_at_last(node: &Node, actor: &str) -> u64 {
    let mut n = None;
    wait_until(actor, || {
        let reply = try_say(node, actor);
        n = (reply.status == 200).then(|| reply.body.trim().parse().expect("a number"));
        n.is_some()
    });
    n.expect("it was said")
}

fn activations(node: &Node) -> u64 {
    let status = node.ask(node.admin, "GET /admin/v1/node", "");
    let status: Value = serde_json::from_str(&status.body).expect("it is JSON");
    let types = status["types"].as_array().expect("types");
    types.iter().filter_map(|it| it["activations"].as_u64()).sum()
}

#[test]
fn nodes_find_each_other_by_seeds_and_lose_no_acknowledged_turn_with_one_that_is_killed() {
    let cluster = Cluster::new();
    let [one, two, mut three] = cluster.three(&[]);
    let actors: Vec<String> = (0..24).map(|n| format!("through/{n}")).collect();
    for actor in &actors {
        for (node, n) in [(&one, 1), (&two, 2), (&three, 3)] {
            assert_eq!(node.say(actor, 1), n, "{actor}");
        }
    }
    let hosted = [&one, &two, &three].map(activations);
    assert!(hosted[2] > 0 && hosted.iter().sum::<u64>() == 24, "one copy of each: {hosted:?}");
    three.signal(Signal::KILL);
    three.ended();
    let killed = Instant::now();
    for actor in &actors {
        // What was not acknowledged may have been done or not; what was is there.
        let n = said_at_last(&one, actor);
        assert!(n >= 4, "{actor} said {n}");
        assert_eq!(two.say(actor, 1), n + 1, "{actor}");
    }
    // Its sentinel has told of its death: nobody waited for suspicions, which take longer than this.
    assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    wait_for_members(&two, &["a", "b"]);
    // It comes back as a new run, and is found by what the others tell.
    let three = cluster.start("c", &[]);
    let sql = "SELECT count(DISTINCT incarnation) FROM tenure.fences";
    let standing = cluster.server.psql(sql).expect("it answers");
    assert_eq!(standing.trim(), "3", "its former run is fenced, and nobody else");
    for node in [&one, &two, &three] {
        wait_for_members(node, &["a", "b", "c"]);
    }
    for actor in &actors {
        let n = one.say(actor, 1);
        assert_eq!(three.say(actor, 1), n + 1, "{actor}");
    }
}

#[test]
fn who_leaves_in_order_takes_its_actors_to_the_others() {
    let cluster = Cluster::new();
    let [one, two, mut three] = cluster.three(&[]);
    let actors: Vec<String> = (0..24).map(|n| format!("through/{n}")).collect();
    actors.iter().for_each(|actor| assert_eq!(three.say(actor, 1), 1));
    three.signal(Signal::TERM);
    for actor in &actors {
        assert_eq!(one.say(actor, 1), 2, "{actor}: no call fails");
        assert_eq!(two.say(actor, 1), 3, "{actor}");
    }
    assert!(three.ended().success());
    wait_for_members(&one, &["a", "b"]);
}

#[test]
fn a_quorum_goes_on_without_one_that_stopped_and_nobody_goes_on_without_it() {
    let cluster = Cluster::new();
    let ports: Vec<SocketAddr> = (0..3).map(|_| free_port()).collect();
    cluster.know(&ports.iter().map(SocketAddr::to_string).collect::<Vec<_>>());
    let started = |name: &'static str, at: SocketAddr| {
        let at = at.to_string();
        let more =
            [("TENURE_CLUSTER__LISTEN", &*at), ("TENURE_CLUSTER__SPLIT_BRAIN", "static_quorum(2)")];
        cluster.start(name, &more)
    };
    let started = &started;
    // None of them serves before there are two.
    let [mut one, two, mut three] = thread::scope(|scope| {
        let names = [("a", ports[0]), ("b", ports[1]), ("c", ports[2])];
        names
            .map(|(name, at)| scope.spawn(move || started(name, at)))
            .map(|it| it.join().expect("it starts"))
    });
    for node in [&one, &two, &three] {
        wait_for_members(node, &["a", "b", "c"]);
    }
    let actors: Vec<String> = (0..24).map(|n| format!("through/{n}")).collect();
    actors.iter().for_each(|actor| assert_eq!(three.say(actor, 1), 1));
    three.signal(Signal::STOP);
    wait_for_members(&one, &["a", "b"]);
    let acknowledged: Vec<u64> = actors.iter().map(|actor| said_at_last(&one, actor)).collect();
    assert!(acknowledged.iter().all(|n| *n >= 2), "{acknowledged:?}");
    three.signal(Signal::CONT);
    assert!(!three.ended().success(), "it was given up, and says so");
    for (actor, n) in actors.iter().zip(acknowledged) {
        assert_eq!(said_at_last(&two, actor), n + 1, "{actor}");
    }
    // One of two is no quorum.
    two.signal(Signal::STOP);
    assert!(!one.ended().success(), "it ends by itself");
}

/// A port that is free for both kinds now.
fn free_port() -> SocketAddr {
    loop {
        let at = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
        if UdpSocket::bind(at).is_ok() {
            return at;
        }
    }
}

#[test]
fn another_key_never_joins_and_two_clusters_on_one_database_overwrite_nothing() {
    let cluster = Cluster::new();
    let one = cluster.start("a", &[]);
    cluster.know(&[address(&one, "a")]);
    let two = cluster.start("b", &[]);
    wait_for_members(&one, &["a", "b"]);
    let other = cluster.start("x", &[("TENURE_CLUSTER__KEY", OTHER_KEY)]);
    // As on two sides of a split: each has an activation, and each write is on what the one before has left.
    let mut last = 0;
    for round in 0..20 {
        for node in [&one, &other, &two] {
            let n = said_at_last(node, "through/x");
            assert!(n > last, "round {round}: {n} after {last}");
            last = n;
        }
    }
    assert_eq!(
        (members(&one), members(&other)),
        (vec!["a".to_owned(), "b".to_owned()], vec!["x".to_owned()])
    );
    wait_until("a datagram that was not taken", || dropped(&one) > 0);
}

#[test]
fn clusters_that_were_begun_apart_become_one_and_keep_what_was_acknowledged() {
    let cluster = Cluster::new();
    let one = cluster.start("a", &[]);
    // It looks elsewhere: each is a side of its own, as if the network had fallen apart.
    let elsewhere = format!("file:{}", cluster.folder.path().join("elsewhere").display());
    let mut two = cluster.start("b", &[("TENURE_CLUSTER__SEEDS", &elsewhere)]);
    let actors: Vec<String> = (0..8).map(|n| format!("through/{n}")).collect();
    let mut last = vec![0; actors.len()];
    for node in [&one, &two, &one, &two] {
        for (actor, last) in actors.iter().zip(&mut last) {
            let n = said_at_last(node, actor);
            assert!(n > *last, "{actor}: {n} after {last}");
            *last = n;
        }
    }
    assert_eq!((members(&one), members(&two)), (vec!["a".to_owned()], vec!["b".to_owned()]));
    // Now they reach each other. Of two alike the one of the older member stays.
    cluster.know(&[address(&two, "b")]);
    assert!(!two.ended().success(), "it is the smaller side, and says so");
    cluster.know(&[address(&one, "a")]);
    let two = cluster.start("b", &[]);
    for node in [&one, &two] {
        wait_for_members(node, &["a", "b"]);
    }
    for (actor, last) in actors.iter().zip(last) {
        // One activation each: nobody meets another writer any more.
        let n = said_at_last(&two, actor);
        assert!(n > last, "{actor}: {n} after {last}");
        assert_eq!((one.say(actor, 1), two.say(actor, 1)), (n + 1, n + 2), "{actor}");
    }
}

fn dropped(node: &Node) -> u64 {
    let metrics = node.ask(node.admin, "GET /metrics", "").body;
    let line = metrics.lines().find(|it| it.starts_with("tenure_gossip_datagrams_dropped_total"));
    let value = line.and_then(|it| it.rsplit(' ').next()).expect("it is counted");
    value.parse::<f64>().expect("a number") as u64
}

#[test]
fn a_member_goes_on_whatever_datagrams_come() {
    goes_on_after(100_000);
}

#[test]
#[ignore = "takes minutes"]
fn a_member_goes_on_after_a_million_datagrams() {
    goes_on_after(1_000_000);
}

fn goes_on_after(datagrams: u64) {
    let cluster = Cluster::new();
    let one = cluster.start("a", &[]);
    let at = address(&one, "a");
    cluster.know(std::slice::from_ref(&at));
    let two = cluster.start("b", &[]);
    wait_for_members(&one, &["a", "b"]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    // SplitMix64 (Steele, Lea and Flood 2014).
    let mut seed = 0_u64;
    let mut draw = move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
    };
    let mut datagram = [0; 2_000];
    for n in 0..datagrams {
        for chunk in datagram.chunks_mut(8) {
            chunk.copy_from_slice(&draw().to_le_bytes()[..chunk.len()]);
        }
        // Most of them begin as a datagram of gossip does; some have the length of a sentinel's notice.
        datagram[0] = if n % 4 == 0 { datagram[0] } else { 0xd7 };
        let len = draw() as usize % datagram.len();
        // Where the socket is full the datagram is lost, as any may be.
        let _ = socket.send_to(&datagram[..len], &at);
        if n % 10_000 == 0 {
            assert!(one.say("through/x", 1) > 0, "it answers after {n}");
        }
    }
    assert!(dropped(&one) > 1_000, "{} were counted", dropped(&one));
    assert_eq!(one.say("through/y", 1) + two.say("through/y", 1), 3);
    assert_eq!(
        (members(&one), members(&two)),
        (vec!["a".into(), "b".into()], vec!["a".into(), "b".into()])
    );
}

#[test]
fn of_a_fixed_list_each_actor_lives_at_one_node_and_nowhere_while_that_is_away() {
    let cluster = Cluster::new();
    let ports = [free_port(), free_port()].map(|at| at.to_string());
    let nodes = format!("a={},b={}", ports[0], ports[1]);
    let started = |name: &str, at: &str| {
        let listed = [("TENURE_CLUSTER__MEMBERSHIP", "static"), ("TENURE_CLUSTER__NODES", &nodes)];
        let others = [("TENURE_CLUSTER__SEEDS", ""), ("TENURE_CLUSTER__LISTEN", at)];
        cluster.start(name, &[listed, others].concat())
    };
    let one = started("a", &ports[0]);
    let actors: Vec<String> = (0..24).map(|n| format!("through/{n}")).collect();
    let refused_or = |node: &Node, may_be_lost: bool| {
        let refused = actors.iter().filter(|actor| {
            let reply = try_say(node, actor);
            let is_away = reply.status == 503 && reply.body.contains("not-executed");
            let is_lost = reply.status == 503 && reply.body.contains("\"outcome\":\"unknown\"");
            let is_known = reply.status == 200 || is_away || is_lost && may_be_lost;
            assert!(is_known, "{actor}: {} {}", reply.status, reply.body);
            is_away
        });
        refused.cloned().collect::<Vec<_>>()
    };
    let refused = |node: &Node| refused_or(node, false);
    // Those of the node that was never there are not taken from it.
    let of_two = refused(&one);
    assert!(!of_two.is_empty() && of_two.len() < actors.len(), "{of_two:?}");
    let mut two = started("b", &ports[1]);
    wait_until("a way to the other", || refused(&one).is_empty());
    let said: Vec<u64> = actors.iter().map(|actor| said_at_last(&two, actor)).collect();
    two.signal(Signal::KILL);
    two.ended();
    // A call that left before its connection ended may have run.
    wait_until("the end of its connections", || refused_or(&one, true) == of_two);
    let two = started("b", &ports[1]);
    wait_until("a way to the other", || refused(&one).is_empty());
    wait_until("the way back", || refused(&two).is_empty());
    for (actor, before) in actors.iter().zip(said) {
        let n = two.say(actor, 1);
        assert!(n > before, "{actor}: {n} after {before}");
        assert_eq!(one.say(actor, 1), n + 1, "{actor}");
    }
    let mut one = one;
    one.signal(Signal::TERM);
    assert!(one.ended().success(), "it stops in order");
}
