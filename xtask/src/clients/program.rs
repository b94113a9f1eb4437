use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail, ensure};

/// A running program that serves actors, killed when dropped.
pub(super) struct Program {
    child: Child,
    path: String,
    calls: String,
}

impl Program {
    /// Starts it on free ports and waits until it serves.
    ///
    /// # Errors
    ///
    /// When it does not say that it is ready.
    pub(super) fn start(path: &Path, data: &Path) -> anyhow::Result<Self> {
        Self::start_at(path, data, "127.0.0.1:0")
    }

    /// Starts it so that it takes calls at `listen`.
    ///
    /// # Errors
    ///
    /// When it does not say that it is ready.
    pub(super) fn start_at(path: &Path, data: &Path, listen: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(path);
        command.args(["serve", "--listen", listen, "--admin-listen", "127.0.0.1:0", "--data"]);
        // The largest page that anybody may ask for.
        command.arg(data).env("TENURE_GATEWAY__OPENAPI", "true");
        Self::run(path, command.stdin(Stdio::null()))
    }

    /// Runs a program that says when it is ready, and where.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub(super) fn run(path: &Path, command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {}", path.display()))?;
        let out = child.stdout.take().context("its output is a pipe")?;
        let path = path.display().to_string();
        let mut program = Self { child, path, calls: String::new() };
        for line in BufReader::new(out).lines() {
            let line = line?;
            let Some(rest) = line.strip_prefix("ready: calls on ") else { continue };
            let (calls, _) = rest.split_once(", admin on ").context("an unknown first line")?;
            program.calls = calls.to_owned();
            return Ok(program);
        }
        bail!("{} ended before it was ready", program.path)
    }

    /// Stops it in good order, and waits for that.
    ///
    /// # Errors
    ///
    /// When it ends in another way.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().context("no `kill`")?;
        let ended = self.child.wait()?;
        ensure!(ended.success(), "{} ended with {ended}", self.path);
        Ok(())
    }

    /// Where calls go, as `http://127.0.0.1:7070`.
    pub(super) fn calls(&self) -> &str {
        &self.calls
    }

    /// Writes the OpenAPI document into `folder`, and returns its name.
    ///
    /// # Errors
    ///
    /// When the program prints none.
    pub(super) fn document(&self, name: &str, folder: &Path) -> anyhow::Result<String> {
        let printed = Command::new(&self.path).arg("openapi").output()?;
        if !printed.status.success() {
            bail!("`{} openapi` failed: {}", self.path, String::from_utf8_lossy(&printed.stderr));
        }
        std::fs::write(folder.join(name), printed.stdout)?;
        Ok(name.to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail where the program has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
