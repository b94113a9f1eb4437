//! The servers that nodes of a cluster stand on: the database of their actors, and what has their member table.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::Value;
use tenure_etcd_server::EtcdServer;
use tenure_postgres_server::PostgresServer;

use crate::process::Launch;
use crate::{database, interrupt};

/// For how long a server that was killed is away.
const AWAY: Duration = Duration::from_secs(3);
/// How far a wall clock is stepped, in seconds.
const STEP: i64 = 3_600;
/// For how long a clock stands wrong.
const WRONG: Duration = Duration::from_secs(10);

/// Where the member table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Table {
    /// In the database of the actors.
    #[default]
    Store,
    /// In an etcd of three servers; the campaign and its server are built with the feature `etcd`.
    Etcd,
}

/// What happens to the server of the member table, and with it to the database where the table is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It stands still for so long.
    Pause(Duration),
    /// All of its processes are killed, and started again.
    Kill,
    /// The one that decides is killed, and another takes its place; it comes back as a follower.
    FailOver,
    /// Its wall clock goes an hour forth, then two back, and is right again.
    Clock,
}

/// The servers.
pub struct Ground {
    database: PostgresServer,
    /// Follows the database, synchronously, and takes its place.
    replica: Option<PostgresServer>,
    etcd: Option<[EtcdServer; 3]>,
}

impl Ground {
    /// Starts what is needed, with a replica of the database where one may have to take its place.
    ///
    /// # Errors
    /// When PostgreSQL or etcd is not installed or does not start, or libfaketime is not there for a clock.
    pub fn start(table: Table, has_replica: bool, has_clock: bool) -> anyhow::Result<Self> {
        if (table, has_clock) == (Table::Etcd, true) {
            bail!("etcd asks the kernel for its time: its clock is the machine's");
        }
        let database = if has_clock { database::with_clock()? } else { database::start(None)? };
        let replica = has_replica.then(|| database.replica(true)).transpose()?;
        let etcd = (table == Table::Etcd).then(EtcdServer::three).transpose()?;
        Ok(Self { database, replica, etcd })
    }

    /// Lets a node stand on these.
    pub fn carry(&self, launch: &mut Launch) {
        let servers = [Some(&self.database), self.replica.as_ref()];
        let hosts = servers.into_iter().flatten().map(|it| format!("127.0.0.1:{}", it.port()));
        let hosts = hosts.collect::<Vec<_>>().join(",");
        database::keep_in(launch, format!("postgres://postgres@{hosts}/postgres"));
        if let Some(etcd) = &self.etcd {
            let hosts = etcd.each_ref().map(|it| format!("127.0.0.1:{}", it.port())).join(",");
            launch.settings.push(format!("cluster.table=etcd://{hosts}/campaign"));
        }
    }

    /// Troubles the member table, until that is over.
    ///
    /// # Errors
    /// When a server does not end or start, or nobody takes the place of one.
    pub fn trouble(&mut self, trouble: Trouble) -> anyhow::Result<()> {
        match trouble {
            Trouble::Pause(long) => self.pause(long),
            Trouble::Kill => self.kill(),
            Trouble::FailOver if self.etcd.is_some() => self.kill_leader(),
            Trouble::FailOver => {
                self.database.kill()?;
                self.take_place()
            }
            Trouble::Clock => {
                for seconds in [STEP, -STEP] {
                    self.database.step_clock(seconds)?;
                    interrupt::pause(WRONG)?;
                }
                Ok(self.database.step_clock(0)?)
            }
        }
    }

    fn pause(&self, long: Duration) -> anyhow::Result<()> {
        match &self.etcd {
            Some(etcd) => etcd.iter().try_for_each(EtcdServer::pause)?,
            None => self.database.pause()?,
        }
        let paused = interrupt::pause(long);
        match &self.etcd {
            Some(etcd) => etcd.iter().try_for_each(EtcdServer::resume)?,
            None => self.database.resume()?,
        }
        paused
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        let Some(etcd) = &mut self.etcd else {
            self.database.kill()?;
            interrupt::pause(AWAY)?;
            return Ok(self.database.start_again()?);
        };
        etcd.iter_mut().try_for_each(EtcdServer::kill)?;
        interrupt::pause(AWAY)?;
        // None of them is ready alone.
        Ok(etcd.iter_mut().try_for_each(EtcdServer::spawn)?)
    }

    fn kill_leader(&mut self) -> anyhow::Result<()> {
        let etcd = self.etcd.as_mut().context("there is no etcd")?;
        for server in etcd {
            if leads(server)? {
                server.kill()?;
                interrupt::pause(AWAY)?;
                return Ok(server.start_again()?);
            }
        }
        bail!("no server of etcd leads")
    }

    /// The replica takes the place of the database, which has ended and follows it from now on.
    fn take_place(&mut self) -> anyhow::Result<()> {
        let replica = self.replica.as_mut().context("there is no replica")?;
        replica.promote()?;
        std::mem::swap(&mut self.database, replica);
        Ok(replica.rejoin(&self.database, true)?)
    }

    /// Restarts the servers of the member table in good order, one after the other; `false` where it is in the
    /// database.
    ///
    /// # Errors
    /// When one does not stop or start.
    pub fn roll_table(&mut self) -> anyhow::Result<bool> {
        let Some(etcd) = &mut self.etcd else { return Ok(false) };
        for server in etcd {
            server.stop()?;
            server.start_again()?;
        }
        Ok(true)
    }

    /// Restarts the servers of the database in good order, as for an upgrade: the replica, then the first one, in whose
    /// place the replica is from then on.
    ///
    /// # Errors
    /// When there is no replica, or one does not stop or start.
    pub fn roll_database(&mut self) -> anyhow::Result<()> {
        let replica = self.replica.as_mut().context("there is no replica")?;
        replica.stop()?;
        replica.start_again()?;
        self.database.stop()?;
        self.take_place()
    }
}

/// Whether this server is the leader of its cluster.
fn leads(server: &EtcdServer) -> anyhow::Result<bool> {
    let status = server.ctl(&["endpoint", "status", "--write-out", "json"])?;
    let status: Value = serde_json::from_str(&status)?;
    let status = &status[0]["Status"];
    let me = &status["header"]["member_id"];
    Ok(!me.is_null() && status["leader"] == *me)
}
