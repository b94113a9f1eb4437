//! A database under the server, and what happens to it in the middle of a load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use tempfile::TempDir;
use tenure_postgres_server::{Options, PostgresServer};
use tenure_store_postgres::{PostgresConfig, migrate};

use crate::interrupt;
use crate::process::{Launch, ServerProcess};
use crate::rounds::Fault;
use crate::seed::Seeded;

/// The variable that names a database to every server.
pub const STORE_VARIABLE: &str = "TENURE_STORE";
/// How long a paused database stands still.
const PAUSE: Duration = Duration::from_secs(10);
/// How long the server goes on after the database is back, before it is killed.
const AFTER: Duration = Duration::from_millis(1_500);
const PARTITIONS: u32 = 8;
/// On a disk that may be small: a checkpoint every 96 MiB or so, rather than every GiB.
const SMALL_LOG: [&str; 2] = ["max_wal_size = 96MB", "min_wal_size = 32MB"];

/// What happens to the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Trouble {
    /// Nothing: the server alone is killed.
    None,
    /// All of its processes are killed, and it is started again.
    #[default]
    Kill,
    /// It stands still for ten seconds.
    Pause,
    /// It is killed for good, and its synchronous replica takes over.
    Failover,
}

/// A database with one trouble.
pub struct Database {
    _folder: TempDir,
    data: PathBuf,
    trouble: Trouble,
    server: PostgresServer,
    replica: Option<PostgresServer>,
}

impl Database {
    /// Starts a database with the tables in it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn new(trouble: Trouble) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("could not make a folder")?;
        let data = folder.path().join("data");
        let server = start(None)?;
        Ok(Self { _folder: folder, data, trouble, server, replica: None })
    }

    /// A node that may be at work is left alone after this.
    fn trouble(&mut self) -> anyhow::Result<()> {
        match self.trouble {
            Trouble::None => return Ok(()),
            Trouble::Kill => {
                self.server.kill()?;
                self.server.start_again()?;
            }
            Trouble::Pause => {
                self.server.pause()?;
                let paused = interrupt::pause(PAUSE);
                self.server.resume()?;
                paused?;
            }
            Trouble::Failover => {
                let Some(replica) = self.replica.take() else { bail!("there is no replica") };
                self.server.kill()?;
                replica.promote()?;
                self.server = replica;
            }
        }
        interrupt::pause(AFTER)
    }
}

impl Fault for Database {
    fn noun(&self) -> &'static str {
        match self.trouble {
            Trouble::None => "kill of the node",
            Trouble::Kill => "kill of the database",
            Trouble::Pause => "pause of the database",
            Trouble::Failover => "fail-over",
        }
    }

    fn data(&self) -> &Path {
        &self.data
    }

    fn prepare(&mut self, launch: &mut Launch) -> anyhow::Result<()> {
        let mut url = self.server.url();
        if self.trouble == Trouble::Failover {
            if self.replica.is_none() {
                self.replica = Some(self.server.replica(true)?);
            }
            let ports = self.replica.iter().map(|it| format!(",127.0.0.1:{}", it.port()));
            let hosts = format!("127.0.0.1:{}{}", self.server.port(), ports.collect::<String>());
            url = format!("postgres://postgres@{hosts}/postgres");
        }
        keep_in(launch, url);
        Ok(())
    }

    fn strike(&mut self, server: &mut ServerProcess, _: &mut Seeded) -> anyhow::Result<()> {
        self.trouble()?;
        if let Some(status) = server.ended()? {
            bail!("the node ended by itself with {status}");
        }
        server.kill();
        Ok(())
    }
}

/// Lets a server keep its actors in the database at `url`.
pub(crate) fn keep_in(launch: &mut Launch, url: String) {
    launch.env.retain(|(name, _)| *name != STORE_VARIABLE);
    launch.env.push((STORE_VARIABLE, url.into()));
}

/// One more database, empty, where this process is to keep its actors in one.
///
/// # Errors
/// As [`start`].
pub(crate) fn another() -> anyhow::Result<Option<PostgresServer>> {
    std::env::var_os(STORE_VARIABLE).map(|_| start(None)).transpose()
}

/// A new database with the tables in it; in a folder of its own in `folder`, where one is named.
///
/// # Errors
/// When PostgreSQL is not installed or does not start.
pub fn start(folder: Option<&Path>) -> anyhow::Result<PostgresServer> {
    let mut settings = Vec::new();
    if folder.is_some() {
        settings.extend(SMALL_LOG.map(str::to_owned));
    }
    set_up(Options { settings, folder: folder.map(Path::to_owned), ..Options::default() })
}

/// The same with a wall clock of its own.
///
/// # Errors
/// As [`start`], and when libfaketime is not installed.
pub(crate) fn with_clock() -> anyhow::Result<PostgresServer> {
    set_up(Options { has_clock: true, ..Options::default() })
}

fn set_up(mut options: Options) -> anyhow::Result<PostgresServer> {
    options.settings.push("log_min_messages = fatal".to_owned());
    let server = PostgresServer::with(&options)?;
    migrate_now(&server)?;
    Ok(server)
}

/// Makes the tables in a database.
///
/// # Errors
/// When they cannot be made.
pub fn migrate_now(server: &PostgresServer) -> anyhow::Result<()> {
    let config: PostgresConfig = server.url().parse().map_err(anyhow::Error::new)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(migrate(&config, PARTITIONS))?;
    Ok(())
}
