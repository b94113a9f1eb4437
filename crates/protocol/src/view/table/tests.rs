use tenure_types::NodeId;

use super::*;
use MemberState::{Alive, Condemned, Down, Joining, Leaving, Left};

fn inc(number: u64) -> Incarnation {
    Incarnation(number)
}

fn ask(table: &mut Table, action: TableAction) -> Result<TableOutcome, TableError> {
    table.apply(TableRequest { seen: ViewNumber(0), action }).outcome
}

fn join(node: &str, token: u128) -> TableAction {
    TableAction::Join {
        node: NodeId::new(node).unwrap(),
        weight: 1,
        address: "a".into(),
        former: None,
        token: JoinToken(token),
    }
}

fn advance(number: u64, to: MemberState) -> TableAction {
    TableAction::Advance { incarnation: inc(number), to }
}

fn condemn(number: u64, beat: Option<u64>) -> TableAction {
    TableAction::Condemn { incarnation: inc(number), beat, reason: Reason::MissingReport }
}

fn beat(number: u64, beat: u64) -> TableAction {
    TableAction::Beat { incarnation: inc(number), beat }
}

fn down(number: u64, beat: u64) -> TableAction {
    TableAction::Down { incarnation: inc(number), beat }
}

/// A table with one row, of incarnation 1, at beat 1, in this state.
fn table_with(state: MemberState) -> Table {
    let mut table = Table::default();
    ask(&mut table, join("a", 1)).unwrap();
    ask(&mut table, beat(1, 0)).unwrap();
    let way = match state {
        Joining => vec![],
        Alive => vec![advance(1, Alive)],
        Leaving => vec![advance(1, Leaving)],
        Left => vec![advance(1, Leaving), advance(1, Left)],
        Condemned => vec![condemn(1, None)],
        Down => vec![TableAction::DownProven { incarnation: inc(1) }],
    };
    for step in way {
        ask(&mut table, step).unwrap();
    }
    assert_eq!(table.row(inc(1)).unwrap().state, state);
    table
}

#[test]
fn every_request_meets_every_state() {
    const ALL: [MemberState; 6] = [Joining, Alive, Leaving, Condemned, Down, Left];
    let proven = TableAction::DownProven { incarnation: inc(1) };
    // Where a row in each state goes; `None`: refused.
    for (action, expected) in [
        (advance(1, Alive), [Some(Alive), Some(Alive), None, None, None, None]),
        (advance(1, Leaving), [Some(Leaving), Some(Leaving), Some(Leaving), None, None, None]),
        (advance(1, Left), [None, None, Some(Left), None, None, Some(Left)]),
        (advance(1, Down), [None, None, None, None, Some(Down), None]),
        (
            condemn(1, None),
            [Some(Condemned), Some(Condemned), Some(Condemned), Some(Condemned), None, None],
        ),
        (
            condemn(1, Some(1)),
            [Some(Condemned), Some(Condemned), Some(Condemned), Some(Condemned), None, None],
        ),
        (condemn(1, Some(0)), [None, None, None, Some(Condemned), None, None]),
        (down(1, 1), [Some(Down), Some(Down), Some(Down), Some(Down), Some(Down), None]),
        (down(1, 0), [None, None, None, None, Some(Down), None]),
        (proven, [Some(Down), Some(Down), Some(Down), Some(Down), Some(Down), None]),
    ] {
        for (from, to) in ALL.into_iter().zip(expected) {
            let mut table = table_with(from);
            let before = table.clone();
            let outcome = ask(&mut table, action.clone());
            let Some(to) = to else {
                let refused = TableError::Refused { state: from, beat: 1 };
                assert_eq!(outcome, Err(refused), "{action:?} on {from}");
                assert_eq!(table, before);
                continue;
            };
            assert_eq!(outcome, Ok(TableOutcome::Done), "{action:?} on {from}");
            assert_eq!(table.row(inc(1)).unwrap().state, to);
            let steps = u64::from(from != to);
            assert_eq!(table.number.0, before.number.0 + steps, "{action:?} on {from}");
            assert_eq!(ask(&mut table, action.clone()), Ok(TableOutcome::Done), "done twice");
            assert_eq!(table.number.0, before.number.0 + steps, "done twice makes no view");
        }
    }
}

