//! An etcd that is not there, not willing, slow, gone, back, or another one.

use std::path::PathBuf;
use std::sync::Arc;

use tenure_etcd_server::{EtcdServer, Options};
use tenure_protocol::view::MemberState;
use tenure_protocol::view::table::{TableAction, TableError, TableOutcome};
use tenure_table_suite::{MemberTable, asked, join, wait};
use tenure_types::{Incarnation, ViewNumber};

use super::support::{CLUSTER, PATIENCE, TERMS, Way, asked_again, config, request, table};
use crate::{EtcdConfig, EtcdTable};

fn started() -> EtcdServer {
    EtcdServer::start().unwrap_or_else(|error| panic!("{error}"))
}

fn told(config: EtcdConfig) -> String {
    let table = EtcdTable::new(config, CLUSTER, TERMS, PATIENCE);
    wait(table.check()).expect_err("it is of no use").to_string()
}

const FIRST: Incarnation = Incarnation(1);

fn beat(beat: u64) -> TableAction {
    TableAction::Beat { incarnation: FIRST, beat }
}

#[test]
fn a_place_where_no_etcd_is_is_told() {
    let nobody: EtcdConfig = "etcd://127.0.0.1:1/table".parse().expect("a URL");
    let error = told(nobody);
    assert!(error.contains("etcd://127.0.0.1:1/table has not answered"), "{error}");
    // One of several servers is enough.
    let server = started();
    let both: EtcdConfig =
        format!("etcd://127.0.0.1:1,127.0.0.1:{}/table", server.port()).parse().expect("a URL");
    let table = EtcdTable::new(both, CLUSTER, TERMS, PATIENCE);
    wait(table.check()).expect("the second one is there");
}

