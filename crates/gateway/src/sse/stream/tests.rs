use std::future::poll_fn;
use std::sync::Arc;

use tenure_observe::Metrics;
use tenure_protocol::session::{OutboxBounds, Position};

use super::*;
use crate::session::{Client, Clients, Published};
use crate::still::{Driven, Still};

const EVENT_BYTES: usize = 1_024;
const BOUNDS: OutboxBounds = OutboxBounds { messages_max: 1_000, bytes_max: 64 * 1_024 };
const PING_PERIOD: Duration = Duration::from_secs(25);

/// A stream of a client that is told only by the test, and its client.
fn open(still: &Arc<Still>, expires: Option<Duration>) -> (EventStream<()>, Arc<Client>) {
    let host = still.host();
    let (began, remote) = (host.clock().now(), ([127, 0, 0, 1], 0).into());
    let client = Client::new(String::new(), remote, "sse", began, BOUNDS);
    let clients = Arc::new(Clients::register(1, &Metrics::new()).expect("its first gauges"));
    let registered = clients.add(client).expect("there is room");
    let client = Arc::clone(&registered.client);
    (EventStream::new(registered, (), host, PING_PERIOD, expires.map(|it| began + it)), client)
}

fn event_at(offset: u64) -> Item {
    let at = Position { epoch: 7, offset };
    let data = vec![b'1'; EVENT_BYTES].into();
    Item::Event(Arc::new(Published::new("room:a".into(), at, data)))
}

/// The next part; `None` at the stream's end.
async fn next(stream: &mut EventStream<()>) -> Option<Bytes> {
    let frame = poll_fn(|cx| Pin::new(&mut *stream).poll_frame(cx)).await?;
    Some(frame.expect("it never fails").into_data().expect("it has no trailers"))
}

/// The offsets of the events in a part.
fn offsets(part: &[u8]) -> Vec<u64> {
    let lines = std::str::from_utf8(part).expect("it is text").lines();
    let ids = lines.filter_map(|line| line.strip_prefix("id: "));
    ids.map(|id| id.parse::<Position>().expect("a position").offset).collect()
}

#[test]
fn who_lets_too_many_bytes_wait_is_to_come_back_and_no_other() {
    const EVENTS: u64 = 900;
    assert!(EVENTS < BOUNDS.messages_max as u64, "it is not their number that is bounded here");
    let still = Still::new();
    let ((mut slow, of_slow), (mut other, of_other)) = (open(&still, None), open(&still, None));
    for offset in 1..=EVENTS {
        of_slow.push(event_at(offset));
        of_other.push(event_at(offset));
        let part = Driven::new(next(&mut other)).run().flatten().expect("it goes on");
        assert_eq!(offsets(&part), [offset]);
    }
    assert_eq!((of_slow.closing(), of_other.closing()), (Some(Close::SLOW), None));
    let mut seen = Vec::new();
    while let Some(part) = Driven::new(next(&mut slow)).run().expect("it is ready") {
        assert!(part.len() <= FRAME_BYTES + 2 * EVENT_BYTES, "{} in one part", part.len());
        seen.extend(offsets(&part));
    }
    let bytes = seen.len() * EVENT_BYTES;
    let some = BOUNDS.bytes_max / 2..=BOUNDS.bytes_max;
    assert!(some.contains(&bytes), "{bytes} were kept");
    assert!(seen.iter().copied().eq(1..=seen.len() as u64), "without a gap: {seen:?}");
}

#[test]
fn who_hears_nothing_is_pinged_and_ends_with_its_token() {
    let still = Still::new();
    let expires = PING_PERIOD + PING_PERIOD / 2;
    let (mut stream, client) = open(&still, Some(expires));
    let mut part = Driven::new(next(&mut stream));
    still.advance(PING_PERIOD - Duration::from_millis(1));
    assert_eq!(part.run(), None);
    still.advance(Duration::from_millis(1));
    assert_eq!(part.run(), Some(Some(Bytes::from_static(b":\n\n"))));
    drop(part);
    let mut part = Driven::new(next(&mut stream));
    assert_eq!(part.run(), None);
    still.advance(PING_PERIOD / 2);
    assert_eq!(part.run(), Some(None));
    drop(part);
    assert_eq!(client.closing(), None, "nobody else has ended it");
}

#[test]
fn who_is_told_to_go_is_woken_and_gets_what_was_there() {
    for (close, expected) in
        [(Close::SHUTDOWN, Some(vec![1])), (Close::SLOW, Some(vec![1])), (Close::FORCED, None)]
    {
        let (mut stream, client) = open(&Still::new(), None);
        client.push(event_at(1));
        client.close(close);
        let said = Driven::new(next(&mut stream)).run().expect("it is ready");
        assert_eq!(said.map(|part| offsets(&part)), expected, "{close:?}");
        assert_eq!(Driven::new(next(&mut stream)).run(), Some(None), "{close:?}");

        let (mut stream, client) = open(&Still::new(), None);
        let mut part = Driven::new(next(&mut stream));
        assert_eq!(part.run(), None);
        client.close(close);
        assert_eq!(part.run(), Some(None), "{close:?}: it is woken");
    }
}
