//! Who uses the folder: one store alone, or several that share it.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use parking_lot::{Mutex, MutexGuard, RwLock};
use tenure_store::{Fences, StoreError, Unit, UnitOutcome, UnitSink};
use tenure_types::Incarnation;

use crate::EmbeddedConfig;
use crate::commit::{End, Errand, Refusal};
use crate::failure::Fault;
use crate::open::{For, Running, open, open_to_read};
use crate::serving::Serving;

/// One of the stores over a folder.
pub(crate) struct Handle {
    shared: Arc<Shared>,
    /// How it uses the run it was opened in; it stays when that run ends, to say why.
    seat: RwLock<Option<Seat>>,
}

/// What all stores over one folder share.
struct Shared {
    config: EmbeddedConfig,
    /// Held while the engine is opened, joined, fenced or closed, on a thread made for it.
    control: Mutex<Control>,
}

#[derive(Default)]
struct Control {
    running: Option<Running>,
    /// How many handles have their seat in what runs.
    seats: usize,
    /// What ended the last run, if it failed and none was opened since.
    failure: Option<Fault>,
    /// Who may go on after that failure, where several had joined.
    kept: Option<Arc<RwLock<Fences>>>,
}

/// A handle's part in a run.
struct Seat {
    serving: Arc<Serving>,
    role: Role,
}

/// As what a handle is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// To read and commit, as this incarnation.
    Member(Incarnation),
    /// To read, as whoever commits.
    Reader,
    /// To keep the folder open for those that join.
    Host,
}

impl Handle {
    pub(crate) fn new(config: EmbeddedConfig) -> Self {
        let shared = Arc::new(Shared { config, control: Mutex::default() });
        Self { shared, seat: RwLock::default() }
    }

    /// Another one over the same folder.
    pub(crate) fn share(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), seat: RwLock::default() }
    }

    pub(crate) fn config(&self) -> &EmbeddedConfig {
        &self.shared.config
    }

    pub(crate) fn open(&self) -> Result<Incarnation, StoreError> {
        let mut control = self.shared.control.lock();
        control.end(Refusal::Fenced("the store was opened again".into()))?;
        control.start(&self.shared.config, For::One)?;
        let Some(running) = &control.running else { return Err(unavailable("it is not open")) };
        let incarnation = running.serving.fences.read().highest();
        self.sit(&mut control, Role::Member(incarnation));
        Ok(incarnation)
    }

    pub(crate) fn open_to_read(&self) -> Result<bool, StoreError> {
        let mut control = self.shared.control.lock();
        if control.serves().is_none() {
            control.end(Refusal::Fenced("the store was opened to be read".into()))?;
            control.running = open_to_read(&self.shared.config)?;
        }
        self.sit(&mut control, Role::Reader);
        Ok(control.running.is_some())
    }

    pub(crate) fn join(&self, incarnation: Incarnation) -> Result<(), StoreError> {
        let mut control = self.shared.control.lock();
        let serving = self.shared(&mut control)?;
        let role = Role::Member(incarnation);
        let is_open = self.seat.read().as_ref().is_some_and(|seat| seat.role == role)
            && serving.fences.read().refusal(incarnation).is_none();
        let joined = match is_open {
            true => Ok(()),
            false => run(&serving, |answer| Errand::Join { incarnation, answer }),
        };
        match joined {
            Ok(()) => self.sit(&mut control, role),
            // It was opened for this one alone.
            Err(_) if control.seats == 0 => control.end(Refusal::Closing)?,
            Err(_) => {}
        }
        joined
    }

    pub(crate) fn host(&self) -> Result<Incarnation, StoreError> {
        let mut control = self.shared.control.lock();
        let serving = self.shared(&mut control)?;
        self.sit(&mut control, Role::Host);
        let highest = serving.fences.read().highest();
        Ok(highest)
    }

    /// What runs for several; the folder is opened for them if need be.
    fn shared(&self, control: &mut Control) -> Result<Arc<Serving>, StoreError> {
        let is_left = control.running.as_ref().is_some_and(Running::is_reading);
        if is_left || control.serves().is_none() {
            control.end(Refusal::Fenced("the store was opened for several".into()))?;
            let kept = control.kept.clone();
            control.start(&self.shared.config, For::Several(kept))?;
        }
        match &control.running {
            Some(running) if running.is_shared => Ok(Arc::clone(&running.serving)),
            _ => Err(unavailable("it is open for one node alone")),
        }
    }

    pub(crate) fn fence(&self, incarnation: Incarnation) -> Result<(), StoreError> {
        let mut control = self.shared.control.lock();
        let Some(running) = control.running.as_ref().filter(|it| !it.is_reading()) else {
            return Err(unavailable("it is not open"));
        };
        if !running.is_shared && running.serving.fences.read().refusal(incarnation).is_none() {
            let reason = format!("incarnation {incarnation} was fenced");
            return control.end(Refusal::Fenced(reason.into()));
        }
        run(&running.serving, |answer| Errand::Fence { incarnation, answer })
    }

    pub(crate) fn close(&self) -> Result<(), StoreError> {
        let mut control = self.shared.control.lock();
        let left = self.seat.write().take();
        if let Some(serving) = left.map(|seat| seat.serving).filter(|it| control.is_of(it)) {
            control.seats -= 1;
            if control.seats > 0 {
                // What it submitted is committed before others'.
                return run(&serving, |answer| Errand::Flush { answer });
            }
        }
        if control.seats > 0 {
            return Ok(());
        }
        control.end(Refusal::Closing)?;
        match control.failure {
            Some(_) => Err(unavailable("it had failed, so its stop is not marked as orderly")),
            None => Ok(()),
        }
    }

    /// Takes a seat in what runs, if something does, and leaves the one it had.
    fn sit(&self, control: &mut MutexGuard<'_, Control>, role: Role) {
        let serving = control.running.as_ref().map(|running| Arc::clone(&running.serving));
        let mut seat = self.seat.write();
        let was_in = seat.as_ref().is_some_and(|seat| control.is_of(&seat.serving));
        if serving.is_some() && !was_in {
            control.seats += 1;
        }
        *seat = serving.map(|serving| Seat { serving, role });
    }

    /// What reads are done by.
    pub(crate) fn serving(&self) -> Result<Arc<Serving>, StoreError> {
        let seat = self.seat.read();
        let Some(Seat { serving, role }) = &*seat else {
            return Err(unavailable("it is not open"));
        };
        let refusal = match role {
            Role::Member(incarnation) => serving.fences.read().refusal(*incarnation),
            Role::Reader => None,
            Role::Host => Some("it is open for others, and not to be read".into()),
        };
        match refusal {
            Some(_) if serving.queue.refusal().is_some() => Err(serving.unavailable()),
            Some(detail) => Err(StoreError::Unavailable { detail }),
            None => Ok(Arc::clone(serving)),
        }
    }

    pub(crate) fn accept(
        &self,
        unit: Arc<Unit>,
        sink: Arc<dyn UnitSink>,
    ) -> Result<(), (Arc<dyn UnitSink>, UnitOutcome)> {
        if let Err(refusal) = unit.check() {
            return Err((sink, refusal));
        }
        match &*self.seat.read() {
            Some(Seat { serving, role: Role::Member(_) }) => serving.queue.push(unit, sink),
            Some(_) => Err((sink, fenced("the store is not open to be written"))),
            None => Err((sink, fenced("the store is not open"))),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut control = self.shared.control.lock();
        let left = self.seat.get_mut().take();
        if left.is_some_and(|seat| control.is_of(&seat.serving)) {
            control.seats -= 1;
            if control.seats == 0
                && let Some(running) = control.running.take()
            {
                running.abandon(Refusal::Fenced("the store was dropped".into()));
            }
        }
    }
}

