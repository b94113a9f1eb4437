//! A feed that two nodes append to, whose batches commit in another order than they began.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tenure_store::conformance::submit;
use tenure_store::{Cursor, FeedEntry, FeedFrom, Store, UnitOutcome};
use tenure_types::{ActorId, Incarnation};

use super::proxy::{Fault, From, Proxy};
use super::support::{COME_MAX, Database, until};
use super::work::{Shape, actor, assert_feed, fate, feed, is_done, open, unit};
use crate::{PostgresStore, migrate};

/// The bytes of the message that ends a batch.
const SYNC_BYTES: usize = 5;
const ONE: Incarnation = Incarnation(1);
const TWO: Incarnation = Incarnation(2);

async fn commit(store: &dyn Store, actor: &ActorId, version: u64, by: Incarnation) {
    let unit = unit(actor, version, by, Shape::Entries);
    let (outcome, _) = fate(store, &unit).await;
    assert!(is_done(&unit, &outcome), "{actor} {version}: {outcome:?}");
}

/// What is behind `from` now, in pages of so many, and the cursor after it.
async fn read(store: &dyn Store, mut from: FeedFrom, limit: usize) -> (Vec<FeedEntry>, Cursor) {
    let mut found = Vec::new();
    loop {
        let page = store.read_feed(&feed(), from, limit).await.expect("the feed is read");
        found.extend(page.entries);
        if !page.has_more {
            return (found, page.next);
        }
        from = FeedFrom::After(page.next);
    }
}

fn texts(entries: &[FeedEntry]) -> Vec<String> {
    entries.iter().map(|it| String::from_utf8(it.data.clone()).expect("a text")).collect()
}

fn of(actor: &str, versions: impl Iterator<Item = u64>) -> Vec<String> {
    versions
        .flat_map(|version| ["a", "b"].map(|part| format!("\"{actor}-{version:06}-{part}\"")))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_commits_after_later_ones_is_skipped_by_no_reader() {
    let database = Database::start();
    let config = database.config();
    let proxy = Proxy::start(database.server.port()).await;
    let mut slow = database.through(&config, proxy.port);
    slow.lanes = 1;
    let (one, two) = (PostgresStore::new(slow), PostgresStore::new(config.clone()));
    one.join(ONE).await.expect("it joins");
    two.join(TWO).await.expect("it joins");
    let (alice, bob) = (actor("alice"), actor("bob"));
    commit(&one, &alice, 1, ONE).await;
    commit(&two, &bob, 1, TWO).await;
    let before = proxy.passed();
    commit(&one, &alice, 2, ONE).await;
    // The statement of one has run, and has its moment; its transaction is open.
    proxy.arm(From::Client, proxy.passed() - before - SYNC_BYTES, Fault::Hold);
    let late = submit(&one, unit(&alice, 3, ONE, Shape::Entries));
    proxy.holds().await;
    let sql = "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) \
        WHERE l.locktype = 'transactionid' AND l.granted AND a.application_name LIKE '% lane 1'";
    let server = Arc::clone(&database.server);
    until("the batch has run", move || server.psql(sql).is_ok_and(|it| it != "0")).await;
    // Others begin and commit meanwhile, with moments from that one on, and are read to their end.
    let mut cursors = Vec::new();
    for version in 2..=5 {
        commit(&two, &bob, version, TWO).await;
        let (seen, cursor) = read(&two, FeedFrom::Oldest, 3).await;
        assert_eq!(seen.len() as u64, 4 + 2 * version, "what is not committed is not read");
        cursors.push((seen, cursor));
    }
    proxy.deliver(SYNC_BYTES).await;
    assert_eq!(late.await, UnitOutcome::Committed);
    commit(&two, &bob, 6, TWO).await;
    // The actor moves: what follows was written when that was durable.
    commit(&two, &alice, 4, TWO).await;
    for (seen, cursor) in cursors {
        for (store, limit) in [(&one, 1), (&two, 1), (&one, 100)] {
            let from = FeedFrom::After(cursor.to_string().parse().expect("it was given out"));
            let (rest, end) = read(store, from, limit).await;
            let all = [texts(&seen), texts(&rest)].concat();
            for (name, last) in [("alice", 4), ("bob", 6)] {
                let own: Vec<_> =
                    all.iter().filter(|it| it[1..].starts_with(name)).cloned().collect();
                assert_eq!(own, of(name, 1..=last), "{name} in pages of {limit}, each entry once");
            }
            let (none, _) = read(store, FeedFrom::After(end), limit).await;
            assert_eq!(texts(&none), Vec::<String>::new());
        }
    }
    for store in [&one, &two] {
        assert_feed(store, &BTreeMap::from([(alice.clone(), 4), (bob.clone(), 6)])).await;
        store.close().await.expect("it closes");
    }
    // Whoever left is over for readers: their stripes are in no cursor any more.
    let three = PostgresStore::new(config);
    three.join(Incarnation(3)).await.expect("it joins");
    let (all, end) = read(&three, FeedFrom::Oldest, 100).await;
    assert_eq!((all.len(), end.begun()), (20, &[][..]));
}

/// Two nodes append as fast as they can, each to actors that come and go, while readers follow at both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_follow_meanwhile_get_each_entry_once_and_each_actor_in_order() {
    const STEPS: u64 = 60;
    let database = Database::start();
    let config = database.config();
    let stores = [ONE, TWO].map(|_| Arc::new(PostgresStore::new(config.clone())));
    for (store, incarnation) in stores.iter().zip([ONE, TWO]) {
        store.join(incarnation).await.expect("it joins");
    }
    let names: Vec<String> = (0..8).map(|n| format!("actor-{n}")).collect();
    let writers: Vec<_> = names
        .iter()
        .zip(0..)
        .map(|(name, at)| {
            let (stores, actor) = (stores.clone(), actor(name));
            tokio::spawn(async move {
                for version in 1..=STEPS {
                    let (nth, by) = [(0, ONE), (1, TWO)][((at + version / 3) % 2) as usize];
                    commit(&*stores[nth], &actor, version, by).await;
                }
            })
        })
        .collect();
    let readers: Vec<_> = [1_usize, 7, 500]
        .into_iter()
        .map(|limit| {
            let (stores, names) = (stores.clone(), names.clone());
            tokio::spawn(async move {
                let (began, mut from, mut seen) = (Instant::now(), FeedFrom::Oldest, Vec::new());
                while seen.len() < names.len() * STEPS as usize * 2 {
                    assert!(began.elapsed() < COME_MAX, "{} came in {COME_MAX:?}", seen.len());
                    // At another node each time.
                    let store = &stores[seen.len() % 2];
                    let page = store.read_feed(&feed(), from, limit).await.expect("it is read");
                    seen.extend(texts(&page.entries));
                    from = FeedFrom::After(page.next);
                }
                for name in &names {
                    let begin = format!("\"{name}-");
                    let own: Vec<_> =
                        seen.iter().filter(|it| it.starts_with(&begin)).cloned().collect();
                    assert_eq!(own, of(name, 1..=STEPS), "{name}, in pages of {limit}");
                }
            })
        })
        .collect();
    for task in writers.into_iter().chain(readers) {
        task.await.expect("it ends well");
    }
}