#[test]
fn everybody_learns_that_one_who_was_condemned_is_presumed_dead() {
    let presumed =
        TableAction::Condemn { incarnation: inc(1), beat: None, reason: Reason::PresumedDead };
    for (state, views) in [(Alive, 1), (Condemned, 1)] {
        let mut table = table_with(state);
        let before = table.number().0;
        for _ in 0..2 {
            assert_eq!(ask(&mut table, presumed.clone()), Ok(TableOutcome::Done));
            assert!(table.view().member(inc(1)).unwrap().presumed);
            assert_eq!(table.number().0, before + views, "{state}");
        }
    }
}

#[test]
fn a_renewal_compares_and_makes_no_view() {
    for (state, may) in [
        (Joining, true),
        (Alive, true),
        (Leaving, true),
        (Condemned, false),
        (Down, false),
        (Left, false),
    ] {
        let mut table = table_with(state);
        let number = table.number();
        let refused = |beat| Err(TableError::Refused { state, beat });
        assert_eq!(ask(&mut table, beat(1, 0)), refused(1));
        assert_eq!(ask(&mut table, beat(1, 2)), refused(1));
        let expected = if may { Ok(TableOutcome::Beaten { beat: 2 }) } else { refused(1) };
        assert_eq!(ask(&mut table, beat(1, 1)), expected, "{state}");
        assert_eq!(table.number(), number);
    }
    assert_eq!(ask(&mut Table::default(), beat(1, 0)), Err(TableError::Absent));
}

#[test]
fn a_join_is_done_once_and_accuses_the_older_run() {
    let mut table = Table::default();
    let joined = |number, is_new| Ok(TableOutcome::Joined { incarnation: inc(number), is_new });
    assert_eq!(ask(&mut table, join("a", 1)), joined(1, true));
    assert_eq!(ask(&mut table, join("b", 2)), joined(2, true));
    assert_eq!(ask(&mut table, join("a", 1)), joined(1, false), "a lost answer, asked again");
    assert_eq!(table.number(), ViewNumber(2));
    ask(&mut table, advance(1, Alive)).unwrap();

    assert_eq!(ask(&mut table, join("a", 3)), joined(4, true));
    let states: Vec<_> = table.view().members().map(|it| (it.incarnation.0, it.state)).collect();
    assert_eq!(states, [(1, Condemned), (2, Joining), (4, Joining)]);
    assert_eq!(table.number(), ViewNumber(4), "one view for both");
    assert_eq!(ask(&mut table, join("a", 1)), joined(1, false), "the older one's late copy");
    assert_eq!(table.row(inc(4)).unwrap().state, Joining);
}

#[test]
fn whoever_joins_again_puts_its_own_former_incarnation_down() {
    let again = |node: &str, former| match join(node, 9) {
        TableAction::Join { node, weight, address, token, .. } => {
            TableAction::Join { node, weight, address, former: Some(inc(former)), token }
        }
        other => other,
    };
    for (node, former, expected) in
        [("a", 1, [Down, Alive]), ("a", 3, [Condemned, Alive]), ("c", 3, [Alive, Alive])]
    {
        let mut table = Table::default();
        for (name, number) in [("a", 1), ("b", 3)] {
            ask(&mut table, join(name, number.into())).unwrap();
            ask(&mut table, advance(number, Alive)).unwrap();
        }
        ask(&mut table, again(node, former)).unwrap();
        let states = [1, 3].map(|it| table.row(inc(it)).unwrap().state);
        assert_eq!(states, expected, "{node} was {former}");
        assert_eq!(table.number(), ViewNumber(5), "one view for all of it");
    }
}

