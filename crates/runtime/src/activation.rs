//! Activations: the one live instance of an actor, its hold, its loading and its leaving.

mod cell;
mod cold;
mod evict;
mod farewell;
pub(crate) mod gate;
mod hold;
pub(crate) mod kept;
mod leave;
mod load;
pub(crate) mod opening;
pub(crate) mod outcomes;
pub(crate) mod record;
pub(crate) mod reminder_row;
pub(crate) mod timers;
pub(crate) mod window;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use std::time::Duration;

use tenure_actor::host::{AsHome, Home, HostHandle};
use tenure_actor::{ActorType, Effects, MethodInfo, State, Target, Ticket, TimerId};
use tenure_store::{EventLog, UnitOutcome, UnitSink};
use tenure_types::{
    ActorId, ActorTypeName, CallError, CallErrorCode, Instant, Key, Outcome, Planted, StateTag,
    Tenure, Token, Version, actor_hash,
};

use crate::memory::Memory;
use crate::meters::TypeMeters;
use crate::sync::Mutex;
use crate::turn::word::{LEFT, LOST, RESET, TurnWord, UNSAVED, Word};

use cold::Cold;
use kept::Kept;

pub(crate) use hold::{Hold, Owned};

/// Who runs an activation: the runtime, as its activations need it.
pub(crate) trait Owner: Send + Sync {
    /// A handle for calls that its handlers make.
    fn handle(self: Arc<Self>) -> HostHandle;

    /// Delivers the message of a timer.
    fn tick(self: Arc<Self>, activation: &Arc<Activation>, timer: TimerId);

    /// Puts the last turn of an activation before all that wait; `false` if there is none.
    fn farewell(self: Arc<Self>, activation: &Activation) -> bool;

    /// A number that no other timer has.
    fn timer_id(&self) -> TimerId;

    /// The right under which an activation's turns run.
    fn tenure(&self, activation: &Activation) -> Tenure;

    /// Takes the outcome of a unit.
    fn settled(self: Arc<Self>, activation: Arc<Activation>, token: Token, outcome: UnitOutcome);
}

/// One registered actor type: what all its activations share.
pub(crate) struct Kind {
    pub(crate) actor_type: ActorType,
    pub(crate) owner: Weak<dyn Owner>,
    pub(crate) idle_after: Duration,
    pub(crate) mailbox_len_max: usize,
    /// Whether replies wait for the store.
    pub(crate) durable: bool,
    /// Whether the store keeps its actors.
    pub(crate) stored: bool,
    pub(crate) meters: TypeMeters,
    /// The account of all activations.
    pub(crate) memory: Arc<Memory>,
}

impl Kind {
    pub(crate) fn count_error(&self, code: CallErrorCode) {
        self.meters.count_error(code);
    }

    /// Whether the method runs by itself, at an activation's beginning or end.
    pub(crate) fn is_hook(&self, method: &MethodInfo) -> bool {
        let hooks = &self.actor_type.hooks;
        let all = [hooks.activate, hooks.deactivate];
        all.into_iter().flatten().any(|hook| std::ptr::eq(hook.info, method))
    }

    /// The actor of this type with this key.
    pub(crate) fn target(&self, key: &Key) -> Target {
        let type_name = self.actor_type.name.as_str();
        let hash = actor_hash(type_name, key);
        Target { slot: self.actor_type.slot, hash, type_name, key: key.clone() }
    }
}

/// From so many bytes on a state is worth a word in the log.
const STATE_BYTES_LARGE: usize = 256 << 10;

/// The one live instance of an actor.
///
/// What every call touches lies here; what only a waiting or saving actor needs lies in [`Cold`]
/// and exists only then. In this order, behind the two counters of its `Arc`, what a look-up and the
/// turn word need is one cache line, and all of it two: with ten thousand actors nearly every one
/// of a call's lines is fetched from far away.
#[repr(C)]
pub(crate) struct Activation {
    pub(crate) word: TurnWord,
    /// When a call came last, in seconds of the coarse clock.
    last_used: AtomicU32,
    pub(crate) hash: u64,
    pub(crate) kind: Arc<Kind>,
    pub(crate) key: Key,
    state: cell::StateCell,
    /// The version of the state in memory. Written by exclusive holders alone.
    version: AtomicU64,
    /// Under which right its turns run: on a node alone the sequence of its tenure, in a cluster a
    /// packed tenure; zero while it is not live.
    right: AtomicU64,
    cold: Mutex<Option<Box<Cold>>>,
    /// A keyed hash of the last encoded state, to tell a turn that changed nothing. Written by
    /// exclusive holders alone.
    encoded: AtomicU64,
    /// Bytes of the last encoded state.
    encoded_bytes: AtomicU32,
    /// A digest of the tenure that produced `version`. Written by exclusive holders alone.
    stamp: AtomicU32,
}

