//! Listeners that know nothing of Tenure: the official `centrifuge` clients in processes of their own.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

/// A process with listeners, killed when dropped. It says what it has heard when asked.
pub struct Foreign {
    /// Which client.
    pub name: &'static str,
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

/// What the listeners of one process have heard.
#[derive(Clone, Debug, Deserialize)]
pub struct ForeignHeard {
    /// Listeners.
    pub listeners: u64,
    /// Events that came.
    pub events: u64,
    /// How often one had to begin anew, by durable actors and others.
    pub reloads: [u64; 2],
    /// What must not be.
    pub wrong: Vec<String>,
    /// Listeners that do not know yet what was said last.
    pub behind: u64,
}

impl Foreign {
    /// Starts `script` of the folder of clients, with so many listeners.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(
        name: &'static str,
        clients: &Path,
        program: &str,
        script: &str,
        at: SocketAddr,
        actors: u32,
        listeners: u32,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .current_dir(clients)
            .arg(script)
            .args([at.to_string(), actors.to_string(), listeners.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!("could not start {program} {script} in {}", clients.display())
            })?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        Ok(Self { name, child, output })
    }

    /// What was heard so far, where `said` is what each actor has said: durable ones first.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn ask(&mut self, said: &[u64]) -> anyhow::Result<ForeignHeard> {
        let input = self.child.stdin.as_mut().context("no input")?;
        writeln!(input, "{}", serde_json::to_string(said)?)?;
        input.flush()?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the {} listeners have ended", self.name);
        }
        serde_json::from_str(&line).with_context(|| format!("{} said {line}", self.name))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
