//! A server that a case measures, in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, ensure};

const READY: &str = "ready: calls on http://";

/// A server in a process of its own, which ends with this value.
pub(super) struct Served {
    process: Child,
    /// Kept open, so that the server may write more.
    lines: BufReader<ChildStdout>,
}

impl Served {
    pub(super) fn start(system: &str, folder: &Path) -> anyhow::Result<(Self, SocketAddr)> {
        Self::with(system, folder, &[])
    }

    /// As [`Served::start`], with these variables in its environment.
    pub(super) fn with(
        system: &str,
        folder: &Path,
        variables: &[(&str, String)],
    ) -> anyhow::Result<(Self, SocketAddr)> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", system, "--folder"])
            .arg(folder)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the server's process")?;
        let output = process.stdout.take();
        let mut server = Self { process, lines: BufReader::new(output.context("it is piped")?) };
        let address = server.read_address()?;
        Ok((server, address))
    }

    /// What the server holds in memory.
    pub(super) fn resident_bytes(&self) -> anyhow::Result<u64> {
        std::thread::sleep(std::time::Duration::from_millis(500));
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.process.id()))?;
        let pages = statm.split_ascii_whitespace().nth(1).context("no resident pages")?;
        Ok(pages.parse::<u64>()? * 4096)
    }

    fn read_address(&mut self) -> anyhow::Result<SocketAddr> {
        loop {
            let mut line = String::new();
            let length = self.lines.read_line(&mut line)?;
            ensure!(length > 0, "the server ended before it was ready");
            if let Some(rest) = line.strip_prefix(READY) {
                let address = rest.split([',', '\n']).next().unwrap_or_default();
                return address.parse().with_context(|| format!("no address: {line:?}"));
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing of it is kept.
        let _: std::io::Result<()> = self.process.kill();
        let _: std::io::Result<_> = self.process.wait();
    }
}

/// Tells the case's process where a server listens.
pub(super) fn say_ready(at: SocketAddr) {
    println!("{READY}{at}");
}
