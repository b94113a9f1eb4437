//! One node beside the member table: it joins, renews its lease, watches others, and leaves.
//!
//! [`Membership`] asks ([`Effect::Ask`]), its driver carries requests to the table and gives back what came
//! of them; a request without an answer is lost, and its outcome unknown. Whoever finds itself condemned
//! discards everything and joins again as a new incarnation.
//!
//! **Who watches whom.** The members that are not gone stand in a ring, ordered by a fixed mix of their
//! incarnations so that those which started together do not stand together. Each member reads the beats of
//! the next [`SUCCESSORS`] that renew in time, and of the silent and condemned ones before them. It fences
//! and forgets those of the condemned and gone that it would watch.

mod answer;
mod config;
mod death;
mod effect;
mod errand;
mod fence;
mod learn;
mod look;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;
mod work;

use std::sync::Arc;

use tenure_types::{Incarnation, Instant, NodeId, ViewNumber};

use super::table::{
    JoinToken, Reason, RowRead, TableAction, TableAnswer, TableError, TableOutcome, TableRequest,
};
use super::{MemberState, View};
use crate::lease::{Lease, LeaseChange, Observed};
pub use config::{Config, FastPath};
pub use effect::{Effect, Lost, Timer};
use errand::{Errand, Errands};
use fence::Fences;
pub use fence::{FENCES_MAX, GONE_KEPT_DEFAULT, GONE_MAX};
use verdict::Verdicts;
pub use verdict::{Death, VERDICTS_MAX};
use watch::Watch;
pub use watch::{HINTED_MAX, SUCCESSORS};

/// Who a node is when it joins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seat {
    /// Its name, which it keeps over restarts.
    pub node: NodeId,
    /// Its share of the slots beside others', from 1.
    pub weight: u8,
    /// Where its peers reach it.
    pub address: Arc<str>,
}

/// A node's part in the member table. See the module's documentation.
#[derive(Clone, Debug)]
pub struct Membership {
    config: Config,
    /// The highest view number of which it ever heard.
    seen: ViewNumber,
    view: Arc<View>,
    phase: Phase,
    /// What it was before it was discarded.
    former: Option<Incarnation>,
    lease: Lease,
    observed: Observed,
    errands: Errands,
    verdicts: Verdicts,
    watch: Watch,
    fences: Fences,
    /// What the table was last in trouble with, so that it is said once.
    trouble: Option<TableError>,
    armed: Option<Instant>,
    timers: u64,
    effects: Vec<Effect>,
}

#[derive(Clone, Debug)]
enum Phase {
    /// No member, and wants nothing.
    Out,
    /// Its join was not answered yet.
    Joining { seat: Seat, token: JoinToken },
    /// It has a row.
    In(Me),
    /// The members never change.
    Fixed(Incarnation),
}

#[derive(Clone, Copy, Debug)]
struct Me {
    incarnation: Incarnation,
    /// Where the row stands, as far as it knows.
    beat: u64,
    state: MemberState,
    /// Where it shall stand.
    wish: MemberState,
}

impl Membership {
    /// A node that is no member yet. `seen` is the highest view number or incarnation that it knows of, from
    /// the state store for instance: a table that stands before it is refused ([`TableError::Behind`]).
    #[must_use]
    pub fn new(config: Config, seen: ViewNumber) -> Self {
        let lease = Lease::new(config.terms.length);
        Self::with(config, seen, View::default(), Phase::Out, lease)
    }

    /// A member of a fixed list, without a table: its lease never ends, and nobody is ever declared dead.
    #[must_use]
    pub fn fixed(me: Incarnation, view: View) -> Self {
        let phase = Phase::Fixed(me);
        let number = view.number;
        let mut this = Self::with(Config::default(), number, view, phase, Lease::endless());
        this.effects.push(Effect::Joined(me));
        this.effects.push(Effect::View(Arc::clone(&this.view)));
        this
    }

