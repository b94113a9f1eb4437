//! The cases of the suite.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tenure_protocol::view::MemberState;
use tenure_protocol::view::table::{Table, TableAction, TableError, TableOutcome, TableRequest};
use tenure_types::{Incarnation, ViewNumber};

use crate::actions::{join, request};
use crate::subject::{MemberTable, Subject, asked, wait};

const CLUSTER: &str = "test";
const TERMS: &str = "leases of 10000 ms";

fn table<S: Subject>(subject: &S, place: &S::Place) -> Arc<dyn MemberTable> {
    subject.table(place, CLUSTER, TERMS)
}

/// Random requests, one after the other, are answered as [`Table::apply`] answers them.
pub fn every_answer_is_that_of_the_specification<S: Subject>(subject: &S) {
    let requests = prop::collection::vec(request(), 1..50);
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let run = runner.run(&requests, |requests| {
        let table = table(subject, &subject.place());
        let mut specified = Table::default();
        for request in requests {
            let expected = specified.apply(request.clone());
            let answer = wait(table.ask(request.clone())).expect("the table is there");
            prop_assert_eq!(answer.number, expected.number, "{:?}", request);
            prop_assert_eq!(answer.outcome, expected.outcome, "{:?}", request);
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

/// A renewal and the end of the lease that it renews, asked for at the same time: one of them is done.
pub fn leases_are_renewed_or_ended_and_never_both<S: Subject>(subject: &S) {
    let place = subject.place();
    let (member, other) = (table(subject, &place), table(subject, &place));
    for round in 0..60_u64 {
        let joined = asked(&*member, 0, join("a", round.into())).outcome;
        let Ok(TableOutcome::Joined { incarnation, is_new: true }) = joined else {
            panic!("{joined:?}");
        };
        // A renewal before, so that the next one begins with what that one left.
        let before = asked(&*member, 0, TableAction::Beat { incarnation, beat: 0 }).outcome;
        assert_eq!(before, Ok(TableOutcome::Beaten { beat: 1 }));
        let request = |action| TableRequest { seen: ViewNumber(0), action };
        let renewed = member.ask(request(TableAction::Beat { incarnation, beat: 1 }));
        let ended = other.ask(request(TableAction::Down { incarnation, beat: 1 }));
        let (renewed, ended) = wait(Box::pin(async move { tokio::join!(renewed, ended) }));
        let (renewed, ended) = (renewed.unwrap().outcome, ended.unwrap().outcome);
        match (&renewed, &ended) {
            (Ok(TableOutcome::Beaten { beat: 2 }), Err(TableError::Refused { beat: 2, .. })) => {}
            (
                Err(TableError::Refused { state: MemberState::Down, beat: 1 }),
                Ok(TableOutcome::Done),
            ) => {}
            both => panic!("round {round}: {both:?}"),
        }
    }
}

/// Eight joins at the same time make eight views.
pub fn who_joins_at_the_same_time_gets_a_view_of_its_own<S: Subject>(subject: &S) {
    let place = subject.place();
    let tables: Vec<_> = (0..8).map(|_| table(subject, &place)).collect();
    let joins: Vec<_> = (0..8_u128)
        .zip(&tables)
        .map(|(at, table)| {
            let action = join(&format!("n{at}"), at);
            table.ask(TableRequest { seen: ViewNumber(0), action })
        })
        .collect();
    let mut given: Vec<u64> = Vec::new();
    for join in joins {
        match wait(join).expect("the table is there").outcome {
            Ok(TableOutcome::Joined { incarnation, is_new: true }) => given.push(incarnation.0),
            other => panic!("{other:?}"),
        }
    }
    given.sort_unstable();
    assert_eq!(given, [1, 2, 3, 4, 5, 6, 7, 8]);
    let all = TableAction::Poll { known: ViewNumber(0), watch: vec![] };
    let read = asked(&*tables[0], 8, all).outcome;
    let Ok(TableOutcome::Read { view: Some(view), .. }) = read else {
        panic!("there is a view");
    };
    assert_eq!((view.number, view.members().count()), (ViewNumber(8), 8));
    let first = view.members().next().unwrap();
    assert_eq!((first.weight, first.state), (3, MemberState::Joining));
    assert!(first.address.ends_with(":1#2"), "{}", first.address);
}

/// Eight members that go on at the same time, each in a row of its own, make eight views.
pub fn changes_of_other_rows_at_the_same_time_are_views_of_their_own<S: Subject>(subject: &S) {
    let place = subject.place();
    let tables: Vec<_> = (0..8).map(|_| table(subject, &place)).collect();
    for (at, table) in (0..8_u128).zip(&tables) {
        asked(&**table, 0, join(&format!("n{at}"), at)).outcome.expect("it joins");
    }
    let going: Vec<_> = (1..=8)
        .zip(&tables)
        .map(|(number, table)| {
            let to = MemberState::Alive;
            let action = TableAction::Advance { incarnation: Incarnation(number), to };
            table.ask(TableRequest { seen: ViewNumber(0), action })
        })
        .collect();
    let mut numbers = Vec::new();
    for gone in going {
        let answer = wait(gone).expect("the table is there");
        assert_eq!(answer.outcome, Ok(TableOutcome::Done));
        numbers.push(answer.number.0);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (9..=16).collect::<Vec<u64>>());
}

/// A table that is of another cluster answers nothing, and nothing of it is changed.
pub fn tables_of_other_clusters_are_refused<S: Subject>(subject: &S) {
    let place = subject.place();
    let own = table(subject, &place);
    wait(own.check()).expect("it is nobody's");
    asked(&*own, 0, join("a", 1)).outcome.unwrap();
    wait(own.check()).expect("it is its own");
    let other = subject.table(&place, "other", TERMS);
    let told = wait(other.check()).expect_err("it is of another cluster");
    assert!(told.contains("cluster \"test\"") && told.contains("\"other\""), "{told}");
    let request = TableRequest { seen: ViewNumber(0), action: join("b", 2) };
    wait(other.ask(request)).expect_err("nothing is answered from a table of others");
    let all = TableAction::Poll { known: ViewNumber(0), watch: vec![] };
    assert_eq!(asked(&*own, 1, all).number, ViewNumber(1), "nothing has changed");
}

/// A node with other terms is refused while somebody is a member, and has its own way after that.
pub fn members_have_the_same_terms<S: Subject>(subject: &S) {
    let place = subject.place();
    let own = table(subject, &place);
    asked(&*own, 0, join("a", 1)).outcome.unwrap();
    let other = subject.table(&place, CLUSTER, "leases of 2000 ms");
    let told = wait(other.check()).expect_err("it is refused");
    assert!(told.contains(TERMS) && told.contains("leases of 2000 ms"), "{told}");
    for action in [
        join("b", 2),
        TableAction::Beat { incarnation: Incarnation(1), beat: 0 },
        TableAction::Down { incarnation: Incarnation(1), beat: 0 },
    ] {
        let request = TableRequest { seen: ViewNumber(0), action };
        wait(other.ask(request)).expect_err("it would end a lease that holds");
    }
    let proven = TableAction::DownProven { incarnation: Incarnation(1) };
    asked(&*own, 0, proven).outcome.unwrap();
    wait(other.check()).expect("nobody is a member");
    asked(&*other, 0, join("b", 2)).outcome.unwrap();
    assert!(wait(own.check()).is_err(), "now the others' terms hold");
}

/// Who saw a later view than the table has is told so, and nothing is done, whatever is asked for.
pub fn tables_before_a_view_that_was_seen_refuse<S: Subject>(subject: &S) {
    let table = table(subject, &subject.place());
    asked(&*table, 0, join("a", 1)).outcome.unwrap();
    let incarnation = Incarnation(1);
    let behind = Err(TableError::Behind { number: ViewNumber(1), seen: ViewNumber(2) });
    for action in [
        TableAction::Beat { incarnation, beat: 0 },
        TableAction::Down { incarnation, beat: 0 },
        TableAction::DownProven { incarnation },
        TableAction::Poll { known: ViewNumber(1), watch: vec![incarnation] },
        join("b", 2),
    ] {
        assert_eq!(asked(&*table, 2, action.clone()).outcome, behind, "{action:?}");
    }
    let beat = asked(&*table, 1, TableAction::Beat { incarnation, beat: 0 }).outcome;
    assert_eq!(beat, Ok(TableOutcome::Beaten { beat: 1 }), "the lease stood as it was");
}
