//! Stores that are made of an export, what refuses meanwhile, and walks beside nodes that commit.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tenure_store::export::{self, Import, Reader, Totals};
use tenure_store::{Content, Row, RowKey, Store, StoreError, UnitOutcome, Walked};
use tenure_types::{Incarnation, Version};

use super::support::{COME_MAX, Database};
use super::work::{Shape, actor, fate, open, unit};
use crate::{PostgresConfig, PostgresImport, PostgresStore, migrate};

const ACTORS: usize = 30;

/// A store with states, outcomes and reminders.
async fn filled(config: &PostgresConfig) -> PostgresStore {
    let store = PostgresStore::new(config.clone());
    let incarnation = open(&store).await;
    for n in 0..ACTORS {
        for version in 1..=3 {
            let unit = unit(&actor(&format!("a{n}")), version, incarnation, Shape::Rows);
            assert_eq!(fate(&store, &unit).await.0, UnitOutcome::Committed);
        }
    }
    store
}

async fn export(store: &PostgresStore) -> (Vec<u8>, Totals) {
    let mut file = Vec::new();
    let mut walk = store.walk().await.expect("it begins");
    let totals = export::export(&mut *walk, &mut file).await.expect("it is exported");
    (file, totals)
}

/// Puts `file` into the store that `import` makes.
async fn pour(import: &PostgresImport, file: &[u8]) -> Result<Totals, StoreError> {
    let store = import.store();
    let incarnation = store.open().await?;
    let how = Import { incarnation, epoch: 77, now_ms: 5 };
    let poured = match Reader::new(file) {
        Ok(mut reader) => export::import(&store, how, &mut reader).await,
        Err(error) => Err(error),
    };
    store.close().await?;
    poured
}

