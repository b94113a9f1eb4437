use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tenure_types::{ActorId, Incarnation, Instant, Slot, Tenure, ViewNumber};

use super::hosting::Hosting;
use super::schedule::{Due, Schedule};
use super::{ClusterConfig, Effect, Message, Views};
use crate::directory::{Locations, Wish};
use crate::migration::{MoveId, Outgoing};
use crate::ring::Ring;
use crate::slot::{Dead, OwnedSlot, Promises, ReportedAs, SlotMap, slot_of};
use crate::view::{MemberState, View};

/// What one node knows and decides about slots, directory entries, placements and moves.
#[derive(Debug)]
pub struct Cluster {
    pub(super) me: Incarnation,
    pub(super) config: ClusterConfig,
    pub(super) view: Arc<View>,
    pub(super) ring: Arc<Ring>,
    /// Incarnations of which no commit can become visible any more, as far as this node asked.
    pub(super) fenced: BTreeSet<Incarnation>,
    pub(super) fencing: BTreeSet<Incarnation>,
    // As owner.
    pub(super) owned: SlotMap<OwnedSlot>,
    /// The owned slots whose reports are not all in.
    pub(super) closed: BTreeSet<Slot>,
    /// The owned slots in which somebody waits.
    pub(super) awaited: BTreeSet<Slot>,
    /// The closed slots whose reports are to be asked for before others.
    pub(super) hurried: BTreeSet<Slot>,
    /// How many activations members said they have.
    pub(super) loads: BTreeMap<Incarnation, u32>,
    // As host.
    pub(super) promises: Promises,
    pub(super) hosted: Hosting,
    pub(super) accepting: bool,
    pub(super) reports: u64,
    /// Reports that are put off, by who asked: at most all slots for each member and for a few who are none yet.
    pub(super) asked: BTreeMap<Incarnation, Asked>,
    /// Who was reported to last.
    pub(super) reported_to: Incarnation,
    pub(super) moves: BTreeMap<MoveId, Outgoing>,
    pub(super) moves_made: u64,
    pub(super) cancelled: VecDeque<MoveId>,
    pub(super) arrivals: BTreeMap<MoveId, Arrival>,
    // As caller.
    pub(super) lookups: BTreeMap<ActorId, Lookup>,
    pub(super) awaits: BTreeMap<ActorId, Await>,
    pub(super) locations: Locations,
    pub(super) schedule: Schedule,
    pub(super) effects: Vec<Effect>,
    /// The newest view of which somebody told since effects were taken.
    told_of: ViewNumber,
    /// A member knows a newer view than the one in which its reports were asked for.
    pub(super) was_behind: bool,
    /// What this node told itself and has not heard yet.
    pub(super) to_self: VecDeque<Message>,
    /// Through whom the message came that is being handled, if not directly.
    pub(super) came_through: Option<(Incarnation, Incarnation)>,
    draws: u64,
}

/// Memory of an actor that came here and does not run yet.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) actor: ActorId,
    pub(super) source_gone_at: Option<Instant>,
}

/// What an owner has asked for and was not told yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) view: ViewNumber,
    /// Through whom the question came, if not directly.
    pub(super) through: Option<(Incarnation, Incarnation)>,
    pub(super) slots: BTreeSet<Slot>,
}

/// A question of this node: where is the actor?
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) wish: Wish,
    pub(super) not_at: Option<(Incarnation, Tenure)>,
    pub(super) asked: u32,
}

/// A place that this node wants to hear of.
#[derive(Debug)]
pub(super) struct Await {
    pub(super) later_than: Option<Tenure>,
    pub(super) asked: u32,
}

/// How much a [`Cluster`] has of everything that is bounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sizes {
    /// Slots whose directory it keeps.
    pub slots: usize,
    /// Slots whose reports are not all in.
    pub closed: usize,
    /// Directory entries.
    pub entries: usize,
    /// Activations.
    pub hosted: usize,
    /// Look-ups on their way from here.
    pub lookups: usize,
    /// Places that are awaited here.
    pub awaits: usize,
    /// Places of actors that are remembered.
    pub locations: usize,
    /// The most look-ups that wait in one slot.
    pub slot_waiters: usize,
    /// Moves away.
    pub moves_out: usize,
    /// Memory that arrived and does not run yet.
    pub moves_in: usize,
}

