//! A database whose disk is full.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tenure_postgres_server::{Options, PostgresServer};
use tenure_store::conformance::submit;
use tenure_store::{Content, Encoded, Store, Unit, UnitOutcome};
use tenure_types::Incarnation;

use super::work::{Shape, actor, fate, open, unit};
use crate::{PostgresConfig, PostgresStore, migrate};

/// Room for a new server, and some more.
const DISK_MIB: usize = 160;
/// So much that a few of them need new pages.
const STATE_BYTES: usize = 1 << 20;

/// A small disk in memory.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None`, with a word to whoever looks, where this user may not make one.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={DISK_MIB}m,mode=755");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path());
        match mount.status() {
            Ok(status) if status.success() => Some(Self(folder)),
            other => {
                let line = format!("skipped: this user may not mount a small disk: {other:?}\n");
                let _ = std::io::stderr().write_all(line.as_bytes());
                None
            }
        }
    }

    /// Takes all room that is left, until the file is removed.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut file = File::create(&path).expect("there is room for a file");
        let mut piece = vec![1; 1 << 20];
        while !piece.is_empty() {
            if file.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// The first unit of an actor, whose state does not compress.
fn large(incarnation: Incarnation, n: u64) -> Arc<Unit> {
    let mut unit = Unit::clone(&unit(&actor(&format!("large-{n}")), 1, incarnation, Shape::Heads));
    let mut x = 0x9e37_79b9_7f4a_7c15_u64 ^ n;
    let bytes = std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_le_bytes()[3]
    });
    let bytes = bytes.take(STATE_BYTES).collect();
    unit.content = Content::State(Encoded { schema: 1, codec: 1, bytes });
    unit.token.sequence += n;
    Arc::new(unit)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_wait_while_the_disk_is_full_and_commit_when_there_is_room() {
    let Some(disk) = Disk::mount() else { return };
    fill_and_make_room(&disk, disk.0.path()).await;
}

async fn fill_and_make_room(disk: &Disk, folder: &Path) {
    let settings = ["min_wal_size = 32MB", "max_wal_size = 64MB", "checkpoint_timeout = 1h"];
    let settings = settings.map(str::to_owned).to_vec();
    let folder = Some(folder.to_owned());
    let server = PostgresServer::with(&Options { settings, folder, ..Options::default() });
    let server = server.expect("it starts");
    let config: PostgresConfig = server.url().parse().expect("it is a URL");
    migrate(&config, 0).await.expect("the tables are made");
    let store = PostgresStore::new(config);
    let incarnation = open(&store).await;
    let before = large(incarnation, 0);
    assert_eq!(fate(&store, &before).await.0, UnitOutcome::Committed);
    // A log that lies ready, so that it is the tables that meet the full disk.
    server.psql("SELECT pg_switch_wal(); CHECKPOINT").expect("it answers");
    let filler = disk.fill();
    let late = large(incarnation, 1);
    for _ in 0..3 {
        match submit(&store, Arc::clone(&late)).await {
            UnitOutcome::Unknown { reason } => {
                assert!(reason.contains("No space left on device (53100)"), "{reason}");
            }
            other => panic!("there is no room: {other:?}"),
        }
        let read = store.load(&before.actor).await.expect("reads go on").expect("it is stored");
        assert_eq!(read.version, before.version);
        assert_eq!(store.load(&late.actor).await.expect("reads go on"), None);
    }
    std::fs::remove_file(filler).expect("there is room again");
    assert_eq!(fate(&store, &late).await.0, UnitOutcome::Committed);
    let read = store.load(&late.actor).await.expect("it loads").expect("it is stored");
    assert_eq!((read.version, read.content), (late.version, late.content.clone()));
    store.close().await.expect("it closes");
}
