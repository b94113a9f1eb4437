//! A process that is killed loses nothing that it acknowledged.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tenure_store::conformance::submit;
use tenure_store::{Store, UnitOutcome};

use super::support::{Node, actor, folder, wait};
use crate::EmbeddedConfig;

const FOLDER: &str = "TENURE_CRASH_FOLDER";
const KILLS: usize = 10;
const ACTORS: usize = 30;

fn config(path: &Path) -> EmbeddedConfig {
    // Small tables, so that kills hit their writing and merging too.
    EmbeddedConfig { memtable_bytes_max: 128 << 10, ..EmbeddedConfig::new(path) }
}

/// Not a test: the process that is killed.
#[test]
#[ignore = "run by killed_processes_lose_nothing_acknowledged"]
fn commits_until_it_is_killed() {
    let Some(path) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let node = Node::try_start(config(&path)).expect("the store opens after a kill");
    let mut stdout = std::io::stdout();
    let key = |n: usize| format!("crash-{n}");
    let load = |n| node.version(&key(n)).expect("it loads").map_or(0, |version| version.0);
    let mut versions: Vec<u64> = (0..ACTORS).map(load).collect();
    loop {
        // Everyone's next unit at once, in as many batches as it takes.
        let flying: Vec<_> = (0..ACTORS)
            .map(|n| {
                let mut unit = node.unit(&key(n), versions[n]);
                unit.body = (versions[n] + 1).to_le_bytes().repeat(10 + n * 5);
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
    let folder = folder();
    let mut acknowledged = BTreeMap::new();
    let mut incarnation = 0;
    let mut pause = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..KILLS {
        pause ^= pause << 13;
        pause ^= pause >> 7;
        pause ^= pause << 17;
        let before = acknowledged.len();
        run_and_kill(folder.path(), 1 + (pause % 1_500) as usize, &mut acknowledged);
        assert!(acknowledged.len() >= before);
        let node = Node::try_start(config(folder.path()));
        let node = node.unwrap_or_else(|error| panic!("after kill {kill}: {error}"));
        assert!(node.incarnation.0 > incarnation + 1, "the killed process had one of its own");
        incarnation = node.incarnation.0;
        for (n, acked) in &acknowledged {
            let stored = wait(node.store.load(&actor(&format!("crash-{n}"))));
            let stored = stored.expect("it loads").expect("it is there");
            assert!(stored.version.0 >= *acked, "kill {kill}: {n} lost {acked}");
            assert!(stored.version.0 <= acked + 1, "kill {kill}: {n} was not so far");
            assert_eq!(stored.body, stored.version.0.to_le_bytes().repeat(10 + n * 5));
        }
        // Half of the time the next process starts after an orderly stop.
        if kill % 2 == 0 {
            node.close();
        } else {
            wait(node.store.fence(node.incarnation)).expect("it can be fenced");
        }
    }
    assert_eq!(acknowledged.len(), ACTORS);
}

/// Runs the process until it has printed `lines` acknowledgements, and notes all it printed.
fn run_and_kill(folder: &Path, lines: usize, acknowledged: &mut BTreeMap<usize, u64>) {
    let mut child = Command::new(std::env::current_exe().expect("this test has a file"))
        .args(["--exact", "tests::crash::commits_until_it_is_killed"])
        .args(["--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the process starts");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut seen = 0;
    let mut line = String::new();
    while output.read_line(&mut line).expect("its output can be read") > 0 {
        if let Some((n, version)) = ack(&line) {
            acknowledged.insert(n, version);
            seen += 1;
        }
        line.clear();
        if seen == lines {
            child.kill().expect("the process can be killed");
        }
    }
    child.wait().expect("the process ended");
    assert!(seen >= lines, "the process committed before it ended");
}

fn ack(line: &str) -> Option<(usize, u64)> {
    let (n, version) = line.trim_end().strip_prefix("ack ")?.split_once(' ')?;
    // The last line may be torn; a version is only believed when its line ended.
    if !line.ends_with('\n') {
        return None;
    }
    Some((n.parse().ok()?, version.parse().ok()?))
}
