//! The member table against the suite of tables, and what is PostgreSQL's own.

use std::sync::Arc;
use std::time::Instant;

use tenure_postgres_server::PostgresServer;
use tenure_protocol::view::MemberState;
use tenure_protocol::view::membership::Lost;
use tenure_protocol::view::table::{TableAction, TableAnswer, TableOutcome, TableRequest};
use tenure_store::{Store, StoreError};
use tenure_table_suite::{MemberTable, Subject, join};
use tenure_types::{BoxFuture, Incarnation, NodeId, ViewNumber};

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

struct Suite(Database);

struct Way(PostgresTable);

impl Subject for Suite {
    type Place = PostgresConfig;

    fn place(&self) -> PostgresConfig {
        self.0.config()
    }

    fn table(&self, place: &PostgresConfig, cluster: &str, terms: &str) -> Arc<dyn MemberTable> {
        Arc::new(Way(PostgresTable::new(place.clone(), cluster, terms)))
    }
}

impl MemberTable for Way {
    fn check(&self) -> BoxFuture<'static, Result<(), String>> {
        let checked = self.0.check();
        Box::pin(async move { checked.await.map_err(|error| error.to_string()) })
    }

    fn ask(&self, request: TableRequest) -> BoxFuture<'static, Result<TableAnswer, Lost>> {
        self.0.ask(request)
    }
}

#[test]
fn every_answer_is_that_of_the_specification() {
    tenure_table_suite::every_answer_is_that_of_the_specification(&Suite(Database::start()));
}

#[test]
fn a_lease_is_renewed_or_ended_and_never_both() {
    tenure_table_suite::leases_are_renewed_or_ended_and_never_both(&Suite(Database::start()));
}

#[test]
fn who_joins_at_the_same_time_gets_a_view_of_its_own() {
    tenure_table_suite::who_joins_at_the_same_time_gets_a_view_of_its_own(
        &Suite(Database::start()),
    );
}

#[test]
fn changes_of_other_rows_at_the_same_time_are_views_of_their_own() {
    tenure_table_suite::changes_of_other_rows_at_the_same_time_are_views_of_their_own(&Suite(
        Database::start(),
    ));
}

#[test]
fn a_table_of_another_cluster_is_refused() {
    tenure_table_suite::tables_of_other_clusters_are_refused(&Suite(Database::start()));
}

#[test]
fn members_have_the_same_terms() {
    tenure_table_suite::members_have_the_same_terms(&Suite(Database::start()));
}

#[test]
fn a_table_before_a_view_that_was_seen_refuses() {
    tenure_table_suite::tables_before_a_view_that_was_seen_refuse(&Suite(Database::start()));
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