/// Tables of an older program are refused, and brought up to date with everything that was in them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_from_before_there_were_moments_goes_on_with_its_cursors() {
    let database = Database::start();
    let config = database.config();
    let store = PostgresStore::new(config.clone());
    let alice = actor("alice");
    let (mut incarnation, mut cursors) = (open(&store).await, Vec::new());
    for version in 1..=6 {
        if version == 4 {
            incarnation = open(&store).await;
        }
        commit(&store, &alice, version, incarnation).await;
        cursors.push(read(&store, FeedFrom::Oldest, 2).await);
    }
    store.close().await.expect("it closes");
    let older = "ALTER TABLE stripes DROP COLUMN moment; ALTER TABLE entries DROP COLUMN moment; \
        UPDATE store SET format = 2";
    database.sql(&config, older);
    for refused in [store.open().await.map(drop), store.open_to_read().await.map(drop)] {
        let error = refused.expect_err("it is of an older program").to_string();
        assert!(error.contains("older Tenure") && error.contains("migrate"), "{error}");
    }
    let migrated = migrate(&config, 4).await.expect("it is brought up to date");
    assert_eq!((migrated.from, migrated.to), (Some(2), crate::FORMAT));
    let nodes = [PostgresStore::new(config.clone()), PostgresStore::new(config)];
    let joined = [Incarnation(incarnation.0 + 1), Incarnation(incarnation.0 + 2)];
    for (node, incarnation) in nodes.iter().zip(joined) {
        node.join(incarnation).await.expect("it joins");
    }
    for version in 7..=10 {
        let at = (version % 2) as usize;
        commit(&nodes[at], &alice, version, joined[at]).await;
    }
    for (seen, cursor) in cursors {
        let (rest, _) = read(&nodes[0], FeedFrom::After(cursor), 3).await;
        assert_eq!([texts(&seen), texts(&rest)].concat(), of("alice", 1..=10));
    }
}
