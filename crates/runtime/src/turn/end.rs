//! The end of a turn: its effects go to the commit, its reply learns what to wait for.

use std::ops::Deref;
use std::sync::Arc;

use tenure_actor::{Persist, StateRef, Ticket};
use tenure_store::{Append, Content, EventLog, RowChange, UNIT_BYTES_MAX, Unit};
use tenure_types::{CallError, Instant, Version};

use super::answer::{Ended, encoded, hold_reply, lost, unencodable};
use super::contain;
use super::left::Left;
use super::word::{FLUSH, LOST, RESET, UNSAVED};
use crate::activation::{Activation, Hold};
use crate::commit::dirty::Beside;
use crate::runtime::Runtime;

impl Runtime {
    /// Takes the effects of a turn that has run, while it is still held.
    ///
    /// Gives what the reply waits for; or the error that the turn ends in because its effects
    /// cannot be kept.
    pub(super) fn end_turn<P: Deref<Target = Arc<Activation>>>(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        hold: &mut Hold<P>,
        ended: Ended<'_>,
    ) -> Result<Option<Ticket>, CallError> {
        let ticket = self.take_effects(activation, hold, ended);
        if let Some(receipt) = &ended.head.receipt {
            receipt.end(activation.tag(), self.clock.now());
            if receipt.follows() {
                let opening = self.tell_log(activation, receipt);
                // What the turn itself waits for is settled after that.
                return ticket.map(|ticket| ticket.or(opening));
            }
        }
        ticket
    }

    fn take_effects<P: Deref<Target = Arc<Activation>>>(
        self: &Arc<Self>,
        activation: &Arc<Activation>,
        hold: &mut Hold<P>,
        ended: Ended<'_>,
    ) -> Result<Option<Ticket>, CallError> {
        if !hold.is_exclusive() {
            return if activation.kind.durable { hold_reply(activation) } else { Ok(None) };
        }
        let mut left = self.take_left(activation, ended)?;
        let later = std::mem::take(&mut left.later);
        let publishes = left.has_events && !activation.kind.durable;
        let ticket = match activation.kind.actor_type.persist {
            Persist::WriteThrough => self.commit_state(activation, hold, left)?,
            Persist::EventSourced { snapshot_every } => {
                self.commit_events(activation, hold, left, snapshot_every.get())?
            }
            Persist::WriteBehind { max_delay } => {
                self.end_behind(activation, hold, ended, left, max_delay)?
            }
            _ => {
                let tenure = self.tenure_of(activation, self.incarnation());
                activation.change_to(activation.version().next(), tenure);
                if left.is_deleted {
                    activation.word.set(RESET);
                }
                None
            }
        };
        if publishes {
            self.publish_window(activation);
        }
        if let Some(later) = later {
            self.begin_later(activation, *later, ticket.as_ref());
        }
        Ok(ticket)
    }

    /// What the reply of a turn that ran before waits for: as long as a reply of that turn would.
    pub(super) fn hold_replayed<P: Deref<Target = Arc<Activation>>>(
        &self,
        activation: &Arc<Activation>,
        hold: &mut Hold<P>,
        ended: Ended<'_>,
    ) -> Result<Option<Ticket>, CallError> {
        if let Some(receipt) = &ended.head.receipt {
            receipt.end(activation.tag(), self.clock.now());
        }
        if activation.kind.durable {
            return hold_reply(activation);
        }
        if activation.kind.stored && ended.is_durable() {
            return self.encode_behind(activation, &hold.state());
        }
        Ok(None)
    }

    fn commit_state<P: Deref<Target = Arc<Activation>>>(
        &self,
        activation: &Arc<Activation>,
        hold: &mut Hold<P>,
        left: Left,
    ) -> Result<Option<Ticket>, CallError> {
        let before = activation.version();
        if left.is_deleted {
            return self.commit_deletion(activation, before, left.beside.entries);
        }
        let body = self.encode(activation, &hold.state())?;
        let changed = activation.note_encoded(self.hash_state(&body), body.len());
        if !changed && before != Version::NONE && left.beside.is_empty() {
            return hold_reply(activation);
        }
        let content = Content::State(encoded(activation, body));
        self.commit(activation, before, content, left.beside, None).map(Some)
    }

    fn commit_events<P: Deref<Target = Arc<Activation>>>(
        &self,
        activation: &Arc<Activation>,
        hold: &mut Hold<P>,
        mut left: Left,
        snapshot_every: u32,
    ) -> Result<Option<Ticket>, CallError> {
        let before = activation.version();
        if left.is_deleted {
            return self.commit_deletion(activation, before, left.beside.entries);
        }
        if left.beside.is_empty() {
            return hold_reply(activation);
        }
        let offset = activation.log().offset;
        let mut snapshot = activation.with_kept(|kept| kept.snapshot);
        if offset - snapshot >= u64::from(snapshot_every) {
            let body = self.encode(activation, &hold.state())?;
            activation.note_encoded(0, body.len());
            left.beside.rows.push(snapshot_row(encoded(activation, body)));
            snapshot = offset;
            activation.with_kept(|kept| kept.snapshot = offset);
        }
        let content = Content::Journaled { snapshot };
        self.commit(activation, before, content, left.beside, None).map(Some)
    }

