use std::time::Duration;

use super::super::table::Table;
use super::*;
use MemberState::{Alive, Condemned, Down, Leaving};

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn inc(number: u64) -> Incarnation {
    Incarnation(number)
}

fn seat(node: &str) -> Seat {
    Seat { node: NodeId::new(node).unwrap(), weight: 1, address: "a".into() }
}

/// One member beside a table that answers at once, or not.
struct Bench {
    table: Table,
    node: Membership,
    timer: Option<(Timer, Instant)>,
    /// Which requests are lost on their way.
    loses: fn(&TableAction) -> bool,
    /// What the table says in place of what came of a request.
    refusal: Option<TableError>,
    /// What it was told to do but for asking and timers.
    told: Vec<Effect>,
    asked: Vec<TableAction>,
}

impl Bench {
    fn new(config: Config) -> Self {
        let node = Membership::new(config, ViewNumber(0));
        let table = Table::default();
        let (timer, refusal) = (None, None);
        Self { table, node, timer, loses: |_| false, refusal, told: vec![], asked: vec![] }
    }

    /// A bench whose node is `Alive` and others besides, alive with incarnations from 2 on.
    fn with_others(config: Config, others: usize) -> Self {
        let mut bench = Self::new(config);
        bench.node.join(at(0), seat("me"), JoinToken(1));
        bench.run(at(0));
        for token in 2..2 + others as u64 {
            bench.act(join(&format!("n{token}"), token.into())).unwrap();
        }
        for other in 2..2 + others as u64 {
            bench.act(TableAction::Advance { incarnation: inc(other), to: Alive }).unwrap();
        }
        bench.node.ready(at(0));
        bench.run(at(0));
        bench.run(at(600));
        assert_eq!(bench.node.view().state(inc(1)), Some(Alive));
        assert_eq!(bench.node.view().len(), 1 + others);
        bench.told.clear();
        bench.asked.clear();
        bench
    }

    /// Somebody else's request.
    fn act(&mut self, action: TableAction) -> Result<TableOutcome, TableError> {
        self.table.apply(TableRequest { seen: ViewNumber(0), action }).outcome
    }

    fn beat_of(&mut self, other: u64) {
        let beat = self.table.row(inc(other)).unwrap().beat;
        self.act(TableAction::Beat { incarnation: inc(other), beat }).unwrap();
    }

    /// Does what the node said at `now`, and lets its timers go off until `now`.
    fn run(&mut self, now: Instant) {
        let mut clock = now;
        loop {
            self.settle(clock);
            match self.timer {
                Some((timer, due)) if due <= now => {
                    clock = due;
                    self.timer = None;
                    self.node.handle_timer(due, timer);
                }
                _ => return self.settle(now),
            }
        }
    }

    fn settle(&mut self, now: Instant) {
        loop {
            let effects = self.node.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Ask { request, ask } => {
                        self.asked.push(ask.action.clone());
                        let answer = match &self.refusal {
                            _ if (self.loses)(&ask.action) => Err(Lost),
                            Some(error) => {
                                let (timeline, number) = (0, ViewNumber(0));
                                Ok(TableAnswer { timeline, number, outcome: Err(error.clone()) })
                            }
                            None => Ok(self.table.apply(ask)),
                        };
                        self.node.handle_answer(now, request, answer);
                    }
                    Effect::SetTimer { timer, at } => self.timer = Some((timer, at)),
                    other => self.told.push(other),
                }
            }
        }
    }

    fn told_but_views(&mut self) -> Vec<Effect> {
        let told = std::mem::take(&mut self.told);
        let is_view = |it: &Effect| matches!(it, Effect::View(_) | Effect::Hint(_));
        told.into_iter().filter(|it| !is_view(it)).collect()
    }
}

fn join(node: &str, token: u128) -> TableAction {
    let Seat { node, weight, address } = seat(node);
    TableAction::Join { node, weight, address, former: None, token: JoinToken(token) }
}

