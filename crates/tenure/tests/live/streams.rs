use rustix::process::Signal;

use crate::node::Node;
use crate::stream::Stream;

#[test]
fn a_stream_begins_goes_on_where_it_was_or_says_that_it_cannot() {
    let node = Node::start(&[("TENURE_SESSIONS__PING_PERIOD", "100ms")]);
    node.say("room/a", 2);
    let mut stream = Stream::open(&node, "room/a");
    let begin = stream.heard();
    assert_eq!((&*begin.name, &*begin.data), ("begin", r#"{"n":2,"user":null,"role":null}"#));
    node.say("room/a", 2);
    let first = stream.heard();
    assert_eq!((first.number(), stream.number()), (3, 4));
    // A heartbeat while nothing happens.
    assert_eq!(stream.next().map(|it| it.name), Some("comment".to_owned()));
    drop(stream);

    let mut back = Stream::resume(&node, "room/a", &first.id);
    assert_eq!(back.number(), 4);
    let after = Stream::try_open(&node, &format!("GET /v1/room/a/events?after={}", begin.id));
    let mut after = after.unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!([after.number(), after.number()], [3, 4]);
    node.say("room/a", 1);
    assert_eq!([back.number(), after.number()], [5, 5]);

    let (epoch, _) = first.id.split_once(':').expect("an epoch and an offset");
    for foreign in ["17:3", "nonsense", &format!("{epoch}:6"), &format!("{epoch}:-1")] {
        let mut stream = Stream::resume(&node, "room/a", foreign);
        let reset = stream.heard();
        assert_eq!((&*reset.name, reset.id.ends_with(":5")), ("reset", true), "{foreign}");
        assert!(reset.data.starts_with("{\"n\":5"), "{reset:?}");
    }
    // One without #[attach] has no first value.
    let mut plain = Stream::open(&node, "through/a");
    let begin = plain.heard();
    assert_eq!((&*begin.name, &*begin.data), ("begin", "null"));

    for (path, status) in [
        ("/v1/rooom/a/events", 404),
        ("/v1/room/%00/events", 400),
        ("/v1/room/a/events?since=1", 400),
    ] {
        let refused = Stream::try_open(&node, &format!("GET {path}")).err().expect("none");
        assert_eq!(refused.0, status, "{path}");
    }
}

#[test]
fn streams_go_on_over_a_restart_and_end_when_their_actor_is_deleted() {
    let node = Node::start(&[]);
    let mut stream = Stream::open(&node, "sourced/a");
    stream.heard();
    node.say("sourced/a", 1);
    let seen = stream.heard();
    assert_eq!(seen.number(), 1);
    node.say("sourced/a", 2);
    assert_eq!([stream.number(), stream.number()], [2, 3]);
    let node = node.restarted(Signal::TERM, &[]);
    assert_eq!(stream.next(), None);
    let mut stream = Stream::resume(&node, "sourced/a", &seen.id);
    assert_eq!([stream.number(), stream.number()], [2, 3]);
    assert_eq!(node.call("DELETE /v1/sourced/a", "").status, 204);
    node.say("sourced/a", 1);
    assert_eq!(stream.next(), None, "its client comes back, and is told then");
    let mut stream = Stream::resume(&node, "sourced/a", &seen.id);
    assert_eq!(stream.heard().name, "reset");
}

#[test]
fn a_stream_that_is_read_slowly_ends_and_goes_on_where_it_was() {
    const EVENTS: u64 = 900;
    let node = Node::start(&[("TENURE_SESSIONS__OUTBOX_MESSAGES_MAX", "20")]);
    let mut slow = Stream::open(&node, "through/a");
    let mut last = slow.heard();
    let mut other = Stream::open(&node, "through/b");
    other.heard();
    for _ in 0..EVENTS / 10 {
        node.say_at_length("through/a", 10, 16 * 1024);
    }
    let mut expected = 1;
    while let Some(heard) = slow.next() {
        if heard.name != "comment" {
            assert_eq!(heard.number(), expected);
            (expected, last) = (expected + 1, heard);
        }
    }
    assert!(expected <= EVENTS, "it was never slow");
    while expected <= EVENTS {
        let mut back = Stream::resume(&node, "through/a", &last.id);
        while expected <= EVENTS {
            let Some(heard) = back.next() else { break };
            assert_eq!(heard.number(), expected);
            (expected, last) = (expected + 1, heard);
        }
    }
    node.say("through/b", 1);
    assert_eq!(other.number(), 1, "others are unharmed");
}
