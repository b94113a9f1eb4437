//! The programs of the example, started and ended by tests.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tenure_campaigns::port;
use tenure_campaigns::process::Launch;

const PATIENCE: Duration = Duration::from_secs(120);

/// The node, at a port and over a folder that it keeps when it is started again.
pub(crate) fn node(folder: &Path) -> Launch {
    Launch {
        program: env!("CARGO_BIN_EXE_conversation").into(),
        listen: port::free().expect("a port"),
        data: folder.join("data"),
        log: folder.join("server.log"),
        settings: Vec::new(),
        env: Vec::new(),
        namespace: None,
    }
}

/// A program of the example that is killed when the test ends before it.
pub(crate) struct Program(pub(crate) Child);

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) fn start(program: &str, launch: &Launch, more: &[&str]) -> Program {
    let mut command = Command::new(program);
    command
        .args(["--url", &format!("http://{}", launch.listen), "--moderator", "secret"])
        .args(more);
    Program(command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("it starts"))
}

pub(crate) fn ranking(launch: &Launch, ledger: &Path) -> Program {
    start(env!("CARGO_BIN_EXE_ranking"), launch, &["--ledger", ledger.to_str().expect("a path")])
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}
