//! What an actor has published, for those who resume: pages of events after an offset.

use std::sync::Arc;
use std::time::Duration;

use tenure_actor::{
    EventBytes, EventPage, Persist, Publications, Receipt, Target, Ticket, WatchId, Watcher,
};
use tenure_store::{Content, EventLog, RowChange, RowKey, StoreError, Unit};
use tenure_types::{ActorId, BoxFuture, CallError, Outcome, Planted};

use crate::activation::window::WINDOW_EVENTS_MAX;
use crate::activation::{Activation, Hold, Kind};
use crate::runtime::Runtime;
use crate::turn::word::{MOVING, SEALED};
use crate::watch::Shared;

/// How many events a page holds at most.
const PAGE_EVENTS_MAX: usize = 1_000;
/// How often it is looked whether an actor has been loaded, and how many times.
const LOOK_PERIOD: Duration = Duration::from_millis(5);
const LOOKS_MAX: u32 = 2_000;
/// How often it is looked again whether events that have numbers are stored.
const EARLY_LOOKS_MAX: u32 = 8;

impl Runtime {
    /// The events of an actor after `epoch` and `offset`, at most 1,000. Only what has left is
    /// shown: of durable actors what is durable.
    ///
    /// # Errors
    /// `NotFound` when this node does not run the type, `Storage` when the store cannot be read;
    /// in a cluster `Unavailable` outside of the node's lease, and for an actor that is not durable and
    /// does not live here.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn events(
        &self,
        target: &Target,
        epoch: u64,
        offset: u64,
    ) -> Result<EventPage, CallError> {
        let kind = self.kinds.get(target.slot as usize).and_then(Option::as_ref);
        let kind = kind.ok_or_else(|| CallError::NotFound {
            detail: format!("this node does not run the actor type `{}`", target.type_name).into(),
        })?;
        self.wait_settled(target).await?;
        let page = match kind.actor_type.persist {
            Persist::WriteThrough | Persist::EventSourced { .. } => {
                self.stored_events(kind, target, epoch, offset).await?
            }
            _ => self.live_events(kind, target, epoch, offset).await?,
        };
        // Once another node may run the actor, what is known here of its events is old.
        if !self.may_release() && !Planted::OldEvents.is_planted() {
            let detail = "the node's lease has ended; ask again, also at another node".into();
            return Err(CallError::Unavailable { detail });
        }
        Ok(page)
    }

    /// The actor's activation, if what it knows is the newest: in a cluster one that leaves or moves
    /// may have a successor already.
    fn current(&self, target: &Target) -> Option<Arc<Activation>> {
        let activation = self.catalog.find(target).filter(|it| it.is_live())?;
        let leaves = self.cluster.as_ref().is_some_and(|cluster| {
            activation.word.read().has(MOVING | SEALED) || cluster.has_aside(target)
        });
        (!leaves || Planted::OldEvents.is_planted()).then_some(activation)
    }

    /// Waits while the actor is being loaded, or starts over: beside that nothing of it is read.
    async fn wait_settled(&self, target: &Target) -> Result<(), CallError> {
        for _ in 0..LOOKS_MAX {
            if self.catalog.find(target).is_none_or(|activation| activation.is_live()) {
                return Ok(());
            }
            self.tasks.sleep_until(self.clock.now() + LOOK_PERIOD).await;
        }
        Err(CallError::Unavailable { detail: "the actor is being loaded".into() })
    }

    async fn stored_events(
        &self,
        kind: &Kind,
        target: &Target,
        epoch: u64,
        offset: u64,
    ) -> Result<EventPage, CallError> {
        let actor = ActorId { actor_type: kind.actor_type.name, key: target.key.clone() };
        let mut looks = 0;
        loop {
            let page = self.stored_page(kind, (&actor, target), epoch, offset).await?;
            // A turn that runs now has numbered its events before there is a unit to wait for.
            let is_early = !page.recovered && self.current(target).is_some();
            if !is_early || looks == EARLY_LOOKS_MAX {
                return Ok(page);
            }
            looks += 1;
            self.tasks.sleep_until(self.clock.now() + LOOK_PERIOD).await;
        }
    }

    async fn stored_page(
        &self,
        kind: &Kind,
        (actor, target): (&ActorId, &Target),
        epoch: u64,
        offset: u64,
    ) -> Result<EventPage, CallError> {
        let log = self.durable_log(actor, target).await?;
        let is_journaled = matches!(kind.actor_type.persist, Persist::EventSourced { .. });
        let first_kept =
            if is_journaled { 0 } else { log.offset.saturating_sub(WINDOW_EVENTS_MAX) };
        if epoch != log.epoch || offset > log.offset || offset < first_kept {
            return Ok(page(log, epoch, offset, |_| None));
        }
        if offset == log.offset {
            return Ok(page(log, epoch, offset, |_| Some(Vec::new())));
        }
        self.read_events(actor, log, offset).await
    }

    /// A page of what is stored of the log after `offset`, which is one of its own.
    async fn read_events(
        &self,
        actor: &ActorId,
        log: EventLog,
        offset: u64,
    ) -> Result<EventPage, CallError> {
        let epoch = log.epoch;
        let events = self.store.events(actor, offset, PAGE_EVENTS_MAX).await;
        let events = events.map_err(|error| unread(actor, &error))?;
        // A turn that commits meanwhile may have trimmed the first of them, or all.
        let is_whole = (!events.is_empty() || offset == log.offset)
            && events.iter().zip(offset + 1..).all(|((at, _), expected)| *at == expected);
        let last = events.last().map_or(log.offset, |(at, _)| (*at).max(log.offset));
        let log = EventLog { offset: last, ..log };
        Ok(page(log, epoch, offset, |_| {
            let shared = events.into_iter().map(|(at, event)| (at, event.bytes.into()));
            is_whole.then(|| shared.collect())
        }))
    }

    /// Where the events of a durable actor stand, as far as they are durable. An actor that lives
    /// is not loaded beside its turns: what it has now is waited for.
    async fn durable_log(&self, actor: &ActorId, target: &Target) -> Result<EventLog, CallError> {
        if let Some(activation) = self.current(target) {
            let (log, unsaved) = (activation.log(), activation.unsaved());
            if let Some(unsaved) = unsaved {
                unsaved.wait().await?;
            }
            return Ok(log);
        }
        let stored = self.store.load(actor).await.map_err(|error| unread(actor, &error))?;
        let stored = stored.filter(|it| !matches!(it.content, Content::Deleted { .. }));
        Ok(stored.map(|it| it.log).unwrap_or_default())
    }

    async fn live_events(
        &self,
        kind: &Kind,
        target: &Target,
        epoch: u64,
        offset: u64,
    ) -> Result<EventPage, CallError> {
        let Some(activation) = self.current(target) else {
            if self.cluster.is_some() {
                // What is stored does not say how much has left.
                return Err(elsewhere(target));
            }
            let actor = ActorId { actor_type: kind.actor_type.name, key: target.key.clone() };
            let stored = match kind.stored {
                true => self.store.load(&actor).await.map_err(|error| unread(&actor, &error))?,
                false => None,
            };
            let stored = stored.filter(|it| !matches!(it.content, Content::Deleted { .. }));
            // With an open log some of it may be lost: it will be another one.
            let log = stored.map(|it| it.log).filter(|log| log.open.is_none()).unwrap_or_default();
            if epoch != log.epoch || offset > log.offset {
                return Ok(page(log, epoch, offset, |_| None));
            }
            return self.read_events(&actor, log, offset).await;
        };
        let page = self.opened_page(&activation, epoch, offset).await?;
        // It may have left meanwhile.
        match self.current(target).is_some_and(|it| Arc::ptr_eq(&it, &activation)) {
            false if self.cluster.is_some() => Err(elsewhere(target)),
            _ => Ok(page),
        }
    }

    /// A page of the window, once the record says that events of it may be lost.
    async fn opened_page(
        &self,
        activation: &Activation,
        epoch: u64,
        offset: u64,
    ) -> Result<EventPage, CallError> {
        for _ in 0..LOOKS_MAX {
            // Under one lock: another log may have been opened since.
            let found = activation.with_kept(|kept| {
                if !kept.opening.is_over() {
                    return Err(kept.opening.unsettled().cloned());
                }
                let after = |offset| kept.window.after(offset, PAGE_EVENTS_MAX);
                Ok(page(kept.log, epoch, offset, after))
            });
            match found {
                Ok(page) => return Ok(page),
                Err(Some(opening)) => opening.wait().await?,
                // A turn that ends now hands it over.
                Err(None) => self.tasks.sleep_until(self.clock.now() + LOOK_PERIOD).await,
            }
        }
        Err(CallError::Unavailable { detail: "the actor's events are being stored".into() })
    }

    /// Tells who follows what a unit of a durable type has published.
    pub(crate) fn publish_stored(&self, activation: &Activation, unit: &Unit) {
        // A deleted actor's events were never there.
        if !activation.kind.durable || unit.log.epoch == 0 {
            return;
        }
        let events = unit.rows.iter().filter_map(|change| match change {
            RowChange::Put(row) => match row.key {
                RowKey::Journal(offset) | RowKey::Event(offset) => {
                    Some((offset, Shared::Bytes(&row.value.bytes)))
                }
                _ => None,
            },
            RowChange::Delete(_) => None,
        });
        self.watches.tell(activation, unit.log.epoch, events);
    }

    /// Tells who follows what turns of a type that is not durable have published: once the store
    /// knows that it may be lost.
    pub(crate) fn publish_window(&self, activation: &Activation) {
        if activation.kind.durable || !activation.has_kept() || !self.may_release() {
            return;
        }
        // Under the lock, so that events leave in their order whoever tells them.
        activation.with_kept(|kept| {
            let (from, to) = (kept.published, kept.log.offset);
            if from == to || !kept.opening.is_over() {
                return;
            }
            kept.published = to;
            let events = kept.window.after(from, usize::MAX).unwrap_or_default();
            let events = events.into_iter().map(|(offset, event)| (offset, Shared::Already(event)));
            self.watches.tell(activation, kept.log.epoch, events);
        });
    }

    /// Says where the actor's events stand as a turn ends whose caller will follow them. Gives what its reply
    /// waits for: where they stand is told as they are, once the record says that they may be lost.
    pub(crate) fn tell_log(&self, activation: &Activation, receipt: &Receipt) -> Option<Ticket> {
        let (log, opening) = activation.with_kept(|kept| {
            if kept.log.epoch == 0 {
                // The log that its first event will begin, if that comes in this activation.
                kept.log.epoch = self.new_epoch();
            }
            (kept.log, kept.opening.unsettled().cloned())
        });
        receipt.stands_at(log.epoch, log.offset);
        opening
    }

    /// Says in the store that no event of this log can be lost any more, before an activation
    /// leaves memory in order; `false` if there is nothing to say.
    pub(crate) fn close_log(self: &Arc<Self>, activation: &Arc<Activation>) -> bool {
        if !activation.kind.stored || activation.kind.durable || activation.log().open.is_none() {
            return false;
        }
        if let Some(mut hold) = Hold::enter_next(activation, true) {
            if let Err(error) = self.encode_closing(activation, &hold.state()) {
                tracing::warn!(actor = %activation.id(), %error, "its events could not be closed");
            }
            self.release(activation, hold);
        }
        true
    }
}

