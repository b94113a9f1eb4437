//! The member table against its specification, and against others at the same time.

use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tenure_postgres_server::PostgresServer;
use tenure_protocol::view::MemberState;
use tenure_protocol::view::table::{
    JoinToken, Reason, Table, TableAction, TableAnswer, TableError, TableOutcome, TableRequest,
};
use tenure_store::{Store, StoreError};
use tenure_types::{Incarnation, NodeId, ViewNumber};

use super::support::{COME_MAX, Database, wait};
use crate::{PostgresConfig, PostgresStore, PostgresTable, migrate};

const CLUSTER: &str = "test";
const TERMS: &str = "leases of 10000 ms";

fn table_in(config: PostgresConfig) -> PostgresTable {
    PostgresTable::new(config, CLUSTER, TERMS)
}

fn asked(table: &PostgresTable, seen: u64, action: TableAction) -> TableAnswer {
    let request = TableRequest { seen: ViewNumber(seen), action };
    wait(table.ask(request)).expect("the server is there")
}

fn join(node: &str, token: u128) -> TableAction {
    TableAction::Join {
        node: NodeId::new(node).unwrap(),
        weight: 3,
        address: format!("{node}:1#2").into(),
        former: None,
        token: JoinToken(token),
    }
}

fn action() -> impl Strategy<Value = TableAction> {
    let incarnation = || (1..14_u64).prop_map(Incarnation);
    let beat = 0..3_u64;
    let watch = prop::collection::vec(incarnation(), 0..4);
    let state = prop::sample::select(vec![
        MemberState::Alive,
        MemberState::Leaving,
        MemberState::Left,
        MemberState::Down,
    ]);
    let reason = prop::sample::select(vec![Reason::PresumedDead, Reason::MissingReport]);
    let former = prop::option::of(incarnation());
    prop_oneof![
        2 => (0..12_u64, watch).prop_map(|(known, watch)| TableAction::Poll { known: ViewNumber(known), watch }),
        4 => (incarnation(), beat.clone()).prop_map(|(incarnation, beat)| TableAction::Beat { incarnation, beat }),
        4 => ("[abc]", former, 0..20_u128).prop_map(|(node, former, token)| match join(&node, token) {
            TableAction::Join { node, weight, address, token, .. } => {
                TableAction::Join { node, weight, address, former, token }
            }
            other => other,
        }),
        4 => (incarnation(), state).prop_map(|(incarnation, to)| TableAction::Advance { incarnation, to }),
        2 => (incarnation(), prop::option::of(beat.clone()), reason)
            .prop_map(|(incarnation, beat, reason)| TableAction::Condemn { incarnation, beat, reason }),
        2 => (incarnation(), beat).prop_map(|(incarnation, beat)| TableAction::Down { incarnation, beat }),
        1 => incarnation().prop_map(|incarnation| TableAction::DownProven { incarnation }),
        1 => prop::collection::vec(incarnation(), 0..4).prop_map(|incarnations| TableAction::Forget { incarnations }),
    ]
}

