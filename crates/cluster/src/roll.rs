//! Which members are new in the roll that is under way: a deploy replaces members one after the other, and what a drain
//! moves goes to those that were replaced already, so that it does not move again when the others leave.

use std::collections::BTreeSet;
use std::time::Duration;

use tenure_protocol::view::{MemberState, View};
use tenure_types::{Incarnation, Instant, ViewNumber};

/// After so long without a join or a leave a roll is over.
const ROLL_GAP: Duration = Duration::from_secs(60);

/// After so many looks at which nothing had moved those that are new in a roll go before others no more: they may not
/// take anything.
const IDLE_LOOKS_MAX: u32 = 5;

/// For so long a node that has nothing any more still says so to whoever looks for what was there: where a member has
/// left, nobody can tell whether a call ran.
const LINGER: Duration = Duration::from_millis(200);

/// What a node has seen of joins and leaves.
#[derive(Debug, Default)]
pub(crate) struct Roll {
    /// The newest view before the roll began. An incarnation is the number of the view in which it joined.
    before: ViewNumber,
    seen: ViewNumber,
    /// Members that are not leaving.
    staying: BTreeSet<Incarnation>,
    changed_at: Option<Instant>,
}

impl Roll {
    pub(crate) fn handle_view(&mut self, now: Instant, view: &View) {
        let members = view.members();
        let stays = |state| matches!(state, MemberState::Joining | MemberState::Alive);
        let staying: BTreeSet<_> =
            members.filter(|it| stays(it.state)).map(|it| it.incarnation).collect();
        if staying != self.staying {
            match self.changed_at {
                // Whoever was there when this node came is not new to it.
                None => self.before = view.number,
                Some(at) if now.saturating_since(at) >= ROLL_GAP => self.before = self.seen,
                Some(_) => {}
            }
            (self.staying, self.changed_at) = (staying, Some(now));
        }
        self.seen = view.number;
    }

    /// Members that joined since the roll began, as many as leave now, the newest ones: those that have taken the least.
    pub(crate) fn newest(&self, view: &View) -> Vec<Incarnation> {
        let leaving = view.in_state(MemberState::Leaving).count();
        let alive = view.members().rev().filter(|it| it.state == MemberState::Alive);
        let alive = alive.map(|it| it.incarnation);
        alive.take_while(|it| it.0 > self.before.0).take(leaving).collect()
    }
}

/// How the leaving of an incarnation goes on.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    pub(crate) has_begun: bool,
    /// How many actors were here at the last look.
    hosted: usize,
    /// At how many looks in a row there were as many.
    idle_looks: u32,
    empty_since: Option<Instant>,
}

impl Drain {
    /// Whether the node may leave: nothing was there for a while. Asked at each look.
    pub(crate) fn is_over(&mut self, now: Instant, is_empty: bool) -> bool {
        if !is_empty {
            self.empty_since = None;
            return false;
        }
        let since = *self.empty_since.get_or_insert(now);
        now.saturating_since(since) >= LINGER
    }

    /// Whether nothing has moved for a while. Asked at each look.
    pub(crate) fn is_stuck(&mut self, hosted: usize) -> bool {
        let is_idle = hosted == self.hosted;
        self.idle_looks = if is_idle { self.idle_looks.saturating_add(1) } else { 0 };
        self.hosted = hosted;
        self.idle_looks >= IDLE_LOOKS_MAX
    }
}

#[cfg(test)]
mod tests {
    use tenure_protocol::view::Member;
    use tenure_types::NodeId;

    use super::*;
    use MemberState::{Alive, Leaving, Left};

    fn view(number: u64, members: &[(u64, MemberState)]) -> View {
        let member = |(incarnation, state): &(u64, MemberState)| Member {
            incarnation: Incarnation(*incarnation),
            node: NodeId::new(&format!("n{incarnation}")).unwrap(),
            state: *state,
            presumed: false,
            weight: 1,
            address: format!("n{incarnation}:1").into(),
        };
        View::new(ViewNumber(number), members.iter().map(member))
    }

    /// What is new after views that came at these seconds.
    fn newest(views: &[(u64, View)]) -> Vec<u64> {
        let mut roll = Roll::default();
        for (at, view) in views {
            roll.handle_view(Instant::ZERO + Duration::from_secs(*at), view);
        }
        let (_, last) = views.last().unwrap();
        roll.newest(last).into_iter().map(|it| it.0).collect()
    }

    #[test]
    fn members_that_joined_since_the_first_change_after_a_calm_are_new() {
        let calm = view(6, &[(1, Alive), (3, Alive), (5, Alive)]);
        let spare = view(9, &[(1, Leaving), (3, Alive), (5, Alive), (8, Alive)]);
        let second = view(14, &[(1, Left), (3, Leaving), (5, Alive), (8, Alive), (12, Alive)]);
        let both = view(15, &[(3, Leaving), (5, Leaving), (8, Alive), (12, Alive)]);
        for (views, expected, why) in [
            (
                vec![(0, calm.clone()), (70, spare.clone())],
                vec![8],
                "it came before the other left",
            ),
            (
                vec![(0, calm.clone()), (70, spare.clone()), (80, second.clone())],
                vec![12],
                "the newest for the one that leaves",
            ),
            (
                vec![(0, calm.clone()), (70, spare), (80, second), (81, both)],
                vec![12, 8],
                "two for two",
            ),
            (
                vec![(0, calm.clone()), (70, view(7, &[(1, Leaving), (3, Alive), (5, Alive)]))],
                vec![],
                "in place the first one leaves before anybody is new",
            ),
            (
                vec![
                    (0, calm),
                    (70, view(7, &[(1, Leaving), (3, Alive), (5, Alive)])),
                    (75, view(10, &[(3, Alive), (5, Alive), (9, Alive)])),
                    (200, view(11, &[(3, Leaving), (5, Alive), (9, Alive)])),
                ],
                vec![],
                "an earlier roll is over",
            ),
        ] {
            assert_eq!(newest(&views), expected, "{why}");
        }
    }

    #[test]
    fn a_node_lingers_when_it_has_nothing_any_more() {
        let mut drain = Drain::default();
        let at = |ms| Instant::ZERO + Duration::from_millis(ms);
        for (ms, is_empty, expected) in [
            (0, false, false),
            (100, true, false),
            (200, true, false),
            (250, false, false), // something came
            (300, true, false),
            (500, true, true),
        ] {
            assert_eq!(drain.is_over(at(ms), is_empty), expected, "{ms}");
        }
    }

    #[test]
    fn new_members_go_first_until_nothing_moves() {
        let mut drain = Drain::default();
        let stuck: Vec<bool> = [9, 9, 9, 9, 9, 9, 8].map(|hosted| drain.is_stuck(hosted)).into();
        assert_eq!(stuck, [false, false, false, false, false, true, false]);
    }
}
