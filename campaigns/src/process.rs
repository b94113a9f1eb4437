//! A server as a process: started, killed, stopped in good order.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::interrupt;

/// How long a start may take. A start reads the whole journal, at most some 100 MiB here.
const START_MAX: Duration = Duration::from_secs(60);
/// How long an orderly stop may take: the drain budget and some more.
const STOP_MAX: Duration = Duration::from_secs(40);
const POLL_PERIOD: Duration = Duration::from_millis(5);
/// How much of the log is shown when a start fails.
const LOG_LINES_SHOWN: usize = 15;

/// What to start, and how.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program, one that speaks as `tenure::app()` does.
    pub program: PathBuf,
    /// Where calls come in. Fixed, so that clients find it again after a restart.
    pub listen: SocketAddr,
    /// The folder of its store.
    pub data: PathBuf,
    /// The file its log is appended to.
    pub log: PathBuf,
    /// Settings, as in `actors.memory=64MiB`.
    pub settings: Vec<String>,
    /// Added to the environment.
    pub env: Vec<(&'static str, OsString)>,
    /// The network namespace that it runs in; this process's own where none is named.
    pub namespace: Option<String>,
}

/// A running server, killed when dropped.
pub struct ServerProcess {
    child: Child,
    /// Where calls come in.
    pub calls: SocketAddr,
    /// Where metrics and health are.
    pub admin: SocketAddr,
    /// How long the start took.
    pub start_took: Duration,
}

/// A server that was started and is not ready yet; killed when dropped.
pub struct Starting {
    server: ServerProcess,
    ready: mpsc::Receiver<(SocketAddr, SocketAddr)>,
    begun: Instant,
    log: PathBuf,
}

impl Launch {
    /// Starts the server and waits until it says that it is ready.
    ///
    /// # Errors
    /// When it does not start; the end of its log is in the error.
    pub fn start(&self) -> anyhow::Result<ServerProcess> {
        self.begin()?.finish()
    }

    /// Starts the server. It ends with the thread that calls this.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn begin(&self) -> anyhow::Result<Starting> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("could not open {}", self.log.display()))?;
        let begun = Instant::now();
        let mut command = match &self.namespace {
            Some(namespace) => {
                // It becomes the program, so that a signal to it is one to the server.
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        let mut child = command
            .arg("serve")
            .args(["--listen", &self.listen.to_string(), "--admin-listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(&self.data)
            .args(self.settings.iter().flat_map(|it| ["--set", it.as_str()]))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env_remove("TENURE_CONFIG")
            // A ctrl-c at the terminal is the campaign's: it ends its servers itself.
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("could not start {}", self.program.display()))?;
        let output = child.stdout.take().context("the server has no output")?;
        let ready = read_ready(BufReader::new(output));
        // From here on a failure kills the process.
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let server =
            ServerProcess { child, calls: nowhere, admin: nowhere, start_took: Duration::ZERO };
        Ok(Starting { server, ready, begun, log: self.log.clone() })
    }
}

impl Starting {
    /// Waits until the server says that it is ready.
    ///
    /// # Errors
    /// When it does not start; the end of its log is in the error.
    pub fn finish(self) -> anyhow::Result<ServerProcess> {
        let Self { mut server, ready, begun, log } = self;
        match ready.recv_timeout(START_MAX) {
            Ok((calls, admin)) => {
                let start_took = begun.elapsed();
                (server.calls, server.admin, server.start_took) = (calls, admin, start_took);
                Ok(server)
            }
            Err(_) => {
                server.kill();
                bail!("the server did not start; its log ends with\n{}", log_end(&log))
            }
        }
    }
}

impl ServerProcess {
    /// Ends the process with SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends SIGKILL, and waits for nothing.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn strike(&self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::KILL).context("SIGKILL")
    }

    /// Stops the process where it is.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn pause(&self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::STOP).context("SIGSTOP")
    }

    /// Lets a stopped process go on.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn resume(&self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::CONT).context("SIGCONT")
    }

    /// Waits until the process ends by itself.
    ///
    /// # Errors
    /// When it does not in time.
    pub fn wait_for_end(&mut self) -> anyhow::Result<ExitStatus> {
        let until = Instant::now() + STOP_MAX;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            interrupt::pause(POLL_PERIOD)?;
        }
        bail!("the server did not end within {} s", STOP_MAX.as_secs())
    }

    /// Whether the process has ended by itself, and how.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks the process to stop with SIGTERM and waits for it.
    ///
    /// # Errors
    /// When it does not stop in time, or not with 0.
    pub fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("SIGTERM")?;
        let until = Instant::now() + STOP_MAX;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("the server ended with {status} after SIGTERM");
                }
                return Ok(());
            }
            interrupt::pause(POLL_PERIOD)?;
        }
        bail!("the server did not stop within {} s of SIGTERM", STOP_MAX.as_secs())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the line that says where the server listens, and reads on to the end, so that the
/// server never waits for a reader.
fn read_ready(output: impl BufRead + Send + 'static) -> mpsc::Receiver<(SocketAddr, SocketAddr)> {
    let (sender, ready) = mpsc::channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some(addresses) = addresses(&line) {
                // Nobody listens any more once a start was given up.
                let _ = sender.send(addresses);
            }
        }
    });
    ready
}

/// Reads `ready: calls on http://127.0.0.1:7070, admin on http://127.0.0.1:7071`.
pub(crate) fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let rest = line.strip_prefix("ready: calls on http://")?;
    let (calls, admin) = rest.split_once(", admin on http://")?;
    Some((calls.parse().ok()?, admin.trim().parse().ok()?))
}

fn log_end(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn the_ready_line_is_understood() {
        let line = "ready: calls on http://127.0.0.1:7070, admin on http://127.0.0.1:7071";
        let expected = ("127.0.0.1:7070".parse().unwrap(), "127.0.0.1:7071".parse().unwrap());
        assert_eq!(addresses(line), Some(expected));
        assert_eq!(addresses("n1 ready in 0.4 s"), None);
    }
}
