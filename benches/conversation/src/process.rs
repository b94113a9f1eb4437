//! Processes that the bench starts: each ends with its value, or with the bench.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// What the kernel counts the time of processes in.
const TICKS_PER_SECOND: f64 = 100.0;

/// How a process is asked to end.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// It has no processes of its own.
    Kill,
    /// PostgreSQL ends its processes with itself.
    Quit,
}

/// A process that ends with this value.
pub(crate) struct Process {
    child: Child,
    end: End,
}

impl Process {
    /// Starts `program` as `user`, or as who runs this, with its errors in the file `log`. The kernel ends it when
    /// this thread ends without.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        user: Option<&str>,
        end: End,
        log: &Path,
    ) -> anyhow::Result<(Self, BufReader<std::process::ChildStdout>)> {
        let mut command = Command::new("setpriv");
        let signal = match end {
            End::Kill => "KILL",
            End::Quit => "QUIT",
        };
        command.args(["--pdeathsig", signal]);
        if let Some(user) = user {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        let log = std::fs::File::create(log)
            .with_context(|| format!("could not create {}", log.display()))?;
        let mut child = command
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("could not start `setpriv`; it is in the package util-linux")?;
        let output = child.stdout.take().context("its output is piped")?;
        Ok((Self { child, end }, BufReader::new(output)))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing of it is kept.
        if let (End::Quit, Some(id)) = (self.end, Pid::from_raw(self.child.id().cast_signed())) {
            let _: rustix::io::Result<()> = kill_process(id, Signal::QUIT);
        } else {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// Reads lines until one begins with `start`, and gives what follows.
pub(crate) fn line_with(lines: &mut impl BufRead, start: &str) -> anyhow::Result<String> {
    loop {
        let mut line = String::new();
        ensure!(lines.read_line(&mut line)? > 0, "it ended before it said `{start}`");
        if let Some(rest) = line.trim_end().strip_prefix(start) {
            return Ok(rest.to_owned());
        }
    }
}

/// Takes what a process goes on to write, so that it never waits for a reader.
pub(crate) fn drain(mut lines: BufReader<std::process::ChildStdout>) {
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
}

/// Seconds of processor time that these processes have used, with their children that are there.
///
/// # Errors
/// One of them is not there.
pub(crate) fn processor_seconds(ids: &[u32]) -> anyhow::Result<f64> {
    let mut ticks = 0;
    for id in ids {
        ticks += stat_of(*id).with_context(|| format!("the process {id} is gone"))?.ticks;
    }
    for entry in std::fs::read_dir("/proc")? {
        let id = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        // A process may end meanwhile.
        if let Some(stat) = id.and_then(stat_of)
            && ids.contains(&stat.parent)
        {
            ticks += stat.ticks;
        }
    }
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    ticks: u64,
}

fn stat_of(id: u32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name, in parentheses, may have spaces and parentheses.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks: number(11)? + number(12)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_is_read_whatever_its_name_is() {
        let text = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 0 0 0 30 12 5 5 20 0 1 0 100 0 0";
        assert_eq!(parse_stat(text), Some(Stat { parent: 7, ticks: 42 }));
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn a_line_is_waited_for() {
        let mut lines = &b"one\nready: calls on http://127.0.0.1:1, admin\n"[..];
        assert_eq!(
            line_with(&mut lines, "ready: ").expect("it is"),
            "calls on http://127.0.0.1:1, admin"
        );
        assert!(line_with(&mut lines, "ready: ").is_err());
    }
}
