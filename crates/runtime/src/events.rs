//! What an actor has published, for those who resume: pages of events after an offset.

use std::sync::Arc;

use tenure_actor::{Persist, Target};
use tenure_store::{Content, EventLog, StoreError};
use tenure_types::{ActorId, CallError, Outcome};

use crate::activation::window::{EventBytes, WINDOW_EVENTS_MAX};
use crate::activation::{Activation, Hold, Kind};
use crate::runtime::Runtime;

/// How many events a page holds at most.
const PAGE_EVENTS_MAX: usize = 1_000;

/// Some of an actor's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// Numbers the actor's log of events; zero where it never published any. Another one than
    /// before says that events were lost, or that the actor began anew.
    pub epoch: u64,
    /// The offset of the last event that has left.
    pub offset: u64,
    /// Whether `events` goes on where the reader was. Otherwise it is empty, and the reader has
    /// to look at the actor's state afresh.
    pub recovered: bool,
    /// Encoded events by their offsets, in order, without a gap.
    pub events: Vec<(u64, EventBytes)>,
}

impl Runtime {
    /// The events of an actor after `epoch` and `offset`, at most 1,000. Only what has left is
    /// shown: of durable actors what is durable.
    ///
    /// # Errors
    /// `NotFound` when this node does not run the type, `Storage` when the store cannot be read.
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
        match kind.actor_type.persist {
            Persist::WriteThrough | Persist::EventSourced { .. } => {
                self.stored_events(kind, target, epoch, offset).await
            }
            _ => self.live_events(kind, target, epoch, offset).await,
        }
    }

    async fn stored_events(
        &self,
        kind: &Kind,
        target: &Target,
        epoch: u64,
        offset: u64,
    ) -> Result<EventPage, CallError> {
        let actor = ActorId { actor_type: kind.actor_type.name, key: target.key.clone() };
        let log = self.durable_log(&actor, target).await?;
        let is_journaled = matches!(kind.actor_type.persist, Persist::EventSourced { .. });
        let first_kept =
            if is_journaled { 0 } else { log.offset.saturating_sub(WINDOW_EVENTS_MAX) };
        if epoch != log.epoch || offset > log.offset || offset < first_kept {
            return Ok(page(log, epoch, offset, |_| None));
        }
        let events = self.store.events(&actor, offset, PAGE_EVENTS_MAX).await;
        let events = events.map_err(|error| unread(&actor, &error))?;
        // A turn that commits meanwhile may have trimmed the first of them.
        let is_whole = events.iter().zip(offset + 1..).all(|((at, _), expected)| *at == expected);
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
        if let Some(activation) = self.catalog.find(target).filter(|it| it.is_live()) {
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
        let Some(activation) = self.catalog.find(target) else {
            let actor = ActorId { actor_type: kind.actor_type.name, key: target.key.clone() };
            let stored = match kind.stored {
                true => self.store.load(&actor).await.map_err(|error| unread(&actor, &error))?,
                false => None,
            };
            // With an open log some of it may be lost: it will be another one.
            let log = stored.map(|it| it.log).filter(|log| log.open.is_none());
            return Ok(page(log.unwrap_or_default(), epoch, offset, |_| None));
        };
        let opened = activation.with_kept(|kept| kept.opened.clone());
        if let Some(opened) = opened {
            opened.wait().await?;
        }
        Ok(activation.with_kept(|kept| {
            let log = kept.log;
            page(log, epoch, offset, |offset| kept.window.after(offset, PAGE_EVENTS_MAX))
        }))
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

fn unread(actor: &ActorId, error: &StoreError) -> CallError {
    CallError::Storage {
        detail: format!("the events of {actor} cannot be read: {error}").into(),
        outcome: Outcome::NotExecuted,
    }
}
