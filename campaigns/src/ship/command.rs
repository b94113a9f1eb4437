//! The `tenure` command as a process, with the memory that it took.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::interrupt;

const POLL_PERIOD: Duration = Duration::from_millis(5);

pub(super) struct Command {
    program: PathBuf,
}

/// What a command that worked told, and took.
#[derive(Debug)]
pub(super) struct Told {
    document: Value,
    took: Duration,
    pub(super) peak_kib: u64,
}

impl Command {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// Runs `tenure store` with this verb.
    pub(super) fn run(&self, verb: &str, file: &Path, store: &[OsString]) -> anyhow::Result<Told> {
        let begun = Instant::now();
        let (output, peak_kib) = self.end(verb, file, store)?;
        let took = begun.elapsed();
        if !output.status.success() {
            bail!("tenure store {verb}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let document = serde_json::from_slice(&output.stdout).context("it tells a document")?;
        Ok(Told { document, took, peak_kib })
    }

    /// Runs what must fail with these words.
    pub(super) fn refused(
        &self,
        verb: &str,
        file: &Path,
        store: &[OsString],
        words: &str,
    ) -> anyhow::Result<()> {
        let (output, _) = self.end(verb, file, store)?;
        let told = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(1) || !told.contains(words) {
            bail!("tenure store {verb} should have failed with {words:?}: {told}");
        }
        Ok(())
    }

    fn end(
        &self,
        verb: &str,
        file: &Path,
        store: &[OsString],
    ) -> anyhow::Result<(std::process::Output, u64)> {
        let mut child = std::process::Command::new(&self.program)
            .args(["store", verb])
            .arg(file)
            .args(store)
            .args(["-o", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        let mut peak_kib = 0;
        while child.try_wait()?.is_none() {
            peak_kib = peak_kib.max(resident_kib(&child));
            interrupt::pause(POLL_PERIOD).inspect_err(|_| drop(child.kill()))?;
        }
        Ok((child.wait_with_output()?, peak_kib))
    }
}

/// The most memory that a process had so far.
fn resident_kib(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

impl Told {
    pub(super) fn number(&self, name: &str) -> anyhow::Result<u64> {
        self.document[name].as_u64().with_context(|| format!("{name}: {}", self.document))
    }

    pub(super) fn text(&self, name: &str) -> anyhow::Result<String> {
        let text = self.document[name].as_str();
        text.map(str::to_owned).with_context(|| format!("{name}: {}", self.document))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s, {} MiB of memory", self.took.as_secs_f64(), self.peak_kib >> 10)
    }
}
