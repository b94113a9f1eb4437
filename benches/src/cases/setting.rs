use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

use crate::load::{Span, Task};

/// What every case is given.
pub(crate) struct Setting {
    pub(crate) quick: bool,
    /// A folder on a real disk. What is in it stays for the other cases of the run.
    pub(crate) folder: PathBuf,
}

impl Setting {
    pub(super) fn span(&self) -> Span {
        Span::new(self.quick)
    }

    /// An empty folder of this name.
    pub(super) fn fresh_folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(name);
        remove(&folder)?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("could not create {}", folder.display()))?;
        Ok(folder)
    }
}

/// The runtime of callers: two workers, whatever the machine has.
pub(super) fn callers_runtime() -> anyhow::Result<Runtime> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("could not make the callers' runtime")
}

pub(super) fn spawn_on(runtime: &Runtime) -> impl FnMut(usize, Task) {
    move |_, task| {
        runtime.spawn(task);
    }
}

pub(super) fn keys(count: usize) -> std::sync::Arc<Vec<String>> {
    std::sync::Arc::new((0..count).map(|number| format!("k{number}")).collect())
}

pub(crate) fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