async fn refusal(config: &PostgresConfig) -> String {
    let begun = PostgresImport::begin(config).await;
    begun.map(|_| ()).expect_err("it is refused").to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_store_exports_the_same_file_and_goes_on() {
    let database = Database::start();
    let (from, to) = (filled(&database.config()).await, database.config());
    let (file, totals) = export(&from).await;
    assert_eq!((totals.actors, totals.rows), (30, 30 * 3));
    let import = PostgresImport::begin(&to).await.expect("it begins");
    assert_eq!(pour(&import, &file).await, Ok(totals));
    import.finish().await.expect("it ends");
    let store = PostgresStore::new(to.clone());
    assert_eq!(store.open_to_read().await, Ok(true));
    assert_eq!(export(&store).await, (file, totals));
    assert_eq!(store.close().await, Ok(()));
    let store = PostgresStore::new(to);
    let incarnation = open(&store).await;
    assert_eq!(incarnation, Incarnation(2));
    let unit = unit(&actor("a7"), 4, incarnation, Shape::Rows);
    assert_eq!(fate(&store, &unit).await.0, UnitOutcome::Committed);
    let due = store.due(u64::MAX, None, 100).await.expect("it is listed");
    assert_eq!(due.len(), ACTORS);
}

/// Whatever is done with a store that is half filled, it is told as that, and another import begins anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_not_finished_serves_nobody() {
    let database = Database::start();
    let (from, to) = (filled(&database.config()).await, database.config());
    let (file, totals) = export(&from).await;
    let import = PostgresImport::begin(&to).await.expect("it begins");
    pour(&import, &file[..file.len() / 2]).await.expect_err("it is cut short");
    assert_ne!(database.sql(&to, "SELECT count(*) FROM actors"), "0", "half of it is there");
    assert!(refusal(&to).await.contains("another import is under way"));
    // Its process is gone.
    drop(import);
    let store = PostgresStore::new(to.clone());
    let told = "an import into it was not finished; import again, or drop the schema";
    for error in [
        store.open().await.map(drop).expect_err("it does not open"),
        store.join(Incarnation(9)).await.expect_err("nobody joins it"),
        store.open_to_read().await.map(drop).expect_err("nor reads it"),
        migrate(&to, 4).await.map(drop).expect_err("nor changes its tables"),
    ] {
        assert!(error.to_string().contains(told), "{error}");
    }
    let began = Instant::now();
    let again = loop {
        // The server may not have heard yet that the connection is gone.
        match PostgresImport::begin(&to).await {
            Ok(import) => break import,
            Err(error) => assert!(error.to_string().contains("under way"), "{error}"),
        }
        assert!(began.elapsed() < COME_MAX, "the lock of a process that is gone stays");
    };
    assert_eq!(pour(&again, &file).await, Ok(totals), "nothing of the first is left");
    again.finish().await.expect("it ends");
    assert_eq!(open(&store).await, Incarnation(3));
    assert_eq!(export(&store).await.0, file);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_given_up_leaves_tables_that_have_nothing() {
    let database = Database::start();
    let (from, to) = (filled(&database.config()).await, database.config());
    let (mut file, _) = export(&from).await;
    let at = file.len() - 40;
    file[at] ^= 1;
    let import = PostgresImport::begin(&to).await.expect("it begins");
    pour(&import, &file).await.expect_err("it was altered");
    import.discard().await.expect("it is given up");
    let store = PostgresStore::new(to.clone());
    open(&store).await;
    assert_eq!(store.types().await, Ok(Vec::new()));
    for table in ["actors", "rows", "journal", "stripes", "entries"] {
        assert_eq!(database.sql(&to, &format!("SELECT count(*) FROM {table}")), "0", "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_has_something_is_refused_and_its_node_goes_on() {
    let database = Database::start();
    let config = database.config();
    let store = filled(&config).await;
    let error = refusal(&config).await;
    assert!(error.contains("it has cart/a0 already; import into a store"), "{error}");
    let unit = unit(&actor("a0"), 4, Incarnation(1), Shape::Heads);
    assert_eq!(fate(&store, &unit).await.0, UnitOutcome::Committed);
    let error = refusal(&database.empty()).await;
    assert!(error.contains("tenure store migrate"), "{error}");
}

/// A node that serves from tables that have nothing writes nothing into what is imported.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_over_empty_tables_is_fenced() {
    let database = Database::start();
    let (from, to) = (filled(&database.config()).await, database.config());
    let (file, totals) = export(&from).await;
    let node = PostgresStore::new(to.clone());
    let incarnation = open(&node).await;
    let import = PostgresImport::begin(&to).await.expect("it begins");
    let late = unit(&actor("late"), 1, incarnation, Shape::Heads);
    let outcome = fate(&node, &late).await.0;
    assert!(matches!(outcome, UnitOutcome::Fenced { .. }), "{outcome:?}");
    assert_eq!(pour(&import, &file).await, Ok(totals));
    import.finish().await.expect("it ends");
    let outcome = fate(&node, &late).await.0;
    assert!(matches!(outcome, UnitOutcome::Fenced { .. }), "{outcome:?}");
}

/// Versions are committed round by round: whatever a walk sees, nobody is two rounds ahead of another, and
/// rows are of the version of their head.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_beside_a_node_that_commits_is_of_one_moment() {
    const WALKS: usize = 8;
    let database = Database::start();
    let store = filled(&database.config()).await;
    let stop = AtomicBool::new(false);
    let work = async {
        let mut version = 3;
        while !stop.load(Ordering::Relaxed) {
            version += 1;
            for n in 0..ACTORS {
                let unit =
                    unit(&actor(&format!("a{n:02}x")), version - 3, Incarnation(1), Shape::Rows);
                assert_eq!(fate(&store, &unit).await.0, UnitOutcome::Committed);
            }
        }
    };
    let look = async {
        let mut last = 0;
        for _ in 0..WALKS {
            let mut walk = store.walk().await.expect("it begins");
            let mut heads: BTreeMap<String, u64> = BTreeMap::new();
            while let Some(page) =
                Some(walk.next().await.expect("a page")).filter(|it| !it.is_empty())
            {
                let mut head = None;
                for walked in page {
                    match walked {
                        Walked::Actor { key, stored, .. } => {
                            head = Some(stored.version);
                            if key.as_str().ends_with('x') {
                                heads.insert(key.as_str().to_owned(), stored.version.0);
                            }
                            assert!(matches!(stored.content, Content::State(_)));
                        }
                        Walked::Row(Row { key: RowKey::Reminder(_), value, .. }) => {
                            let Some(Version(version)) = head else { continue };
                            assert_eq!(value.bytes, format!("{version:06}").into_bytes());
                        }
                        Walked::Row(_) => {}
                    }
                }
            }
            // The first of them is the first to be committed in each round.
            let versions: Vec<u64> = heads.values().copied().collect();
            assert!(versions.windows(2).all(|pair| pair[0] >= pair[1]), "{versions:?}");
            let (first, least) = (versions.first(), versions.last());
            let ahead = first.zip(least).map_or(0, |(first, least)| first - least);
            assert!(ahead <= 1, "{versions:?}");
            let now: u64 = versions.iter().sum();
            assert!(now >= last, "a later walk is of a later moment");
            last = now;
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(work, look);
}
