//! The end of a lease: suspend, resume, discard.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tenure_types::{CallError, Outcome, Planted};

use super::depart::refuse;
use super::gate::withheld;
use super::state::Cluster;
use crate::activation::Activation;
use crate::runtime::Runtime;
use crate::turn::word::{FLUSH, LOST, MOVING, PAUSED, QUEUED, RESET, UNSAVED};

impl Runtime {
    /// The node's lease has ended: no turn starts and nothing is released until
    /// [`Runtime::resume`]. Memory stays; calls wait, with their deadlines. Units that are on their
    /// way are not stopped: the store's fence is there for them. On a node alone nothing happens.
    pub fn suspend(self: &Arc<Self>) {
        let Some(cluster) = &self.cluster else { return };
        cluster.set_suspended(true);
        tracing::warn!("the node's lease has ended: its actors wait");
        if Planted::DiscardOnSuspend.is_planted() {
            self.forget_all(cluster);
        }
    }

    /// The node has its lease again, under the incarnation that it had: what waited goes on, and
    /// nothing was lost. [`Seat::lease_until`](super::Seat::lease_until) must say so before. After [`Runtime::discard`]
    /// nothing happens.
    pub fn resume(self: &Arc<Self>) {
        let Some(cluster) = self.cluster.as_ref().filter(|it| !it.is_discarded()) else { return };
        cluster.set_suspended(false);
        tracing::info!("the node has its lease again");
        self.release_withheld();
        self.polls.wake_all();
        self.end_held_calls(cluster);
        for part in 0..self.catalog.parts() {
            for activation in self.catalog.select(part, |it| !it.kind.durable) {
                self.publish_window(&activation);
            }
        }
        for part in 0..self.catalog.parts() {
            let waiting =
                self.catalog.select(part, |it| it.word.read().has(QUEUED | RESET | MOVING));
            for activation in waiting {
                if !activation.word.read().is_held() {
                    self.hand_over(&activation);
                }
            }
        }
    }

    /// Gives up everything in memory: the node has lost its right to it. Calls that wait end as not
    /// executed, replies that are held as `Withheld` with an unknown outcome. The runtime has then
    /// stopped for good, and another one takes its place under a new incarnation; the store is not
    /// closed. On a node alone nothing happens.
    pub fn discard(self: &Arc<Self>) {
        let Some(cluster) = &self.cluster else { return };
        cluster.set_discarded();
        self.stopped.store(true, Ordering::Release);
        self.end_feed_polls();
        self.forget_all(cluster);
        self.end_held_calls(cluster);
        // The last handle on an activation drops the user's state: not under the lock.
        let withheld = std::mem::take(&mut *cluster.withheld.lock());
        drop(withheld);
        self.ended.settle(Ok(()));
        tracing::error!("the node lost its right to its actors: everything in memory was dropped");
    }

    /// Drops every activation. Turns that run end unheard.
    fn forget_all(self: &Arc<Self>, cluster: &Cluster) {
        for part in 0..self.catalog.parts() {
            for activation in self.catalog.select(part, |_| true) {
                self.forget(&activation);
            }
        }
        // Their holds are the last handles on their states.
        let aside = std::mem::take(&mut *cluster.aside.lock());
        drop(aside);
    }

    fn forget(&self, activation: &Arc<Activation>) {
        self.stay(activation, "the node has lost its lease");
        let (units, dirty) = activation.with_cold(|cold| {
            activation.word.set(LOST | RESET);
            activation.word.clear(UNSAVED | PAUSED | FLUSH);
            cold.effects = None;
            let bytes = cold.pipeline.in_flight_bytes();
            self.count_uncommitted(bytes, 0);
            (cold.pipeline.give_up(), cold.dirty.take())
        });
        let calls = self.seal_for_good(activation);
        self.catalog.remove(activation);
        for entry in units.behind.into_iter().chain(dirty.map(|dirty| dirty.entry)) {
            self.behind.gone(entry);
            self.meters.behind_lost.increment();
        }
        if let Some(ticket) = units.in_flight {
            ticket.settle(Err(withheld(activation, Outcome::Unknown)));
        }
        if let Some(ticket) = units.pending {
            ticket.settle(Err(withheld(activation, activation.outcome_unsaved())));
        }
        let detail = "the node has lost its lease, and dropped what it had in memory".into();
        refuse(activation, calls, &CallError::Unavailable { detail });
    }
}
