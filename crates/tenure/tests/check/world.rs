use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub(crate) const FILE: &str = "tenure.schemas.json";

/// The folder in which programs run.
pub(crate) struct World {
    folder: TempDir,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    /// What it printed, with what it said of its error.
    pub(crate) said: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path(".tenure")
    }

    /// Runs the program `name` with these arguments.
    pub(crate) fn run(&self, name: &str, arguments: &str) -> Ended {
        let output = Command::new(std::env::current_exe().expect("this program"))
            .args(["program::program", "--exact", "--ignored", "--nocapture"])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PROGRAM", name)
            .env("ARGUMENTS", arguments)
            .output()
            .expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ended { code: output.status.code().unwrap_or(-1), said }
    }

    /// As `run`, and it must end so and say this.
    pub(crate) fn expect(&self, name: &str, arguments: &str, code: i32, says: &[&str]) -> Ended {
        let ended = self.run(name, arguments);
        assert_eq!(ended.code, code, "{name} {arguments}: {}", ended.said);
        for what in says {
            assert!(ended.said.contains(what), "{name} {arguments}: no {what:?} in {}", ended.said);
        }
        ended
    }

    pub(crate) fn file(&self) -> Vec<u8> {
        read(&self.path(FILE))
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("the file is there")
}
