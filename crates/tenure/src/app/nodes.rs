//! `dev --nodes N`: several processes of this program on this machine, which are one cluster.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::screen;
use super::signals::Signals;
use crate::cluster::{LocalCluster, LocalSeat};
use crate::config::Settings;
use crate::{Error, Result};

/// Has the seat of a process that another one started.
pub(super) const SEAT_VARIABLE: &str = "TENURE_LOCAL_SEAT";
/// The most nodes of a local cluster.
const NODES_MAX: u32 = 16;
/// How far apart the ports of two nodes are.
const PORT_STEP: u16 = 10;
/// After how long a node that ended is started again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// What a node has beside its drain budget to end.
const END_MAX: Duration = Duration::from_secs(5);
/// How often the nodes are looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// What every node is started with.
pub(super) struct Nodes<'a> {
    pub(super) settings: &'a Settings,
    pub(super) count: u32,
    /// What of the command line is for every node.
    pub(super) arguments: Vec<OsString>,
}

/// A node, while its process runs.
struct Running {
    number: u32,
    child: Child,
}

/// The seat that this process was started with, if it was.
pub(super) fn seat_given() -> Result<Option<LocalSeat>> {
    let Some(text) = std::env::var_os(SEAT_VARIABLE) else { return Ok(None) };
    let seat = text.to_str().and_then(|text| text.parse::<LocalSeat>().ok());
    let wrong =
        || Error::Usage(format!("{SEAT_VARIABLE} is no seat; leave it to `dev --nodes`").into());
    seat.map(Some).ok_or_else(wrong)
}

/// Ends this process at once when the one that started it is gone: nothing may be left behind, and without the store
/// there is nothing that could still be saved.
pub(super) fn end_with_parent() {
    thread::spawn(|| {
        let mut said = [0; 64];
        // It says nothing, and the end of what it says is its own.
        while std::io::stdin().lock().read(&mut said).is_ok_and(|read| read > 0) {}
        screen::gone("the process that has the store is gone");
    });
}

impl Nodes<'_> {
    /// Runs them until told to stop. Nodes that end otherwise are started again.
    ///
    /// # Errors
    /// [`Error`]; no process is left.
    pub(super) fn run(&self) -> Result<()> {
        if !(2..=NODES_MAX).contains(&self.count) {
            let what =
                format!("`dev --nodes {}`: write a number from 1 to {NODES_MAX}", self.count);
            return Err(Error::Usage(what.into()));
        }
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let threads = threads
            .map_err(|error| Error::Start(format!("the threads cannot be made: {error}").into()))?;
        threads.block_on(async {
            let mut signals = Signals::new(false)?;
            let cluster = LocalCluster::host(&self.settings.store_path).await?;
            let mut running = Vec::new();
            let served = tokio::select! {
                biased;
                signal = signals.wait() => {
                    screen::stopping(signal, self.settings.drain_budget);
                    Ok(())
                }
                failed = self.serve(&cluster, &mut running) => failed,
            };
            self.end(running);
            served.and(cluster.close().await)
        })
    }

    /// Starts every node, and again when it has ended.
    ///
    /// # Cancel safety
    /// What runs is in `running`.
    async fn serve(&self, cluster: &LocalCluster, running: &mut Vec<Running>) -> Result<()> {
        for number in 1..=self.count {
            running.push(self.start(cluster, number).await?);
        }
        loop {
            tokio::time::sleep(LOOK_PERIOD).await;
            for node in running.iter_mut() {
                let Ok(Some(status)) = node.child.try_wait() else { continue };
                screen::of_node(node.number, &format!("ended ({status}); it is started again"));
                tokio::time::sleep(AGAIN_AFTER).await;
                *node = self.start(cluster, node.number).await?;
            }
        }
    }

    async fn start(&self, cluster: &LocalCluster, number: u32) -> Result<Running> {
        let seat = cluster.seat(&format!("node-{number}")).await?;
        let failed = |error: std::io::Error| {
            Error::Start(format!("node {number} was not started: {error}").into())
        };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command
            .args(&self.arguments)
            .args(["--listen", &self.address(self.settings.gateway_listen, number)?])
            .args(["--admin-listen", &self.address(self.settings.admin_listen, number)?])
            .arg("dev")
            .env(SEAT_VARIABLE, seat.to_text())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A signal of the terminal is for this process alone, which passes it on.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(failed)?;
        if let Some(out) = child.stdout.take() {
            thread::spawn(move || show(number, out));
        }
        if let Some(log) = child.stderr.take() {
            thread::spawn(move || show(number, log));
        }
        Ok(Running { number, child })
    }

    /// Where a node listens: port 0 picks any.
    fn address(&self, first: SocketAddr, number: u32) -> Result<String> {
        let step = PORT_STEP * (number - 1) as u16;
        let port = match first.port() {
            0 => Some(0),
            port => port.checked_add(step),
        };
        let port = port.ok_or_else(|| {
            let what =
                format!("{first} leaves no ports for {} nodes; choose a lower one", self.count);
            Error::Usage(what.into())
        })?;
        Ok(SocketAddr::new(first.ip(), port).to_string())
    }

    /// Ends all in good order, one after the other, so that each has others to move its actors to; and whoever does not
    /// end in time anyhow.
    fn end(&self, mut running: Vec<Running>) {
        for node in &mut running {
            let pid = i32::try_from(node.child.id()).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid {
                kill_process(pid, Signal::TERM).ok();
            }
            let until = Instant::now() + self.settings.drain_budget + END_MAX;
            while let Ok(None) = node.child.try_wait() {
                if Instant::now() >= until {
                    screen::of_node(node.number, "did not end in time and was killed");
                    node.child.kill().ok();
                    node.child.wait().ok();
                    break;
                }
                thread::sleep(LOOK_PERIOD);
            }
        }
    }
}

/// Shows what a node says, line by line, until it says nothing more.
fn show(number: u32, from: impl Read) {
    for line in BufReader::new(from).split(b'\n').map_while(|line| line.ok()) {
        screen::of_node(number, &String::from_utf8_lossy(&line));
    }
}
