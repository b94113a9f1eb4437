//! What threads other than the owner's need of the incarnation that lives: calls leave, arrive and end past its queue.

use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tenure_actor::Target;
use tenure_actor::host::QueuedCall;
use tenure_protocol::view::{MemberState, View};
use tenure_runtime::Runtime;
use tenure_types::{ActorId, Incarnation, Instant, Tenure};

use crate::places::Places;

/// How many calls may be at other nodes at a time, and wait for a lane that takes them; later ones are told so.
pub(crate) const AWAY_MAX: usize = 262_144;

/// How long answers of a member are heard after a view that says that it has left. They were on their way by then.
pub const PARTING_MAX: Duration = Duration::from_secs(1);

/// A call that looks for its actor.
pub(crate) struct Seeking {
    pub(crate) target: Target,
    pub(crate) call: Arc<dyn QueuedCall>,
    /// How often it was at the wrong place.
    pub(crate) missed: u32,
}

/// A call that is at another node.
pub(crate) struct Handed {
    pub(crate) at: (Incarnation, Tenure),
    pub(crate) seeking: Seeking,
}

/// One incarnation, as lanes and callers see it.
pub(crate) struct Way {
    pub(crate) incarnation: Incarnation,
    /// Unset until the store is joined.
    pub(crate) runtime: OnceLock<Arc<Runtime>>,
    /// Where calls go without a look at the directory.
    pub(crate) places: Places,
    away: Mutex<Away>,
}

/// Its calls that are at other nodes.
struct Away {
    /// The newest view in which those were ended whose host is gone: nobody is handed to such a host any more.
    view: Arc<View>,
    calls: HashMap<u64, Handed, InOrder>,
    numbers: u64,
    /// Until when calls at members that have left wait for their answers.
    parting: BTreeMap<Incarnation, Instant>,
    /// Calls that no lane has taken, until they are sent again.
    unsent: Vec<(ActorId, Seeking)>,
    is_over: bool,
}

/// Why a call is not handed on. It has not left.
pub(crate) enum NotHanded {
    /// So many are at other nodes.
    Full,
    /// The incarnation is over.
    Over,
    /// Its host is gone.
    Gone,
}

impl Way {
    pub(crate) fn new(incarnation: Incarnation, view: Arc<View>) -> Self {
        let away = Away {
            view,
            calls: HashMap::default(),
            numbers: 0,
            parting: BTreeMap::new(),
            unsent: Vec::new(),
            is_over: false,
        };
        let (runtime, places) = (OnceLock::new(), Places::new());
        Self { incarnation, runtime, places, away: Mutex::new(away) }
    }

