//! From a folder to an incarnation that serves, and back.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::RwLock;
use rustix::rand::{GetRandomFlags, getrandom};
use tenure_store::{Fences, StoreError};
use tenure_types::Incarnation;

use crate::EmbeddedConfig;
use crate::commit::{BatchWriter, Committer, End, Refusal, Sweep};
use crate::failure::{self, Fault, TreeError};
use crate::feeds::Feeds;
use crate::integrity::{self, BatchRecord, Progress, ProgressState, Verified};
use crate::load;
use crate::lock::{self, FolderLock};
use crate::rows::Rows;
use crate::serving::Serving;

/// What the store keeps, in the store's folder: the tree and the progress file. It gets its name
/// when it is complete.
pub(crate) const DATA: &str = "data";
pub(crate) const DATA_UNFINISHED: &str = "data.new";

/// For whom the folder is opened.
pub(crate) enum For {
    /// The next incarnation, alone.
    One,
    /// Those that join. With the fences of a run that has failed they go on as they were.
    Several(Option<Arc<RwLock<Fences>>>),
}

/// The threads of one run, or of a store that is only read.
pub(crate) struct Running {
    pub(crate) serving: Arc<Serving>,
    /// Several incarnations may join it.
    pub(crate) is_shared: bool,
    work: Work,
    loaders: Vec<JoinHandle<()>>,
}

/// Who keeps the lock.
enum Work {
    /// The thread that commits.
    Commit(JoinHandle<Result<End, StoreError>>),
    Read(Reading),
}

/// A store that is only read.
struct Reading {
    tree: PathBuf,
    /// Everything was in tables: the journal that the tree has made says nothing.
    is_emptied: bool,
    lock: FolderLock,
}

/// Opens the folder and starts its threads. `failure` is what ended the run before, if it failed.
pub(crate) fn open(
    config: &EmbeddedConfig,
    failure: Option<Fault>,
    whom: For,
) -> Result<Running, StoreError> {
    let path = &config.path;
    create_folder(path)?;
    let lock = FolderLock::acquire(path)?;
    let data = path.join(DATA);
    failure::wait_until_closed(&data)?;
    if !data.try_exists().map_err(|error| failure::io("looking for", &data, &error))? {
        create(config)?;
    }
    if failure.is_some() {
        failure::evict_all(&data)?;
    }
    let verified = integrity::verify(&data)?;
    let tree = data.join(integrity::TREE);
    if failure == Some(Fault::Threads) {
        integrity::verify_tables(&tree)?;
    }
    let mut progress = Progress::open(&data)?;
    if verified.is_emptied {
        integrity::remove_journals(&tree)?;
    } else {
        checkpoint(config, &data, &mut progress, verified)?;
    }
    let rows = open_rows(config, &tree)?;
    let last = check(&rows, &tree, verified)?;
    let is_shared = matches!(whom, For::Several(_));
    let fences = fences_for(whom, last);
    let incarnation = fences.read().highest().max(last);
    progress.mark(ProgressState::Running, verified.batch)?;
    let feed_store = match rows.feed_store()? {
        Some(number) => number,
        None => draw_number()?,
    };
    let feeds = Feeds::open(&rows.view(), is_shared)?;
    let serving = Arc::new(Serving::new(config, Arc::clone(&fences), feed_store, rows.clone()));
    let mut writer = BatchWriter {
        rows,
        heads: Arc::clone(&serving.heads),
        due_floor: Arc::clone(&serving.due_floor),
        fences,
        incarnation,
        number: verified.batch,
        progress,
        sweep: Sweep::default(),
        feeds,
        scratch: Vec::new(),
    };
    if let Err(error) = writer.count_incarnation(feed_store) {
        drop((writer, serving));
        if error.fault == Fault::Threads {
            failure::wait_until_closed(&tree)?;
            integrity::verify_tables(&tree)?;
        }
        return Err(counting(path, error));
    }
    start(config, serving, is_shared, writer, lock)
}

/// Who may commit, where `last` is the highest incarnation that was ever seen. What joined an earlier
/// run is over: nobody of it is left.
fn fences_for(whom: For, last: Incarnation) -> Arc<RwLock<Fences>> {
    match whom {
        For::Several(Some(kept)) => kept,
        For::Several(None) => Arc::new(RwLock::new(Fences::after(last))),
        For::One => {
            let mut fences = Fences::after(last);
            fences.open();
            Arc::new(RwLock::new(fences))
        }
    }
}

