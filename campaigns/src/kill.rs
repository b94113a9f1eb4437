//! SIGKILL at any time: the process goes, what it wrote stays in the system's memory.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::process::ServerProcess;
use crate::rounds::Fault;
use crate::seed::Seeded;

/// Kills the server's process.
pub struct Kill {
    _folder: TempDir,
    data: PathBuf,
}

impl Kill {
    /// Makes a folder for the store.
    ///
    /// # Errors
    /// When that fails.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("could not make a folder")?;
        let data = folder.path().join("data");
        Ok(Self { _folder: folder, data })
    }
}

impl Fault for Kill {
    fn noun(&self) -> &'static str {
        "kill"
    }

    fn data(&self) -> &Path {
        &self.data
    }

    fn strike(&mut self, server: &mut ServerProcess, _: &mut Seeded) -> anyhow::Result<()> {
        server.kill();
        Ok(())
    }
}
