//! Look-ups whose answers are waited for: what a caller notices of a change.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure_protocol::directory::Wish;
use tenure_protocol::placement::Strategy;
use tenure_types::{ActorId, Instant};

/// Of what a probe tells the time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Subject {
    /// A slot that changes hands: an actor in it that runs nowhere.
    Slot,
    /// An actor that ran on a node that died.
    LostActor,
}

#[derive(Debug)]
struct Probe {
    subject: Subject,
    durable: bool,
    since: Instant,
}

/// The probes of one time of observation.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    open: BTreeMap<ActorId, Probe>,
    answered: BTreeMap<(Subject, bool), Vec<Duration>>,
}

impl Probes {
    pub(crate) fn begin(&mut self, now: Instant, actor: &ActorId, subject: Subject, durable: bool) {
        self.open.insert(actor.clone(), Probe { subject, durable, since: now });
    }

    /// How the actor wants to be placed, while somebody waits for it.
    pub(crate) fn wish(&self, actor: &ActorId) -> Option<Wish> {
        self.open.get(actor).map(|probe| wish(probe.durable))
    }

    pub(crate) fn answered(&mut self, now: Instant, actor: &ActorId) {
        let Some(Probe { subject, durable, since }) = self.open.remove(actor) else { return };
        self.answered.entry((subject, durable)).or_default().push(now - since);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn times(&self, subject: Subject, durable: bool) -> Vec<Duration> {
        self.answered.get(&(subject, durable)).cloned().unwrap_or_default()
    }
}

pub(crate) fn wish(durable: bool) -> Wish {
    Wish { strategy: Strategy::Balanced, durable }
}