#[test]
fn every_answer_is_that_of_the_specification() {
    let database = Database::start();
    let request = (0..5_u64, action())
        .prop_map(|(seen, action)| TableRequest { seen: ViewNumber(seen), action });
    let requests = prop::collection::vec(request, 1..50);
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let run = runner.run(&requests, |requests| {
        let table = table_in(database.config());
        let mut specified = Table::default();
        for request in requests {
            let expected = specified.apply(request.clone());
            let answer = wait(table.ask(request.clone())).expect("the server is there");
            prop_assert_eq!(answer.number, expected.number, "{:?}", request);
            prop_assert_eq!(answer.outcome, expected.outcome, "{:?}", request);
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_lease_is_renewed_or_ended_and_never_both() {
    let database = Database::start();
    let config = database.config();
    let table = || table_in(config.clone());
    let (member, other) = (table(), table());
    for round in 0..60_u64 {
        let joined = asked(&member, 0, join("a", round.into())).outcome;
        let Ok(TableOutcome::Joined { incarnation, is_new: true }) = joined else {
            panic!("{joined:?}");
        };
        let request = |action| TableRequest { seen: ViewNumber(0), action };
        let renewed = member.ask(request(TableAction::Beat { incarnation, beat: 0 }));
        let ended = other.ask(request(TableAction::Down { incarnation, beat: 0 }));
        let (renewed, ended) = wait(Box::pin(async move { tokio::join!(renewed, ended) }));
        let (renewed, ended) = (renewed.unwrap().outcome, ended.unwrap().outcome);
        match (&renewed, &ended) {
            (Ok(TableOutcome::Beaten { beat: 1 }), Err(TableError::Refused { beat: 1, .. })) => {}
            (
                Err(TableError::Refused { state: MemberState::Down, beat: 0 }),
                Ok(TableOutcome::Done),
            ) => {}
            both => panic!("round {round}: {both:?}"),
        }
    }
}

#[test]
fn who_joins_at_the_same_time_gets_a_view_of_its_own() {
    let database = Database::start();
    let config = database.config();
    let joins: Vec<_> = (0..8_u128)
        .map(|at| {
            let table = table_in(config.clone());
            let action = join(&format!("n{at}"), at);
            std::thread::spawn(move || asked(&table, 0, action).outcome)
        })
        .collect();
    let mut given: Vec<u64> = Vec::new();
    for join in joins {
        match join.join().unwrap() {
            Ok(TableOutcome::Joined { incarnation, is_new: true }) => given.push(incarnation.0),
            other => panic!("{other:?}"),
        }
    }
    given.sort_unstable();
    assert_eq!(given, [1, 2, 3, 4, 5, 6, 7, 8]);
    let table = table_in(config);
    let all = TableAction::Poll { known: ViewNumber(0), watch: vec![] };
    let Ok(TableOutcome::Read { view: Some(view), .. }) = asked(&table, 8, all).outcome else {
        panic!("there is a view");
    };
    assert_eq!((view.number, view.members().count()), (ViewNumber(8), 8));
    let first = view.members().next().unwrap();
    assert_eq!((first.weight, first.state), (3, MemberState::Joining));
    assert!(first.address.ends_with(":1#2"), "{}", first.address);
}

#[test]
fn incarnations_come_after_every_one_that_the_store_has_seen() {
    let database = Database::start();
    let config = database.config();
    let store = Arc::new(PostgresStore::new(config.clone()));
    let alone = Arc::clone(&store);
    wait(Box::pin(async move {
        for _ in 0..3 {
            alone.open().await.unwrap();
            alone.close().await.unwrap();
        }
    }));
    let table = table_in(config);
    let joined = asked(&table, 0, join("a", 1));
    let Ok(TableOutcome::Joined { incarnation, .. }) = joined.outcome else { panic!("{joined:?}") };
    assert_eq!((incarnation, joined.number), (Incarnation(4), ViewNumber(4)));
    wait(Box::pin(async move { store.join(incarnation).await })).expect("the store takes it");
}

fn refused(config: &PostgresConfig, cluster: &str) -> String {
    let table = PostgresTable::new(config.clone(), cluster, TERMS);
    match wait(table.check()) {
        Err(StoreError::Unavailable { detail } | StoreError::Io { detail, .. }) => detail.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_table_that_is_missing_older_or_of_another_cluster_is_refused() {
    let database = Database::start();
    let config = database.empty();
    assert!(refused(&config, CLUSTER).contains("tenure store migrate"));
    let made = config.clone();
    wait(Box::pin(async move { migrate(&made, 0).await })).unwrap();
    wait(table_in(config.clone()).check()).expect("nobody's");

    // What an older Tenure has made.
    let older = "ALTER TABLE stripes DROP COLUMN moment; ALTER TABLE entries DROP COLUMN moment; \
        DROP TABLE members, view; UPDATE store SET format = 1";
    database.sql(&config, older);
    assert!(refused(&config, CLUSTER).contains("older Tenure"));
    let made = config.clone();
    let migrated = wait(Box::pin(async move { migrate(&made, 0).await })).unwrap();
    assert_eq!((migrated.from, migrated.to), (Some(1), crate::FORMAT));

    let table = table_in(config.clone());
    asked(&table, 0, join("a", 1)).outcome.unwrap();
    wait(table.check()).expect("its own");
    assert!(refused(&config, "other").contains("cluster \"test\""));
    let other = PostgresTable::new(config.clone(), "other", TERMS);
    let request = TableRequest { seen: ViewNumber(0), action: join("b", 2) };
    wait(other.ask(request)).expect_err("nothing is answered from a table of others");
    assert_eq!(database.sql(&config, "SELECT count(*) FROM members").trim(), "1");

    database.sql(&config, "UPDATE members SET node = 'No Node'");
    let poll = TableAction::Poll { known: ViewNumber(0), watch: vec![] };
    let request = TableRequest { seen: ViewNumber(0), action: poll };
    wait(table.ask(request)).expect_err("a row that was changed by hand is not believed");
}

#[test]
fn members_have_the_same_terms() {
    let database = Database::start();
    let config = database.config();
    let table = table_in(config.clone());
    asked(&table, 0, join("a", 1)).outcome.unwrap();
    let other = PostgresTable::new(config, CLUSTER, "leases of 2000 ms");
    let Err(StoreError::Unavailable { detail }) = wait(other.check()) else { panic!("refused") };
    assert!(detail.contains(TERMS) && detail.contains("leases of 2000 ms"), "{detail}");
    for action in [
        join("b", 2),
        TableAction::Beat { incarnation: Incarnation(1), beat: 0 },
        TableAction::Down { incarnation: Incarnation(1), beat: 0 },
    ] {
        let request = TableRequest { seen: ViewNumber(0), action };
        wait(other.ask(request)).expect_err("it would end a lease that holds");
    }
    let proven = TableAction::DownProven { incarnation: Incarnation(1) };
    asked(&table, 0, proven).outcome.unwrap();
    wait(other.check()).expect("nobody is a member");
    asked(&other, 0, join("b", 2)).outcome.unwrap();
    assert!(wait(table.check()).is_err(), "now the others' terms hold");
}

/// Waits for an answer: the way to the server is made anew.
fn asked_again(table: &PostgresTable, action: &TableAction) -> TableAnswer {
    let began = Instant::now();
    loop {
        let request = TableRequest { seen: ViewNumber(0), action: action.clone() };
        match wait(table.ask(request)) {
            Ok(answer) => return answer,
            Err(_) => assert!(began.elapsed() < COME_MAX, "the replica does not answer"),
        }
    }
}

#[test]
fn a_promoted_replica_has_every_row_and_answers_on_another_timeline() {
    let mut primary = PostgresServer::start().expect("it starts");
    let replica = primary.replica(true).expect("a replica is made");
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), replica.port());
    let config: PostgresConfig = format!("postgres://postgres@{hosts}/postgres").parse().unwrap();
    let made = config.clone();
    wait(Box::pin(async move { migrate(&made, 0).await })).unwrap();
    let table = table_in(config);
    let joined = asked(&table, 0, join("a", 1));
    let beaten = asked(&table, 0, TableAction::Beat { incarnation: Incarnation(1), beat: 0 });
    assert_eq!(beaten.timeline, joined.timeline);
    primary.kill().unwrap();
    replica.promote().unwrap();
    let poll = TableAction::Poll { known: ViewNumber(1), watch: vec![Incarnation(1)] };
    let answer = asked_again(&table, &poll);
    assert!(answer.timeline > joined.timeline, "{} and {}", answer.timeline, joined.timeline);
    let Ok(TableOutcome::Read { view: None, rows }) = answer.outcome else { panic!("{answer:?}") };
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].state, rows[0].beat), (MemberState::Joining, 1));
}

#[test]
fn a_later_run_of_a_node_without_a_table_fences_those_before_and_nobody_else() {
    let database = Database::start();
    let config = database.config();
    let joined = |cluster: &str, node: &str, number| {
        let node = NodeId::new(node).unwrap();
        let store = Arc::new(PostgresStore::of_node(config.clone(), cluster, &node));
        let joining = Arc::clone(&store);
        wait(Box::pin(async move { joining.join(Incarnation(number)).await })).expect("it joins");
        store
    };
    let standing = || {
        let sql = "SELECT DISTINCT incarnation FROM fences ORDER BY incarnation";
        database.sql(&config, sql).split_whitespace().flat_map(str::parse).collect::<Vec<u64>>()
    };
    let stores = [
        joined("c", "a", 1),
        joined("c", "a.b", 2),
        joined("c", "b", 3),
        joined("d", "a", 4),
        joined("c", "a", 9),
    ];
    assert_eq!(standing(), [2, 3, 4, 9], "the first one is over");
    let late = joined("c", "a", 8);
    assert_eq!(standing(), [2, 3, 4, 8, 9], "an earlier run fences no later one");
    let last = joined("c", "a", 10);
    assert_eq!(standing(), [2, 3, 4, 10]);
    let plain = Arc::new(PostgresStore::new(config.clone()));
    let joining = Arc::clone(&plain);
    wait(Box::pin(async move { joining.join(Incarnation(11)).await })).expect("it joins");
    assert_eq!(standing(), [2, 3, 4, 10, 11], "with a table others decide who is fenced");
    drop((stores, late, last, plain));
}