#[test]
fn a_node_joins_renews_and_leaves() {
    let mut bench = Bench::new(Config::default());
    bench.node.join(at(100), seat("me"), JoinToken(1));
    bench.run(at(100));
    assert_eq!(bench.told_but_views(), [Effect::Joined(inc(1))]);
    assert_eq!(bench.node.lease_until(), at(10_100));
    assert_eq!(bench.node.view().state(inc(1)), Some(MemberState::Joining));
    bench.node.ready(at(200));
    bench.run(at(200));
    bench.run(at(4_000));
    assert_eq!(bench.node.view().state(inc(1)), Some(Alive));
    assert_eq!(bench.node.lease_until(), at(13_433), "renewed after L / 3");
    bench.node.leave(at(4_000));
    bench.run(at(5_000));
    assert_eq!(bench.node.view().state(inc(1)), Some(Leaving));
    assert!(bench.node.lease_until() > at(5_000), "it may release what it still has");
    assert_eq!(bench.told_but_views(), []);
    bench.loses = |_| true;
    bench.node.left(at(5_000));
    bench.run(at(5_100));
    assert_eq!(bench.node.lease_until(), Instant::ZERO, "before anybody hears that it left");
    assert_eq!(bench.told_but_views(), [], "the table is out of reach, so it waits");
    bench.loses = |_| false;
    bench.run(at(6_000));
    assert_eq!(bench.told_but_views(), [Effect::Left]);
    assert_eq!(bench.table.row(inc(1)).unwrap().state, MemberState::Left);
}

#[test]
fn a_join_whose_answer_is_lost_is_repeated_and_done_once() {
    let mut bench = Bench::new(Config::default());
    bench.node.join(at(0), seat("me"), JoinToken(1));
    let [Effect::Ask { request, ask }, ..] = &bench.node.take_effects()[..] else { panic!() };
    bench.table.apply(ask.clone());
    bench.node.handle_answer(at(1_000), *request, Err(Lost));
    bench.run(at(2_000));
    assert_eq!(bench.told_but_views(), [Effect::Joined(inc(1))]);
    assert_eq!(bench.table.len(), 1);
}

#[test]
fn a_table_out_of_reach_suspends_and_its_return_resumes() {
    let mut bench = Bench::with_others(Config::default(), 3);
    bench.run(at(1_100));
    bench.loses = |_| true;
    let until = bench.node.lease_until();
    bench.run(at(60_000));
    assert_eq!(bench.told_but_views(), [Effect::Suspend]);
    assert_eq!(bench.node.lease_until(), until);
    bench.loses = |_| false;
    bench.run(at(60_300));
    assert_eq!(bench.told_but_views(), [Effect::Resume]);
    assert!(!bench.asked.iter().any(is_down), "nobody could renew meanwhile");
    let view = bench.node.view();
    assert!(view.members().all(|it| it.state == Alive), "{view:?}");
    bench.run(at(60_300 + 10_350));
    assert_eq!(bench.node.view().in_state(Down).count(), 3, "and nobody did afterwards");
}

fn is_down(action: &TableAction) -> bool {
    matches!(action, TableAction::Down { .. })
}

#[test]
fn a_verdict_that_a_table_out_of_reach_did_not_hear_is_not_put_to_it_later() {
    let mut bench = Bench::with_others(Config::default(), 1);
    bench.loses = is_down;
    bench.run(at(11_000));
    assert!(bench.asked.iter().any(is_down), "it was silent for long enough");
    bench.loses = |_| true;
    bench.run(at(60_000));
    bench.loses = |_| false;
    bench.asked.clear();
    bench.run(at(61_000));
    assert!(!bench.asked.iter().any(is_down), "{:?}", bench.asked);
    assert_eq!(bench.table.row(inc(2)).unwrap().state, Alive);
}

