//! A connection that ends after any byte of a commit.
//!
//! `TENURE_CUTS_EVERY=1` cuts after each byte of long exchanges too.

use std::collections::BTreeMap;

use tenure_store::Store;

use super::proxy::{Fault, From, Proxy};
use super::support::Database;
use super::work::{Shape, actor, assert_at, assert_feed, fate, is_done, open, unit};
use crate::PostgresStore;

/// More than an exchange has bytes.
const BYTES_MAX: usize = 10_000;

/// Cuts after every byte, or every so many, from zero to past the last, and looks at what is stored
/// each time.
async fn cut_everywhere(shape: Shape, from: From, least: usize, every: usize) {
    let every =
        std::env::var("TENURE_CUTS_EVERY").map_or(every, |it| it.parse().expect("a number"));
    let database = Database::start();
    let proxy = Proxy::start(database.server.port()).await;
    let mut config = database.through(&database.config(), proxy.port);
    config.lanes = 1;
    let store = PostgresStore::new(config);
    let incarnation = open(&store).await;
    let cart = actor("alice");
    let mut version = 0;
    let mut resolved = 0;
    for bytes in (0..BYTES_MAX).step_by(every) {
        version += 1;
        // The statement is prepared on this connection before it is cut.
        let warm = unit(&cart, version, incarnation, shape);
        assert!(is_done(&warm, &fate(&store, &warm).await.0), "byte {bytes}");
        version += 1;
        let unit = unit(&cart, version, incarnation, shape);
        let hits = proxy.hits();
        let fault = if version.is_multiple_of(4) { Fault::Cut } else { Fault::Reset };
        proxy.arm(from, bytes, fault);
        let (outcome, unknown) = fate(&store, &unit).await;
        proxy.disarm();
        assert!(is_done(&unit, &outcome), "byte {bytes} from {from:?}: {outcome:?}");
        assert_at(&store, &cart, version, shape).await;
        resolved += unknown;
        if proxy.hits() == hits {
            assert!(bytes > least, "an exchange has {bytes} bytes");
            assert!(resolved >= bytes / every / 2, "{resolved} answers of {bytes} told nothing");
            break;
        }
    }
    assert!(version < 2 * BYTES_MAX as u64, "every byte was tried");
    if shape == Shape::Entries {
        assert_feed(&store, &BTreeMap::from([(cart, version)])).await;
    }
    store.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_are_committed_once_wherever_the_client_is_cut() {
    cut_everywhere(Shape::Heads, From::Client, 400, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_committed_once_wherever_the_client_is_cut() {
    cut_everywhere(Shape::Rows, From::Client, 600, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_committed_once_wherever_the_client_is_cut() {
    cut_everywhere(Shape::Entries, From::Client, 800, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_are_committed_once_wherever_the_server_is_cut() {
    for shape in [Shape::Heads, Shape::Rows, Shape::Entries] {
        cut_everywhere(shape, From::Server, 60, 1).await;
    }
}
