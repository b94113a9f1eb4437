use tenure_protocol::session::OutboxBounds;
use tenure_types::{Clock as _, Instant};

use super::*;
use crate::still::{Driven, Still};

const MS: Duration = Duration::from_millis(1);

fn client(still: &Still, id: usize) -> Client {
    let bounds = OutboxBounds { messages_max: 1, bytes_max: 1 };
    Client::new(format!("{id:04}"), ([127, 0, 0, 1], 0).into(), "none", still.now(), bounds)
}

fn clients(still: &Still, len: usize) -> (Arc<Clients>, Vec<Registered>) {
    let clients = Arc::new(Clients::register(len + 1, &Metrics::new()).expect("its first gauges"));
    let open = (0..len).map(|id| clients.add(client(still, id)).expect("there is room")).collect();
    (clients, open)
}

/// When each of the sessions was told to go, in milliseconds since the drain began. Who was told leaves at
/// once. Also gives how many the drain says were left, and when it ended.
fn drained(len: usize, budget: Duration) -> (Vec<u128>, usize, u128) {
    let still = Still::new();
    let (clients, mut open) = clients(&still, len);
    let host = still.host();
    let start = still.now();
    let since = |at: Instant| at.saturating_since(start).as_millis();
    let mut drain = Driven::new(clients.drain(&host, budget));
    let mut told = Vec::new();
    loop {
        let left = drain.run();
        let before = open.len();
        open.retain(|it| it.client.closing().is_none());
        told.resize(told.len() + before - open.len(), since(still.now()));
        if let Some(left) = left {
            return (told, left, since(still.now()));
        }
        assert!(since(still.now()) <= budget.as_millis(), "it takes longer than it may");
        still.advance(MS);
    }
}

#[test]
fn sessions_are_told_to_go_in_jittered_batches() {
    let budget = Duration::from_secs(3);
    let (told, left, ended) = drained(200, budget);
    assert_eq!((told.len(), left), (200, 0));
    assert!(ended <= 220, "200 sessions need 200 ms, not {ended}");
    let mut moments = told.clone();
    moments.dedup();
    for moment in &moments {
        let at_once = told.iter().filter(|at| *at == moment).count();
        assert!(at_once <= 2 * 200 / DRAIN_BATCHES as usize, "{at_once} at {moment} ms");
    }
    assert!(moments.len() > DRAIN_BATCHES as usize / 2, "{moments:?}");
    let even = 200 / u128::from(DRAIN_BATCHES);
    assert!(moments.iter().any(|at| at % even != 0), "no jitter: {moments:?}");
}

#[test]
fn a_short_budget_is_kept_and_says_who_is_left() {
    let budget = Duration::from_millis(100);
    let (told, left, ended) = drained(2_000, budget);
    assert_eq!((told.len(), left), (2_000, 0));
    assert!(ended <= 55, "half of the budget is for those who go: {ended}");
    // These do not go.
    let still = Still::new();
    let (clients, open) = clients(&still, 7);
    let host = still.host();
    let mut drain = Driven::new(clients.drain(&host, budget));
    assert_eq!(drain.run(), None);
    assert!(clients.add(client(&still, 8)).is_none(), "nobody is let in, room or not");
    for _ in 1..budget.as_millis() {
        still.advance(MS);
        assert_eq!(drain.run(), None);
    }
    assert!(open.iter().all(|it| it.client.closing() == Some(Close::SHUTDOWN)));
    still.advance(MS);
    assert_eq!(drain.run(), Some(7));
}