    /// Deletes the actor; the activation starts over once that is durable. What it appended to
    /// feeds stays.
    pub(super) fn commit_deletion(
        &self,
        activation: &Arc<Activation>,
        before: Version,
        entries: Vec<Append>,
    ) -> Result<Option<Ticket>, CallError> {
        activation.word.set(RESET);
        if before == Version::NONE && entries.is_empty() {
            return Ok(None);
        }
        let until_ms = self.clock.unix_ms().saturating_add(TOMBSTONE_MS);
        let content = Content::Deleted { until_ms };
        let beside = Beside { rows: Vec::new(), entries };
        self.commit(activation, before, content, beside, None).map(Some)
    }

    /// Hands over what the activation commits next. `expected` is the version that is stored where
    /// nothing is on its way; `behind` when the oldest turn of it was acknowledged, if one was, and
    /// its entry in the list of what is unsaved.
    pub(super) fn commit(
        &self,
        activation: &Arc<Activation>,
        expected: Version,
        content: Content,
        beside: Beside,
        behind: Option<(Instant, u64)>,
    ) -> Result<Ticket, CallError> {
        if behind.is_none() {
            let tenure = self.tenure_of(activation, self.incarnation());
            activation.change_to(expected.next(), tenure);
        }
        let token = self.next_token();
        let is_deletion = matches!(content, Content::Deleted { .. });
        let unit = Unit {
            actor: activation.id(),
            expected,
            version: activation.version(),
            tenure: self.tenure_of(activation, token.incarnation),
            token,
            written_at_ms: self.clock.unix_ms(),
            log: if is_deletion { EventLog::default() } else { activation.log() },
            content,
            rows: beside.rows,
            entries: beside.entries,
        };
        let now = self.clock.now();
        let (ticket, submit) = activation.with_cold(|cold| {
            // A loss clears the pipeline under this lock: after it nothing may enter any more.
            if activation.word.read().has(LOST) {
                return Err(lost(activation));
            }
            activation.word.set(UNSAVED);
            let bytes = cold.pipeline.in_flight_bytes();
            let ended = cold.pipeline.turn_ended(unit, now, behind);
            self.count_uncommitted(bytes, cold.pipeline.in_flight_bytes());
            Ok(ended)
        })?;
        if let Some(unit) = submit {
            self.submit(activation, unit);
        }
        Ok(ticket)
    }

    /// The state's stored form. Where there is none the activation starts over: the turn's effects
    /// are dropped, nothing saved earlier is.
    pub(crate) fn encode(
        &self,
        activation: &Activation,
        state: &StateRef<'_>,
    ) -> Result<Vec<u8>, CallError> {
        let state = match state {
            StateRef::Exclusive(state) => &**state,
            StateRef::Shared(state) => *state,
        };
        let mut body = Vec::with_capacity(activation.encoded_bytes() + 32);
        let encoded = contain(|| state.encode(&mut body));
        let error = match encoded {
            Ok(Ok(())) if body.len() <= UNIT_BYTES_MAX => return Ok(body),
            Ok(Ok(())) => CallError::TooLarge {
                detail: format!(
                    "the state of {} would have {} bytes, more than {UNIT_BYTES_MAX}; the turn \
                     was rolled back",
                    activation.id(),
                    body.len()
                )
                .into(),
            },
            Ok(Err(error)) => unencodable(activation, &error.to_string()),
            Err(panic) => unencodable(activation, &panic),
        };
        self.start_over(activation);
        Err(error)
    }

    /// A panic in an exclusive turn discards the state in memory and the turn's own effects,
    /// nothing that was encoded earlier. One in a shared turn fails that call only.
    pub(super) fn panicked<P: Deref<Target = Arc<Activation>>>(
        &self,
        activation: &Activation,
        hold: &Hold<P>,
        panic: &str,
    ) -> CallError {
        if hold.is_exclusive() {
            self.start_over(activation);
        }
        tracing::warn!(actor = %activation.id(), panic, "a handler panicked");
        CallError::Panicked { detail: panic.into() }
    }

    /// Gives up the state in memory, with what was acknowledged and not encoded yet.
    pub(super) fn start_over(&self, activation: &Activation) {
        let lost = activation.with_cold(|cold| {
            activation.word.set(RESET);
            cold.effects = None;
            let dirty = cold.dirty.take();
            activation.word.clear(FLUSH);
            if dirty.is_some() && cold.pipeline.is_idle() {
                activation.word.clear(UNSAVED);
            }
            dirty
        });
        if let Some(dirty) = lost {
            self.behind.gone(dirty.entry);
            self.meters.behind_lost.increment();
            tracing::error!(actor = %activation.id(), "turns that were written behind are lost");
        }
    }
}

/// How long the version of a deleted actor is kept.
const TOMBSTONE_MS: u64 = 24 * 3_600 * 1_000;

fn snapshot_row(value: tenure_store::Encoded) -> RowChange {
    RowChange::Put(tenure_store::Row { key: tenure_store::RowKey::Snapshot, value, due_ms: None })
}
