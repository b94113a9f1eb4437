//! A local cluster, `dev --nodes`, as processes: one holds the store, and its nodes are killed and come back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::addresses;
use crate::seed::Seeded;
use crate::{interrupt, port};

/// How far apart the ports of two nodes are.
const PORT_STEP: u16 = 10;
/// How long a node may take until it is ready, also again after a kill.
const READY_MAX: Duration = Duration::from_secs(60);
/// How long an orderly stop may take: each node in turn, with its drain budget.
const STOP_MAX: Duration = Duration::from_secs(120);
const POLL_PERIOD: Duration = Duration::from_millis(20);
/// Nodes in development tell every request; here there are thousands a second.
const LOG: &str = "info,access=off,tenure_gateway=info,fjall=warn,lsm_tree=warn";

/// A running cluster, killed when dropped.
pub struct LocalNodes {
    parent: Child,
    /// A node that got ready, and where it takes calls.
    ready: Receiver<(String, SocketAddr)>,
    nodes: BTreeMap<String, SocketAddr>,
}

impl LocalNodes {
    /// Starts so many nodes of a program over a store in `data`, and waits until each is ready. What they say goes to
    /// the file `log`.
    ///
    /// # Errors
    /// When they do not start.
    pub fn start(program: &Path, count: u16, data: &Path, log: &Path) -> anyhow::Result<Self> {
        let mut said = File::options().create(true).append(true).open(log)?;
        let mut parent = Command::new(program)
            .args(["dev", "--nodes", &count.to_string()])
            .args(["--listen", &port::free_row(count, PORT_STEP)?.to_string()])
            .args(["--admin-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("RUST_LOG", LOG)
            .env_remove("TENURE_CONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(said.try_clone()?)
            .spawn()
            .with_context(|| format!("could not start {}", program.display()))?;
        let output = BufReader::new(parent.stdout.take().context("the cluster has no output")?);
        let (tell, ready) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // A log that cannot be written is not worth the campaign.
                let _ = writeln!(said, "{line}");
                let Some((node, line)) = line.split_once(" | ") else { continue };
                if let Some((calls, _)) = addresses(line) {
                    // Nobody listens any more once the cluster was dropped.
                    let _ = tell.send((node.to_owned(), calls));
                }
            }
        });
        let mut cluster = Self { parent, ready, nodes: BTreeMap::new() };
        while cluster.nodes.len() < usize::from(count) {
            cluster.wait_for_one().with_context(|| format!("see {}", log.display()))?;
        }
        Ok(cluster)
    }

    /// Where its nodes take calls, also those that are down now.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.values().copied().collect()
    }

    /// Ends one of the nodes with SIGKILL. It is started again by itself.
    ///
    /// # Errors
    /// When the system does not say which there are.
    pub fn kill_one(&self, numbers: &mut Seeded) -> anyhow::Result<()> {
        let pids = self.pids()?;
        let Some(pid) = pids.get(numbers.below(pids.len().max(1) as u64) as usize) else {
            bail!("no node runs");
        };
        kill_process(*pid, Signal::KILL).context("SIGKILL")
    }

    /// Ends its nodes in good order, one after the other: each is started again by itself, and is ready before the next
    /// one ends. Gives how many.
    ///
    /// # Errors
    /// When one does not get ready again in time, or a signal came.
    pub fn restart_all(&mut self) -> anyhow::Result<u32> {
        let pids = self.pids()?;
        for pid in &pids {
            kill_process(*pid, Signal::TERM).context("SIGTERM")?;
            self.wait_for_one()?;
        }
        Ok(pids.len() as u32)
    }

    /// Waits until a node is ready that was not.
    ///
    /// # Errors
    /// When none gets ready in time, or a signal came.
    pub fn wait_for_one(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + READY_MAX;
        while Instant::now() < until {
            interrupt::check()?;
            match self.ready.recv_timeout(POLL_PERIOD) {
                Ok((node, address)) => {
                    self.nodes.insert(node, address);
                    return Ok(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("the cluster has ended by itself"),
            }
        }
        bail!("no node got ready within {} s", READY_MAX.as_secs())
    }

    /// Asks it to stop with SIGTERM and waits for it.
    ///
    /// # Errors
    /// When it does not stop in time, or not with 0.
    pub fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.parent), Signal::TERM).context("SIGTERM")?;
        let until = Instant::now() + STOP_MAX;
        while Instant::now() < until {
            match self.parent.try_wait()? {
                Some(status) if ExitStatus::success(&status) => return Ok(()),
                Some(status) => bail!("the cluster ended with {status} after SIGTERM"),
                None => interrupt::pause(POLL_PERIOD)?,
            }
        }
        bail!("the cluster did not stop within {} s of SIGTERM", STOP_MAX.as_secs())
    }

    /// The processes of its nodes.
    fn pids(&self) -> anyhow::Result<Vec<Pid>> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.parent.id()))?;
        let mut pids = Vec::new();
        for task in tasks {
            // A thread may have ended meanwhile.
            let path = task?.path().join("children");
            let children = std::fs::read_to_string(path).unwrap_or_default();
            let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.extend(children.filter_map(Pid::from_raw));
        }
        Ok(pids)
    }
}

impl Drop for LocalNodes {
    fn drop(&mut self) {
        // Both fail only where it has ended already. Its nodes end with it.
        let _ = self.parent.kill();
        let _ = self.parent.wait();
    }
}
