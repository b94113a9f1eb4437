//! Several nodes with real sockets, in one process: a call from any node finds the one copy of its actor, and actors survive
//! nodes that leave and nodes that end without a word.
#![allow(missing_docs, unreachable_pub, reason = "the actors are of this test alone")]

use std::future::IntoFuture;
use std::time::{Duration, Instant};

use tenure::LocalCluster;
use tenure::prelude::*;

const PATIENCE: Duration = Duration::from_secs(60);
/// By then every node has an actor.
const KEYS_MAX: u32 = 100_000;

#[tenure::data]
#[derive(Default)]
pub struct Counter {
    value: u64,
}

#[actor]
impl Counter {
    pub fn add(&mut self, by: u64) -> u64 {
        self.value += by;
        self.value
    }

    pub fn get(&self) -> u64 {
        self.value
    }

    /// Asks another one, wherever that lives.
    pub async fn add_to(&mut self, cx: &mut Context<Self>, other: String) -> String {
        self.value += 1;
        match cx.actor::<Counter>(other).add(self.value).await {
            Ok(value) => value.to_string(),
            Err(error) => format!("{:?}", error.code()),
        }
    }
}

#[derive(Default)]
pub struct Mood {
    calls: u64,
}

#[actor(persist = volatile)]
impl Mood {
    pub fn call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }
}

#[tenure::data]
#[derive(Default)]
pub struct Tally {
    value: u64,
}

#[actor(persist = write_behind(max_delay = "50ms"))]
impl Tally {
    pub fn add(&mut self, by: u64) -> u64 {
        self.value += by;
        self.value
    }
}

async fn start(cluster: &LocalCluster, name: &str) -> Node {
    let seat = cluster.seat(name).await.expect("a seat");
    let builder = Node::builder().actor::<Counter>().actor::<Mood>().actor::<Tally>();
    builder.seat(seat).worker_threads(2).start().await.expect("it joins")
}

