//! Programs that xtask starts: how they are shown, run and timed.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long the output of a program may stay silent before its exit is looked for. A test that leaves
/// a child process behind keeps the pipe open, so the end of the pipe cannot be waited for.
const EXIT_POLL_PERIOD: Duration = Duration::from_millis(250);
const OUTPUT_QUEUE_LEN_MAX: usize = 1024;

/// A program with its arguments and added environment, started in the workspace's folder.
pub(crate) struct Invocation {
    program: String,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
}

enum Line {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

impl Invocation {
    pub(crate) fn new(program: &str, args: &[&str]) -> Self {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self { program: program.to_owned(), args, env: Vec::new() }
    }

    /// Returns a call of the cargo that runs this program.
    pub(crate) fn cargo(args: &[&str]) -> Self {
        Self::new("cargo", args)
    }

    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a String>) -> Self {
        self.args.extend(args.into_iter().cloned());
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// Runs the program with this terminal as its own.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not exit with 0.
    pub(crate) fn run(&self, root: &Path) -> anyhow::Result<()> {
        let status =
            self.command(root).status().with_context(|| format!("could not start `{self}`"))?;
        self.check(status)
    }

    /// Runs the program silently and returns its standard output.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not exit with 0.
    pub(crate) fn read(&self, root: &Path) -> anyhow::Result<String> {
        let output =
            self.command(root).output().with_context(|| format!("could not start `{self}`"))?;
        self.check(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs the program, passes its output through and shows every line of it to `observe`.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not exit with 0. Every line has been observed by then.
    pub(crate) fn run_observed(
        &self,
        root: &Path,
        observe: &mut dyn FnMut(&str),
    ) -> anyhow::Result<()> {
        let mut child = self
            .command(root)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start `{self}`"))?;
        let (sender, lines) = sync_channel(OUTPUT_QUEUE_LEN_MAX);
        if let Some(out) = child.stdout.take() {
            forward_lines(out, sender.clone(), Line::Out);
        }
        if let Some(err) = child.stderr.take() {
            forward_lines(err, sender, Line::Err);
        }
        let status = pass_through(&mut child, &lines, observe)
            .with_context(|| format!("could not read the output of `{self}`"))?;
        self.check(status)
    }

    fn command(&self, root: &Path) -> Command {
        let program = match std::env::var_os("CARGO") {
            Some(cargo) if self.program == "cargo" => cargo,
            _ => self.program.clone().into(),
        };
        let mut command = Command::new(program);
        command.args(&self.args).current_dir(root).stdin(Stdio::null());
        // `cargo run` describes the package xtask in the environment. Build scripts that watch these
        // variables would run again on every change between `cargo xtask` and plain cargo.
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name_text.starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        command.env("CARGO_TERM_COLOR", "never").envs(self.env.iter().map(|(n, v)| (*n, v)));
        command
    }

    fn check(&self, status: ExitStatus) -> anyhow::Result<()> {
        if !status.success() {
            bail!("`{self}` failed with {status}");
        }
        Ok(())
    }
}

/// The command as one would type it.
impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quote(value))?;
        }
        f.write_str(&self.program)?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quote(arg)))
    }
}

fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn forward_lines(
    pipe: impl Read + Send + 'static,
    sender: SyncSender<Line>,
    wrap: fn(Vec<u8>) -> Line,
) {
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        loop {
            let mut line = Vec::new();
            match pipe.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                // The receiver is gone once the program has exited.
                Ok(_) if sender.send(wrap(line)).is_err() => return,
                Ok(_) => {}
            }
        }
    });
}

fn pass_through(
    child: &mut Child,
    lines: &Receiver<Line>,
    observe: &mut dyn FnMut(&str),
) -> anyhow::Result<ExitStatus> {
    loop {
        match lines.recv_timeout(EXIT_POLL_PERIOD) {
            Ok(Line::Out(line)) => {
                std::io::stdout().write_all(&line)?;
                observe(&String::from_utf8_lossy(&line));
            }
            Ok(Line::Err(line)) => {
                std::io::stderr().write_all(&line)?;
                observe(&String::from_utf8_lossy(&line));
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(child.wait()?),
        }
    }
}

/// Runs one named step, printing its name and what it does before, and its time after.
pub(crate) fn timed<T>(
    name: &str,
    what: &str,
    step: impl FnOnce() -> anyhow::Result<T>,
) -> (anyhow::Result<T>, Duration) {
    println!("==> {name}: {what}");
    let start = Instant::now();
    let result = step();
    let time = start.elapsed();
    let outcome = if result.is_ok() { "ok" } else { "FAILED" };
    println!("<== {name}: {outcome} in {:.1} s", time.as_secs_f64());
    (result, time)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Invocation;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let doc = Invocation::cargo(&["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(doc.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn every_line_of_both_streams_is_observed_before_a_failure_is_reported() {
        let script = "echo out; echo err >&2; exit 3";
        let mut seen = Vec::new();
        let result =
            Invocation::new("sh", &["-c", script]).run_observed(Path::new("."), &mut |line| {
                seen.push(line.trim().to_owned());
            });
        seen.sort();
        assert_eq!(seen, ["err", "out"]);
        let error = result.expect_err("the script exits with 3").to_string();
        assert!(error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_process_left_behind_does_not_hold_the_run() {
        let script = "tail -f /dev/null & echo pid $!";
        let mut pid = None;
        let result =
            Invocation::new("sh", &["-c", script]).run_observed(Path::new("."), &mut |line| {
                pid = line.trim().strip_prefix("pid ").map(str::to_owned);
            });
        let pid = pid.expect("the script printed the process it left");
        Invocation::new("kill", &[&pid]).run(Path::new(".")).expect("the process still runs");
        result.expect("the script itself exits with 0");
    }
}