#[test]
fn a_renewal_of_unknown_outcome_counts_only_once_it_is_acknowledged() {
    let mut bench = Bench::with_others(Config::default(), 1);
    let before = bench.node.lease_until();
    bench.act(TableAction::Beat { incarnation: inc(1), beat: 1 }).unwrap();
    bench.run(at(3_334));
    assert_eq!(bench.table.row(inc(1)).unwrap().beat, 3, "the right number follows at once");
    assert_eq!(bench.node.lease_until(), at(13_333));
    assert!(before < at(13_333));

    // Applied, answer lost: nothing is counted until the next.
    bench.node.handle_timer(at(6_700), bench.timer.take().unwrap().0);
    for effect in bench.node.take_effects() {
        if let Effect::Ask { request, ask } = effect {
            bench.table.apply(ask);
            bench.node.handle_answer(at(6_700), request, Err(Lost));
        }
    }
    assert_eq!(bench.node.lease_until(), at(13_333));
    bench.run(at(7_000));
    assert_eq!(bench.node.lease_until(), at(16_900), "asked again 200 ms later");
}

#[test]
fn whoever_is_condemned_discards_and_joins_anew() {
    for is_forgotten in [false, true] {
        let mut bench = Bench::with_others(Config::default(), 1);
        if is_forgotten {
            bench.act(TableAction::DownProven { incarnation: inc(1) }).unwrap();
            bench.act(TableAction::Forget { incarnations: vec![inc(1)] }).unwrap();
        } else {
            let reason = Reason::MissingReport;
            let condemn = TableAction::Condemn { incarnation: inc(1), beat: None, reason };
            bench.act(condemn).unwrap();
        }
        bench.run(at(1_500));
        assert_eq!(bench.told_but_views(), [Effect::Discard]);
        assert_eq!(bench.node.lease_until(), Instant::ZERO);
        bench.node.join(at(1_500), seat("me"), JoinToken(77));
        bench.run(at(1_600));
        let joined = inc(bench.table.number().0);
        let fence = (!is_forgotten).then_some(Effect::Fence(inc(1)));
        let expected: Vec<_> = [Effect::Joined(joined)].into_iter().chain(fence).collect();
        assert_eq!(bench.told_but_views(), expected);
        let former = bench.table.row(inc(1)).map(|row| row.state);
        assert_eq!(former, (!is_forgotten).then_some(Down), "nobody waits for its lease");
        assert!(bench.node.lease_until() > at(1_600));
    }
}

#[test]
fn a_restarted_node_accuses_its_older_self_and_puts_it_down() {
    let mut bench = Bench::new(Config::default());
    bench.act(join("me", 9)).unwrap();
    bench.node.join(at(0), seat("me"), JoinToken(1));
    bench.run(at(0));
    bench.run(at(10_349));
    assert_eq!(bench.node.view().state(inc(1)), Some(Condemned));
    assert_eq!(bench.told_but_views(), [Effect::Joined(inc(2)), Effect::Fence(inc(1))]);
    bench.run(at(10_350));
    assert_eq!(bench.table.row(inc(1)).unwrap().state, Down);
    bench.node.handle_fenced(inc(1));
    bench.run(at(10_350 + 599_000));
    assert_eq!(bench.table.len(), 2);
    bench.run(at(10_350 + 602_000));
    assert_eq!(bench.table.len(), 1, "fenced, and gone for ten minutes");
}

#[test]
fn a_silent_member_is_put_down_when_its_beat_was_seen_for_long_enough() {
    let mut bench = Bench::with_others(Config::default(), 1);
    bench.run(at(3_000));
    bench.beat_of(2);
    bench.run(at(3_500));
    // Beat 1 was first read at 3,000 + the poll after it.
    let first_read = at(3_500);
    bench.run(first_read + Duration::from_millis(10_349));
    assert_eq!(bench.table.row(inc(2)).unwrap().state, Alive);
    bench.run(first_read + Duration::from_millis(10_350));
    assert_eq!(bench.table.row(inc(2)).unwrap().state, Down);
    assert_eq!(bench.told_but_views(), [Effect::Fence(inc(2))]);
}

#[test]
fn a_fail_over_of_the_table_restarts_observations() {
    let mut bench = Bench::with_others(Config::default(), 1);
    bench.run(at(10_000));
    bench.table.fail_over();
    bench.run(at(20_349));
    assert_eq!(bench.table.row(inc(2)).unwrap().state, Alive);
    bench.run(at(21_000));
    assert_eq!(bench.table.row(inc(2)).unwrap().state, Down);
}