#[test]
fn who_has_no_right_to_the_table_is_told_and_no_password_is() {
    let server = started();
    for args in [
        &["user", "add", "root:root-secret"] as &[&str],
        &["user", "grant-role", "root", "root"],
        &["user", "add", "tenure:the-secret"],
        &["role", "add", "tenure"],
        &["role", "grant-permission", "tenure", "--prefix=true", "readwrite", "/table"],
        &["user", "grant-role", "tenure", "tenure"],
        &["auth", "enable"],
    ] {
        server.ctl(args).unwrap_or_else(|error| panic!("{error}"));
    }
    let named = |user: &str, prefix: &str| -> EtcdConfig {
        let url = format!("etcd://{user}127.0.0.1:{}/{prefix}", server.port());
        url.parse().expect("a URL")
    };
    for config in [
        named("tenure:the-wrong-secret@", "table"),
        named("nobody:the-secret@", "table"),
        named("", "table"),
        named("tenure:the-secret@", "other"),
    ] {
        let error = told(config);
        assert!(error.contains("has not answered"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    let table = Way(EtcdTable::new(named("tenure:the-secret@", "table"), CLUSTER, TERMS, PATIENCE));
    wait(table.check()).expect("it may");
    asked(&table, 0, join("a", 1)).outcome.expect("it joins");
}

#[test]
fn a_server_with_a_certificate_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let written = |name: &str, text: String| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let made =
        || rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (own, other) = (made(), made());
    let cert = written("cert", own.cert.pem());
    let key = written("key", own.signing_key.serialize_pem());
    let wrong = written("wrong", other.cert.pem());
    let server = EtcdServer::with(&Options { tls: Some((cert.clone(), key)) });
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let trusting = |roots: &PathBuf| {
        let rest = format!("table?sslmode=require&sslrootcert={}", roots.display());
        config(&[&server], &rest)
    };
    let table = EtcdTable::new(trusting(&cert), CLUSTER, TERMS, PATIENCE);
    wait(table.check()).expect("it is the right one");
    let error = told(trusting(&wrong));
    assert!(error.contains("has not answered"), "{error}");
    let error = told(trusting(&folder.path().join("missing")));
    assert!(error.contains("cannot be read"), "{error}");
    told(config(&[&server], "table?sslmode=disable"));
}

#[test]
fn a_server_that_was_killed_or_stood_still_is_found_again_with_every_row() {
    let mut server = started();
    let table = table(&[&server]);
    asked(&*table, 0, join("a", 1)).outcome.expect("it joins");
    asked(&*table, 0, beat(0)).outcome.expect("it renews");
    server.kill().expect("it is killed");
    wait(table.ask(request(1, beat(1)))).expect_err("nobody is there");
    server.start_again().unwrap_or_else(|error| panic!("{error}"));
    let beaten = asked_again(&table, 1, &beat(1)).outcome;
    assert_eq!(beaten, Ok(TableOutcome::Beaten { beat: 2 }));

    server.pause().expect("it runs");
    wait(table.ask(request(1, beat(2)))).expect_err("nobody answers");
    server.resume().expect("it runs");
    // Whether the one that was asked for in vain was done is read back.
    let read =
        asked_again(&table, 1, &TableAction::Poll { known: ViewNumber(1), watch: vec![FIRST] });
    let Ok(TableOutcome::Read { rows, .. }) = read.outcome else { panic!("{read:?}") };
    assert!(matches!(rows[0].beat, 2 | 3), "{rows:?}");
    let next = asked_again(&table, 1, &beat(rows[0].beat)).outcome;
    assert_eq!(next, Ok(TableOutcome::Beaten { beat: rows[0].beat + 1 }));
}

#[test]
fn a_cluster_that_lost_most_of_its_servers_gives_errors_until_it_has_them_again() {
    let mut servers = EtcdServer::three().unwrap_or_else(|error| panic!("{error}"));
    let table = table(&servers.each_ref());
    asked(&*table, 0, join("a", 1)).outcome.expect("it joins");
    // One of three may be away, whichever it is.
    for server in &mut servers {
        server.kill().expect("it is killed");
        let joined = asked_again(&table, 1, &join("a", 1)).outcome;
        assert_eq!(joined, Ok(TableOutcome::Joined { incarnation: FIRST, is_new: false }));
        server.start_again().unwrap_or_else(|error| panic!("{error}"));
    }
    servers[0].kill().expect("it is killed");
    servers[1].kill().expect("it is killed");
    for action in [beat(0), TableAction::Poll { known: ViewNumber(1), watch: vec![FIRST] }] {
        wait(table.ask(request(1, action))).expect_err("one of three decides nothing");
    }
    servers[0].spawn().expect("it starts");
    let read =
        asked_again(&table, 1, &TableAction::Poll { known: ViewNumber(1), watch: vec![FIRST] });
    let Ok(TableOutcome::Read { rows, .. }) = read.outcome else { panic!("{read:?}") };
    assert!(rows[0].state == MemberState::Joining && rows[0].beat <= 1, "{rows:?}");
    let beaten = asked_again(&table, 1, &beat(rows[0].beat)).outcome;
    assert_eq!(beaten, Ok(TableOutcome::Beaten { beat: rows[0].beat + 1 }));
}

/// A member that lives, whose server is put back to a copy from before its last renewal.
fn restored(token: &str) -> (EtcdServer, Arc<Way>, tempfile::TempDir) {
    let mut server = started();
    let table = table(&[&server]);
    asked(&*table, 0, join("a", 1)).outcome.expect("it joins");
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy");
    server.save(&copy).unwrap_or_else(|error| panic!("{error}"));
    for at in 0..3 {
        asked(&*table, 1, beat(at)).outcome.expect("it renews");
    }
    server.restore(&copy, token).unwrap_or_else(|error| panic!("{error}"));
    (server, table, folder)
}

#[test]
fn a_table_that_was_restored_from_an_older_copy_is_named_and_believed_in_nothing() {
    for (token, part) in
        [("first", "the revision of etcd went back"), ("second", "the etcd cluster was")]
    {
        let (server, table, _folder) = restored(token);
        let down = TableAction::Down { incarnation: FIRST, beat: 0 };
        let answer = asked_again(&table, 1, &down);
        let Err(TableError::Replaced { what }) = &answer.outcome else { panic!("{answer:?}") };
        assert!(what.contains(part) && what.contains("/table"), "{what}");
        let row = server.ctl(&["get", "--prefix", "/table/members"]).expect("etcd is there");
        assert!(row.contains("\"Joining\""), "nobody was declared dead: {row}");
        // What is written since makes it no better.
        for _ in 0..8 {
            server.ctl(&["put", "x", "y"]).expect("etcd is there");
        }
        for action in [beat(3), join("b", 2), TableAction::DownProven { incarnation: FIRST }] {
            let again = asked(&*table, 1, action).outcome;
            assert!(matches!(again, Err(TableError::Replaced { .. })), "{again:?}");
        }
    }
}

#[test]
fn who_starts_over_a_restored_table_is_told_by_what_it_was_written_in() {
    let (server, _table, _folder) = restored("second");
    let error = told(config(&[&server], "table"));
    assert!(
        error.contains("restored from an older copy") && error.contains("etcdctl del"),
        "{error}"
    );
    server.ctl(&["del", "--prefix", "/table"]).expect("etcd is there");
    let anew = table(&[&server]);
    wait(anew.check()).expect("there is no table any more");
    let joined = wait(anew.0.ask(request(0, join("a", 2)), ViewNumber(1)));
    let outcome = joined.expect("etcd is there").outcome;
    assert_eq!(outcome, Ok(TableOutcome::Joined { incarnation: Incarnation(2), is_new: true }));
}

#[test]
fn a_table_before_a_view_that_was_seen_ends_no_lease() {
    let mut server = started();
    let (one, two) = (table(&[&server]), table(&[&server]));
    asked(&*one, 0, join("a", 1)).outcome.expect("it joins");
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy");
    server.save(&copy).unwrap_or_else(|error| panic!("{error}"));
    asked(&*one, 1, join("b", 2)).outcome.expect("it joins");
    server.restore(&copy, "first").unwrap_or_else(|error| panic!("{error}"));
    // A node that is new to this etcd and knows the later view by its peers.
    let behind = Err(TableError::Behind { number: ViewNumber(1), seen: ViewNumber(2) });
    let down = TableAction::Down { incarnation: FIRST, beat: 0 };
    assert_eq!(asked_again(&two, 2, &down).outcome, behind);
}