    fn with(config: Config, seen: ViewNumber, view: View, phase: Phase, lease: Lease) -> Self {
        Self {
            observed: Observed::new(config.terms.expiry(), config.terms.look_gap_max()),
            fences: Fences::new(config.gone_kept),
            config,
            seen,
            view: Arc::new(view),
            phase,
            former: None,
            lease,
            errands: Errands::default(),
            verdicts: Verdicts::default(),
            watch: Watch::default(),
            trouble: None,
            armed: None,
            timers: 0,
            effects: Vec::new(),
        }
    }

    /// Asks for a row. `token` is drawn at random for this join and no other. [`Effect::Joined`] follows
    /// when the table has it, however often the request has to be repeated.
    ///
    /// After [`Effect::Discard`] it is called when nothing of the former incarnation can be released any
    /// more: the table puts that one down with the join, and its actors need not wait for its lease to end.
    ///
    /// # Panics
    /// When it is a member already, or about to be.
    pub fn join(&mut self, now: Instant, seat: Seat, token: JoinToken) {
        assert!(matches!(self.phase, Phase::Out), "a member joins only after it was discarded");
        self.phase = Phase::Joining { seat, token };
        self.lease = Lease::new(self.config.terms.length);
        self.errands.join = Errand::due(now);
        self.work(now);
    }

    /// The state store is open for the incarnation and the runtime stands: it becomes `Alive`.
    pub fn ready(&mut self, now: Instant) {
        self.wish(now, MemberState::Alive);
    }

    /// It takes nothing new from now on and gives away what it has: it becomes `Leaving`.
    pub fn leave(&mut self, now: Instant) {
        self.wish(now, MemberState::Leaving);
    }

    /// It has given everything away and releases nothing more: its lease ends at once, and it becomes
    /// `Left`. [`Effect::Left`] follows when the table has it.
    pub fn left(&mut self, now: Instant) {
        self.lease.finish();
        self.wish(now, MemberState::Left);
    }

    fn wish(&mut self, now: Instant, state: MemberState) {
        if let Phase::In(me) = &mut self.phase {
            me.wish = me.wish.max(state);
            self.errands.advance.hurry(now);
            self.work(now);
        }
    }

    /// All lanes to the other members broke at once: it may be this node that is cut off or was asleep.
    /// Nothing is released until a renewal is acknowledged that is sent from now on.
    pub fn handle_lanes_lost(&mut self, now: Instant) {
        let counts_from = self.errands.next_request();
        let change = self.lease.revoke(counts_from);
        self.tell_lease(change);
        self.errands.beat.hurry(now);
        self.work(now);
    }

    /// The timer went off. One that was armed before another is ignored.
    pub fn handle_timer(&mut self, now: Instant, timer: Timer) {
        if timer.number == self.timers {
            self.armed = None;
            self.work(now);
        }
    }

    /// What the driver is to do, in this order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Until when it may release what its actors produce, on its own boot-time clock.
    #[must_use]
    pub fn lease_until(&self) -> Instant {
        self.lease.until()
    }

    /// The newest view it learnt.
    #[must_use]
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Its own incarnation; `None` while it is no member.
    #[must_use]
    pub fn incarnation(&self) -> Option<Incarnation> {
        match &self.phase {
            Phase::In(me) => Some(me.incarnation),
            Phase::Fixed(me) => Some(*me),
            Phase::Out | Phase::Joining { .. } => None,
        }
    }

    fn tell_lease(&mut self, change: Option<LeaseChange>) {
        if change == Some(LeaseChange::Suspended) {
            self.verdicts.forget_accusations();
        }
        self.effects.extend(change.map(|change| match change {
            LeaseChange::Suspended => Effect::Suspend,
            LeaseChange::Resumed => Effect::Resume,
        }));
    }

    /// It is no member any more, by the others' decision or its own.
    fn end(&mut self, told: Effect) {
        self.former = self.incarnation();
        self.phase = Phase::Out;
        self.lease.finish();
        self.observed.clear();
        self.errands.clear();
        self.verdicts.clear();
        self.watch = Watch::default();
        self.fences = Fences::new(self.config.gone_kept);
        self.effects.push(told);
    }
}