/// A number that no other store has.
fn draw_number() -> Result<u64, StoreError> {
    let mut bytes = [0; 8];
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(8) => Ok(u64::from_le_bytes(bytes)),
        other => Err(StoreError::Io {
            doing: "drawing a random number".into(),
            detail: format!("{other:?}").into(),
        }),
    }
}

/// Opens the folder without an incarnation; `None` where there is no store.
///
/// The checks are those of a start, and the tree reads its journals. That writes nothing which a
/// start that is killed would not write, so the progress file goes on to say the truth.
pub(crate) fn open_to_read(config: &EmbeddedConfig) -> Result<Option<Running>, StoreError> {
    let data = config.path.join(DATA);
    if !data.try_exists().map_err(|error| failure::io("looking for", &data, &error))? {
        return Ok(None);
    }
    let lock = FolderLock::acquire(&config.path)?;
    failure::wait_until_closed(&data)?;
    let verified = integrity::verify(&data)?;
    let tree = data.join(integrity::TREE);
    if verified.is_emptied {
        integrity::remove_journals(&tree)?;
    }
    let rows = open_rows(config, &tree)?;
    let fences = fences_for(For::Several(None), check(&rows, &tree, verified)?);
    let feed_store = rows.feed_store()?.unwrap_or(0);
    let serving = Arc::new(Serving::new(config, fences, feed_store, rows));
    serving.queue.refuse(Refusal::Fenced("the store is open to be read, not to be written".into()));
    let reading = Reading { tree, is_emptied: verified.is_emptied, lock };
    let (work, loaders) = (Work::Read(reading), Vec::new());
    let running = Running { serving, is_shared: false, work, loaders };
    start_loaders(config, running).map(Some)
}

/// Checks that the tree found what is there, and gives the last incarnation.
fn check(rows: &Rows, tree: &Path, verified: Verified) -> Result<Incarnation, StoreError> {
    let incarnation = rows.incarnation()?;
    if rows.last_batch()? != verified.batch || incarnation.0 < verified.incarnation_min {
        return Err(StoreError::Corrupt {
            what: tree.display().to_string().into(),
            detail: format!("batch {} was not found again; restore a backup", verified.batch)
                .into(),
        });
    }
    Ok(incarnation)
}

/// Puts everything that is only in journals into tables, and begins a new journal.
///
/// The tree makes a new journal 64 MiB long before it is filled, so that a sync needs to write no
/// length. A journal that it finds it cuts to what is in it, and lengthens with every batch, which
/// makes a sync half as long again.
fn checkpoint(
    config: &EmbeddedConfig,
    data: &Path,
    progress: &mut Progress,
    verified: Verified,
) -> Result<(), StoreError> {
    let tree = data.join(integrity::TREE);
    let rows = open_rows(config, &tree)?;
    check(&rows, &tree, verified)?;
    let flushed = rows.flush();
    drop(rows);
    failure::wait_until_closed(&tree)?;
    if let Err(error) = flushed {
        if error.fault == Fault::Threads {
            integrity::verify_tables(&tree)?;
        }
        return Err(writing_tables(data, error));
    }
    if integrity::note_emptied(data, progress, verified.batch)? {
        return integrity::remove_journals(&tree);
    }
    tracing::warn!(tree = %tree.display(), "journals are kept, so commits take longer");
    Ok(())
}

/// The space that journals take on the disk.
pub(crate) fn journal_bytes(config: &EmbeddedConfig) -> Result<u64, StoreError> {
    let tree = config.path.join(DATA).join(integrity::TREE);
    let sum = || {
        let mut bytes = 0;
        for entry in fs::read_dir(&tree)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "jnl") {
                // Its length says nothing: a journal is made 64 MiB long.
                bytes += entry.metadata()?.blocks() * 512;
            }
        }
        io::Result::Ok(bytes)
    };
    sum().map_err(|error| failure::io("listing", &tree, &error))
}

fn open_rows(config: &EmbeddedConfig, tree: &Path) -> Result<Rows, StoreError> {
    Rows::open(config, tree).map_err(|error| error.reading(&tree.display().to_string()))
}

