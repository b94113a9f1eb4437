//! Turns that are saved behind their replies (`write_behind`).
//!
//! A turn marks the activation dirty and its reply leaves. A flush encodes the state half of
//! `max_delay` later, between turns. While the oldest unsaved turn is `max_delay` old or older,
//! every exclusive turn commits at its end and its reply waits: so a crash loses at most
//! `max_delay` and one flush of what was acknowledged.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tenure_actor::{EventBytes, StateRef, Ticket};
use tenure_store::{Append, Content, Row, RowChange, RowKey};
use tenure_types::{CallError, Instant, Version};

use super::answer::{Ended, encoded, lost};
use super::left::{LEFT_BYTES_MAX, LEFT_ROWS_MAX, Left};
use super::word::{FLUSH, LOST, RESET, UNSAVED};
use crate::activation::opening::Opening;
use crate::activation::{Activation, Hold};
use crate::commit::dirty::{Beside, Dirty};
use crate::runtime::Runtime;

impl Runtime {
    pub(super) fn end_behind<P: Deref<Target = Arc<Activation>>>(
        &self,
        activation: &Arc<Activation>,
        hold: &mut Hold<P>,
        ended: Ended<'_>,
        left: Left,
        max_delay: Duration,
    ) -> Result<Option<Ticket>, CallError> {
        if left.is_deleted {
            let (base, mut entries) =
                self.forget_dirty(activation).unwrap_or((activation.version(), Vec::new()));
            entries.extend(left.beside.entries);
            return self.commit_deletion(activation, base, entries);
        }
        let now = self.clock.coarse();
        let mut is_urgent = left.is_urgent;
        if ended.head.method.exclusive || !left.beside.is_empty() {
            is_urgent |= self.mark_dirty(activation, now, left.beside, max_delay)?;
        }
        let oldest = activation.with_cold(|cold| cold.oldest_unsaved());
        let is_late = oldest.is_some_and(|since| now.saturating_since(since) >= max_delay);
        let is_held = is_late || ended.is_durable();
        if !is_held && !is_urgent && !activation.word.read().has(FLUSH | RESET) {
            return Ok(None);
        }
        if activation.word.read().has(RESET) {
            // It leaves in order: nothing is lost with it.
            self.close_kept_log(activation);
        }
        let ticket = self.encode_behind(activation, &hold.state())?;
        if left.opens_log {
            let opening = ticket.clone().map_or(Opening::Over, Opening::Written);
            activation.with_kept(|kept| kept.opening = opening);
        }
        Ok(ticket.filter(|_| is_held))
    }

    /// Marks the activation; says whether what its turns leave is too much to wait.
    fn mark_dirty(
        &self,
        activation: &Arc<Activation>,
        now: Instant,
        beside: Beside,
        max_delay: Duration,
    ) -> Result<bool, CallError> {
        let base = activation.version();
        let tenure = self.tenure_of(activation, self.incarnation());
        activation.change_to(base.next(), tenure);
        activation.with_cold(|cold| {
            if activation.word.read().has(LOST) {
                return Err(lost(activation));
            }
            activation.word.set(UNSAVED);
            let dirty = cold.dirty.get_or_insert_with(|| {
                let bytes = activation.encoded_bytes();
                let entry = self.behind.note(activation, now, now + max_delay / 2, bytes);
                Box::new(Dirty { since: now, base, beside: Beside::default(), entry })
            });
            dirty.beside.extend(beside);
            let bytes = dirty.beside.bytes();
            Ok(dirty.beside.len() > LEFT_ROWS_MAX || bytes > LEFT_BYTES_MAX)
        })
    }