/// Asks until there is an answer: a call whose node has just ended is told so.
async fn answered<T>(what: &str, ask: impl AsyncFn() -> Result<T, CallError>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < until, "{what}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_copy_answers_whichever_node_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = LocalCluster::host(folder.path()).await.unwrap();
    let nodes =
        [start(&cluster, "a").await, start(&cluster, "b").await, start(&cluster, "c").await];
    let mut keys = 0_u32;
    // The others hear of the last one a little later.
    while keys < 30 || nodes.iter().any(|node| node.activations() == 0) {
        let key = keys;
        keys += 1;
        assert!(keys < KEYS_MAX, "nobody places an actor on one of them");
        for (round, node) in nodes.iter().enumerate() {
            let expected = round as u64 + 1;
            assert_eq!(node.actor::<Counter>(key).add(1).await, Ok(expected), "counter {key}");
            assert_eq!(node.actor::<Mood>(key).call().await, Ok(expected), "mood {key}");
            assert_eq!(node.actor::<Tally>(key).add(2).await, Ok(2 * expected), "tally {key}");
        }
    }
    let live: Vec<usize> = nodes.iter().map(Node::activations).collect();
    assert_eq!(live.iter().sum::<usize>(), 3 * keys as usize, "{live:?}");
    // Calls between actors cross nodes, and a circle is seen across them too.
    assert_eq!(nodes[0].actor::<Counter>(1).add_to("2".to_owned()).await, Ok("7".to_owned()));
    let circle = nodes[1].actor::<Counter>(3).add_to("3".to_owned()).await;
    assert_eq!(circle, Ok("Cycle".to_owned()));
    // The last one has nobody to move to.
    for node in &nodes {
        node.stop(PATIENCE).await.unwrap();
        node.ended().await;
    }
    cluster.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_tells_of_its_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = LocalCluster::host(folder.path()).await.unwrap();
    let (one, two) = (start(&cluster, "a").await, start(&cluster, "b").await);
    let told = |node: &Node| node.status().cluster.expect("it is in one");
    let row = |node: &Node, of: &Node| {
        let of = of.incarnation().0;
        told(node).members.into_iter().find(|it| it.incarnation == of).expect("it is listed")
    };
    let until = Instant::now() + PATIENCE;
    // Each slot has one keeper, open once all have reported.
    while told(&one).slots + told(&two).slots != 16_384
        || told(&one).slots_closed + told(&two).slots_closed != 0
    {
        assert!(Instant::now() < until, "{:?} {:?}", told(&one), told(&two));
        tokio::task::yield_now().await;
    }
    for (node, other) in [(&one, &two), (&two, &one)] {
        let told = told(node);
        assert_eq!(told.incarnation, Some(node.incarnation().0));
        assert_eq!((told.state.as_deref(), told.leaving), (Some("Alive"), false));
        assert!(told.lease_seconds.is_some_and(|it| it > 0.0 && it < 10.0), "{told:?}");
        assert_eq!(row(node, node).slots, told.slots, "{told:?}");
        let listed = row(node, other);
        assert_eq!((&*listed.node, &*listed.state, listed.weight), (other.name(), "Alive", 1));
        let listens: std::net::SocketAddr = listed.address.parse().expect("host and port");
        assert!(listens.ip().is_loopback() && listens.port() > 0);
    }
    for key in 0..40_u32 {
        one.actor::<Counter>(key).add(1).await.unwrap();
    }
    let entries = told(&one).directory_entries + told(&two).directory_entries;
    assert_eq!(entries, 40);
    two.stop(PATIENCE).await.unwrap();
    while told(&one).slots != 16_384 {
        assert!(Instant::now() < until, "{:?}", told(&one));
        tokio::task::yield_now().await;
    }
    let gone = row(&one, &two);
    assert_eq!((&*gone.state, gone.slots), ("Left", 0), "{:?}", told(&one));
    assert!(told(&two).leaving && !told(&one).leaving);
    one.stop(PATIENCE).await.unwrap();
    cluster.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_hands_its_actors_on() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = LocalCluster::host(folder.path()).await.unwrap();
    let (one, two) = (start(&cluster, "a").await, start(&cluster, "b").await);
    let mut keys = 0_u32;
    while keys < 40 || one.activations() == 0 || two.activations() == 0 {
        assert_eq!(one.actor::<Counter>(keys).add(1).await, Ok(1));
        assert_eq!(two.actor::<Tally>(keys).add(1).await, Ok(1));
        keys += 1;
        assert!(keys < KEYS_MAX, "nobody places an actor on one of them");
    }
    one.stop(PATIENCE).await.unwrap();
    one.ended().await;
    assert_eq!(two.activations(), 2 * keys as usize, "with their memory");
    for key in 0..keys {
        assert_eq!(two.actor::<Counter>(key).add(1).await, Ok(2), "counter {key}");
        assert_eq!(two.actor::<Tally>(key).add(1).await, Ok(2), "tally {key}");
    }
    // The same node again, and another one besides.
    let again = start(&cluster, "a").await;
    assert_eq!(answered("counter 7", || again.actor::<Counter>(7).get().into_future()).await, 2);
    again.stop(PATIENCE).await.unwrap();
    two.stop(PATIENCE).await.unwrap();
    cluster.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_of_a_node_that_ended_without_a_word_answer_elsewhere_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = LocalCluster::host(folder.path()).await.unwrap();
    let (one, two) = (start(&cluster, "a").await, start(&cluster, "b").await);
    let mut acknowledged = Vec::new();
    let mut keys = 0_u32;
    while keys < 40 || one.activations() == 0 || two.activations() == 0 {
        acknowledged.push(one.actor::<Counter>(keys).add(u64::from(keys) + 1).await.unwrap());
        keys += 1;
        assert!(keys < KEYS_MAX, "nobody places an actor on one of them");
    }
    drop(one);
    for (key, value) in (0..keys).zip(acknowledged) {
        let counter = two.actor::<Counter>(key);
        assert_eq!(answered("a counter", || counter.get().into_future()).await, value, "{key}");
    }
    two.stop(PATIENCE).await.unwrap();
    cluster.close().await.unwrap();
}