    /// The view by which it looks at others.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.away.lock().view)
    }

    /// Whether frames of this incarnation are taken: it is not gone.
    pub(crate) fn is_heard(&self, from: Incarnation) -> bool {
        let away = self.away.lock();
        !is_gone(&away.view, from) || away.is_later(from)
    }

    /// Keeps a call that is about to leave, under a number that no other has.
    pub(crate) fn enter(
        &self,
        handed: Handed,
    ) -> Result<(u64, Arc<View>), (NotHanded, Box<Handed>)> {
        let mut away = self.away.lock();
        let refused = match &*away {
            Away { is_over: true, .. } => NotHanded::Over,
            away if is_gone(&away.view, handed.at.0) => NotHanded::Gone,
            away if away.calls.len() + away.unsent.len() >= AWAY_MAX => NotHanded::Full,
            _ => {
                away.numbers += 1;
                let number = away.numbers;
                away.calls.insert(number, handed);
                return Ok((number, Arc::clone(&away.view)));
            }
        };
        Err((refused, Box::new(handed)))
    }

    /// The call with this number, which is not away any more.
    pub(crate) fn take(&self, number: u64) -> Option<Handed> {
        self.away.lock().calls.remove(&number)
    }

    /// As [`Way::take`], for its answer by this incarnation, if that may be heard.
    pub(crate) fn take_answered(&self, from: Incarnation, number: u64) -> Option<Handed> {
        let mut away = self.away.lock();
        let is_its = away.calls.get(&number).is_some_and(|handed| handed.at.0 == from);
        if !is_its || !away.may_answer(from) {
            return None;
        }
        away.calls.remove(&number)
    }

    /// Keeps a call that no lane has taken, unless the incarnation is over: then it is given back.
    pub(crate) fn keep(&self, actor: ActorId, seeking: Seeking) -> Option<Seeking> {
        let mut away = self.away.lock();
        if away.is_over {
            return Some(seeking);
        }
        away.unsent.push((actor, seeking));
        None
    }

    /// The calls that no lane has taken.
    pub(crate) fn take_unsent(&self) -> Vec<(ActorId, Seeking)> {
        std::mem::take(&mut self.away.lock().unsent)
    }

    /// Looks at others by this view from now on. Gives the calls at members that are gone in it: those at members that
    /// have left wait for what these said last.
    pub(crate) fn learn(&self, now: Instant, view: &Arc<View>) -> Vec<Handed> {
        let mut away = self.away.lock();
        away.view = Arc::clone(view);
        away.parting.retain(|host, _| has_left(view, *host));
        for member in view.in_state(MemberState::Left) {
            away.parting.entry(member.incarnation).or_insert(now + PARTING_MAX);
        }
        let is_lost = |host| is_gone(view, host) && !has_left(view, host);
        let lost = by_number(away.calls.extract_if(|_, handed| is_lost(handed.at.0)));
        drop(away);
        self.places.forget_hosts(|host| is_gone(view, host));
        lost
    }

    /// The calls at these members, which are not away any more.
    pub(crate) fn take_at(&self, is_gone: impl Fn(Incarnation) -> bool) -> Vec<Handed> {
        by_number(self.away.lock().calls.extract_if(|_, handed| is_gone(handed.at.0)))
    }

    /// Forgets calls that nobody waits for any more. Gives those whose time is over, or that of a host which has left: at other
    /// nodes, and not sent.
    pub(crate) fn take_late(&self, now: Instant) -> (Vec<Handed>, Vec<Seeking>) {
        let is_late = |seeking: &Seeking| seeking.call.head().deadline < now;
        let mut away = self.away.lock();
        away.calls.retain(|_, handed| handed.seeking.call.is_waiting());
        let Away { calls, parting, .. } = &mut *away;
        let has_parted = |host| parting.get(&host).is_some_and(|until| *until <= now);
        let is_lost = |handed: &Handed| is_late(&handed.seeking) || has_parted(handed.at.0);
        let lost = by_number(calls.extract_if(|_, handed| is_lost(handed)));
        away.unsent.retain(|(_, seeking)| seeking.call.is_waiting());
        let late = away.unsent.extract_if(.., |(_, seeking)| is_late(seeking));
        let late = late.map(|(_, seeking)| seeking).collect();
        (lost, late)
    }

    /// Nothing is handed on any more. Gives what is away, and what was not sent.
    pub(crate) fn close(&self) -> (Vec<Handed>, Vec<Seeking>) {
        let mut away = self.away.lock();
        away.is_over = true;
        let calls = by_number(std::mem::take(&mut away.calls));
        let unsent = std::mem::take(&mut away.unsent);
        (calls, unsent.into_iter().map(|(_, seeking)| seeking).collect())
    }

    /// How many calls are at other nodes, and how many wait for a lane.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let away = self.away.lock();
        (away.calls.len(), away.unsent.len())
    }

    /// How many calls of this actor are at other nodes, for people.
    pub(crate) fn count_of(&self, actor: &ActorId) -> usize {
        let is_of = |of: &Target| of.type_name == actor.actor_type.as_str() && of.key == actor.key;
        self.away.lock().calls.values().filter(|it| is_of(&it.seeking.target)).count()
    }
}

impl Away {
    /// Whether it may have joined after the newest view.
    fn is_later(&self, from: Incarnation) -> bool {
        self.view.state(from).is_none() && from.0 > self.view.number.0
    }

    /// Whether its answers are taken: one that left in order may have said something before.
    fn may_answer(&self, from: Incarnation) -> bool {
        !is_gone(&self.view, from) || has_left(&self.view, from) || self.is_later(from)
    }
}

/// Those who wait longest first.
fn by_number(calls: impl IntoIterator<Item = (u64, Handed)>) -> Vec<Handed> {
    let mut calls: Vec<(u64, Handed)> = calls.into_iter().collect();
    calls.sort_unstable_by_key(|(number, _)| *number);
    calls.into_iter().map(|(_, handed)| handed).collect()
}

/// Hashes numbers that are counted: by Fibonacci's multiplier (Knuth, volume 3, section 6.4), so that neighbours lie apart.
#[derive(Default)]
struct Counted(u64);

type InOrder = BuildHasherDefault<Counted>;

impl Hasher for Counted {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("numbers alone are hashed")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// It went in order: what it answered before is still true.
fn has_left(view: &View, host: Incarnation) -> bool {
    view.state(host) == Some(MemberState::Left)
}

/// Nobody there takes anything any more.
fn is_gone(view: &View, host: Incarnation) -> bool {
    view.state(host).is_none_or(MemberState::is_gone)
}

#[cfg(test)]
mod tests;
