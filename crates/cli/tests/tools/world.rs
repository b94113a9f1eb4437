//! Programs under test: the `tenure` command, and services for it to work with.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take before a test fails instead of waiting on.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running service, killed when dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) url: String,
    pub(crate) admin: String,
}

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The counter that `tenure new` writes.
pub(crate) fn counter_program() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_tenure")).parent().expect("it lies in a folder");
    let program = folder.join("examples/template-counter");
    let made = |path: &Path| path.metadata().and_then(|it| it.modified()).ok();
    let own = std::env::current_exe().expect("a test knows its program");
    if made(&program) < made(&own) {
        // A run of the tests alone builds no examples, and one from before may be another program.
        let target = folder.parent().expect("it lies in the target folder");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "tenure-cli", "--examples"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("CARGO_TARGET_DIR", target)
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the counter cannot be built");
    }
    program
}

impl Service {
    /// Starts the counter on free ports, and waits until it serves.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_at(&counter_program(), data, "127.0.0.1:0")
    }

    pub(crate) fn start_at(program: &Path, data: &Path, listen: &str) -> Self {
        let mut child = Command::new(program)
            .args(["serve", "--listen", listen, "--admin-listen", listen, "--data"])
            .arg(data)
            // What the command reads is no setting of the service.
            .env("TENURE_URL", "http://127.0.0.1:1")
            .env("TENURE_ADMIN", "http://127.0.0.1:1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
        let (sender, ready) = mpsc::channel();
        // Reads to the end, so that the service never waits for a reader.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some((url, admin)) = addresses(&line) {
                    let _ = sender.send((url.to_owned(), admin.to_owned()));
                }
            }
        });
        let mut service = Self { child, url: String::new(), admin: String::new() };
        (service.url, service.admin) =
            ready.recv_timeout(PATIENCE).expect("the service says that it is ready");
        service
    }

    /// Runs a command against this service.
    pub(crate) fn tenure(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.env("TENURE_URL", &self.url).env("TENURE_ADMIN", &self.admin);
        command
    }

    /// What a successful command printed, without the end of its line.
    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        self.tenure(arguments).good(arguments).trim_end().to_owned()
    }

    /// The document of a successful command.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.tenure(&[arguments, &["-o", "json"]].concat());
        let out = ran.good(arguments);
        serde_json::from_str(out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it still runs");
    }

    /// Ends the service with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it still runs");
        self.child.wait().expect("its end is seen");
    }

    /// Asks the service to stop, and waits for it.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().expect("its end is seen")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    /// The output of a command that must have worked.
    pub(crate) fn good(&self, what: &[&str]) -> &str {
        let Self { code, out, err } = self;
        assert_eq!(*code, Some(0), "{what:?}:\n{out}\n{err}");
        out
    }

    /// The error of a command that must have failed with this code, and said nothing else.
    pub(crate) fn bad(&self, code: i32, what: &[&str]) -> &str {
        assert_eq!(self.code, Some(code), "{what:?}:\n{}\n{}", self.out, self.err);
        assert_eq!(self.out, "", "{what:?}: a failure has no result");
        // An answer of the application's own is for its callers to understand.
        let words = ["  next: ", "\"advice\":", "try '--help'", "Usage: ", "outcome: executed"];
        let has_next = words.iter().any(|it| self.err.contains(it));
        assert!(has_next, "{what:?}: no next step in\n{}", self.err);
        &self.err
    }
}

/// The command without any service, nobody to ask, and no settings from outside.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    command.args(arguments).stdin(Stdio::null());
    for name in ["TENURE_URL", "TENURE_ADMIN"] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn ran(mut command: Command) -> Ran {
    let output = command.output().expect("the command runs");
    ended(&output)
}

/// Runs a command with something to read.
pub(crate) fn ran_with(mut command: Command, input: &str) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    ended(&child.wait_with_output().expect("the command ends"))
}

fn ended(output: &std::process::Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::yield_now();
    }
}

/// The root of this repository.
pub(crate) fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the repository is there")
}

/// Reads `ready: calls on http://127.0.0.1:7070, admin on http://127.0.0.1:7071`.
fn addresses(line: &str) -> Option<(&str, &str)> {
    let (url, admin) = line.strip_prefix("ready: calls on ")?.split_once(", admin on ")?;
    Some((url.trim(), admin.trim()))
}
