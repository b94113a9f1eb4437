//! The process of one node, and what it says.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;

/// The longest line; what is longer comes as several.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// A line that a node said.
pub(super) struct Said {
    pub(super) number: u32,
    /// Which of the node's processes said it.
    pub(super) run: u32,
    pub(super) line: String,
}

/// A running process. Dropping it kills it: whatever happens to this one, nothing is left behind.
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts it. What it says goes to `tell`, and waits where that is full.
    ///
    /// # Errors
    /// [`io::Error`] of the system: nothing runs then.
    pub(super) fn start(
        mut command: Command,
        (number, run): (u32, u32),
        tell: &mpsc::Sender<Said>,
    ) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A signal of the terminal is for this process alone, which passes it on.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let out = child.stdout.take().map(|out| Box::new(out) as Box<dyn Read + Send>);
        let log = child.stderr.take().map(|log| Box::new(log) as Box<dyn Read + Send>);
        for from in [out, log].into_iter().flatten() {
            let tell = tell.clone();
            thread::spawn(move || {
                let say = |line| tell.blocking_send(Said { number, run, line }).is_ok();
                each_line(BufReader::new(from), say);
            });
        }
        Ok(Self { child })
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends a signal. Nobody but [`Process::ended`] waits for it, so the number is its own until then.
    pub(super) fn send(&self, signal: Signal) {
        // It may have ended just now.
        kill_process(Pid::from_child(&self.child), signal).ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Says line by line what comes, until nothing more comes or nobody listens.
fn each_line(mut from: impl BufRead, say: impl Fn(String) -> bool) {
    let mut line = Vec::new();
    while from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|read| read > 0)
    {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if !say(String::from_utf8_lossy(text).into_owned()) {
            return;
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn lines_are_cut_at_their_ends_and_where_they_are_too_long() {
        let max = usize::try_from(LINE_BYTES_MAX).expect("a length");
        let long = "x".repeat(max + 5);
        let text = format!("one\n\n{long}\nlast");
        let lines = RefCell::new(Vec::new());
        each_line(text.as_bytes(), |line| {
            lines.borrow_mut().push(line);
            true
        });
        assert_eq!(*lines.borrow(), ["one", "", &"x".repeat(max), "xxxxx", "last"]);
    }
}
