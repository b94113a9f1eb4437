//! The way breaks: what was under way is told as unknown, and the truth follows.

use std::sync::Arc;
use std::time::Duration;

use tenure_protocol::view::membership::Lost;
use tenure_protocol::view::table::{TableAction, TableRequest};
use tenure_store::conformance::submit;
use tenure_store::{Store, StoreError, Unit, UnitOutcome};
use tenure_types::{Incarnation, ViewNumber};

use super::relay::Relay;
use super::support::{Joined, Served, actor, identity, wait_until};
use crate::DevClient;

const UNITS: usize = 100;

/// A client with somebody on the way to the server, and somebody on the way back.
async fn relayed(served: &Served) -> (Joined, Relay, Relay) {
    let (there, back) = (Relay::start(served.server.address()).await, Relay::start("").await);
    let identity = identity("relayed", 1);
    served.server.admit(identity.clone()).await.expect("there is room");
    let mut config = served.config(identity);
    config.server.address.clone_from(&there.address);
    config.advertise = Some(back.address.clone());
    let client = DevClient::start(config).await.expect("it listens");
    back.lead_to(client.address());
    let (store, incarnation) = (Arc::new(client.store()), Incarnation(3));
    store.join(incarnation).await.expect("it joins");
    (Joined { client, store, incarnation }, there, back)
}

fn units(joined: &Joined) -> Vec<Arc<Unit>> {
    (0..UNITS).map(|n| Arc::new(joined.unit(&format!("a{n}"), 0))).collect()
}

fn is_unknown(outcome: &UnitOutcome) -> bool {
    matches!(outcome, UnitOutcome::Unknown { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_whose_answers_are_lost_had_been_committed() {
    let served = Served::start().await;
    let (joined, _there, back) = relayed(&served).await;
    let other = served.joined(9).await;
    back.stall();
    let units = units(&joined);
    let under_way: Vec<_> = units.iter().map(|it| submit(&*joined.store, Arc::clone(it))).collect();
    let read = joined.store.load(&actor("a0"));
    for unit in &units {
        wait_until("the units are committed", async || {
            other.store.load(&unit.actor).await.is_ok_and(|it| it.is_some())
        })
        .await;
    }
    back.cut();
    for submitted in under_way {
        let outcome = submitted.await;
        assert!(is_unknown(&outcome), "its answer never came: {outcome:?}");
    }
    let read = read.await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "nor that of a read: {read:?}");
    for unit in &units {
        let outcome = submit(&*joined.store, Arc::clone(unit)).await;
        let (version, token) = (unit.version, unit.token);
        assert_eq!(outcome, UnitOutcome::Conflict { version, token }, "it had been committed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_that_are_lost_on_the_way_are_committed_when_they_come_again() {
    let served = Served::start().await;
    let (joined, there, _back) = relayed(&served).await;
    let other = served.joined(9).await;
    there.stall();
    let units = units(&joined);
    let under_way: Vec<_> = units.iter().map(|it| submit(&*joined.store, Arc::clone(it))).collect();
    there.cut();
    for submitted in under_way {
        let outcome = submitted.await;
        assert!(is_unknown(&outcome), "it never arrived: {outcome:?}");
    }
    for unit in &units {
        assert_eq!(other.store.load(&unit.actor).await, Ok(None), "it never arrived");
        let outcome = submit(&*joined.store, Arc::clone(unit)).await;
        assert_eq!(outcome, UnitOutcome::Committed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_that_are_cut_again_and_again_are_each_stored_once() {
    let served = Served::start().await;
    let (joined, there, back) = relayed(&served).await;
    let store = &joined.store;
    let mut cuts = 0;
    for n in 0..40 {
        let key = format!("b{}", n % 4);
        let unit = Arc::new(joined.unit(&key, n / 4));
        let mut submitted = submit(&**store, Arc::clone(&unit));
        if n % 3 == 0 {
            let way = if n % 2 == 0 { &there } else { &back };
            way.cut();
            cuts += 1;
        }
        loop {
            match submitted.await {
                UnitOutcome::Committed => break,
                UnitOutcome::Conflict { token, .. } if token == unit.token => break,
                outcome => assert!(is_unknown(&outcome), "{outcome:?}"),
            }
            submitted = submit(&**store, Arc::clone(&unit));
        }
    }
    assert!(cuts > 10);
    let other = served.joined(9).await;
    for n in 0..4 {
        let stored = other.store.load(&actor(&format!("b{n}"))).await;
        let stored = stored.expect("it is read").expect("it is there");
        assert_eq!(stored.version.0, 10, "b{n} has every unit once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_reach_the_server_is_told_so() {
    let served = Served::start().await;
    let identity = identity("lonely", 1);
    served.server.admit(identity.clone()).await.expect("there is room");
    let mut config = served.config(identity);
    config.patience = Duration::from_millis(200);
    let client = DevClient::start(config).await.expect("it listens");
    let (store, table) = (Arc::new(client.store()), client.table());
    wait_until("the server is reached", async || store.join(Incarnation(4)).await.is_ok()).await;
    let joined = Joined { client, store, incarnation: Incarnation(4) };
    served.server.close().await.expect("stores are closed");
    let outcome = submit(&*joined.store, Arc::new(joined.unit("a", 0))).await;
    assert!(is_unknown(&outcome), "{outcome:?}");
    let read = joined.store.load(&actor("a")).await;
    assert!(matches!(read, Err(StoreError::Unavailable { .. })), "{read:?}");
    let poll = TableAction::Poll { known: ViewNumber(0), watch: Vec::new() };
    let asked = table.ask(TableRequest { seen: ViewNumber(0), action: poll }).await;
    assert_eq!(asked, Err(Lost));
    joined.client.close().await;
    let outcome = submit(&*joined.store, Arc::new(joined.unit("a", 0))).await;
    assert!(is_unknown(&outcome), "after the close: {outcome:?}");
}
