//! Servers and tables that a store is not opened on, and what is said then.

use std::net::{Ipv4Addr, TcpListener};

use tenure_postgres_server::{Options, PostgresServer};
use tenure_store::Store;

use super::support::Database;
use crate::{PostgresConfig, PostgresStore, migrate};

/// The error of an opening, which must fail.
async fn refused(url: &str) -> String {
    let config: PostgresConfig = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
    match PostgresStore::new(config).open().await {
        Ok(incarnation) => panic!("{url} was opened as incarnation {incarnation}"),
        Err(error) => error.to_string(),
    }
}

async fn assert_refused(url: &str, parts: &[&str]) {
    let error = refused(url).await;
    for part in parts {
        assert!(error.contains(part), "{url}: {part:?} is not in: {error}");
    }
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_let_nobody_in_are_told_with_what_to_do() {
    let entrance =
        ["host all postgres 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"];
    let entrance = entrance.map(str::to_owned).to_vec();
    let server = PostgresServer::with(&Options { entrance, ..Options::default() });
    let server = server.expect("it starts");
    for sql in [
        "CREATE ROLE app LOGIN PASSWORD 'secret-right'",
        "CREATE ROLE crowd LOGIN PASSWORD 'secret' CONNECTION LIMIT 0",
        "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
        "CREATE DATABASE still",
        "ALTER DATABASE still SET default_transaction_read_only TO on",
    ] {
        server.psql(sql).expect(sql);
    }
    let port = server.port();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let mute = silent.local_addr().expect("it is bound").port();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let shut = closed.local_addr().expect("it is bound").port();
    drop(closed);
    let at = |user: &str, database: &str| format!("postgres://{user}@127.0.0.1:{port}/{database}");
    let place = format!("postgres://127.0.0.1:{port}/postgres (schema tenure)");
    for (url, parts) in [
        (
            format!("postgres://app:secret@127.0.0.1:{shut}/postgres"),
            vec!["connecting to", "refused", "check that the server runs"],
        ),
        (
            // One that takes connections and says nothing, and one that is not there.
            format!("postgres://app:secret@127.0.0.1:{mute},127.0.0.1:{shut}/postgres"),
            vec!["has not answered in 5s", "refused"],
        ),
        (
            at("app:secret-wrong", "postgres"),
            vec![&place, "28P01", "check the user and the password"],
        ),
        (at("nobody:secret", "postgres"), vec!["28P01", "check the user and the password"]),
        (at("app:secret-right", "nothing"), vec!["3D000", "make the database first (createdb)"]),
        (at("crowd:secret", "postgres"), vec!["53300", "raise max_connections"]),
        (at("postgres", "latin"), vec!["LATIN1", "make one with ENCODING 'UTF8'"]),
        (at("postgres", "still"), vec!["default_transaction_read_only = on"]),
        (
            at("app:secret-right", "postgres?sslmode=require"),
            vec!["does not support TLS", "sslmode=disable"],
        ),
        (at("app:secret-right", "postgres"), vec!["no tables of Tenure", "tenure store migrate"]),
    ] {
        assert_refused(&url, &parts).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_would_lose_what_it_acknowledged_is_refused() {
    let settings = vec!["fsync = off".to_owned()];
    let server = PostgresServer::with(&Options { settings, ..Options::default() });
    let server = server.expect("it starts");
    assert_refused(&server.url(), &["fsync = off", "set fsync = on"]).await;
    let config: PostgresConfig = server.url().parse().expect("it is a URL");
    let error = migrate(&config, 0).await.expect_err("it makes no tables either").to_string();
    assert!(error.contains("set fsync = on"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_refused_and_the_primary_beside_it_is_found() {
    let primary = PostgresServer::start().expect("it starts");
    let config: PostgresConfig = primary.url().parse().expect("it is a URL");
    migrate(&config, 0).await.expect("the tables are made");
    let replica = primary.replica(false).expect("a replica is made");
    assert_refused(&replica.url(), &["is a replica and takes no writes", "name the primary"]).await;
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", replica.port(), primary.port());
    let both: PostgresConfig = format!("postgres://postgres@{hosts}/postgres").parse().expect("so");
    PostgresStore::new(both).open().await.expect("the one that takes writes is used");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_others_are_left_alone() {
    let database = Database::start();
    for (table, parts) in [
        (
            "CREATE TABLE store (name text); INSERT INTO store VALUES ('corner shop')",
            vec!["the table store of", "not those of Tenure", "schema"],
        ),
        (
            "CREATE TABLE store (format text, id text, incarnation text); \
             INSERT INTO store VALUES ('large', 'corner', 'shop')",
            vec!["not those of Tenure"],
        ),
        (
            "CREATE TABLE store (format integer, id bigint, incarnation bigint)",
            vec!["does not have one row"],
        ),
        (
            "CREATE TABLE store (format integer, id bigint, incarnation bigint); \
             INSERT INTO store VALUES (4, 7, 7)",
            vec!["newer version of the program", "its format is 4", "run the newer one"],
        ),
        (
            "CREATE TABLE store (format integer, id bigint, incarnation bigint); \
             INSERT INTO store VALUES (1, 7, -1)",
            vec!["numbers that Tenure never writes"],
        ),
    ] {
        let config = database.empty();
        let schema = &config.schema;
        database.sql(&config, &format!("CREATE SCHEMA {schema}; {table}"));
        let content = || {
            let tables = "SELECT string_agg(relname, ',') FROM pg_class \
                WHERE relnamespace = current_schema()::regnamespace";
            (database.sql(&config, "SELECT * FROM store"), database.sql(&config, tables))
        };
        let before = content();
        let store = PostgresStore::new(config.clone());
        let opened = store.open().await.expect_err("it is not opened").to_string();
        let read = store.open_to_read().await.expect_err("it is not read").to_string();
        let made = migrate(&config, 4).await.expect_err("it is not changed").to_string();
        for (error, part) in
            [opened, read, made].iter().flat_map(|it| parts.iter().map(move |part| (it, part)))
        {
            assert!(error.contains(part), "{table}: {part:?} is not in: {error}");
        }
        assert_eq!(content(), before, "{table}: nothing was changed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_migrations_one_works_and_the_others_wait() {
    let database = Database::start();
    let config = database.empty();
    let key = 7_306_086_973_i64;
    // Longer than a statement of the engine waits for a lock.
    let sql = format!("SELECT pg_advisory_lock({key}); SELECT pg_sleep(1.5)");
    let server = std::sync::Arc::clone(&database.server);
    let other = std::thread::spawn(move || server.psql(&sql).expect("it sleeps"));
    let server = std::sync::Arc::clone(&database.server);
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    super::support::until("somebody migrates", || server.psql(sleeps).is_ok_and(|it| it == "1"))
        .await;
    let migrations: Vec<_> = (0..8)
        .map(|_| {
            let mut config = config.clone();
            config.statement_timeout = std::time::Duration::from_secs(1);
            tokio::spawn(async move { migrate(&config, 4).await })
        })
        .collect();
    let mut made = 0;
    for migration in migrations {
        let migrated = migration.await.expect("it ends").expect("it succeeds");
        assert_eq!(migrated.to, crate::FORMAT);
        made += usize::from(migrated.from.is_none());
    }
    assert_eq!(made, 1, "one of them made the tables");
    other.join().expect("it ends");
    let all = "SELECT (SELECT array_agg((oid, relname)::text ORDER BY oid) FROM pg_class \
        WHERE relnamespace = current_schema()::regnamespace), s FROM store AS s";
    let before = database.sql(&config, all);
    let again = migrate(&config, 4).await.expect("it succeeds");
    assert_eq!(again.from, Some(crate::FORMAT));
    assert_eq!(database.sql(&config, all), before, "a second migration changes nothing");
}