/// With the two counters of the `Arc` around it.
#[cfg(not(shuttle))]
const _: () = assert!(size_of::<Activation>() + 2 * size_of::<usize>() <= 128);

impl Activation {
    /// An activation without a state, held exclusively by the load to come.
    pub(crate) fn loading(kind: Arc<Kind>, key: Key, hash: u64) -> Arc<Self> {
        Self::with(kind, key, hash, Word::LOADING, None)
    }

    /// An activation that can run turns at once.
    pub(crate) fn live(kind: Arc<Kind>, key: Key, hash: u64, state: Box<dyn State>) -> Arc<Self> {
        Self::with(kind, key, hash, Word::IDLE, Some(state))
    }

    fn with(
        kind: Arc<Kind>,
        key: Key,
        hash: u64,
        word: Word,
        state: Option<Box<dyn State>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            word: TurnWord::new(word),
            last_used: AtomicU32::new(0),
            state: cell::StateCell::new(state),
            kind,
            key,
            hash,
            version: AtomicU64::new(0),
            right: AtomicU64::new(0),
            cold: Mutex::new(None),
            encoded: AtomicU64::new(0),
            encoded_bytes: AtomicU32::new(0),
            stamp: AtomicU32::new(0),
        })
    }

    pub(crate) fn id(&self) -> ActorId {
        ActorId { actor_type: self.kind.actor_type.name, key: self.key.clone() }
    }

    pub(crate) fn touch(&self, now: Instant) {
        let seconds = seconds_of(now);
        if self.last_used.load(Ordering::Relaxed) != seconds {
            self.last_used.store(seconds, Ordering::Relaxed);
        }
    }

    /// Whole seconds since the last call, by the coarse clock.
    pub(crate) fn idle_seconds(&self, now: Instant) -> u32 {
        seconds_of(now).saturating_sub(self.last_used.load(Ordering::Relaxed))
    }

    pub(crate) fn version(&self) -> Version {
        Version(self.version.load(Ordering::Relaxed))
    }

    /// Names the state in memory.
    pub(crate) fn tag(&self) -> StateTag {
        StateTag { stamp: self.stamp.load(Ordering::Relaxed), version: self.version() }
    }

    /// The state was read: another tenure may have produced it.
    pub(crate) fn set_tag(&self, tag: StateTag) {
        self.version.store(tag.version.0, Ordering::Relaxed);
        self.stamp.store(tag.stamp, Ordering::Relaxed);
    }

    /// A turn of this activation brought the state to this version.
    pub(crate) fn change_to(&self, version: Version, tenure: Tenure) {
        self.set_tag(StateTag::new(tenure, version));
    }

    pub(crate) fn right(&self) -> u64 {
        self.right.load(Ordering::Relaxed)
    }

    pub(crate) fn set_right(&self, right: u64) {
        self.right.store(right, Ordering::Relaxed);
    }

    /// Keeps the hash of the encoded state; says whether it differs from the one before.
    pub(crate) fn note_encoded(&self, hash: u64, bytes: usize) -> bool {
        let before = self.encoded.swap(hash, Ordering::Relaxed);
        self.note_bytes(bytes);
        before != hash
    }

    fn note_bytes(&self, bytes: usize) {
        let before = self.encoded_bytes();
        if before == bytes {
            return;
        }
        self.encoded_bytes.store(u32::try_from(bytes).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.kind.memory.add(bytes as i64 - before as i64);
        if before < STATE_BYTES_LARGE && bytes >= STATE_BYTES_LARGE {
            tracing::warn!(
                actor = %self.id(),
                bytes,
                "its state is large: every durable turn writes all of it; split it into actors, or \
                 make it event-sourced"
            );
        }
    }

    pub(crate) fn encoded_bytes(&self) -> usize {
        self.encoded_bytes.load(Ordering::Relaxed) as usize
    }

    /// Works with the cold part, which is made for it, and freed again once it is empty.
    pub(crate) fn with_cold<T>(&self, work: impl FnOnce(&mut Cold) -> T) -> T {
        let mut slot = self.cold.lock();
        let cold = slot.get_or_insert_with(Box::default);
        let result = work(cold);
        let empty = if cold.is_empty() { slot.take() } else { None };
        drop(slot);
        drop(empty);
        result
    }

    /// Leaves memory if nobody holds it and nothing waits or is unsaved. Under the cold lock: who
    /// queues has looked for the seal and not marked yet that somebody waits, and would wait for
    /// ever.
    pub(crate) fn seal(&self) -> bool {
        let _cold = self.cold.lock();
        self.word.seal()
    }

    /// Begins to leave memory: as [`Activation::seal`], but who comes queues until it has left.
    pub(crate) fn set_out(&self) -> bool {
        let _cold = self.cold.lock();
        self.word.set_out()
    }

    /// Works with what is kept beside the state, which is made for it, and freed again once it is
    /// empty.
    pub(crate) fn with_kept<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        self.with_cold(|cold| {
            let kept = cold.kept.get_or_insert_default();
            let result = work(kept);
            if kept.is_empty() {
                cold.kept = None;
            }
            result
        })
    }

    /// Whether anything is kept beside the state.
    pub(crate) fn has_kept(&self) -> bool {
        self.cold.lock().as_ref().is_some_and(|cold| cold.kept.is_some())
    }

    /// Bytes of the activation that do not change.
    pub(crate) fn fixed_bytes(&self) -> usize {
        const HEADER: usize = size_of::<Activation>() + 2 * size_of::<usize>();
        // One slot of the catalog's table, at seven eighths of it.
        const SLOT: usize = 10;
        let key = self.key.heap_bytes();
        HEADER + SLOT + key + self.kind.actor_type.state_bytes
    }

    /// Where the actor's events stand.
    pub(crate) fn log(&self) -> EventLog {
        self.with_cold(|cold| cold.kept.as_ref().map_or_else(EventLog::default, |kept| kept.log))
    }

    /// Whether turns ran or can run on it: it was loaded.
    pub(crate) fn is_live(&self) -> bool {
        self.right() != 0 && !self.word.read().has(RESET | LOST)
    }

    pub(crate) fn target(&self) -> Target {
        self.kind.target(&self.key)
    }

    /// Takes what the running turn leaves.
    pub(crate) fn keep(&self, effects: Box<Effects>) {
        self.with_cold(|cold| {
            cold.effects = Some(effects);
            self.word.set(LEFT);
        });
    }

    /// What must be durable before something leaves that saw the newest state.
    pub(crate) fn unsaved(&self) -> Option<Ticket> {
        // What is written behind waits for nothing.
        let is_early = Planted::EarlyCall.is_planted();
        if !self.kind.durable || is_early || !self.word.read().has(UNSAVED | LOST) {
            return None;
        }
        self.with_cold(|cold| match self.word.read().has(LOST) {
            true => Some(self.never()),
            false => cold.pipeline.newest(),
        })
    }

    /// What a turn is said to have done whose change was in memory and will never be stored. Where replies wait
    /// for the store nobody saw it. Else reads, events and work beside turns may have.
    pub(crate) fn outcome_unsaved(&self) -> Outcome {
        if self.kind.durable { Outcome::NotExecuted } else { Outcome::Unknown }
    }

    /// The ticket of a commit that has failed: nothing that saw a lost state leaves.
    fn never(&self) -> Ticket {
        let ticket = Ticket::new();
        ticket.settle(Err(CallError::Storage {
            detail: format!("what {} had in memory could not be saved", self.id()).into(),
            outcome: Outcome::NotExecuted,
        }));
        ticket
    }
}

