//! Streams at one node of actors that live at another.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;
use tenure::LocalCluster;

use crate::node::Node;
use crate::stream::Stream;

/// Nodes of one cluster, each a process.
pub(crate) struct Nodes {
    cluster: LocalCluster,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Nodes {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let (runtime, folder) = (runtime.expect("threads"), tempfile::tempdir().expect("a folder"));
        let cluster = runtime.block_on(LocalCluster::host(folder.path())).expect("a cluster");
        Self { cluster, runtime, _folder: folder }
    }

    pub(crate) fn start(&self, name: &str) -> Node {
        let seat = self.runtime.block_on(self.cluster.seat(name)).expect("a seat");
        Node::start(&[("TENURE_LOCAL_SEAT", &seat.to_text())])
    }
}

/// The keys of an actor type, one that lives at each node. A node that nobody places anything on is asked about for
/// as long as it takes.
pub(crate) fn keys_at(nodes: &[&Node], actor_type: &str) -> Vec<String> {
    let mut keys: Vec<Option<String>> = vec![None; nodes.len()];
    for number in 0..100_000 {
        let before: Vec<u64> = nodes.iter().map(|node| live(node)).collect();
        let key = format!("k{number}");
        nodes[0].say(&format!("{actor_type}/{key}"), 1);
        let grown = nodes.iter().zip(before).position(|(node, before)| live(node) > before);
        if let Some(at) = grown {
            keys[at].get_or_insert(key);
        }
        if keys.iter().all(Option::is_some) {
            return keys.into_iter().flatten().collect();
        }
    }
    panic!("one of them has no actor");
}

fn live(node: &Node) -> u64 {
    let status = node.ask(node.admin, "GET /admin/v1/node", "");
    let status: serde_json::Value = serde_json::from_str(&status.body).expect("it is JSON");
    let types = status["types"].as_array().expect("types");
    types.iter().filter_map(|it| it["activations"].as_u64()).sum()
}

#[test]
fn events_come_to_every_node_and_go_on_where_the_actor_goes() {
    let nodes = Nodes::new();
    let (one, two) = (nodes.start("a"), nodes.start("b"));
    for actor_type in ["through", "sourced", "behind", "fleeting"] {
        let keys = keys_at(&[&one, &two], actor_type);
        for key in &keys {
            let actor = format!("{actor_type}/{key}");
            let mut streams = [Stream::open(&one, &actor), Stream::open(&two, &actor)];
            streams.iter_mut().for_each(|stream| assert_eq!(stream.heard().name, "begin"));
            for (node, said) in [(&one, 2), (&two, 3), (&one, 4)] {
                let n = node.say(&actor, 1);
                assert_eq!(n, said, "{actor}");
                for stream in &mut streams {
                    assert_eq!(stream.number(), n, "{actor}");
                }
            }
            // More than goes into one batch.
            let last = two.say(&actor, 700);
            for stream in &mut streams {
                (5..=last).for_each(|n| assert_eq!(stream.number(), n, "{actor}"));
            }
        }
    }
}

#[test]
fn a_stream_goes_on_when_its_actor_moves_and_when_its_node_is_killed() {
    let nodes = Nodes::new();
    let (one, two, three) = (nodes.start("a"), nodes.start("b"), nodes.start("c"));
    for (node, signal) in [(two, Signal::TERM), (three, Signal::KILL)] {
        let keys = keys_at(&[&one, &node], "through");
        let actor = format!("through/{}", keys[1]);
        let mut stream = Stream::open(&one, &actor);
        assert_eq!(stream.heard().name, "begin");
        let n = node.say(&actor, 1);
        assert_eq!(stream.number(), n);
        node.signal(signal);
        drop(ended(node, signal));
        // The stream is not begun anew: the next event is the next one.
        let next = said_at_last(&one, &actor);
        assert_eq!((stream.number(), next), (n + 1, n + 1), "{actor} after {signal:?}");
        assert_eq!((one.say(&actor, 1), stream.number()), (n + 2, n + 2));
    }
}

/// Everything lives at the first node; when a second one comes a part of what is called goes there, and nothing is lost.
#[test]
fn actors_that_are_called_go_to_a_node_that_has_joined() {
    const ACTORS: usize = 60;
    const MOVED: u64 = 10;
    let nodes = Nodes::new();
    let one = nodes.start("a");
    let actors: Vec<String> = (0..ACTORS).map(|number| format!("behind/k{number}")).collect();
    actors.iter().for_each(|actor| assert_eq!(one.say(actor, 1), 1));
    let two = nodes.start("b");
    assert_eq!((live(&one), live(&two)), (ACTORS as u64, 0));
    let is_level = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for part in actors.chunks(ACTORS / 4) {
            let (one, is_level) = (&one, &is_level);
            scope.spawn(move || {
                let mut said = 1;
                while !is_level.load(Ordering::Relaxed) {
                    said += 1;
                    part.iter().for_each(|actor| assert_eq!(one.say(actor, 1), said, "{actor}"));
                }
            });
        }
        crate::node::wait_until("actors at the second node", || live(&two) >= MOVED);
        is_level.store(true, Ordering::Relaxed);
    });
    assert_eq!(live(&one) + live(&two), ACTORS as u64);
}

fn ended(mut node: Node, signal: Signal) -> Node {
    let status = node.ended();
    assert_eq!(status.success(), signal == Signal::TERM, "{status}");
    node
}

/// Lets an actor say something once it answers again; gives its number. What was said in vain was not said.
fn said_at_last(node: &Node, actor: &str) -> u64 {
    let mut n = None;
    crate::node::wait_until("an answer", || {
        let reply = node.call(&format!("POST /v1/{actor}/say"), "{\"times\":1,\"bytes\":0}");
        n = (reply.status == 200).then(|| reply.body.trim().parse().expect("a number"));
        n.is_some()
    });
    n.expect("it was said")
}