    /// Encodes what is dirty and hands it over; gives what must be settled for all of it to be
    /// durable, `None` if it is.
    pub(crate) fn encode_behind(
        &self,
        activation: &Arc<Activation>,
        state: &StateRef<'_>,
    ) -> Result<Option<Ticket>, CallError> {
        if activation.with_cold(|cold| cold.dirty.is_none()) {
            // Nothing on its way may mean that all is durable, or that it was lost meanwhile.
            return activation.with_cold(|cold| match activation.word.read().has(LOST) {
                true => Err(lost(activation)),
                false => Ok(cold.pipeline.newest()),
            });
        }
        let body = self.encode(activation, state)?;
        activation.note_encoded(0, body.len());
        let dirty = activation.with_cold(|cold| {
            activation.word.clear(FLUSH);
            cold.dirty.take()
        });
        let Some(dirty) = dirty else { return Err(lost(activation)) };
        let content = Content::State(encoded(activation, body));
        let Dirty { since, base, beside, entry } = *dirty;
        self.behind.fly(entry);
        let committed = self.commit(activation, base, content, beside, Some((since, entry)));
        if committed.is_err() {
            self.behind.gone(entry);
        }
        committed.map(Some)
    }

    /// Encodes the state with a log of events that is closed.
    pub(crate) fn encode_closing(
        &self,
        activation: &Arc<Activation>,
        state: &StateRef<'_>,
    ) -> Result<(), CallError> {
        self.mark_dirty(activation, self.clock.coarse(), Beside::default(), Duration::ZERO)?;
        activation.with_kept(|kept| kept.opening = Opening::Over);
        self.close_kept_log(activation);
        self.encode_behind(activation, state).map(drop)
    }

    /// Closes the log of an activation that is dirty and leaves: what it commits next says that no
    /// event is lost with it, and holds its window.
    fn close_kept_log(&self, activation: &Activation) {
        let rows = activation.with_kept(|kept| {
            if kept.log.open.take().is_none() {
                return Vec::new();
            }
            let put = |(offset, event): (u64, &EventBytes)| {
                let value = encoded(activation, event.to_vec());
                RowChange::Put(Row { key: RowKey::Event(offset), value, due_ms: None })
            };
            let rows: Vec<_> = kept.window.to_store().map(put).collect();
            let stored = rows.len() as u64;
            kept.stored_window =
                (stored > 0).then(|| (kept.log.offset + 1 - stored, kept.log.offset));
            rows
        });
        activation.with_cold(|cold| {
            if let Some(dirty) = &mut cold.dirty {
                dirty.beside.rows.extend(rows);
            }
        });
    }

    /// Takes back the mark; gives the version that is, or will be, stored, and what the turns have
    /// appended to feeds.
    fn forget_dirty(&self, activation: &Activation) -> Option<(Version, Vec<Append>)> {
        let dirty = activation.with_cold(|cold| {
            let dirty = cold.dirty.take()?;
            // Where nothing is on its way nobody else would say that nothing is unsaved any more.
            let saved = if cold.pipeline.is_idle() { UNSAVED } else { 0 };
            activation.word.clear(FLUSH | saved);
            Some(dirty)
        })?;
        self.behind.gone(dirty.entry);
        Some((dirty.base, dirty.beside.entries))
    }

    /// Encodes what has been dirty for long enough, beside shared turns, or leaves a mark for the exclusive
    /// turn that runs. Shared turns encode nothing at their end, and nobody else calls this: so nothing is
    /// encoded by two at a time.
    pub(crate) fn flush(self: &Arc<Self>, activation: &Arc<Activation>) {
        // The mark goes with what is dirty: alone it would stay, and keep the activation for ever.
        let is_dirty = activation.with_cold(|cold| {
            let is_dirty = cold.dirty.is_some();
            activation.word.set(if is_dirty { FLUSH } else { 0 });
            is_dirty
        });
        if !is_dirty {
            return;
        }
        if let Some(mut hold) = Hold::enter_flush(activation) {
            if let Err(error) = self.encode_behind(activation, &hold.state()) {
                tracing::error!(actor = %activation.id(), %error, "a flush failed");
            }
            self.release(activation, hold);
        }
    }
}