fn create(config: &EmbeddedConfig) -> Result<(), StoreError> {
    make(config, |rows| {
        let mut batch = rows.batch(1);
        batch.put_incarnation(Incarnation(0));
        let first = BatchRecord { number: 1, incarnation: Incarnation(0) };
        batch.commit(first).map_err(|error| counting(&config.path, error))?;
        Ok(first)
    })
}

/// Makes a store that `fill` fills, in a folder that has none.
pub(crate) fn create_with(
    config: &EmbeddedConfig,
    fill: impl FnOnce(&Rows) -> Result<BatchRecord, StoreError>,
) -> Result<(), StoreError> {
    let claim = Claim::of(&config.path)?;
    let created = make(config, fill).inspect_err(|_| {
        // What cannot be removed means nothing, and is made anew by the next attempt.
        drop(fs::remove_dir_all(config.path.join(DATA_UNFINISHED)));
    });
    if created.is_err() {
        claim.give_up();
    }
    created
}

/// A folder without a store, kept from others while one is made.
pub(crate) struct Claim {
    path: PathBuf,
    lock: FolderLock,
    had_lock: bool,
    /// The folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

impl Claim {
    /// Makes the folder if need be.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it has a store; [`StoreError::Locked`]. It is then as it was.
    pub(crate) fn of(path: &Path) -> Result<Self, StoreError> {
        let made = create_folder(path)?;
        let had_lock = lock::path(path).exists();
        let lock = FolderLock::acquire(path)?;
        let claim = Self { path: path.to_owned(), lock, had_lock, made };
        match check_empty(&path.join(DATA)) {
            Ok(()) => Ok(claim),
            Err(error) => {
                claim.give_up();
                Err(error)
            }
        }
    }

    /// Lets go of a folder in which no store was made: what was made for one is removed.
    pub(crate) fn give_up(self) {
        if self.had_lock {
            return;
        }
        // Who waits for the lock sees that its file is gone, and takes the next one.
        drop(fs::remove_file(lock::path(&self.path)));
        drop(self.lock);
        for folder in self.made {
            // Only an empty one goes.
            drop(fs::remove_dir(folder));
        }
    }
}

/// Refuses a folder that has a store.
fn check_empty(data: &Path) -> Result<(), StoreError> {
    match data.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(StoreError::Io {
            doing: format!("making a store in {}", data.display()).into(),
            detail: "there is a store already; move it away, or choose another folder".into(),
        }),
        Err(error) => Err(failure::io("looking for", data, &error)),
    }
}

/// Makes a new store under a name that is not looked at, and gives it its name when everything is
/// durable: a crash in between leaves no store, never half of one. `fill` gives its last batch.
fn make(
    config: &EmbeddedConfig,
    fill: impl FnOnce(&Rows) -> Result<BatchRecord, StoreError>,
) -> Result<(), StoreError> {
    let data = config.path.join(DATA_UNFINISHED);
    match fs::remove_dir_all(&data) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failure::io("removing", &data, &error));
        }
        _ => {}
    }
    fs::create_dir_all(&data).map_err(|error| failure::io("creating", &data, &error))?;
    let tree = data.join(integrity::TREE);
    let rows = open_rows(config, &tree)?;
    let filled = fill(&rows).and_then(|last| {
        rows.flush().map_err(|error| writing_tables(&data, error))?;
        Ok(last)
    });
    drop(rows);
    failure::wait_until_closed(&data)?;
    let last = filled?;
    let mut progress = Progress::create(&data, last.number)?;
    if integrity::note_emptied(&data, &mut progress, last.number)? {
        integrity::remove_journals(&tree)?;
    }
    failure::evict_all(&data)?;
    let named = config.path.join(DATA);
    fs::rename(&data, &named).map_err(|error| failure::io("naming", &named, &error))?;
    failure::sync_folder(&config.path)
}

/// Makes the store's folder, and the folders that it is in, durably.
/// Gives those that were made, the innermost first.
fn create_folder(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let missing = path.ancestors().take_while(|folder| !folder.exists()).count();
    let made = path.ancestors().take(missing).map(Path::to_owned).collect();
    fs::create_dir_all(path).map_err(|error| failure::io("creating", path, &error))?;
    for folder in path.ancestors().skip(1).take(missing) {
        // The folder that a relative path begins in.
        let is_here = folder.as_os_str().is_empty();
        failure::sync_folder(if is_here { Path::new(".") } else { folder })?;
    }
    Ok(made)
}