impl Control {
    /// Opens the folder; nothing runs.
    fn start(&mut self, config: &EmbeddedConfig, whom: For) -> Result<(), StoreError> {
        let opened = open(config, self.failure, whom).inspect_err(|error| {
            if matches!(error, StoreError::Io { .. }) {
                self.failure.get_or_insert(Fault::System);
            }
        })?;
        *self = Self { running: Some(opened), ..Self::default() };
        Ok(())
    }

    /// Ends what runs, if something does.
    fn end(&mut self, refusal: Refusal) -> Result<(), StoreError> {
        self.seats = 0;
        let Some(running) = self.running.take() else { return Ok(()) };
        let fences = running.is_shared.then(|| Arc::clone(&running.serving.fences));
        let ended = running.end(refusal);
        self.failure = match ended {
            Ok(End::Orderly | End::Fenced) => None,
            Ok(End::Failed(fault)) => Some(fault),
            // A thread that does not end may still fail.
            Err(_) => Some(Fault::System),
        };
        self.kept = fences.filter(|_| self.failure.is_some());
        ended.map(drop)
    }

    /// What runs and takes units, or is read.
    fn serves(&self) -> Option<&Running> {
        let is_well = |it: &&Running| it.is_reading() || it.serving.queue.refusal().is_none();
        self.running.as_ref().filter(is_well)
    }

    /// Whether this is what runs.
    fn is_of(&self, serving: &Arc<Serving>) -> bool {
        self.running.as_ref().is_some_and(|running| Arc::ptr_eq(&running.serving, serving))
    }
}

/// Has the committing thread do something, and waits until it has.
fn run(
    serving: &Serving,
    errand: impl FnOnce(SyncSender<Result<(), Box<str>>>) -> Errand,
) -> Result<(), StoreError> {
    let (answer, answered) = sync_channel(1);
    if !serving.queue.push_errand(errand(answer)) {
        return Err(match serving.queue.refusal() {
            Some(_) => serving.unavailable(),
            None => unavailable("too much waits for the committing thread"),
        });
    }
    match answered.recv() {
        Ok(done) => done.map_err(|detail| StoreError::Unavailable { detail }),
        Err(_) => Err(serving.unavailable()),
    }
}

fn fenced(reason: &str) -> UnitOutcome {
    UnitOutcome::Fenced { reason: reason.into() }
}

pub(crate) fn unavailable(detail: &str) -> StoreError {
    StoreError::Unavailable { detail: detail.into() }
}
