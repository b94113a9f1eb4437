//! Where a run's actors and clients tell its jury what they do. A run has one thread.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use parking_lot::Mutex;
use tenure_sim::SimClock;
use tenure_sim::judge::{Cause, Jury, Parting};
use tenure_types::Instant;

/// How much of what no promise allows is kept.
const ODDITIES_MAX: usize = 20;

thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
    static FROM_ELSEWHERE: Cell<bool> = const { Cell::new(false) };
}

/// The jury of a run, and true time. Clones are the same one.
#[derive(Clone)]
pub struct Stage {
    jury: Arc<Mutex<Jury>>,
    oddities: Arc<Mutex<Vec<String>>>,
    clock: Arc<SimClock>,
}

/// Leaves the stage when it is dropped.
#[must_use = "the stage is left when it is dropped"]
pub struct OnStage(());

impl Stage {
    /// A stage in front of this jury.
    #[must_use]
    pub fn new(jury: Jury, clock: Arc<SimClock>) -> Self {
        Self { jury: Arc::new(Mutex::new(jury)), oddities: Arc::default(), clock }
    }

    /// Lets the actors of this thread tell this jury, until the result is dropped.
    pub fn enter(&self) -> OnStage {
        STAGE.set(Some(self.clone()));
        OnStage(())
    }

    /// Tells the jury something.
    pub fn tell<T>(&self, tell: impl FnOnce(&mut Jury) -> T) -> T {
        tell(&mut self.jury.lock())
    }

    /// Something happened that no promise allows. The first twenty are kept.
    pub fn odd(&self, what: &str) {
        let mut oddities = self.oddities.lock();
        if oddities.len() < ODDITIES_MAX {
            oddities.push(format!("{:?} {what}", self.now()));
        }
    }

    /// What no promise allows, and when it happened.
    #[must_use]
    pub fn oddities(&self) -> Vec<String> {
        self.oddities.lock().clone()
    }

    /// True time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.true_now()
    }
}

impl Drop for OnStage {
    fn drop(&mut self) {
        STAGE.set(None);
    }
}

/// Tells the jury of this thread something, at a true time; `None` where there is none.
pub fn tell<T>(tell: impl FnOnce(&mut Jury, Instant) -> T) -> Option<T> {
    let stage = STAGE.with_borrow(Clone::clone)?;
    let now = stage.now();
    Some(stage.tell(|jury| tell(jury, now)))
}

/// Tells the jury that some activations may have ended now.
pub fn parted(cause: Cause) {
    tell(|jury, at| jury.behind.parted(Parting { actor: None, cause, at }));
}

/// True time; zero where there is no stage.
#[must_use]
pub fn now() -> Instant {
    STAGE.with_borrow(|stage| stage.as_ref().map_or(Instant::ZERO, Stage::now))
}

/// Runs a turn for a call that came from another node.
pub fn from_elsewhere<T>(turn: impl FnOnce() -> T) -> T {
    let before = FROM_ELSEWHERE.replace(true);
    let result = turn();
    FROM_ELSEWHERE.set(before);
    result
}

/// Whether the turn that runs handles a call that came from another node.
#[must_use]
pub fn is_from_elsewhere() -> bool {
    FROM_ELSEWHERE.get()
}
