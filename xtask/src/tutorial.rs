//! `cargo xtask tutorial`: follows the tutorial to the letter, in a folder of its own.
//!
//! Blocks of `sh` are run as they stand; `sh serve` begins a program that goes on, `sh kill` ends it;
//! `reply` is what the block before has printed; `rust main.rs` is a file. The one thing that is
//! changed is where the repository is cloned from: this checkout, so that it is this one's tutorial.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

const PAGE: &str = "docs/tutorial.md";
const REPOSITORY: &str = "https://github.com/tenure-rs/tenure";
/// Where the tutorial's program listens.
const PORTS: [u16; 2] = [7070, 7071];
const PATIENCE: Duration = Duration::from_secs(600);

/// One block of the page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Run(String),
    Serve(String),
    Kill(String),
    Reply(String),
    File { name: String, text: String },
}

/// Follows the page in a new folder.
///
/// # Errors
///
/// When a command fails, or prints something else than the page says.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let page =
        fs::read_to_string(root.join(PAGE)).with_context(|| format!("could not read {PAGE}"))?;
    let steps = steps(&page)?;
    for port in PORTS {
        ensure!(
            TcpStream::connect(("127.0.0.1", port)).is_err(),
            "something listens on port {port} already; stop it first"
        );
    }
    let folder = tempfile::tempdir().context("could not make a folder")?;
    let mut walk = Walk::new(root, folder.path());
    let walked = steps.iter().try_for_each(|step| walk.follow(step));
    walk.stop();
    walk.reached("the end");
    walked
}

struct Walk {
    root: PathBuf,
    home: PathBuf,
    /// Where the next command runs.
    folder: PathBuf,
    server: Option<Child>,
    printed: String,
    began: Instant,
    has_called: bool,
}

impl Walk {
    fn new(root: &Path, home: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            home: home.to_path_buf(),
            folder: home.to_path_buf(),
            server: None,
            printed: String::new(),
            began: Instant::now(),
            has_called: false,
        }
    }

    fn follow(&mut self, step: &Step) -> anyhow::Result<()> {
        match step {
            Step::Run(lines) => self.run(lines),
            Step::Serve(line) => self.serve(line),
            Step::Kill(line) => {
                println!("tutorial: {line}");
                self.stop();
                Ok(())
            }
            Step::File { name, text } => {
                let path = self.folder.join("src").join(name);
                fs::write(&path, text)
                    .with_context(|| format!("could not write {}", path.display()))
            }
            Step::Reply(expected) => {
                let said = self.printed.trim();
                ensure!(
                    said == expected.trim(),
                    "the page says\n{expected}\nbut this came:\n{said}"
                );
                if !std::mem::replace(&mut self.has_called, true) {
                    self.reached("first curl");
                }
                Ok(())
            }
        }
    }

    /// Says how long it took to come so far.
    fn reached(&self, what: &str) {
        println!("tutorial: {what} after {:.1} min", self.began.elapsed().as_secs_f64() / 60.0);
    }

    /// Runs lines of a block one by one: `cd` stays.
    fn run(&mut self, lines: &str) -> anyhow::Result<()> {
        self.printed.clear();
        for line in lines.lines() {
            if let Some(folder) = line.strip_prefix("cd ") {
                self.folder = self.folder.join(folder);
                continue;
            }
            println!("tutorial: {line}");
            let output = self.command(line).stderr(Stdio::inherit()).output()?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            ensure!(output.status.success(), "`{line}` failed: {said}");
            // As a terminal shows it: two replies without a newline between them are one line.
            self.printed.push_str(&said);
            if line == "cargo test" {
                self.reached("first passing test of an own actor");
            }
        }
        Ok(())
    }

    fn command(&self, line: &str) -> Command {
        let line = line.replace(REPOSITORY, &format!("{} tenure", self.root.display()));
        let mut command = Command::new("bash");
        let path = std::env::var("PATH").unwrap_or_default();
        let installed = self.home.join("installed");
        command
            .args(["-euo", "pipefail", "-c", &line])
            .current_dir(&self.folder)
            .env("PATH", format!("{}/bin:{path}", installed.display()))
            .env("CARGO_INSTALL_ROOT", &installed)
            .env_remove("CARGO_TARGET_DIR")
            // Of the cargo that runs this, not of a user's shell.
            .env_remove("CARGO_MANIFEST_DIR")
            .stdin(Stdio::null());
        command
    }

    /// Begins a program, and waits until it listens.
    fn serve(&mut self, line: &str) -> anyhow::Result<()> {
        println!("tutorial: {line}");
        // In a place of its own, so that ending it ends what it started.
        let child = self.command(&format!("exec {}", line.trim())).stdout(Stdio::null()).spawn();
        self.server = Some(child.with_context(|| format!("could not start `{line}`"))?);
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", PORTS[0])).is_err() {
            let server = self.server.as_mut().expect("it was started");
            if let Some(status) = server.try_wait()? {
                bail!("`{line}` ended: {status}");
            }
            ensure!(Instant::now() < until, "`{line}` does not listen");
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Ends the program as SIGKILL does.
    fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let pid = server.id();
        // `cargo run` becomes the program's parent: the program is its child.
        for child in children(pid) {
            let _ = Command::new("kill").args(["-9", &child.to_string()]).status();
        }
        let _ = server.kill();
        let _ = server.wait();
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", PORTS[0])).is_ok() && Instant::now() < until {
            std::thread::yield_now();
        }
    }
}

/// The processes that this one has started.
fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let listed = fs::read_to_string(path).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// The blocks of a page that are followed, in order.
///
/// # Errors
///
/// When a block does not end.
pub(crate) fn steps(page: &str) -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let mut text = String::new();
        loop {
            let line = lines.next().context("a block of the page does not end")?;
            if line == "```" {
                break;
            }
            text.push_str(line);
            text.push('\n');
        }
        match kind.split_once(' ').unwrap_or((kind, "")) {
            ("sh", "") => steps.push(Step::Run(text)),
            ("sh", "serve") => steps.push(Step::Serve(text)),
            ("sh", "kill") => steps.push(Step::Kill(text)),
            ("reply", _) => steps.push(Step::Reply(text)),
            ("rust", name) if !name.is_empty() => {
                steps.push(Step::File { name: name.to_owned(), text });
            }
            other => bail!("the tutorial has a block that nobody follows: {other:?}"),
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_of_the_page_is_followed() {
        let page = include_str!("../../docs/tutorial.md");
        let steps = steps(page).expect("it can be followed");
        let runs = steps.iter().filter(|step| matches!(step, Step::Run(_))).count();
        let replies = steps.iter().filter(|step| matches!(step, Step::Reply(_))).count();
        assert!(runs >= 6 && replies >= 4, "{runs} blocks are run, {replies} replies compared");
        assert!(super::steps("```sh\nno end\n").is_err());
        assert!(super::steps("```python\nprint()\n```\n").is_err());
    }
}
