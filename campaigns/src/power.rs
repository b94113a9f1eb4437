//! Power cuts: the disk under the store stops in the middle of the load, and what was not synced is
//! gone.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tenure_postgres_server::PostgresServer;

use crate::database;
use crate::disk::Disk;
use crate::http::Connection;
use crate::interrupt;
use crate::ledger::Mode;
use crate::metrics::Page;
use crate::no_sync::take_syncs_away;
use crate::process::{Launch, ServerProcess};
use crate::rounds::{Fault, Options};
use crate::seed::Seeded;
use crate::stage::Break;

/// Up to how long the server goes on over a dead disk before it is killed. Whatever it acknowledges
/// then would be found lost.
const AFTERLIFE_MAX: Duration = Duration::from_millis(30);
const COMMITTED: &str = "tenure_commit_units_total";
/// How long a node that was left alone may take until it commits again.
const RETURN_MAX: Duration = Duration::from_secs(30);
const RETURN_LOOK: Duration = Duration::from_millis(10);
/// Up to how long such a node goes on before it is killed.
const RETURNED_MAX: Duration = Duration::from_millis(500);

/// Cuts the power of the disk that holds the store.
pub struct Power {
    disk: Disk,
    data: PathBuf,
}

/// Cuts the power of the disk that a PostgreSQL keeps its data on, in which actors are kept.
///
/// The node's own machine is cut off with it, or, every second time, goes on: meets the database that
/// is gone, and commits again when it is back. Where replies do not wait for their commits the node is
/// always cut off, because what may be lost is judged by the longest commit.
pub struct DatabasePower {
    // Goes before the disk, which nobody may use then.
    server: PostgresServer,
    disk: Disk,
    // What a node with a database writes into its folder: nothing.
    data: TempDir,
    has_syncs: bool,
    leaves_nodes: bool,
    cuts: u32,
}

impl Power {
    /// A store on `disk`.
    #[must_use]
    pub fn new(disk: Disk) -> Self {
        let data = disk.folder().join("data");
        Self { disk, data }
    }
}

impl Fault for Power {
    fn noun(&self) -> &'static str {
        "power cut"
    }

    fn data(&self) -> &Path {
        &self.data
    }

    fn strike(&mut self, server: &mut ServerProcess, numbers: &mut Seeded) -> anyhow::Result<()> {
        self.disk.cut()?;
        interrupt::pause(numbers.time_below(AFTERLIFE_MAX))?;
        server.kill();
        self.disk.restore()
    }
}

impl DatabasePower {
    /// A database on `disk`, with the tables in it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn new(disk: Disk, options: &Options) -> anyhow::Result<Self> {
        let data = tempfile::tempdir().context("could not make a folder")?;
        let server = database::start(Some(disk.folder()))?;
        // How a database is made is not what is looked at.
        disk.sync()?;
        let has_syncs = options.stage.broken != Some(Break::NoSync);
        let leaves_nodes = options.mode != Mode::WriteBehind;
        let mut power = Self { server, disk, data, has_syncs, leaves_nodes, cuts: 0 };
        if !has_syncs {
            power.server.kill()?;
            power.start()?;
        }
        Ok(power)
    }

    /// Starts the database: it finds its last checkpoint on the disk, and its log after that.
    fn start(&mut self) -> anyhow::Result<()> {
        if self.has_syncs {
            return self.server.start_again().context("the database does not start");
        }
        // What a thread gave up its processes do without: the thread goes, they stay so.
        let server = &mut self.server;
        let broken = std::thread::scope(|scope| {
            let starting = scope.spawn(|| {
                take_syncs_away()?;
                server.start_again().context("the database does not start")
            });
            starting.join()
        });
        broken.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Fault for DatabasePower {
    fn noun(&self) -> &'static str {
        "power cut"
    }

    fn data(&self) -> &Path {
        self.data.path()
    }

    fn prepare(&mut self, launch: &mut Launch) -> anyhow::Result<()> {
        database::keep_in(launch, self.server.url());
        Ok(())
    }

    fn strike(&mut self, server: &mut ServerProcess, numbers: &mut Seeded) -> anyhow::Result<()> {
        self.disk.cut()?;
        interrupt::pause(numbers.time_below(AFTERLIFE_MAX))?;
        self.cuts += 1;
        let is_left = self.leaves_nodes && self.cuts.is_multiple_of(2);
        if !is_left {
            server.kill();
        }
        self.server.kill()?;
        self.disk.restore()?;
        self.start()?;
        if is_left {
            returned(server)?;
            interrupt::pause(numbers.time_below(RETURNED_MAX))?;
            server.kill();
        }
        Ok(())
    }
}

/// Waits until a node commits to the database that is back.
fn returned(server: &mut ServerProcess) -> anyhow::Result<()> {
    let mut connection = Connection::new(server.admin);
    let mut committed = || anyhow::Ok(Page::read(&mut connection)?.sum(COMMITTED).unwrap_or(0.0));
    let before = committed()?;
    let until = Instant::now() + RETURN_MAX;
    while committed()? <= before {
        if let Some(status) = server.ended()? {
            bail!("the node ended by itself with {status}");
        }
        if Instant::now() > until {
            bail!(
                "{} s after its database was back the node commits nothing",
                RETURN_MAX.as_secs()
            );
        }
        interrupt::pause(RETURN_LOOK)?;
    }
    Ok(())
}
