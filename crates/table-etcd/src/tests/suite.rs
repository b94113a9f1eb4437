//! What every table keeps, and whoever joins it beside a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tenure_etcd_server::EtcdServer;
use tenure_protocol::view::table::{TableAction, TableOutcome};
use tenure_table_suite::{MemberTable, Subject, asked, join, wait};
use tenure_types::{Incarnation, ViewNumber};

use super::support::{PATIENCE, Way, config, request, table};
use crate::{EtcdConfig, EtcdTable};

struct Suite {
    server: EtcdServer,
    places: AtomicU32,
}

impl Subject for Suite {
    type Place = EtcdConfig;

    fn place(&self) -> EtcdConfig {
        let place = self.places.fetch_add(1, Ordering::Relaxed);
        config(&[&self.server], &format!("p{place}"))
    }

    fn table(&self, place: &EtcdConfig, cluster: &str, terms: &str) -> Arc<dyn MemberTable> {
        Arc::new(Way(EtcdTable::new(place.clone(), cluster, terms, PATIENCE)))
    }
}

fn suite() -> Suite {
    let server = EtcdServer::start().unwrap_or_else(|error| panic!("{error}"));
    Suite { server, places: AtomicU32::new(0) }
}

#[test]
fn every_answer_is_that_of_the_specification() {
    tenure_table_suite::every_answer_is_that_of_the_specification(&suite());
}

#[test]
fn a_lease_is_renewed_or_ended_and_never_both() {
    tenure_table_suite::leases_are_renewed_or_ended_and_never_both(&suite());
}

#[test]
fn who_joins_at_the_same_time_gets_a_view_of_its_own() {
    tenure_table_suite::who_joins_at_the_same_time_gets_a_view_of_its_own(&suite());
}

#[test]
fn changes_of_other_rows_at_the_same_time_are_views_of_their_own() {
    tenure_table_suite::changes_of_other_rows_at_the_same_time_are_views_of_their_own(&suite());
}

#[test]
fn a_table_of_another_cluster_is_refused() {
    tenure_table_suite::tables_of_other_clusters_are_refused(&suite());
}

#[test]
fn members_have_the_same_terms() {
    tenure_table_suite::members_have_the_same_terms(&suite());
}

#[test]
fn a_table_before_a_view_that_was_seen_refuses() {
    tenure_table_suite::tables_before_a_view_that_was_seen_refuse(&suite());
}

#[test]
fn incarnations_come_after_every_one_that_the_store_has_seen() {
    let server = EtcdServer::start().unwrap_or_else(|error| panic!("{error}"));
    let table = table(&[&server]);
    for (past, token, expected) in [(41, 1, 42), (7, 2, 43), (41, 1, 42)] {
        let joined = wait(table.0.ask(request(0, join("a", token)), ViewNumber(past)));
        let outcome = joined.expect("etcd is there").outcome;
        let Ok(TableOutcome::Joined { incarnation, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(incarnation, Incarnation(expected), "past {past}");
    }
}

#[test]
fn renewals_are_one_write_each_and_go_on_after_other_changes() {
    let server = EtcdServer::start().unwrap_or_else(|error| panic!("{error}"));
    let (member, other) = (table(&[&server]), table(&[&server]));
    asked(&*member, 0, join("a", 1)).outcome.expect("it joins");
    let incarnation = Incarnation(1);
    let revision = || {
        let read = server.ctl(&["get", "x", "--write-out", "json"]).expect("etcd is there");
        let rest = read.split("\"revision\":").nth(1).expect("a revision").to_owned();
        rest.split([',', '}']).next().and_then(|it| it.parse::<u64>().ok()).expect("a number")
    };
    let before = revision();
    for beat in 0..20 {
        if beat % 7 == 3 {
            asked(&*other, 0, join("b", beat.into())).outcome.expect("it joins");
        }
        let beaten = asked(&*member, 0, TableAction::Beat { incarnation, beat }).outcome;
        assert_eq!(beaten, Ok(TableOutcome::Beaten { beat: beat + 1 }));
    }
    assert_eq!(revision() - before, 20 + 3, "twenty renewals and three joins");
}

#[test]
fn keys_that_were_changed_by_hand_are_not_believed() {
    let server = EtcdServer::start().unwrap_or_else(|error| panic!("{error}"));
    let row = "/table/members/00000000000000000001";
    for (key, value) in [
        (row, "{}"),
        (row, "x"),
        ("/table/members/1", "{}"),
        ("/table/members/00000000000000000009", "copy"),
        (
            "/table/view",
            "{\"format\":2,\"cluster\":\"test\",\"terms\":\"\",\"number\":1,\"etcd\":\"1\"}",
        ),
        ("/table/view", ""),
    ] {
        server.ctl(&["del", "--prefix", "/table"]).expect("etcd is there");
        let table = table(&[&server]);
        asked(&*table, 0, join("a", 1)).outcome.expect("it joins");
        let copy = server.ctl(&["get", row, "--print-value-only"]).expect("etcd is there");
        let value = if value == "copy" { copy.trim() } else { value };
        server.ctl(&["put", key, value]).expect("etcd is there");
        let told = wait(table.check()).expect_err(key);
        assert!(told.contains("cannot be read"), "{key}: {told}");
        let poll = TableAction::Poll { known: ViewNumber(0), watch: vec![Incarnation(1)] };
        wait(table.ask(request(0, poll))).expect_err(key);
    }
}
