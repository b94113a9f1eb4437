//! A process that is killed loses nothing that it acknowledged.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use tenure_store::conformance::submit;
use tenure_store::{Append, Due, FeedFrom, Store, UnitOutcome};
use tenure_types::FeedName;

use super::history::History;
use super::support::{Node, folder, wait};
use crate::EmbeddedConfig;

const FOLDER: &str = "TENURE_CRASH_FOLDER";
/// How much longer than usual bodies are.
const SCALE: &str = "TENURE_CRASH_SCALE";
const KILLS: usize = 10;
const ACTORS: usize = 30;

pub(super) fn config(path: &Path) -> EmbeddedConfig {
    // Small tables, so that kills hit their writing and merging too.
    EmbeddedConfig { memtable_bytes_max: 128 << 10, ..EmbeddedConfig::new(path) }
}

/// Not a test: the process that is killed.
#[test]
#[ignore = "run by killed_processes_lose_nothing_acknowledged"]
fn commits_until_it_is_killed() {
    let Some(path) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let node = Node::try_start(config(&path)).expect("the store opens after a kill");
    let scale = std::env::var(SCALE).ok().and_then(|scale| scale.parse().ok()).unwrap_or(1);
    let mut stdout = std::io::stdout();
    let history = |n| History { n, scale };
    let mut versions: Vec<u64> = (0..ACTORS).map(|n| history(n).check(&node)).collect();
    loop {
        // Everyone's next unit at once, in as many batches as it takes.
        let flying: Vec<_> = (0..ACTORS)
            .map(|n| {
                let mut unit = history(n).unit(&node, versions[n] + 1);
                let data = b"1".to_vec();
                unit.entries.push(Append { feed: feed(), data });
                submit(&node.store, Arc::new(unit))
            })
            .collect();
        for (n, submitted) in flying.into_iter().enumerate() {
            assert_eq!(wait(submitted), UnitOutcome::Committed);
            versions[n] += 1;
            writeln!(stdout, "\nack {n} {}", versions[n]).expect("the parent listens");
        }
    }
}

#[test]
fn killed_processes_lose_nothing_acknowledged() {
    kill_repeatedly(KILLS, 1);
}

#[test]
#[ignore = "takes minutes and gigabytes: bodies so long that journals are sealed all the time"]
fn killed_processes_that_seal_journals_lose_nothing_acknowledged() {
    kill_repeatedly(4 * KILLS, 100);
}

fn kill_repeatedly(kills: usize, scale: usize) {
    let folder = folder();
    let mut acknowledged = Acknowledged::new();
    let mut incarnation = 0;
    let mut pause = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..kills {
        pause ^= pause << 13;
        pause ^= pause >> 7;
        pause ^= pause << 17;
        let mut child = start_child(folder.path(), scale);
        child.read_lines(1 + (pause % 1_500) as usize, &mut acknowledged);
        child.kill_and_read_rest(&mut acknowledged);
        let node = Node::try_start(config(folder.path()));
        let node = node.unwrap_or_else(|error| panic!("after kill {kill}: {error}"));
        assert!(node.incarnation.0 > incarnation + 1, "the killed process had one of its own");
        incarnation = node.incarnation.0;
        check_acknowledged(&node, &mut acknowledged, scale);
        // Half of the time the next process starts after an orderly stop.
        if kill % 2 == 0 {
            node.close();
        } else {
            wait(node.store.fence(node.incarnation)).expect("it can be fenced");
        }
    }
    assert_eq!(acknowledged.len(), ACTORS);
}

/// The highest version that was acknowledged of each actor.
pub(super) type Acknowledged = BTreeMap<usize, u64>;

/// Everything acknowledged is there, whole, and nothing is there that was never submitted: neither
/// states nor rows nor what is due. What was read counts as acknowledged from now on.
pub(super) fn check_acknowledged(node: &Node, acknowledged: &mut Acknowledged, scale: usize) {
    for (n, acked) in acknowledged.iter_mut() {
        let version = History { n: *n, scale }.check(node);
        assert!(version >= *acked, "actor {n} is at {version}, {acked} was acknowledged");
        assert!(version <= *acked + 1, "actor {n} is at {version}, after {acked}");
        *acked = version;
    }
    check_entries(node, acknowledged);
    let due = wait(node.store.due(u64::MAX, None, usize::MAX)).expect("it can be listed");
    let expected = acknowledged.iter().flat_map(|(n, at)| History { n: *n, scale }.due(*at));
    let mut expected: Vec<_> = expected.collect();
    expected.sort_unstable();
    // An actor of which nothing was acknowledged may have come as far as its first version.
    let known = |due: &Due| acknowledged.keys().any(|n| *due.key == History { n: *n, scale }.key());
    assert!(due.iter().filter(|due| known(due)).eq(&expected), "what is due is as committed");
}

fn feed() -> FeedName {
    FeedName::new("history").expect("a good name")
}

/// Every version that is stored has its entry, once and in order.
fn check_entries(node: &Node, acknowledged: &Acknowledged) {
    let (mut from, mut versions) = (FeedFrom::Oldest, BTreeMap::<String, Vec<u64>>::new());
    loop {
        let page = wait(node.store.read_feed(&feed(), from, 1_000)).expect("it is read");
        for entry in page.entries {
            versions.entry(entry.key.to_string()).or_default().push(entry.version.0);
        }
        from = FeedFrom::After(page.next);
        if !page.has_more {
            break;
        }
    }
    for (n, version) in acknowledged {
        let found = versions.remove(&History { n: *n, scale: 1 }.key()).unwrap_or_default();
        assert!(found.iter().copied().eq(1..=*version), "the entries of {n} up to {version}");
    }
}

/// A process that commits and prints what was acknowledged.
pub(super) struct Committing {
    child: Child,
    output: BufReader<ChildStdout>,
}

pub(super) fn start_child(folder: &Path, scale: usize) -> Committing {
    let mut child = Command::new(std::env::current_exe().expect("this test has a file"))
        .args(["--exact", "tests::crash::commits_until_it_is_killed"])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(SCALE, scale.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the process starts");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    Committing { child, output }
}

impl Committing {
    /// Notes the next `lines` acknowledgements.
    pub(super) fn read_lines(&mut self, lines: usize, acknowledged: &mut Acknowledged) {
        for _ in 0..lines {
            assert!(self.read_line(acknowledged), "the process commits until it is stopped");
        }
    }

    pub(super) fn kill_and_read_rest(mut self, acknowledged: &mut Acknowledged) {
        self.child.kill().expect("the process can be killed");
        while self.read_line(acknowledged) {}
        self.child.wait().expect("the process ended");
    }

    /// Reads up to the next acknowledgement and notes it; `false` at the end.
    fn read_line(&mut self, acknowledged: &mut Acknowledged) -> bool {
        let mut line = String::new();
        while self.output.read_line(&mut line).expect("its output can be read") > 0 {
            if let Some((n, version)) = ack(&line) {
                acknowledged.insert(n, version);
                return true;
            }
            line.clear();
        }
        false
    }
}

fn ack(line: &str) -> Option<(usize, u64)> {
    // The last line may be torn; a version is only believed when its line ended.
    let (n, version) = line.strip_suffix('\n')?.strip_prefix("ack ")?.split_once(' ')?;
    Some((n.parse().ok()?, version.parse().ok()?))
}