impl Publications for Runtime {
    fn watch(&self, target: &Target, watcher: Arc<dyn Watcher>) -> WatchId {
        self.watches.add(target, watcher)
    }

    fn unwatch(&self, target: &Target, watch: WatchId) {
        self.watches.remove(target, watch);
    }

    fn events(
        &self,
        target: Target,
        epoch: u64,
        offset: u64,
    ) -> BoxFuture<'static, Result<EventPage, CallError>> {
        let runtime = self.share();
        Box::pin(async move { runtime.events(&target, epoch, offset).await })
    }
}

/// A page for a reader who saw the log `epoch` up to `offset`; `after` gives what follows.
fn page(
    log: EventLog,
    epoch: u64,
    offset: u64,
    after: impl FnOnce(u64) -> Option<Vec<(u64, EventBytes)>>,
) -> EventPage {
    let follows = epoch == log.epoch && offset <= log.offset;
    let events = match offset == log.offset {
        true if follows => Some(Vec::new()),
        _ => after(offset).filter(|_| follows),
    };
    let recovered = events.is_some();
    EventPage {
        epoch: log.epoch,
        offset: log.offset,
        recovered,
        events: events.unwrap_or_default(),
    }
}

fn elsewhere(target: &Target) -> CallError {
    let Target { type_name, key, .. } = target;
    let detail = format!("{type_name}/{key} does not live here now; ask where it lives");
    CallError::Unavailable { detail: detail.into() }
}

fn unread(actor: &ActorId, error: &StoreError) -> CallError {
    let detail = format!("the events of {actor} cannot be read: {error}").into();
    let outcome = Outcome::NotExecuted;
    match error {
        StoreError::Corrupt { .. } => CallError::Damaged { detail, outcome },
        _ => CallError::Storage { detail, outcome },
    }
}
