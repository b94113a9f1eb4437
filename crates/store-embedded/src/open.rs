//! From a folder to an incarnation that serves, and back.

use std::sync::Arc;
use std::thread::JoinHandle;

use tenure_store::StoreError;
use tenure_types::Incarnation;

use crate::EmbeddedConfig;
use crate::commit::{Committer, End, Refusal};
use crate::failure::io;
use crate::load;
use crate::lock::FolderLock;
use crate::rows::Rows;
use crate::serving::Serving;

/// The threads and the lock of one incarnation.
pub(crate) struct Running {
    pub(crate) serving: Arc<Serving>,
    committer: JoinHandle<End>,
    loaders: Vec<JoinHandle<()>>,
    lock: Arc<FolderLock>,
}

/// Opens the folder under the next incarnation and starts its threads.
pub(crate) fn open(config: &EmbeddedConfig) -> Result<Running, StoreError> {
    let path = &config.path;
    std::fs::create_dir_all(path).map_err(|error| io("creating", path, &error))?;
    let lock = Arc::new(FolderLock::acquire(path)?);
    let tree = path.join("data");
    let rows = Rows::open(config, &tree)
        .map_err(|error| error.reading(&format!("the store in {}", path.display())))?;
    let incarnation = Incarnation(rows.incarnation()?.0 + 1);
    let mut batch = rows.batch(1);
    batch.put_incarnation(incarnation);
    batch.commit().map_err(|error| StoreError::Io {
        doing: format!("counting the incarnation in {}", path.display()).into(),
        detail: error.detail,
    })?;
    start(config, incarnation, rows, lock)
}

fn start(
    config: &EmbeddedConfig,
    incarnation: Incarnation,
    rows: Rows,
    lock: Arc<FolderLock>,
) -> Result<Running, StoreError> {
    let serving = Arc::new(Serving::new(incarnation, rows.clone()));
    let committer = Committer::new(Arc::clone(&serving), rows);
    let committer = {
        let serving = Arc::clone(&serving);
        let lock = Arc::clone(&lock);
        spawn("tenure-commit".to_owned(), move || {
            let end = committer.run();
            serving.end_loads();
            drop(lock);
            end
        })?
    };
    let mut running = Running { serving, committer, loaders: Vec::new(), lock };
    for number in 0..config.load_threads.max(1) {
        let serving = Arc::clone(&running.serving);
        match spawn(format!("tenure-load-{number}"), move || load::run(&serving)) {
            Ok(loader) => running.loaders.push(loader),
            Err(error) => {
                running.end(Refusal::Fenced("the engine could not start its threads".into()));
                return Err(error);
            }
        }
    }
    Ok(running)
}

impl Running {
    /// Ends the incarnation and waits until nothing of it is left.
    pub(crate) fn end(self, refusal: Refusal) -> End {
        self.serving.queue.refuse(refusal);
        let end = self.committer.join().unwrap_or(End::Failed);
        for loader in self.loaders {
            if loader.join().is_err() {
                tracing::error!("a thread that loads panicked");
            }
        }
        drop(self.lock);
        end
    }
}

fn spawn<T: Send + 'static>(
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StoreError> {
    let doing = format!("starting the thread {name}").into();
    std::thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(|error| StoreError::Io { doing, detail: error.to_string().into() })
}