fn seconds_of(at: Instant) -> u32 {
    u32::try_from(at.as_millis() / 1_000).unwrap_or(u32::MAX)
}

impl Home for Activation {
    fn actor_type(&self) -> ActorTypeName {
        self.kind.actor_type.name
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn host(&self) -> HostHandle {
        self.kind.owner.upgrade().expect("a runtime outlives its turns").handle()
    }

    fn deactivate(&self) {
        let owner = self.kind.owner.upgrade();
        if !owner.is_some_and(|owner| owner.farewell(self)) {
            self.word.set(RESET);
        }
    }

    fn timer_id(&self) -> TimerId {
        self.kind.owner.upgrade().expect("a runtime outlives its turns").timer_id()
    }

    fn tenure(&self) -> Tenure {
        let owner = self.kind.owner.upgrade().expect("a runtime outlives its turns");
        owner.tenure(self)
    }
}

impl UnitSink for Activation {
    fn settled(self: Arc<Self>, token: Token, outcome: UnitOutcome) {
        // Without a runtime nobody waits for the outcome any more.
        if let Some(owner) = self.kind.owner.upgrade() {
            owner.settled(self, token, outcome);
        }
    }
}

/// An activation as its running turn sees it.
pub(crate) struct Here<'a>(pub(crate) &'a Arc<Activation>);

impl AsHome for Here<'_> {
    fn to_home(&self) -> Arc<dyn Home> {
        Arc::clone(self.0) as Arc<dyn Home>
    }

    fn unsaved(&self) -> Option<Ticket> {
        self.0.unsaved()
    }

    fn keep(&self, effects: Box<Effects>) {
        self.0.keep(effects);
    }
}
