//! What runs on a node, as pages show it, and what people ask of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tenure_actor::{CODEC_NAMED, Target};
use tenure_store::{Row, RowKey, Stored};
use tenure_types::{ActorId, CallError, Instant, Key, Outcome, StateTag};

use crate::activation::{Activation, reminder_row};
use crate::busy::Busy;
use crate::runtime::Runtime;
use crate::turn::inline::unregistered;
use crate::turn::word::{PAUSED, QUEUED, SEALED, UNSAVED, Word};

/// How often it is looked whether an activation has left that was asked to.
const LEAVE_POLL: Duration = Duration::from_millis(5);

/// A stored reminder or durable message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminded {
    /// Its name.
    pub name: Box<str>,
    /// When it is due, in Unix milliseconds.
    pub due_ms: u64,
    /// The method that it calls, and how often; or why it cannot be read.
    pub calls: Result<(Box<str>, Option<Duration>), String>,
}

impl Reminded {
    /// All that wait with an actor, those that are due first at the beginning.
    #[must_use]
    pub fn of(stored: &Stored) -> Vec<Self> {
        let mut all: Vec<_> = stored.rows.iter().filter_map(Self::read).collect();
        all.sort_by(|a, b| (a.due_ms, &a.name).cmp(&(b.due_ms, &b.name)));
        all
    }

    fn read(row: &Row) -> Option<Self> {
        let RowKey::Reminder(name) = &row.key else { return None };
        let due_ms = row.due_ms.unwrap_or_default();
        let read = reminder_row::decode(due_ms, &row.value.bytes);
        let calls = read.map(|it| (it.delivery.method, it.every));
        Some(Self { name: name.clone(), due_ms, calls })
    }
}

/// An activation, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Its actor's key.
    pub key: Key,
    /// Names its state.
    pub tag: StateTag,
    /// Bytes that it takes, as far as they are known.
    pub bytes: usize,
    /// How long ago a call came, in whole seconds.
    pub idle_seconds: u32,
    /// How many calls wait for their turns.
    pub waiting: usize,
    /// Whether a turn runs.
    pub is_running: bool,
    /// Whether something of it is not durable.
    pub is_unsaved: bool,
    /// Whether the outcome of a commit is not known, and no turn starts before it is.
    pub is_paused: bool,
}

impl Live {
    fn of(activation: &Activation, now: Instant) -> Self {
        let word: Word = activation.word.read();
        let waiting = match word.has(QUEUED) {
            true => activation.with_cold(|cold| cold.mailbox.len()),
            false => 0,
        };
        Self {
            key: activation.key.clone(),
            tag: activation.tag(),
            bytes: activation.fixed_bytes() + activation.encoded_bytes(),
            idle_seconds: activation.idle_seconds(now),
            waiting,
            is_running: word.is_held(),
            is_unsaved: word.has(UNSAVED),
            is_paused: word.has(PAUSED),
        }
    }
}

impl Runtime {
    /// Bytes that activations take, as far as they are known.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory.used()
    }

    /// Bytes that they may take; `None` where nothing bounds them.
    #[must_use]
    pub fn memory_bytes_max(&self) -> Option<u64> {
        Some(self.config.memory_bytes_max).filter(|bytes| *bytes != u64::MAX)
    }

    /// How many calls came to actors that live here, since the runtime began. Cost: a look at each actor type.
    #[must_use]
    pub fn calls_here(&self) -> u64 {
        let kinds = self.kinds.iter().flatten();
        let calls: u64 = kinds.map(|kind| kind.meters.calls.value()).sum();
        calls.saturating_sub(self.meters.sent_on.value())
    }

    /// The actors that were called the most lately, the busiest first: at most ten, each with at least some twenty calls
    /// a second. A sample tells them, so their rates are about right.
    #[must_use]
    pub fn busiest(&self) -> Vec<Busy> {
        self.busiest.told(self.clock.coarse())
    }

    /// The activations of the actor type with this number after the key `after`, in the order of their
    /// keys, at most `limit`. Looks at all activations of the node, a part of them at a time.
    #[must_use]
    pub fn live(&self, slot: u32, after: Option<&Key>, limit: usize) -> Vec<Live> {
        let mut found: BTreeMap<Key, Arc<Activation>> = BTreeMap::new();
        for part in 0..self.catalog.parts() {
            self.catalog.each(part, |activation| {
                let is_wanted = activation.kind.actor_type.slot == slot
                    && after.is_none_or(|after| activation.key > *after)
                    && !activation.word.read().has(SEALED);
                let last = found.last_key_value().map(|(key, _)| key);
                let has_room = found.len() < limit || last.is_some_and(|it| activation.key < *it);
                if is_wanted && has_room {
                    found.insert(activation.key.clone(), Arc::clone(activation));
                    if found.len() > limit {
                        found.pop_last();
                    }
                }
            });
        }
        let now = self.clock.coarse();
        found.into_values().map(|activation| Live::of(&activation, now)).collect()
    }

    /// What holds up an activation and what stands in its way, for people; `None` where there is none.
    #[must_use]
    pub fn explain(&self, actor: &ActorId) -> Option<String> {
        let activation = self.catalog.find(&self.target_of(actor)?)?;
        Some(activation.with_cold(|cold| {
            let word = activation.word.read();
            format!("{word:?}, {} wait, {:?}", cold.mailbox.len(), cold.pipeline)
        }))
    }

    /// The activation of an actor, if it has one here.
    #[must_use]
    pub fn live_one(&self, target: &Target) -> Option<Live> {
        let found = self.catalog.find(target)?;
        Some(Live::of(&found, self.clock.coarse()))
    }

    /// Lets the activation of an actor leave memory, once everything is saved: a volatile actor loses
    /// its state. `false` if it was still busy after `budget`; a call that comes meanwhile keeps it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn deactivate(self: &Arc<Self>, target: &Target, budget: Duration) -> bool {
        let until = self.clock.now() + budget;
        loop {
            let Some(activation) = self.catalog.find(target) else { return true };
            if self.leave_if_idle(&activation) {
                return true;
            }
            self.behind.hurry_one(&activation);
            if self.clock.now() >= until {
                return false;
            }
            self.tasks.sleep_until(self.clock.now() + LEAVE_POLL).await;
        }
    }

    /// The state of a stored actor in the form that this program gives it, upgrades and events applied,
    /// and its codec. Nothing is activated.
    ///
    /// # Errors
    /// What a load of it would end in.
    pub async fn stored_state(
        &self,
        target: &Target,
        stored: Stored,
    ) -> Result<(u8, Vec<u8>), CallError> {
        let kind = self.kinds.get(target.slot as usize).and_then(Option::as_ref);
        let kind = kind.ok_or_else(|| unregistered(target))?;
        // It is in no catalog: no call finds it.
        let activation = Activation::loading(Arc::clone(kind), target.key.clone(), target.hash);
        let read = async {
            let rebuilt = self.rebuild(&activation, &stored).await?;
            let state = self.open_record(&activation, Some(stored), rebuilt)?;
            let mut body = Vec::new();
            let encoded = crate::turn::contain(|| state.encode(&mut body));
            let encoded = encoded.map_err(|panic| panic.to_string());
            encoded.and_then(|it| it.map_err(|error| error.to_string())).map_err(|why| {
                CallError::Incompatible {
                    detail: format!("it cannot be encoded: {why}").into(),
                    outcome: Outcome::NotExecuted,
                }
            })?;
            Ok((CODEC_NAMED, body))
        };
        let read = read.await;
        // It was counted while it was read, and was never anybody's.
        kind.memory.add(-(activation.encoded_bytes() as i64));
        read
    }
}
