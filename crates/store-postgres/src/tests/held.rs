//! Batches that reach the server late: after the store was opened elsewhere, or in pieces.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_store::conformance::submit;
use tenure_store::{Content, Unit, UnitOutcome};
use tenure_types::Incarnation;

use super::proxy::{Fault, From, Proxy};
use super::support::{COME_MAX, Database, LOOK_EVERY, until};
use super::work::{Shape, actor, assert_at, assert_feed, fate, is_done, open, unit};
use crate::connect::connect;
use crate::{PostgresConfig, PostgresStore};

/// The bytes of the message that ends a batch.
const SYNC_BYTES: usize = 5;
/// How long an opening may take that must end a connection.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// A store behind a network of its own, with one connection that commits.
struct Node {
    proxy: Proxy,
    store: PostgresStore,
    incarnation: Incarnation,
}

impl Node {
    async fn new(database: &Database, config: &PostgresConfig) -> Self {
        let proxy = Proxy::start(database.server.port()).await;
        let mut config = database.through(config, proxy.port);
        config.lanes = 1;
        let store = PostgresStore::new(config);
        let incarnation = open(&store).await;
        Self { proxy, store, incarnation }
    }

    /// Commits version 1 of `alice`, and 2: how many bytes the latter took.
    async fn warm(&self, shape: Shape) -> usize {
        for version in 1..=2 {
            let before = self.proxy.passed();
            let unit = unit(&actor("alice"), version, self.incarnation, shape);
            assert_eq!(fate(&self.store, &unit).await.0, UnitOutcome::Committed);
            if version == 2 {
                return self.proxy.passed() - before;
            }
        }
        unreachable!("version 2 was committed")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_lands_after_the_fence_never_becomes_visible() {
    let database = Database::start();
    for shape in [Shape::Heads, Shape::Rows, Shape::Entries] {
        let config = database.config();
        let node = Node::new(&database, &config).await;
        let cart = actor("alice");
        node.warm(shape).await;
        node.proxy.arm(From::Client, 0, Fault::Hold);
        let late = submit(&node.store, unit(&cart, 3, node.incarnation, shape));
        node.proxy.holds().await;
        let next = PostgresStore::new(config);
        let incarnation = open(&next).await;
        assert_at(&next, &cart, 2, shape).await;
        node.proxy.deliver(node.proxy.held()).await;
        let outcome = late.await;
        assert!(matches!(outcome, UnitOutcome::Fenced { .. }), "{outcome:?}");
        assert_at(&next, &cart, 2, shape).await;
        let again = fate(&node.store, &unit(&cart, 3, node.incarnation, shape)).await.0;
        assert!(matches!(again, UnitOutcome::Fenced { .. }), "{again:?}");
        let unit = unit(&cart, 3, incarnation, shape);
        assert_eq!(fate(&next, &unit).await.0, UnitOutcome::Committed);
        assert_at(&next, &cart, 3, shape).await;
        if shape == Shape::Entries {
            assert_feed(&next, &BTreeMap::from([(cart, 3)])).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opening_ends_a_batch_that_holds_the_fence() {
    let database = Database::start();
    for shape in [Shape::Heads, Shape::Rows, Shape::Entries] {
        let config = database.config();
        let node = Node::new(&database, &config).await;
        let cart = actor("alice");
        let bytes = node.warm(shape).await;
        node.proxy.arm(From::Client, bytes - SYNC_BYTES, Fault::Hold);
        let late = submit(&node.store, unit(&cart, 3, node.incarnation, shape));
        node.proxy.holds().await;
        assert_eq!(node.proxy.held(), SYNC_BYTES, "all but the end of the batch was delivered");
        until_locked(&database).await;
        let next = PostgresStore::new(config);
        let began = Instant::now();
        let incarnation = open(&next).await;
        assert!(began.elapsed() < OPEN_MAX, "the opening took {:?}", began.elapsed());
        assert_at(&next, &cart, 2, shape).await;
        let outcome = late.await;
        assert!(matches!(outcome, UnitOutcome::Unknown { .. }), "{outcome:?}");
        let again = fate(&node.store, &unit(&cart, 3, node.incarnation, shape)).await.0;
        assert!(matches!(again, UnitOutcome::Fenced { .. }), "{again:?}");
        assert_at(&next, &cart, 2, shape).await;
        let unit = unit(&cart, 3, incarnation, shape);
        assert_eq!(fate(&next, &unit).await.0, UnitOutcome::Committed);
        assert_at(&next, &cart, 3, shape).await;
    }
}

/// The first submission is done but for its end when its client loses the connection and submits
/// again: the second must not be told that nothing is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_whose_earlier_submission_is_under_way_is_resolved() {
    let database = Database::start();
    for (key, version) in [("alice", 3), ("bob", 1)] {
        let config = database.config();
        let node = Node::new(&database, &config).await;
        let bytes = node.warm(Shape::Heads).await;
        let cart = actor(key);
        let unit = unit(&cart, version, node.incarnation, Shape::Heads);
        // Its key is shorter than that of the unit that was counted.
        let bytes = bytes - ("alice".len() - key.len());
        node.proxy.arm(From::Client, bytes - SYNC_BYTES, Fault::Hold);
        let first = submit(&node.store, Arc::clone(&unit));
        node.proxy.holds().await;
        assert_eq!(node.proxy.held(), SYNC_BYTES, "all but the end of the batch was delivered");
        until_locked(&database).await;
        node.proxy.abandon();
        let outcome = first.await;
        assert!(matches!(outcome, UnitOutcome::Unknown { .. }), "{outcome:?}");
        let fate = fate(&node.store, &unit);
        let delivered = async {
            until_waiting(&config).await;
            node.proxy.deliver(SYNC_BYTES).await;
        };
        let ((outcome, _), ()) = tokio::join!(fate, delivered);
        assert!(is_done(&unit, &outcome), "{key}: {outcome:?}");
        assert_at(&node.store, &cart, version, Shape::Heads).await;
    }
}

/// Waits until a batch has locked what it writes.
async fn until_locked(database: &Database) {
    let sql = "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) \
        WHERE l.locktype = 'transactionid' AND l.granted AND a.application_name LIKE '% lane %'";
    let server = Arc::clone(&database.server);
    until("a batch holds locks", move || server.psql(sql).is_ok_and(|it| it != "0")).await;
}

/// Waits until a batch waits for another: looked at over a connection that is there, because it
/// waits for no more than a second.
async fn until_waiting(config: &PostgresConfig) {
    let sql = "SELECT count(*) FROM pg_stat_activity \
        WHERE application_name LIKE '% lane %' AND wait_event_type = 'Lock'";
    let client = connect(config, "tenure watch").await.expect("the server lets it in");
    let (began, mut looks) = (Instant::now(), tokio::time::interval(LOOK_EVERY));
    while client.query_typed_one(sql, &[]).await.expect("it answers").get::<_, i64>(0) == 0 {
        assert!(began.elapsed() < COME_MAX, "no batch waits for another");
        looks.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_only_delays() {
    let database = Database::start();
    let node = Node::new(&database, &database.config()).await;
    node.proxy.delay(Duration::from_millis(50));
    node.warm(Shape::Entries).await;
    assert_at(&node.store, &actor("alice"), 2, Shape::Entries).await;
    assert_feed(&node.store, &BTreeMap::from([(actor("alice"), 2)])).await;
}

/// What is left of a deleted actor may be removed while a batch runs that has seen it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_writer_meets_its_conflict_while_its_actor_is_forgotten() {
    let database = Database::start();
    let config = database.config();
    let store = PostgresStore::new(config.clone());
    let incarnation = open(&store).await;
    let cart = actor("alice");
    for version in 1..=3 {
        let unit = unit(&cart, version, incarnation, Shape::Heads);
        assert_eq!(fate(&store, &unit).await.0, UnitOutcome::Committed);
    }
    let mut deletion = Unit::clone(&unit(&cart, 4, incarnation, Shape::Heads));
    deletion.content = Content::Deleted { until_ms: u64::MAX >> 1 };
    let deletion = Arc::new(deletion);
    assert_eq!(fate(&store, &deletion).await.0, UnitOutcome::Committed);
    let forgetting = {
        let (database, config) = (database.clone(), config.clone());
        let sql = "BEGIN; DELETE FROM actors; SELECT pg_sleep(0.5); COMMIT";
        std::thread::spawn(move || database.sql(&config, sql))
    };
    let server = Arc::clone(&database.server);
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    until("it is being removed", || server.psql(sleeps).is_ok_and(|it| it == "1")).await;
    let late = unit(&cart, 3, incarnation, Shape::Heads);
    let (outcome, _) = fate(&store, &late).await;
    let (version, token) = (deletion.version, deletion.token);
    assert_eq!(outcome, UnitOutcome::Conflict { version, token });
    forgetting.join().expect("it is removed");
}
