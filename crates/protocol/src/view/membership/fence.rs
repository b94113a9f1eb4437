use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tenure_types::{Incarnation, Instant};

use crate::view::table::FORGET_MAX;
use crate::view::{MemberState, View};

/// The most fences that one member has on their way.
pub const FENCES_MAX: usize = 16;

/// The most gone members that stay in the table; past it they go early, the oldest first.
pub const GONE_MAX: usize = 1_024;

/// How long a member that is gone stays in the table, unless the configuration says otherwise: long enough
/// for an operator to see it, and for its late frames to be recognised.
pub const GONE_KEPT_DEFAULT: Duration = Duration::from_secs(600);

/// The fences of the condemned and the gone, and when those may be forgotten.
#[derive(Clone, Debug)]
pub(super) struct Fences {
    gone_kept: Duration,
    /// Not begun, the most urgent first.
    waiting: VecDeque<Incarnation>,
    on_their_way: BTreeSet<Incarnation>,
    done: BTreeSet<Incarnation>,
    gone_since: BTreeMap<Incarnation, Instant>,
}

impl Fences {
    pub(super) fn new(gone_kept: Duration) -> Self {
        Self {
            gone_kept,
            waiting: VecDeque::new(),
            on_their_way: BTreeSet::new(),
            done: BTreeSet::new(),
            gone_since: BTreeMap::new(),
        }
    }

    fn is_known(&self, incarnation: Incarnation) -> bool {
        self.on_their_way.contains(&incarnation)
            || self.done.contains(&incarnation)
            || self.waiting.contains(&incarnation)
    }

    pub(super) fn handle_view(
        &mut self,
        now: Instant,
        view: &View,
        is_first: bool,
        is_keeper: impl Fn(Incarnation) -> bool,
    ) {
        let is_listed = |it: &Incarnation| view.member(*it).is_some();
        self.waiting.retain(is_listed);
        self.done.retain(is_listed);
        self.gone_since.retain(|it, _| is_listed(it));
        for member in view.members() {
            let (incarnation, state) = (member.incarnation, member.state);
            if state.is_gone() {
                self.gone_since.entry(incarnation).or_insert(now);
            }
            let is_ours = state.is_gone() || state == MemberState::Condemned;
            if !is_ours || self.is_known(incarnation) || !is_keeper(incarnation) {
                continue;
            }
            // Those that were gone before it came were fenced by others, most likely.
            if is_first {
                self.waiting.push_back(incarnation);
            } else {
                self.waiting.push_front(incarnation);
            }
        }
    }

    pub(super) fn start(&mut self) -> Option<Incarnation> {
        if self.on_their_way.len() >= FENCES_MAX {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.on_their_way.insert(next);
        Some(next)
    }

    pub(super) fn handle_fenced(&mut self, incarnation: Incarnation, is_listed: bool) {
        self.on_their_way.remove(&incarnation);
        if is_listed {
            self.waiting.retain(|it| *it != incarnation);
            self.done.insert(incarnation);
        }
    }

    /// Who is fenced and gone for long enough, or for too many.
    pub(super) fn ripe(
        &self,
        now: Instant,
        view: &View,
        is_keeper: impl Fn(Incarnation) -> bool,
    ) -> Vec<Incarnation> {
        let mut surplus = self.gone_since.len().saturating_sub(GONE_MAX);
        let mut ripe = Vec::new();
        for (incarnation, since) in &self.gone_since {
            let is_old = now - *since >= self.gone_kept;
            if !is_old && surplus == 0 {
                continue;
            }
            surplus = surplus.saturating_sub(1);
            let is_gone = view.state(*incarnation).is_some_and(MemberState::is_gone);
            if is_gone && self.done.contains(incarnation) && is_keeper(*incarnation) {
                ripe.push(*incarnation);
            }
            if ripe.len() == FORGET_MAX {
                break;
            }
        }
        ripe
    }
}