#[test]
fn what_the_fast_path_allows() {
    const PRESUMED: [Death; 2] =
        [Death::Presumption { seen_by: 1 }, Death::Presumption { seen_by: 2 }];
    for (fast_path, others, death, expected) in [
        (FastPath::Presumed, 3, PRESUMED[0], Alive),
        (FastPath::Presumed, 3, PRESUMED[1], Condemned),
        (FastPath::Presumed, 1, PRESUMED[0], Condemned),
        (FastPath::Presumed, 3, Death::Proof, Down),
        (FastPath::Proven, 3, PRESUMED[1], Alive),
        (FastPath::Proven, 3, Death::Proof, Down),
        (FastPath::Off, 3, PRESUMED[1], Alive),
        (FastPath::Off, 3, Death::Proof, Alive),
    ] {
        let config = Config { fast_path, ..Config::default() };
        let mut bench = Bench::with_others(config, others);
        bench.node.handle_death(at(700), inc(2), death);
        bench.run(at(700));
        let what = format!("{fast_path:?} {others} {death:?}");
        assert_eq!(bench.table.row(inc(2)).unwrap().state, expected, "{what}");
        let hint = Effect::Hint(bench.table.number());
        assert_eq!(bench.told.contains(&hint), expected != Alive, "{what}");
        let is_poll = |it: &TableAction| matches!(it, TableAction::Poll { .. });
        assert!(bench.asked.iter().any(is_poll), "at least it looks: {what}");

        let mut bench = Bench::with_others(config, others);
        bench.act(TableAction::Advance { incarnation: inc(2), to: Leaving }).unwrap();
        bench.run(at(1_200));
        bench.node.handle_death(at(1_200), inc(2), death);
        bench.run(at(1_200));
        assert_eq!(bench.table.row(inc(2)).unwrap().state, Leaving, "never: {what}");
    }
}

#[test]
fn a_member_that_beats_and_does_not_report_is_condemned() {
    let mut bench = Bench::with_others(Config::default(), 2);
    bench.loses = |_| true;
    bench.node.accuse(at(700), inc(3));
    bench.run(at(800));
    bench.loses = |_| false;
    bench.run(at(1_000));
    assert_eq!(bench.table.row(inc(3)).unwrap().state, Condemned);
    bench.node.accuse(at(1_000), inc(1));
    bench.run(at(1_100));
    assert_eq!(bench.table.row(inc(1)).unwrap().state, Alive, "nobody accuses itself");
}

/// Met in the simulation: a member that had been cut off from the table for longer than its lease was back, and the first
/// thing it did was to condemn one that lived.
#[test]
fn who_has_lost_its_own_lease_condemns_nobody() {
    let mut bench = Bench::with_others(Config::default(), 2);
    bench.loses = |_| true;
    bench.node.accuse(at(700), inc(2));
    bench.run(at(10_100));
    bench.loses = |_| false;
    bench.node.accuse(at(10_100), inc(3));
    bench.run(at(10_320));
    for other in [2, 3] {
        assert_eq!(bench.table.row(inc(other)).unwrap().state, Alive);
        bench.beat_of(other);
    }
    // With its lease it may.
    bench.run(at(12_000));
    bench.node.accuse(at(12_000), inc(3));
    bench.run(at(12_100));
    assert_eq!(bench.table.row(inc(3)).unwrap().state, Condemned);
}

#[test]
fn lost_lanes_hold_everything_back_until_a_renewal() {
    let mut bench = Bench::with_others(Config::default(), 2);
    bench.loses = |_| true;
    bench.node.handle_lanes_lost(at(700));
    assert_eq!(bench.node.lease_until(), Instant::ZERO);
    bench.run(at(800));
    assert_eq!(bench.told_but_views(), [Effect::Suspend]);
    bench.loses = |_| false;
    bench.run(at(1_000));
    assert_eq!(bench.told_but_views(), [Effect::Resume]);
    assert_eq!(bench.node.lease_until(), at(11_000));
}