impl Cluster {
    /// The machine of the run `me`, which knows no view yet. `seed` decides what is chosen at random.
    #[must_use]
    pub fn new(me: Incarnation, config: ClusterConfig, seed: u64) -> Self {
        Self {
            me,
            view: Arc::default(),
            ring: Arc::new(Ring::of([])),
            fenced: BTreeSet::new(),
            fencing: BTreeSet::new(),
            owned: SlotMap::default(),
            closed: BTreeSet::new(),
            awaited: BTreeSet::new(),
            hurried: BTreeSet::new(),
            loads: BTreeMap::new(),
            promises: Promises::since(ViewNumber(me.0)),
            hosted: Hosting::default(),
            accepting: true,
            reports: 0,
            asked: BTreeMap::new(),
            reported_to: Incarnation(0),
            moves: BTreeMap::new(),
            moves_made: 0,
            cancelled: VecDeque::new(),
            arrivals: BTreeMap::new(),
            lookups: BTreeMap::new(),
            awaits: BTreeMap::new(),
            locations: Locations::new(config.locations_max),
            schedule: Schedule::default(),
            effects: Vec::new(),
            told_of: ViewNumber(0),
            was_behind: false,
            to_self: VecDeque::new(),
            came_through: None,
            draws: seed,
            config,
        }
    }

    /// What is to be done now, in this order.
    #[must_use]
    pub fn take_effects(&mut self) -> Vec<Effect> {
        // Once, however many messages told of a newer view.
        let told_of = std::mem::take(&mut self.told_of);
        if told_of > self.view.number {
            self.effects.push(Effect::Refresh(told_of));
        }
        std::mem::take(&mut self.effects)
    }

