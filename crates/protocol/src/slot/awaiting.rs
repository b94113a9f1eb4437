use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::{ActorId, Incarnation, Instant, Tenure};

/// How often it is looked for those who have stopped asking.
const SWEEP_PERIOD: Duration = Duration::from_secs(30);

/// Who wants to hear where the actors of a slot are. Each is told once, and asks again if it wants to hear more.
#[derive(Debug)]
pub(crate) struct Awaiting {
    actors: BTreeMap<ActorId, Vec<Awaiter>>,
    len: usize,
    swept_at: Instant,
}

#[derive(Debug)]
struct Awaiter {
    who: Incarnation,
    later_than: Option<Tenure>,
    /// It would have asked again before.
    until: Instant,
}

impl Awaiting {
    pub(crate) fn new(now: Instant) -> Self {
        Self { actors: BTreeMap::new(), len: 0, swept_at: now }
    }

    /// Keeps somebody's wish until then, in place of its wish before. `false` where `len_max` are kept.
    pub(crate) fn keep(
        &mut self,
        (now, until): (Instant, Instant),
        actor: ActorId,
        (who, later_than): (Incarnation, Option<Tenure>),
        len_max: usize,
    ) -> bool {
        self.sweep(now);
        let known = self.actors.get_mut(&actor);
        if let Some(known) = known.and_then(|it| it.iter_mut().find(|it| it.who == who)) {
            *known = Awaiter { who, later_than, until };
            return true;
        }
        if self.len >= len_max {
            return false;
        }
        self.actors.entry(actor).or_default().push(Awaiter { who, later_than, until });
        self.len += 1;
        true
    }

    /// Those who want to hear of a place with this right, who are forgotten.
    pub(crate) fn take(&mut self, actor: &ActorId, tenure: Tenure) -> Vec<Incarnation> {
        let Some(awaiters) = self.actors.get_mut(actor) else { return Vec::new() };
        let is_later = |it: &mut Awaiter| it.later_than.is_none_or(|than| than < tenure);
        let told: Vec<_> = awaiters.extract_if(.., is_later).map(|it| it.who).collect();
        if awaiters.is_empty() {
            self.actors.remove(actor);
        }
        self.len -= told.len();
        told
    }

    /// Of which actors somebody wants to hear; as many as there may be callers.
    pub(crate) fn actors(&self) -> impl Iterator<Item = &ActorId> {
        self.actors.keys()
    }

    /// Everybody, by actor.
    pub(crate) fn into_callers(self) -> impl Iterator<Item = (ActorId, Vec<Incarnation>)> {
        let who = |awaiters: Vec<Awaiter>| awaiters.into_iter().map(|it| it.who).collect();
        self.actors.into_iter().map(move |(actor, awaiters)| (actor, who(awaiters)))
    }

    fn sweep(&mut self, now: Instant) {
        if now < self.swept_at + SWEEP_PERIOD {
            return;
        }
        self.swept_at = now;
        self.actors.retain(|_, awaiters| {
            awaiters.retain(|it| it.until > now);
            !awaiters.is_empty()
        });
        self.len = self.actors.values().map(Vec::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use tenure_types::{ActorTypeName, Key};

    use super::*;

    fn actor(key: &str) -> ActorId {
        ActorId { actor_type: ActorTypeName::new("cart").unwrap(), key: Key::new(key).unwrap() }
    }

    fn tenure(sequence: u64) -> Tenure {
        Tenure { view: 2, sequence }
    }

    #[test]
    fn each_is_told_once_of_a_later_place_and_no_more_are_kept_than_may_be() {
        let now = Instant::ZERO;
        let times = (now, now + Duration::from_secs(20));
        let mut awaiting = Awaiting::new(now);
        let (one, two) = (Incarnation(1), Incarnation(2));
        assert!(awaiting.keep(times, actor("a"), (one, None), 2));
        assert!(awaiting.keep(times, actor("a"), (two, Some(tenure(5))), 2));
        assert!(!awaiting.keep(times, actor("b"), (one, None), 2), "there is no room");
        assert!(awaiting.keep(times, actor("a"), (one, Some(tenure(3))), 2), "it is known");
        assert_eq!(awaiting.take(&actor("b"), tenure(9)), []);
        assert_eq!(awaiting.take(&actor("a"), tenure(3)), [], "each knows that place");
        assert_eq!(awaiting.take(&actor("a"), tenure(4)), [one]);
        assert_eq!(awaiting.take(&actor("a"), tenure(4)), [], "it was told");
        assert!(awaiting.keep(times, actor("b"), (one, None), 2), "there is room again");
        assert_eq!(awaiting.take(&actor("a"), tenure(6)), [two]);
        let left: Vec<_> = awaiting.into_callers().collect();
        assert_eq!(left, [(actor("b"), vec![one])]);
    }

    #[test]
    fn who_does_not_ask_again_is_forgotten() {
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        let mut awaiting = Awaiting::new(at(0));
        assert!(awaiting.keep((at(0), at(20)), actor("a"), (Incarnation(1), None), 2));
        assert!(awaiting.keep((at(25), at(45)), actor("b"), (Incarnation(1), None), 2));
        assert!(!awaiting.keep((at(29), at(49)), actor("c"), (Incarnation(1), None), 2));
        assert!(awaiting.keep((at(30), at(50)), actor("c"), (Incarnation(1), None), 2));
        let kept: Vec<_> = awaiting.actors().cloned().collect();
        assert_eq!((kept, awaiting.len), (vec![actor("b"), actor("c")], 2));
    }
}