fn writing_tables(data: &Path, error: TreeError) -> StoreError {
    let doing = format!("writing tables in {}", data.display()).into();
    StoreError::Io { doing, detail: error.detail }
}

fn counting(path: &Path, error: TreeError) -> StoreError {
    StoreError::Io {
        doing: format!("counting the incarnation in {}", path.display()).into(),
        detail: error.detail,
    }
}

fn start(
    config: &EmbeddedConfig,
    serving: Arc<Serving>,
    is_shared: bool,
    writer: BatchWriter,
    lock: FolderLock,
) -> Result<Running, StoreError> {
    let committer = Committer::new(Arc::clone(&serving), writer);
    let committer = {
        let serving = Arc::clone(&serving);
        let data = config.path.join(DATA);
        spawn("tenure-commit".to_owned(), move || {
            let (end, writer) = committer.run();
            let stopped = stop(&serving, &data, end, writer);
            drop(lock);
            stopped
        })?
    };
    let (work, loaders) = (Work::Commit(committer), Vec::new());
    let running = Running { serving, is_shared, work, loaders };
    start_loaders(config, running)
}

fn start_loaders(config: &EmbeddedConfig, mut running: Running) -> Result<Running, StoreError> {
    for number in 0..config.load_threads.max(1) {
        let serving = Arc::clone(&running.serving);
        match spawn(format!("tenure-load-{number}"), move || load::run(&serving)) {
            Ok(loader) => running.loaders.push(loader),
            Err(error) => {
                let reason = "the engine could not start its threads".into();
                running.end(Refusal::Fenced(reason)).ok();
                return Err(error);
            }
        }
    }
    Ok(running)
}

/// Lets go of the tree and, after an orderly end, marks it.
fn stop(serving: &Serving, data: &Path, end: End, writer: BatchWriter) -> Result<End, StoreError> {
    serving.end_loads();
    let BatchWriter { rows, mut progress, number, .. } = writer;
    let is_orderly = end == End::Orderly;
    // The next start then has nothing to read.
    let flushed = if is_orderly { rows.flush() } else { Ok(()) };
    drop(rows);
    failure::wait_until_closed(&data.join(integrity::TREE))?;
    if !is_orderly {
        return Ok(end);
    }
    let emptied = match flushed {
        Ok(()) => integrity::note_emptied(data, &mut progress, number),
        Err(error) => Err(writing_tables(data, error)),
    };
    match emptied {
        // What cannot be removed now is removed by the next start.
        Ok(true) => drop(integrity::remove_journals(&data.join(integrity::TREE))),
        // The journals have it all, synced.
        other => {
            tracing::warn!(?other, "the store stops with journals, which the next start reads");
            progress.mark(ProgressState::Stopped, number)?;
        }
    }
    Ok(end)
}

impl Running {
    /// Whether it was opened to be read, by nobody who commits.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(self.work, Work::Read(_))
    }

    /// Ends the run and waits until nothing of it is left.
    ///
    /// # Errors
    /// [`StoreError`] when the stop could not be marked or the tree does not end.
    pub(crate) fn end(self, refusal: Refusal) -> Result<End, StoreError> {
        self.serving.queue.refuse(refusal);
        let end = match self.work {
            Work::Commit(committer) => committer.join().unwrap_or_else(|_| {
                tracing::error!("the thread that commits panicked");
                Ok(End::Failed(Fault::System))
            }),
            Work::Read(reading) => reading.end(&self.serving),
        };
        for loader in self.loaders {
            if loader.join().is_err() {
                tracing::error!("a thread that loads panicked");
            }
        }
        end
    }
}

impl Running {
    /// Lets the incarnation end by itself.
    pub(crate) fn abandon(self, refusal: Refusal) {
        self.serving.queue.refuse(refusal);
        if let Work::Read(reading) = self.work {
            drop(reading.end(&self.serving));
        }
    }
}

impl Reading {
    fn end(self, serving: &Serving) -> Result<End, StoreError> {
        serving.end_loads();
        failure::wait_until_closed(&self.tree)?;
        if self.is_emptied {
            integrity::remove_journals(&self.tree)?;
        }
        drop(self.lock);
        Ok(End::Orderly)
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
