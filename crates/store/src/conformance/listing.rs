use tenure_types::{Incarnation, Key, NUMBER_MAX};

use super::subject::{Open, Subject, actor, assert_fenced, outcome, put, remind, state};
use crate::{Content, HEADS_BYTES_MAX, RowKey, Store, StoreError, Stored};

/// Every stored actor of a type is listed once, in the order of keys, whatever lies beside it and
/// however it is asked for.
pub async fn heads_are_listed_in_pages(subject: &impl Subject) {
    let open = Open::new(subject).await;
    assert_eq!(open.store.types().await, Ok(Vec::new()), "nothing is stored yet");
    let long = "k".repeat(512);
    let keys = ["a", "ab", "a b", "a/b", "b", "é", "日本", "~", "0", "\u{10ffff}", long.as_str()];
    let mut all = Vec::new();
    for (type_name, sequence) in ["cart", "car", "cart_2", "x"].into_iter().zip(1..) {
        for (key, nth) in keys.iter().zip(0..) {
            let mut unit = open.unit(&actor(type_name, key), 0, sequence * 100 + nth);
            if nth % 3 == 1 {
                unit.rows =
                    vec![put(outcome("o"), "o"), remind("r", 7), put(RowKey::Event(1), "e")];
            }
            if nth % 3 == 2 {
                unit.content = Content::Journaled { snapshot: 0 };
                unit.log.offset = 2;
                unit.rows = vec![put(RowKey::Journal(1), "j"), put(RowKey::Journal(2), "j")];
            }
            let mut stored = open.commit(unit).await;
            if nth % 4 == 3 {
                let mut unit = open.unit(&actor(type_name, key), 1, sequence * 100 + 50 + nth);
                unit.content = Content::Deleted { until_ms: NUMBER_MAX };
                stored = open.commit(unit).await;
            }
            all.push((type_name, Key::new(key).expect("a key"), stored));
        }
    }
    all.sort_by(|(name, key, _), (other, other_key, _)| (name, key).cmp(&(other, other_key)));
    let types = ["car", "cart", "cart_2", "x"];
    let listed = open.store.types().await;
    assert_eq!(listed, Ok(types.map(Box::from).to_vec()), "every type is listed once");
    for type_name in types.into_iter().chain(["ca", "carts", "y"]) {
        let expected: Vec<_> = all.iter().filter(|(name, ..)| *name == type_name).collect();
        for limit in [1, 2, 5, 1_000, usize::MAX] {
            let found = list(&*open.store, type_name, limit).await;
            let expected: Vec<_> =
                expected.iter().map(|(_, key, stored)| (key.clone(), stored.clone())).collect();
            assert!(found == expected, "{type_name}, {limit} at a time");
        }
    }
    assert_eq!(open.store.heads("cart", None, 0).await, Ok(Vec::new()), "none were asked for");
    // A page may begin after what is not there.
    let after = Key::new("aa").expect("a key");
    let page = open.store.heads("cart", Some(&after), 1).await.expect("a page");
    assert_eq!(page[0].key.as_str(), "ab", "a page begins after what is not there");
    open.close().await;
}

/// All actors of a type, page by page.
async fn list(store: &dyn Store, type_name: &str, limit: usize) -> Vec<(Key, Stored)> {
    let mut found: Vec<(Key, Stored)> = Vec::new();
    loop {
        let after = found.last().map(|(key, _)| key.clone());
        let page = store.heads(type_name, after.as_ref(), limit).await;
        let page = page.unwrap_or_else(|error| panic!("{type_name} cannot be listed: {error}"));
        assert!(page.len() <= limit, "a page is no longer than asked for");
        if page.is_empty() {
            return found;
        }
        for head in page {
            let stored = head.stored.unwrap_or_else(|error| panic!("{}: {error}", head.key));
            assert!(found.iter().all(|(key, _)| *key < head.key), "they are listed in order");
            found.push((head.key, stored));
        }
    }
}

/// A page ends when its states are many bytes, and never before its first.
pub async fn pages_of_heads_are_bounded(subject: &impl Subject) {
    const BYTES: usize = 3 << 20;
    let open = Open::new(subject).await;
    for nth in 0..6 {
        let mut unit = open.unit(&actor("cart", &format!("{nth}")), 0, nth + 1);
        unit.content = state(vec![nth as u8; BYTES]);
        open.commit(unit).await;
    }
    let page = open.store.heads("cart", None, usize::MAX).await.expect("a page");
    assert!(!page.is_empty() && (page.len() - 1) * BYTES < HEADS_BYTES_MAX, "{}", page.len());
    assert_eq!(list(&*open.store, "cart", usize::MAX).await.len(), 6, "the rest follows");
    open.close().await;
}

/// A damaged head is listed as what it is, among the others.
pub async fn damaged_heads_are_listed_with_their_error(subject: &impl Subject) {
    let open = Open::new(subject).await;
    for (key, sequence) in ["a", "b", "c"].into_iter().zip(1..) {
        open.commit(open.unit(&actor("cart", key), 0, sequence)).await;
    }
    open.close().await;
    subject.damage(&actor("cart", "b"), None);
    let open = Open::new(subject).await;
    let page = open.store.heads("cart", None, 10).await.expect("a page");
    let keys: Vec<_> = page.iter().map(|head| head.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "c"], "a damaged head hides no other");
    match &page[1].stored {
        Err(StoreError::Corrupt { what, .. }) => {
            assert!(what.contains("cart/b"), "the damaged one is named, not {what:?}");
        }
        other => panic!("a damaged head is listed as Corrupt, not {other:?}"),
    }
    assert!(page[0].stored.is_ok() && page[2].stored.is_ok());
    open.close().await;
}

/// A store that is read is as it was, and whoever opens it next gets the next incarnation.
pub async fn reading_hands_out_no_incarnation(subject: &impl Subject) {
    let reader = subject.store();
    assert_eq!(reader.open_to_read().await, Ok(false), "there is no store yet");
    assert_eq!(reader.close().await, Ok(()));
    let open = Open::new(subject).await;
    let first = open.incarnation;
    let cart = actor("cart", "alice");
    let mut unit = open.unit(&cart, 0, 1);
    unit.rows = vec![remind("r", 7)];
    open.commit(unit).await;
    let stored = open.load(&cart).await;
    open.close().await;
    for _ in 0..2 {
        let store = subject.store();
        assert_eq!(store.open_to_read().await, Ok(true), "there is a store");
        assert_eq!(store.load(&cart).await, stored, "it is read");
        assert_eq!(list(&*store, "cart", 10).await.len(), 1, "and listed");
        assert_eq!(store.due(u64::MAX, None, 10).await.map(|due| due.len()), Ok(1));
        let reading = Open { store, incarnation: first };
        let refused = reading.submit(reading.unit(&cart, 1, 2)).await;
        assert_fenced(&refused, "a store that is read takes no units");
        reading.close().await;
    }
    let open = Open::new(subject).await;
    assert_eq!(open.incarnation, Incarnation(first.0 + 1), "readers were given none");
    assert_eq!(open.load(&cart).await, stored, "what is stored is as it was");
    open.close().await;
}