#[test]
fn a_renewal_sent_before_the_lanes_broke_does_not_count() {
    let mut bench = Bench::with_others(Config::default(), 2);
    let (timer, due) = bench.timer.take().unwrap();
    bench.node.handle_timer(due + Duration::from_secs(3), timer);
    let effects = bench.node.take_effects();
    bench.node.handle_lanes_lost(at(4_200));
    for effect in effects {
        if let Effect::Ask { request, ask } = effect {
            let answer = bench.table.apply(ask);
            bench.node.handle_answer(at(4_300), request, Ok(answer));
        }
    }
    assert_eq!(bench.node.lease_until(), Instant::ZERO);
    bench.run(at(4_400));
    assert_eq!(bench.node.lease_until(), at(14_300));
}

#[test]
fn a_number_heard_of_is_read_at_once() {
    let mut bench = Bench::with_others(Config::default(), 1);
    bench.act(join("late", 50)).unwrap();
    bench.node.handle_number(at(700), bench.table.number());
    bench.run(at(700));
    assert_eq!(bench.node.view().len(), 3);
    bench.asked.clear();
    bench.node.handle_number(at(710), bench.table.number());
    bench.run(at(710));
    assert_eq!(bench.asked, []);
}

#[test]
fn it_looks_past_the_silent() {
    let mut bench = Bench::with_others(Config::default(), 20);
    // Nobody else renews: at half a lease three are silent and three more are watched, and so on.
    let watched = |bench: &mut Bench, until| {
        bench.asked.clear();
        bench.run(until);
        let polls = bench.asked.iter().rev();
        let mut watches = polls.filter_map(|it| match it {
            TableAction::Poll { watch, .. } => Some(watch.len()),
            _ => None,
        });
        watches.next().unwrap()
    };
    assert_eq!(watched(&mut bench, at(2_000)), SUCCESSORS);
    assert_eq!(watched(&mut bench, at(6_500)), 2 * SUCCESSORS);
    bench.run(at(60_000));
    let view = bench.node.view();
    assert_eq!(view.in_state(Down).count(), 20, "{view:?}");
}

#[test]
fn a_restored_table_is_an_alarm_and_ends_the_lease() {
    let mut bench = Bench::with_others(Config::default(), 1);
    let mut older = Table::default();
    older.apply(TableRequest { seen: ViewNumber(0), action: join("me", 1) });
    let seen = bench.table.number();
    bench.table = older;
    bench.run(at(30_000));
    let behind = TableError::Behind { number: ViewNumber(1), seen };
    assert_eq!(bench.told_but_views(), [Effect::Trouble(behind), Effect::Suspend]);
    bench.table.restore(seen);
    bench.run(at(31_000));
    assert_eq!(bench.told_but_views(), [Effect::Discard]);
}

#[test]
fn a_table_that_was_replaced_is_an_alarm_and_ends_the_lease_and_nobody_else() {
    let mut bench = Bench::with_others(Config::default(), 1);
    let replaced = TableError::Replaced { what: "it is another etcd".into() };
    bench.refusal = Some(replaced.clone());
    let before = bench.node.view().number;
    bench.run(at(30_000));
    assert_eq!(bench.told_but_views(), [Effect::Trouble(replaced), Effect::Suspend], "said once");
    assert_eq!((bench.node.view().number, bench.node.view().state(inc(2))), (before, Some(Alive)));
    // Somebody else has renewed first: nobody is dead.
    bench.beat_of(2);
    bench.refusal = None;
    bench.run(at(31_000));
    assert_eq!(bench.told_but_views(), [Effect::Resume]);
}

#[test]
fn a_fixed_list_has_no_leases() {
    let members = [1, 2].map(|number| crate::view::Member {
        incarnation: inc(number),
        node: NodeId::new("n").unwrap(),
        state: Alive,
        presumed: false,
        weight: 1,
        address: "a".into(),
    });
    let view = View::new(ViewNumber(1), members);
    let mut node = Membership::fixed(inc(1), view.clone());
    assert_eq!(node.take_effects(), [Effect::Joined(inc(1)), Effect::View(Arc::new(view))]);
    node.handle_death(at(0), inc(2), Death::Proof);
    node.handle_lanes_lost(at(0));
    node.accuse(at(0), inc(2));
    node.ready(at(0));
    assert_eq!(node.take_effects(), []);
    assert_eq!(node.lease_until(), Instant::NEVER);
}
