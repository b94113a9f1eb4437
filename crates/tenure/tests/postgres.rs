//! A node whose actors are in PostgreSQL, and what people see of them with `psql`.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tenure::prelude::*;
use tenure_postgres_server::PostgresServer;
use tenure_store_postgres::{PostgresConfig, PostgresStore, migrate};

const BUDGET: Duration = Duration::from_secs(10);
const PAGE: &str = include_str!("../../../docs/stores.md");

/// What can happen to an account.
#[tenure::data]
#[derive(Clone)]
pub enum Booking {
    /// Money came.
    Deposited {
        /// How much.
        cents: u64,
    },
    /// Money went.
    Withdrew {
        /// How much.
        cents: u64,
    },
}

/// Somebody's money.
#[tenure::data]
#[derive(Default)]
pub struct Account {
    cents: u64,
}

#[actor(persist = event_sourced, events = Booking)]
impl Account {
    fn apply(&mut self, booking: &Booking) {
        match booking {
            Booking::Deposited { cents } => self.cents += cents,
            Booking::Withdrew { cents } => self.cents -= cents,
        }
    }

    /// Brings money.
    pub fn deposit(&self, cx: &mut Context<Self>, cents: u64) {
        cx.record(Booking::Deposited { cents });
    }

    /// Takes what is there.
    pub fn withdraw(&self, cx: &mut Context<Self>, cents: u64) -> u64 {
        let taken = cents.min(self.cents);
        cx.record(Booking::Withdrew { cents: taken });
        taken
    }

    /// How much there is.
    pub fn cents(&self) -> u64 {
        self.cents
    }
}

/// A number.
#[tenure::data]
#[derive(Default)]
pub struct Counter {
    value: i64,
}

#[actor]
impl Counter {
    /// Adds.
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }

    /// Reads.
    pub fn get(&self) -> i64 {
        self.value
    }

    /// Appends to a feed.
    pub fn tell(&mut self, cx: &mut Context<Self>) {
        cx.append("told", &self.value);
    }
}

async fn node(config: &PostgresConfig) -> tenure::Result<Node> {
    let store = Arc::new(PostgresStore::new(config.clone()));
    Node::builder().actor::<Account>().actor::<Counter>().store(store).start().await
}

/// The commands of the page, each with what it prints.
fn examples() -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let (_, page) = PAGE.split_once("### Looking at it with psql").expect("the section");
    let (_, page) = page.split_once("```console\n").expect("its commands");
    let (page, _) = page.split_once("```").expect("their end");
    for line in page.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => found.push((command.to_owned(), Vec::new())),
            None => found.last_mut().expect("a command first").1.push(line.to_owned()),
        }
    }
    found
}

fn fits(written: &str, printed: &str) -> bool {
    let Some((begin, rest)) = written.split_once("..") else { return written == printed };
    let Some(after) = printed.strip_prefix(begin) else { return false };
    (0..=after.len()).filter(|at| after.is_char_boundary(*at)).any(|at| fits(rest, &after[at..]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_are_in_the_database_and_are_looked_at_as_the_page_says() {
    let server = PostgresServer::start().unwrap_or_else(|error| panic!("{error}"));
    let config: PostgresConfig = server.url().parse().expect("a good URL");
    let Err(error) = node(&config).await else { panic!("there are no tables yet") };
    let error = error.to_string();
    assert!(error.contains("`tenure store migrate`"), "{error}");
    assert!(!error.contains("--data"), "a database is no folder: {error}");
    migrate(&config, 8).await.expect("the tables are made");

    let first = node(&config).await.expect("it starts");
    let alice = first.actor::<Account>("alice");
    alice.deposit(3_000).await.expect("it is booked");
    assert_eq!(alice.withdraw(500).await, Ok(500));
    alice.deposit(100).await.expect("it is booked");
    first.actor::<Account>("bob").deposit(1).await.expect("it is booked");
    assert_eq!(first.actor::<Counter>("42").add(5).await, Ok(5));
    // Another node on the same store fences the first: its turns are not acknowledged any more.
    let second = node(&config).await.expect("it starts");
    assert_eq!(second.actor::<Counter>("42").add(0).await, Ok(5));
    assert!(first.actor::<Counter>("42").add(7).await.is_err(), "it was fenced");
    let read = first.actor::<Account>("alice").cents().await;
    assert!(read.is_err(), "a node that was fenced answers no reads from memory: {read:?}");
    assert_eq!(second.actor::<Account>("alice").cents().await, Ok(2_600));

    for (command, expected) in examples() {
        let mut shell = Command::new("bash");
        shell.args(["-c", &command]).env("TENURE_STORE", server.url()).env("PAGER", "cat");
        let output = shell.output().expect("psql is there");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines: Vec<&str> = printed.trim_end().lines().collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let expected = expected.strip_suffix(&[""]).unwrap_or(&expected);
        let is_as_written = lines.len() == expected.len()
            && expected.iter().zip(&lines).all(|(written, printed)| fits(written, printed));
        assert!(is_as_written, "{command}\n{printed}{complained}");
    }
    // The first one does not take the store back.
    assert_eq!(second.actor::<Counter>("42").add(1).await, Ok(6));
    assert_eq!(server.psql("SELECT incarnation FROM tenure.store").expect("it is read"), "2");
    second.stop(BUDGET).await.expect("it stops");
    // The first one's own end is not an orderly one.
    let _ = first.stop(BUDGET).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_only_reads_learns_that_it_was_fenced() {
    let server = PostgresServer::start().unwrap_or_else(|error| panic!("{error}"));
    let config: PostgresConfig = server.url().parse().expect("a good URL");
    migrate(&config, 8).await.expect("the tables are made");
    let first = node(&config).await.expect("it starts");
    assert_eq!(first.actor::<Counter>("42").add(5).await, Ok(5));
    let second = node(&config).await.expect("it starts");
    assert_eq!(second.actor::<Counter>("42").add(1).await, Ok(6));
    // Nothing is committed here, so that no unit meets the fence.
    let end = std::time::Instant::now() + BUDGET;
    while first.actor::<Counter>("42").get().await.is_ok() {
        assert!(std::time::Instant::now() < end, "it still answers from memory");
        tokio::task::yield_now().await;
    }
    let health = first.health().reasons();
    assert!(format!("{health:?}").contains("opened"), "it says who opened the store: {health:?}");
    assert_eq!(second.actor::<Counter>("42").add(1).await, Ok(7));
    second.stop(BUDGET).await.expect("it stops");
    let _ = first.stop(BUDGET).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_and_a_state_go_on_where_they_were() {
    let server = PostgresServer::start().unwrap_or_else(|error| panic!("{error}"));
    let config: PostgresConfig = server.url().parse().expect("a good URL");
    migrate(&config, 0).await.expect("the tables are made");
    for round in 1..=3 {
        let node = node(&config).await.expect("it starts");
        let counter = node.actor::<Counter>("42");
        assert_eq!(counter.add(1).await, Ok(round));
        assert_eq!(counter.tell().await, Ok(()));
        node.stop(BUDGET).await.expect("it stops");
    }
    let sql = "SELECT stripe, position FROM tenure.entries WHERE feed = 'told' ORDER BY 1, 2";
    assert_eq!(server.psql(sql).expect("it is read"), "1|1\n2|1\n3|1");
}
