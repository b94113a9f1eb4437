//! `dev --nodes 3`: real processes, real sockets, `kill -9`, and no process that stays behind.

mod local;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use local::{PATIENCE, call, children, is_running, signal, state, wait_until};

/// A local cluster, as a user starts it.
struct Cluster {
    parent: Child,
    lines: mpsc::Receiver<String>,
    /// Where each node takes calls, by its name.
    nodes: BTreeMap<String, String>,
    /// Whether a sentinel has told of a death.
    was_proven: bool,
}

impl Cluster {
    fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    fn start_with(data: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_counter"));
        command.args(["dev", "--nodes", "3", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.args(arguments).arg("--data").arg(data).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut parent = command.spawn().expect("it starts");
        let out = BufReader::new(parent.stdout.take().expect("it was asked for"));
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            out.lines().map_while(Result::ok).for_each(|line| tell.send(line).unwrap_or_default());
        });
        let mut cluster = Self { parent, lines, nodes: BTreeMap::new(), was_proven: false };
        while cluster.nodes.len() < 3 {
            cluster.hear_of_one();
        }
        cluster
    }

    /// Waits until another node is ready; gives its name.
    fn hear_of_one(&mut self) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.line(until);
            let Some((node, said)) = line.split_once(" | ") else { continue };
            let Some(rest) = said.strip_prefix("ready: calls on http://") else { continue };
            let (address, _) = rest.split_once(',').expect("an address and more");
            self.nodes.insert(node.to_owned(), address.to_owned());
            return node.to_owned();
        }
    }

    fn line(&mut self, until: Instant) -> String {
        let left = until.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left).expect("somebody says something");
        self.was_proven |= line.contains("its sentinel says that the node's process is dead");
        line
    }

    /// The processes of its nodes.
    fn children(&self) -> Vec<u32> {
        children(self.parent.id())
    }

    fn end(mut self) -> ExitStatus {
        signal("-TERM", self.parent.id());
        self.parent.wait().expect("it was started")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.parent.kill().ok();
        self.parent.wait().ok();
    }
}

#[test]
fn three_processes_are_one_counter_and_survive_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut cluster = Cluster::start(folder.path());
    let addresses: Vec<String> = cluster.nodes.values().cloned().collect();
    let keys: Vec<String> = (0..20).map(|key| format!("/v1/counter/{key}/add")).collect();
    for key in &keys {
        for (address, value) in addresses.iter().zip(1..) {
            assert_eq!(call(address, key, "1"), Some(value.to_string()), "{key} at {address}");
        }
    }
    let (children, before) = (cluster.children(), cluster.nodes.clone());
    assert_eq!(children.len(), 3);
    signal("-KILL", children[0]);
    let back = cluster.hear_of_one();
    let until = Instant::now() + PATIENCE;
    while !cluster.was_proven {
        cluster.line(until);
    }
    let survivor = before.iter().find(|(node, _)| **node != back).expect("two were not killed");
    for key in &keys {
        // Nothing that was acknowledged is lost, and nothing is done twice: adding 0 changes nothing.
        wait_until("an actor answers again", || call(survivor.1, key, "0").as_deref() == Some("3"));
    }
    wait_until("the one that is back answers", || {
        call(&cluster.nodes[&back], &keys[0], "0").as_deref() == Some("3")
    });
    let children = cluster.children();
    assert!(cluster.end().success(), "SIGTERM is an orderly end");
    assert!(!children.into_iter().any(is_running), "no process stays behind");
}

#[test]
fn no_process_outlives_the_one_that_has_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut cluster = Cluster::start(folder.path());
    let children = cluster.children();
    assert_eq!(children.len(), 3);
    // One that cannot look for itself.
    signal("-STOP", children[0]);
    cluster.parent.kill().expect("it runs");
    cluster.parent.wait().expect("it was started");
    wait_until("its nodes end", || !children.iter().any(|pid| is_running(*pid)));
}

#[test]
fn whoever_asks_twice_does_not_wait_for_an_orderly_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut cluster = Cluster::start_with(folder.path(), &["--set", "node.drain_budget=10m"]);
    let children = cluster.children();
    for pid in &children {
        signal("-STOP", *pid);
        wait_until("a node is stopped", || state(*pid) == Some('T'));
    }
    signal("-TERM", cluster.parent.id());
    let until = Instant::now() + PATIENCE;
    while !cluster.line(until).contains("SIGTERM: stopping") {}
    assert!(children.iter().all(|pid| is_running(*pid)), "the first one waits");
    signal("-TERM", cluster.parent.id());
    let mut status = None;
    wait_until("it ends", || {
        status = cluster.parent.try_wait().expect("it was started");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(1), "this is no orderly end");
    assert!(!children.into_iter().any(is_running), "no process stays behind");
}