    /// The number of this run.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.me
    }

    /// The newest view that it was told.
    #[must_use]
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// The right under which an actor runs here, sealed or not.
    #[must_use]
    pub fn hosted(&self, actor: &ActorId) -> Option<Tenure> {
        self.hosted.get(actor).map(|hosted| hosted.tenure)
    }

    /// The right under which turns of an actor run here.
    #[must_use]
    pub fn runs(&self, actor: &ActorId) -> Option<Tenure> {
        let live = self.hosted.get(actor).filter(|hosted| hosted.stands == ReportedAs::Live);
        live.map(|hosted| hosted.tenure)
    }

    /// Where a caller here has found the actor last, as far as that is remembered and still there: a hint.
    #[must_use]
    pub fn location(&self, actor: &ActorId) -> Option<(Incarnation, Tenure)> {
        self.locations.get(actor).filter(|(host, _)| self.may_answer(*host))
    }

    /// Every activation of this node, by slot: which actor, its right, and whether turns run on it.
    pub fn each_hosted(&self) -> impl Iterator<Item = (&ActorId, Tenure, bool)> {
        self.hosted.iter().map(|(actor, it)| (actor, it.tenure, it.stands == ReportedAs::Live))
    }

    /// The activations of this node on which turns run, by slot; those of `slot` come first.
    pub fn live_beginning_at(&self, slot: Slot) -> impl Iterator<Item = &ActorId> {
        let all = self.hosted.beginning_at(slot);
        all.filter(|(_, it)| it.stands == ReportedAs::Live).map(|(actor, _)| actor)
    }

    /// Whether an activation of this node is about to move.
    #[must_use]
    pub fn is_moving(&self, actor: &ActorId) -> bool {
        self.moves.values().any(|it| it.actor == *actor)
    }

    /// Every entry of the slots that this member keeps, by slot: which actor, where it is or was asked to
    /// be, and its right.
    pub fn each_entry(&self) -> impl Iterator<Item = (&ActorId, Incarnation, Tenure)> {
        let entries = self.owned.values().flat_map(|slot| &slot.entries);
        entries.map(|(actor, entry)| (actor, entry.host, entry.tenure))
    }

    /// The member that the ring gives the actor's slot.
    #[must_use]
    pub fn owner_of(&self, actor: &ActorId) -> Option<Incarnation> {
        self.ring.owner(slot_of(actor))
    }

    /// Since which view this member alone keeps the slot of `actor`. `None` where it does not, or not yet:
    /// a member that may have kept it has not given it up, or is dead and may still be heard.
    ///
    /// It is so as long as this member's lease runs: nobody else opens the slot before this one was
    /// asked for its report, and gave the slot up with it, or is down.
    #[must_use]
    pub fn kept_since(&mut self, actor: &ActorId) -> Option<ViewNumber> {
        let slot = slot_of(actor);
        // Who may be dead is fenced meanwhile.
        let is_open = self.is_free(slot, false);
        self.owned.get(&slot).filter(|_| is_open).map(|owned| owned.view)
    }

    /// Whether every slot that the ring gives this member is open for every actor.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.ring.owned(self.me).all(|slot| {
            let kept = self.owned.get(&slot);
            kept.is_some_and(|it| it.is_reported() && it.dead.iter().all(|d| self.dead(*d).down))
        })
    }

    /// Whether new actors may be placed here; from `false` on only those that run here stay.
    pub fn set_accepting(&mut self, accepting: bool) {
        self.accepting = accepting;
    }

    /// What it knows of an actor, as owner, host and caller, for people.
    #[must_use]
    pub fn explain(&self, actor: &ActorId) -> String {
        let slot = slot_of(actor);
        let owner = self.ring.owner(slot);
        let kept = self.owned.get(&slot).map(|it| {
            let (entry, waiting) = (it.entries.get(actor), it.waiting.get(actor));
            let awaited: Vec<_> = it.awaited.members().collect();
            let dead: Vec<_> = it.dead.iter().map(|dead| (dead, self.dead(*dead))).collect();
            let (view, kept_in) = (it.view, it.kept_in);
            format!(
                "kept since {view} until {kept_in}, awaits {awaited:?}, dead {dead:?}, {entry:?}, {waiting:?}"
            )
        });
        let (hosted, lookup) = (self.hosted.get(actor), self.lookups.get(actor));
        let place = self.locations.get(actor);
        let moves: Vec<_> = self.moves.values().filter(|it| it.actor == *actor).collect();
        format!(
            "{actor}: slot {slot} of {owner:?}; owner: {kept:?}; host: {hosted:?} {moves:?}; caller: {lookup:?} {place:?}"
        )
    }

    /// How much it has of what is bounded.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let awaited = self.awaited.iter().filter_map(|slot| self.owned.get(slot));
        let waiters = |slot: &OwnedSlot| slot.waiting.values().map(|it| it.callers.len()).sum();
        Sizes {
            slots: self.owned.len(),
            closed: self.closed.len(),
            entries: self.owned.values().map(|slot| slot.entries.len()).sum(),
            hosted: self.hosted.len(),
            lookups: self.lookups.len(),
            awaits: self.awaits.len(),
            locations: self.locations.len(),
            slot_waiters: awaited.map(waiters).max().unwrap_or(0),
            moves_out: self.moves.len(),
            moves_in: self.arrivals.len(),
        }
    }

    /// What came from another member.
    pub fn handle_message(&mut self, now: Instant, from: Incarnation, message: Message) {
        if self.is_unheard(from) {
            return;
        }
        match message {
            Message::Relay { origin, to, message } => {
                self.handle_relay(now, from, origin, to, *message);
            }
            message => self.dispatch(now, from, message),
        }
        self.hear_self(now);
    }

    /// Whether nothing of this incarnation may be heard any more. One that joined after the newest
    /// view known here is heard.
    pub(super) fn is_unheard(&self, from: Incarnation) -> bool {
        match self.view.state(from) {
            Some(state) => state.is_gone(),
            None => from.0 <= self.view.number.0,
        }
    }

    fn handle_relay(
        &mut self,
        now: Instant,
        from: Incarnation,
        origin: Incarnation,
        to: Incarnation,
        message: Message,
    ) {
        if matches!(message, Message::Relay { .. }) || self.is_unheard(origin) {
            return;
        }
        if to == self.me {
            self.came_through = Some((origin, from));
            self.dispatch(now, origin, message);
            self.came_through = None;
        } else if from == origin {
            // One hop: who relays a relay could go round in circles.
            let message = Message::Relay { origin, to, message: Box::new(message) };
            self.effects.push(Effect::Send { to, message });
        }
    }

    /// Handles what this node told itself. Each `handle_*` ends with it.
    pub(super) fn hear_self(&mut self, now: Instant) {
        while let Some(message) = self.to_self.pop_front() {
            self.dispatch(now, self.me, message);
        }
    }

    fn dispatch(&mut self, now: Instant, from: Incarnation, message: Message) {
        match message {
            Message::AskReport { view, slots } => self.hear_ask(from, view, &slots),
            Message::Report { view, slots } => self.hear_report(now, from, view, slots),
            Message::Behind { view } => self.hear_behind(view),
            Message::LookUp { view, actor, wish, not_at } => {
                self.hear_view(view);
                self.hear_look_up(now, from, &actor, wish, not_at);
            }
            Message::AwaitPlace { view, actor, later_than } => {
                self.hear_view(view);
                self.hear_await(now, from, actor, later_than);
            }
            Message::Found { actor, host, tenure } => self.hear_found(now, &actor, host, tenure),
            Message::WrongOwner { view, actor } => self.hear_wrong_owner(now, view, &actor),
            Message::Busy { actor } => self.hear_busy(&actor),
            Message::Grant { view, actor, tenure, durable, arrived } => {
                self.hear_grant(from, view, actor, tenure, durable, arrived);
            }
            Message::Granted { actor, tenure, load } => {
                self.loads.insert(from, load);
                self.hear_granted(from, &actor, tenure);
            }
            Message::Refused { actor, tenure, why, load } => {
                self.loads.insert(from, load);
                self.hear_refused(now, from, &actor, tenure, why);
            }
            Message::Unregister { actor, tenure } => self.hear_unregister(now, from, actor, tenure),
            Message::Unregistered { actor, tenure } => self.hear_unregistered(&actor, tenure),
            Message::Offer { id, actor } => self.hear_offer(from, id, &actor),
            Message::Accept { id } => self.hear_accept(from, id),
            Message::Decline { id } => self.hear_decline(id),
            Message::Arrived { id } => self.hear_arrived(now, from, id),
            Message::AskMove { id, actor, tenure, to } => {
                self.hear_ask_move(now, from, id, &actor, tenure, to);
            }
            Message::AskCancel { id, actor, tenure, .. } => {
                self.hear_ask_cancel(now, from, id, &actor, tenure);
            }
            Message::Moved { id, to } => self.hear_moved(from, id, to),
            Message::Cancelled { id } => self.hear_cancelled(from, id),
            Message::Forget { id } => self.hear_forget(id),
            Message::Relay { .. } => {}
        }
    }

    /// A member was asked in a view that it has left: when the newer one is here it is asked again at once.
    fn hear_behind(&mut self, view: ViewNumber) {
        self.was_behind |= view > self.view.number;
        self.hear_view(view);
    }

    /// Somebody knows this view.
    pub(super) fn hear_view(&mut self, view: ViewNumber) {
        self.told_of = self.told_of.max(view);
    }

    /// Sends a message, the way back that the one being handled came.
    pub(super) fn send(&mut self, to: Incarnation, message: Message) {
        match self.came_through {
            _ if to == self.me => self.to_self.push_back(message),
            Some((origin, through)) if origin == to => self.send_through(through, to, message),
            _ => self.effects.push(Effect::Send { to, message }),
        }
    }

    /// Sends a message that was sent `asked` times before: directly, and when that did not help in
    /// turn through others.
    pub(super) fn send_again(&mut self, asked: u32, to: Incarnation, message: Message) {
        let directly = asked < 2 || asked.is_multiple_of(2);
        if directly || to == self.me {
            return self.send(to, message);
        }
        let others: Vec<_> = self
            .view
            .members()
            .filter(|it| it.state.is_living())
            .map(|it| it.incarnation)
            .filter(|it| *it != to && *it != self.me)
            .collect();
        match others.get(self.below(others.len())) {
            Some(through) => self.send_through(*through, to, message),
            None => self.send(to, message),
        }
    }

    fn send_through(&mut self, through: Incarnation, to: Incarnation, message: Message) {
        let message = Message::Relay { origin: self.me, to, message: Box::new(message) };
        self.effects.push(Effect::Send { to: through, message });
    }

    /// What is known of a member that may be dead.
    pub(super) fn dead(&self, incarnation: Incarnation) -> Dead {
        let fenced = self.fenced.contains(&incarnation);
        let Some(member) = self.view.member(incarnation) else {
            // Forgotten: that is done only with what is down and fenced.
            let is_past = incarnation.0 <= self.view.number.0;
            return Dead { fenced: is_past, down: is_past, presumed: false };
        };
        match member.state {
            MemberState::Joining | MemberState::Alive | MemberState::Leaving => Dead::default(),
            MemberState::Condemned => Dead { fenced, down: false, presumed: member.presumed },
            // Without agreement the record's version is what keeps a write of it from harm.
            MemberState::Down => Dead {
                fenced: fenced || self.config.views != Views::Agreed,
                down: true,
                presumed: false,
            },
            // It went in order: nothing of it is on its way.
            MemberState::Left => Dead { fenced: true, down: true, presumed: false },
        }
    }

    pub(super) fn is_living(&self, incarnation: Incarnation) -> bool {
        match self.view.state(incarnation) {
            Some(state) => state.is_living(),
            None => incarnation.0 > self.view.number.0,
        }
    }

    /// Has the dead member fenced, once.
    pub(super) fn need_fence(&mut self, incarnation: Incarnation) {
        // Two sides of a split would fence each other, and nobody could write.
        if self.config.views != Views::Agreed {
            return;
        }
        let is_dead = matches!(
            self.view.state(incarnation),
            Some(MemberState::Condemned | MemberState::Down)
        );
        if is_dead && !self.fenced.contains(&incarnation) && self.fencing.insert(incarnation) {
            self.effects.push(Effect::Fence(incarnation));
        }
    }

    pub(super) fn load(&self) -> u32 {
        u32::try_from(self.hosted.len()).unwrap_or(u32::MAX)
    }

    /// A number below `n`, zero for zero. SplitMix64 (Steele, Lea and Flood 2014).
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.draw() % (n as u64).max(1)) as usize
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.draws;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The pause before a question that was asked so often is asked again.
    pub(super) fn pause(&self, asked: u32) -> std::time::Duration {
        let doubled = self.config.ask_again.saturating_mul(1 << asked.min(8));
        doubled.min(self.config.ask_again_max)
    }

    pub(super) fn at(&mut self, at: Instant, due: Due) {
        self.schedule.put(at, due);
    }
}