#[test]
fn only_the_gone_are_forgotten() {
    let mut table = Table::default();
    for token in 1..=3 {
        ask(&mut table, join(&format!("n{token}"), token)).unwrap();
    }
    ask(&mut table, TableAction::DownProven { incarnation: inc(1) }).unwrap();
    ask(&mut table, condemn(2, None)).unwrap();
    let number = table.number().0;
    let forget = TableAction::Forget { incarnations: [1, 2, 3, 9].map(inc).to_vec() };
    assert_eq!(ask(&mut table, forget.clone()), Ok(TableOutcome::Done));
    assert_eq!((table.len(), table.number().0), (2, number + 1));
    assert_eq!(ask(&mut table, forget), Ok(TableOutcome::Done));
    assert_eq!((table.len(), table.number().0), (2, number + 1), "nothing to forget, no view");
    assert_eq!(ask(&mut table, beat(1, 0)), Err(TableError::Absent));
}

#[test]
fn a_poll_at_rest_is_small() {
    let mut table = Table::default();
    for token in 1..=100 {
        ask(&mut table, join(&format!("n{token}"), token)).unwrap();
    }
    ask(&mut table, beat(7, 0)).unwrap();
    let known = table.number();
    let poll = |known, watch: Vec<u64>| TableAction::Poll {
        known,
        watch: watch.into_iter().map(Incarnation).collect(),
    };
    let rows = vec![
        RowRead { incarnation: inc(7), state: Joining, beat: 1 },
        RowRead { incarnation: inc(3), state: Joining, beat: 0 },
    ];
    let read = ask(&mut table, poll(known, vec![7, 500, 3]));
    assert_eq!(read, Ok(TableOutcome::Read { view: None, rows }));
    let older = ViewNumber(known.0 - 1);
    let read = ask(&mut table, poll(older, vec![]));
    let view = Some(table.view());
    assert_eq!(read, Ok(TableOutcome::Read { view, rows: vec![] }));
    let TableOutcome::Read { rows, .. } =
        ask(&mut table, poll(known, (1..=100).collect())).unwrap()
    else {
        panic!("a poll reads")
    };
    assert_eq!(rows.len(), WATCH_MAX);
}

#[test]
fn a_restored_table_refuses_until_it_is_raised() {
    let mut table = table_with(Alive);
    let number = table.number();
    let seen = ViewNumber(90);
    let request = TableRequest { seen, action: beat(1, 1) };
    let before = table.clone();
    let answer = table.apply(request.clone());
    assert_eq!(answer.outcome, Err(TableError::Behind { number, seen }));
    assert_eq!(table, before);
    table.restore(seen);
    assert_eq!(table.number(), ViewNumber(91));
    let refused = TableError::Refused { state: Condemned, beat: 1 };
    let answer = table.apply(request);
    assert_eq!(answer.outcome, Err(refused), "what it knew of the living is old");
    assert_ne!(answer.timeline, before.timeline);
    let joined = TableOutcome::Joined { incarnation: inc(92), is_new: true };
    assert_eq!(ask(&mut table, join("b", 5)), Ok(joined));
}

#[test]
fn a_full_table_takes_nobody() {
    let mut table = Table::default();
    for token in 1..=ROWS_MAX as u128 {
        ask(&mut table, join(&format!("n{token}"), token)).unwrap();
    }
    assert_eq!(ask(&mut table, join("late", 0)), Err(TableError::Full));
    let forget = TableAction::Forget { incarnations: vec![inc(1)] };
    ask(&mut table, TableAction::DownProven { incarnation: inc(1) }).unwrap();
    ask(&mut table, forget).unwrap();
    assert!(ask(&mut table, join("late", 0)).is_ok());
}

#[test]
fn a_table_that_begins_past_what_was_seen_gives_no_incarnation_twice() {
    let mut table = Table::beginning_at(ViewNumber(41));
    assert_eq!((table.number(), table.is_empty()), (ViewNumber(41), true));
    let joined = ask(&mut table, join("a", 1));
    assert_eq!(joined, Ok(TableOutcome::Joined { incarnation: inc(42), is_new: true }));
}
