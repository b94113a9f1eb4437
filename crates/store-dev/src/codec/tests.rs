use tenure_store::{
    Content, Due, Encoded, EventLog, FeedError, FeedFrom, FeedKeep, FeedPage, Row, RowChange,
    RowKey, StoreError, Stored, StoredHead, Unit, UnitOutcome,
};
use tenure_types::{ActorId, ActorTypeName, FeedName, Incarnation, Key, Tenure, Token, Version};

use super::*;
use crate::bounds::TEXT_BYTES_MAX;
use crate::message::Request;

fn actor() -> ActorId {
    ActorId {
        actor_type: ActorTypeName::new("cart").expect("a good name"),
        key: Key::new("alice").expect("a good key"),
    }
}

/// A unit with one of everything.
fn unit() -> Unit {
    let value = || Encoded { schema: 1, codec: 2, bytes: vec![3; 40] };
    let put = |key, due_ms| RowChange::Put(Row { key, value: value(), due_ms });
    let tenure = Tenure { view: u64::MAX, sequence: 9 };
    Unit {
        actor: actor(),
        expected: Version(300),
        version: Version(301),
        tenure,
        token: Token { incarnation: Incarnation(7), sequence: 8 },
        written_at_ms: 1 << 40,
        log: EventLog { epoch: 1, offset: 2, open: Some(tenure) },
        content: Content::Journaled { snapshot: 4 },
        rows: vec![
            put(RowKey::Journal(5), None),
            put(RowKey::Snapshot, None),
            put(RowKey::Event(6), None),
            put(RowKey::Outcome("key".into()), None),
            put(RowKey::Reminder("r".into()), Some(70)),
            RowChange::Delete(RowKey::Reminder("gone".into())),
        ],
        entries: vec![tenure_store::Append {
            feed: FeedName::new("answers").expect("a good name"),
            data: b"{}".to_vec(),
        }],
    }
}

fn requests() -> Vec<Request> {
    let due = Due { due_ms: 5, type_name: "cart".into(), key: actor().key, reminder: "r".into() };
    let feed = FeedName::new("answers").expect("a good name");
    vec![
        Request::Join(Incarnation(5)),
        Request::Submit(Arc::new(unit())),
        Request::Load(actor()),
        Request::Events { actor: actor(), after: 6, limit: 7 },
        Request::Due { until_ms: 8, after: Some(due), limit: 9 },
        Request::Heads { type_name: "cart".into(), after: Some(actor().key), limit: 1 },
        Request::ReadFeed { feed: feed.clone(), from: FeedFrom::Latest, limit: 2 },
        Request::FeedEnds(vec![feed.clone(), feed.clone()]),
        Request::TrimFeed { feed, keep: FeedKeep { since_ms: 1, bytes_max: 2 } },
    ]
}

#[test]
fn what_is_read_is_what_was_written_and_nothing_shorter_or_longer_is() {
    let Ok(Request::Submit(read)) = decode(&encode(&Request::Submit(Arc::new(unit())))) else {
        panic!("it is read");
    };
    assert_eq!(*read, unit());
    for request in requests() {
        let bytes = encode(&request);
        let again: Request = decode(&bytes).expect("it is read");
        assert_eq!(encode(&again), bytes, "{request:?}");
        for length in 0..bytes.len() {
            assert!(decode::<Request>(&bytes[..length]).is_err(), "{length} bytes of {request:?}");
        }
        assert!(decode::<Request>(&[&bytes[..], &[0]].concat()).is_err(), "{request:?}");
    }
}

#[test]
fn no_changed_byte_makes_it_panic() {
    for request in requests() {
        let bytes = encode(&request);
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 4] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _may_be_one = decode::<Request>(&changed);
                let _may_be_one = decode::<Result<Option<Stored>, StoreError>>(&changed);
                let _may_be_one = decode::<Result<Vec<StoredHead>, StoreError>>(&changed);
                let _may_be_one = decode::<Result<FeedPage, FeedError>>(&changed);
            }
        }
    }
}

#[test]
fn reasons_are_cut_where_they_are_too_long() {
    let reason: Box<str> = "ä".repeat(TEXT_BYTES_MAX).into();
    let outcome = UnitOutcome::Unknown { reason: reason.clone() };
    let Ok(UnitOutcome::Unknown { reason: cut }) = decode(&encode(&outcome)) else {
        panic!("it is read");
    };
    assert_eq!(&*cut, &reason[..TEXT_BYTES_MAX]);
}
