//! PostgreSQL: the newest one that is installed, in a cluster of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio_postgres::NoTls;

use super::free_port;
use crate::process::{End, Process, drain};
use crate::twin::postgres::SCHEMA;

const PROGRAMS: &str = "/usr/lib/postgresql";
const USER: &str = "postgres";
const PATIENCE: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_millis(20);
/// What its operator would set; everything else as it comes: a commit waits for the disk.
const SETTINGS: [&str; 6] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_wal_size=4GB",
];

/// A cluster with the tables, which is copied for each run.
pub(crate) struct Cluster {
    programs: PathBuf,
    /// PostgreSQL does not run as root.
    user: Option<&'static str>,
    pristine: PathBuf,
}

impl Cluster {
    /// Makes the cluster in `folder`, with the tables.
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        let programs = newest(Path::new(PROGRAMS))
            .context("PostgreSQL is missing; type `apt-get install postgresql`")?;
        let user = rustix::process::getuid().is_root().then_some(USER);
        let cluster = Self { programs, user, pristine: folder.join("pristine") };
        cluster.own(folder)?;
        let mut command = cluster.command("initdb");
        command.args(["--no-sync", "--auth=trust", "--username=twin", "--encoding=UTF8"]);
        command.args(["--locale=C", "-D"]).arg(&cluster.pristine);
        let output = command.output().context("could not start initdb")?;
        let why = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "initdb failed: {why}; if it may not enter the folder, name another with --folder"
        );
        let log = folder.join("pristine.log");
        let (mut process, port) = cluster.run(&cluster.pristine, &log)?;
        run(port, SCHEMA)?;
        run(port, "VACUUM ANALYZE")?;
        // In good order, so that a copy need not recover.
        run(port, "CHECKPOINT")?;
        cluster.stop(&cluster.pristine, &mut process)?;
        Ok(cluster)
    }

    /// Starts a copy.
    pub(super) fn start(&self, folder: &Path) -> anyhow::Result<(Process, u16)> {
        let data = folder.join("cluster");
        let copied = Command::new("cp").arg("-a").arg(&self.pristine).arg(&data).status()?;
        ensure!(copied.success(), "could not copy the cluster");
        self.run(&data, &folder.join("postgres.log"))
    }

    fn run(&self, data: &Path, log: &Path) -> anyhow::Result<(Process, u16)> {
        let port = free_port()?;
        let mut arguments = vec!["-D".to_owned(), data.display().to_string()];
        let port_setting = format!("port={port}");
        let settings = SETTINGS.into_iter().chain([port_setting.as_str()]);
        arguments.extend(settings.flat_map(|it| ["-c".to_owned(), it.to_owned()]));
        let program = self.programs.join("postgres");
        let (mut process, lines) = Process::start(&program, &arguments, self.user, End::Quit, log)?;
        drain(lines);
        let begun = Instant::now();
        while let Err(error) = run(port, "SELECT 1") {
            if process.has_ended() || begun.elapsed() > PATIENCE {
                let text = std::fs::read_to_string(log).unwrap_or_default();
                bail!("PostgreSQL did not start: {error:#}: {}", text.trim());
            }
            std::thread::sleep(PERIOD);
        }
        Ok((process, port))
    }

    fn stop(&self, data: &Path, process: &mut Process) -> anyhow::Result<()> {
        let mut command = self.command("pg_ctl");
        let output = command.args(["stop", "-m", "fast", "-w", "-D"]).arg(data).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let begun = Instant::now();
        while !process.has_ended() {
            ensure!(begun.elapsed() < PATIENCE, "PostgreSQL did not stop");
            std::thread::sleep(PERIOD);
        }
        Ok(())
    }

    /// Gives the folder to who runs PostgreSQL.
    fn own(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let Some(user) = self.user else { return Ok(()) };
        let status = Command::new("chown").arg(user).arg(folder).status()?;
        ensure!(status.success(), "there is no user `{user}`; install the package postgresql");
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let Some(user) = self.user else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--init-groups"]).arg(program);
        // It may not enter every folder of who runs this.
        command.current_dir("/");
        command
    }
}

/// The programs of the newest version, of `15/bin`, `17/bin` and so on.
fn newest(folder: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(folder).ok()?.filter_map(|entry| {
        let version = entry.ok()?.file_name().to_str()?.parse::<u32>().ok()?;
        folder.join(version.to_string()).join("bin/postgres").is_file().then_some(version)
    });
    Some(folder.join(versions.max()?.to_string()).join("bin"))
}

pub(super) fn url(port: u16) -> String {
    format!("host=127.0.0.1 port={port} user=twin dbname=postgres")
}

/// How many rows were inserted, updated and deleted, as far as connections have said it: they do when they end.
pub(super) fn rows_written(port: u16) -> anyhow::Result<f64> {
    let sql = "SELECT (tup_inserted + tup_updated + tup_deleted)::text FROM pg_stat_database
        WHERE datname = 'postgres'";
    // The service that was just ended may be saying goodbye still.
    let others = "SELECT count(*)::text FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let begun = Instant::now();
    while ask(port, others)? != "0" {
        ensure!(begun.elapsed() < PATIENCE, "the service's connections do not end");
        std::thread::sleep(PERIOD);
    }
    Ok(ask(port, sql)?.parse()?)
}

fn run(port: u16, sql: &str) -> anyhow::Result<()> {
    with(port, async |client| Ok(client.batch_execute(sql).await?))
}

fn ask(port: u16, sql: &str) -> anyhow::Result<String> {
    with(port, async |client| Ok(client.query_one(sql, &[]).await?.get(0)))
}

fn with<T>(
    port: u16,
    work: impl AsyncFnOnce(tokio_postgres::Client) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&url(port), NoTls).await?;
        tokio::spawn(connection);
        work(client).await
    })
}

#[cfg(test)]
mod tests {
    use super::newest;

    #[test]
    fn the_newest_version_is_taken() {
        let folder = std::env::temp_dir().join(format!("twin-versions-{}", std::process::id()));
        for version in ["9", "15", "x"] {
            let bin = folder.join(version).join("bin");
            std::fs::create_dir_all(&bin).expect("it can");
            std::fs::write(bin.join("postgres"), "").expect("it can");
        }
        assert_eq!(newest(&folder), Some(folder.join("15/bin")));
        std::fs::remove_dir_all(&folder).expect("it can");
        assert_eq!(newest(&folder), None);
    }
}
