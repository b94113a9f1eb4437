//! A disk that is full, on a small file system in memory.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tenure_store::{Store, UnitOutcome};

use super::support::{Node, body_of, folder, state, wait};
use crate::EmbeddedConfig;

/// A file system of its own, as long as it lives.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None`, with a printed reason, when this process may not mount.
    fn mount(size: &str) -> Option<Self> {
        let disk = Self { folder: folder() };
        if disk.run(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]) {
            return Some(disk);
        }
        let mut stderr = std::io::stderr();
        let reason = "skipped: mounting a small file system needs root";
        std::io::Write::write_all(&mut stderr, reason.as_bytes()).ok();
        None
    }

    fn grow(&self, size: &str) {
        assert!(self.run(&["-o", &format!("remount,size={size}")]), "the disk can be enlarged");
    }

    fn run(&self, arguments: &[&str]) -> bool {
        let mount = Command::new("mount").args(arguments).arg(self.folder.path()).status();
        mount.is_ok_and(|status| status.success())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.folder.path()).status().ok();
    }
}

fn config(path: &Path, memtable_bytes_max: u64) -> EmbeddedConfig {
    EmbeddedConfig { memtable_bytes_max, ..EmbeddedConfig::new(path) }
}

fn commit(node: &Node, n: u64) -> UnitOutcome {
    let mut unit = node.unit(&format!("{}", n % 40), n / 40);
    unit.content = state(n.to_le_bytes().repeat(2_500));
    wait(node.submit(unit))
}

/// Fills the disk until a commit fails, frees space, and looks for everything acknowledged.
fn fill(memtable_bytes_max: u64) {
    let Some(disk) = SmallDisk::mount("12m") else { return };
    let mut node = Node::try_start(config(&disk.path(), memtable_bytes_max)).expect("it opens");
    let mut acknowledged = 0;
    loop {
        match commit(&node, acknowledged) {
            UnitOutcome::Committed => acknowledged += 1,
            UnitOutcome::Fenced { .. } => break,
            other => panic!("a full disk answers Fenced, not {other:?}"),
        }
        assert!(acknowledged < 100_000, "the disk becomes full");
    }
    assert!(acknowledged > 40, "something fits");
    // Still full: an open that fails can be repeated, and says what is wrong.
    if node.reopen().is_ok() {
        while commit(&node, acknowledged) == UnitOutcome::Committed {
            acknowledged += 1;
        }
    }
    disk.grow("200m");
    node.reopen().unwrap_or_else(|error| panic!("with space the store opens again: {error}"));
    for actor in 0..40 {
        // Actors below the remainder were written once more than the others.
        let acked = acknowledged / 40 + u64::from(actor < acknowledged % 40);
        let stored = node.load(&format!("{actor}")).expect("it loads");
        let version = stored.as_ref().map_or(0, |stored| stored.version.0);
        assert!(version >= acked, "actor {actor} is at {version}, {acked} was acknowledged");
        assert!(version <= acked + 1, "actor {actor} is at {version}, of {acked} acknowledged");
        let n = (version - 1) * 40 + actor;
        let body = n.to_le_bytes().repeat(2_500);
        assert!(stored.is_some_and(|stored| body_of(&stored) == body), "actor {actor} is whole");
    }
    assert_eq!(node.commit("afterwards", 0), UnitOutcome::Committed);
    wait(node.store.close()).expect("it closes");
    Node::start(&disk.path()).close();
}

#[test]
fn a_disk_filled_by_the_journal_fences_and_recovers() {
    fill(32 << 20);
}

#[test]
fn a_disk_filled_by_tables_fences_and_recovers() {
    fill(256 << 10);
}
