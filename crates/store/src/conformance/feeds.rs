use std::sync::Arc;

use tenure_types::{FeedName, Version};

use super::subject::{Open, Subject, actor, assert_fenced, state};
use crate::submitted::submit;
use crate::{
    Append, Content, Cursor, CursorError, FEED_PAGE_BYTES_MAX, FEEDS_MAX, FeedEntry, FeedError,
    FeedFrom, FeedInfo, FeedKeep, ROW_BYTES_MAX, Store, StoreError, TRIM_ENTRIES_MAX, Trimmed,
    UNIT_ROWS_MAX, Unit, UnitOutcome,
};

/// Keeps everything.
const ALL: FeedKeep = FeedKeep { since_ms: 0, bytes_max: u64::MAX };

pub(super) fn feed(name: &str) -> FeedName {
    FeedName::new(name).expect("the suite's names follow the rule")
}

/// `unit` with an entry for each of these.
pub(super) fn with_entries(mut unit: Unit, entries: &[(&str, &str)]) -> Unit {
    let append =
        |(name, data): &(&str, &str)| Append { feed: feed(name), data: data.as_bytes().to_vec() };
    unit.entries.extend(entries.iter().map(append));
    unit
}

/// Everything behind `from`, in pages of `limit`, and the cursor behind it.
pub(super) async fn read_all(
    store: &dyn Store,
    name: &str,
    mut from: FeedFrom,
    limit: usize,
) -> (Vec<FeedEntry>, Cursor) {
    let mut found = Vec::new();
    loop {
        let page = store.read_feed(&feed(name), from, limit).await;
        let page = page.unwrap_or_else(|error| panic!("the feed {name} is not read: {error}"));
        assert!(page.entries.len() <= limit, "a page has at most {limit} entries");
        assert!(!page.has_more || !page.entries.is_empty(), "a page with more behind it has some");
        found.extend(page.entries);
        if !page.has_more {
            return (found, page.next);
        }
        from = FeedFrom::After(page.next.to_string().parse().expect("it was given out"));
    }
}

pub(super) fn texts(entries: &[FeedEntry]) -> Vec<&str> {
    entries.iter().map(|it| std::str::from_utf8(&it.data).expect("it is a text")).collect()
}

async fn all(open: &Open, name: &str) -> Vec<FeedEntry> {
    read_all(&*open.store, name, FeedFrom::Oldest, 7).await.0
}

async fn info(open: &Open, name: &str) -> Option<FeedInfo> {
    let feeds = open.store.feeds().await.unwrap_or_else(|error| panic!("no list: {error}"));
    feeds.into_iter().find(|it| it.name == feed(name))
}

async fn trim(open: &Open, name: &str, keep: FeedKeep) -> Trimmed {
    let trimmed = open.store.trim_feed(&feed(name), keep).await;
    trimmed.unwrap_or_else(|error| panic!("the feed {name} is not trimmed: {error}"))
}

/// An entry is there if and only if its unit is, once, with what it says of its unit.
pub async fn entries_follow_their_unit(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "käthe");
    let first = with_entries(open.unit(&cart, 0, 1), &[("a", "1"), ("b", "2"), ("a", "3")]);
    open.commit(first.clone()).await;
    let (found, written_at_ms) = (all(&open, "a").await, first.written_at_ms);
    assert_eq!(texts(&found), ["1", "3"], "entries are read in their order");
    assert_eq!(texts(&all(&open, "b").await), ["2"], "each feed has its own");
    let entry = |position, index, data: &str| FeedEntry {
        stripe: 1,
        position,
        type_name: "cart".into(),
        key: cart.key.clone(),
        version: Version(1),
        index,
        at_ms: written_at_ms,
        data: data.as_bytes().to_vec(),
    };
    assert_eq!(found, [entry(1, 0, "1"), entry(2, 2, "3")], "an entry tells its unit");
    // Again, and with an older version: both are conflicts.
    for unit in [first.clone(), with_entries(open.unit(&cart, 5, 2), &[("a", "never")])] {
        let outcome = open.submit(unit).await;
        assert!(matches!(outcome, UnitOutcome::Conflict { .. }), "{outcome:?}");
    }
    let mut invalid = with_entries(open.unit(&cart, 1, 3), &[("a", "never")]);
    invalid.rows.push(super::subject::put(super::subject::outcome(""), "no name"));
    let outcome = open.submit(invalid).await;
    assert!(matches!(outcome, UnitOutcome::Invalid { .. }), "{outcome:?}");
    assert_eq!(all(&open, "a").await, found, "a unit that is refused appends nothing");
    // What an actor appended stays when it is deleted, also with the same unit.
    let mut last = with_entries(open.unit(&cart, 1, 4), &[("a", "last")]);
    last.content = Content::Deleted { until_ms: 0 };
    open.commit(last).await;
    open.commit(with_entries(open.unit(&actor("cart", "x"), 0, 5), &[("a", "x")])).await;
    assert_eq!(texts(&all(&open, "a").await), ["1", "3", "last", "x"]);
    let fenced = with_entries(open.unit(&actor("cart", "y"), 0, 6), &[("a", "never")]);
    let next = Open::of(Arc::clone(&open.store)).await;
    assert_fenced(&next.submit(fenced).await, "a unit of an earlier incarnation is refused");
    assert_eq!(texts(&all(&next, "a").await), ["1", "3", "last", "x"]);
    next.close().await;
}

/// Every way through the pages gives every entry once, and cursors go on where they were.
pub async fn feeds_are_read_in_pages(subject: &impl Subject) {
    let open = Open::new(subject).await;
    // It begins with its first entry, and a cursor from before goes on with that.
    let (none, early) = read_all(&*open.store, "a", FeedFrom::Oldest, 9).await;
    assert!(none.is_empty() && info(&open, "a").await.is_none(), "a feed begins with an entry");
    let names = ["a", "none", "a-"].map(feed);
    assert_eq!(open.store.feed_ends(&names).await, Ok(vec![0; 3]), "none has begun");
    let latest = open.store.read_feed(&feed("a"), FeedFrom::Latest, 9).await;
    assert_eq!(latest.map(|page| page.next), Ok(early.clone()));
    let carts: Vec<_> = (0..40).map(|n| actor("cart", &format!("{n}"))).collect();
    let units = carts.iter().zip(1..).map(|(cart, sequence)| {
        let unit = open.unit(cart, 0, sequence);
        // Names that begin as another one does.
        let unit =
            with_entries(unit, &[("a", &format!("[{sequence}]")), ("a-", "0"), ("a.a", "0")]);
        submit(&*open.store, Arc::new(unit))
    });
    for submitted in units.collect::<Vec<_>>() {
        assert_eq!(submitted.await, UnitOutcome::Committed);
    }
    let whole = all(&open, "a").await;
    assert_eq!(whole.len(), 40, "every entry is there");
    let in_order = whole.iter().zip(1..).all(|(it, n)| (it.stripe, it.position) == (1, n));
    assert!(in_order, "positions of a stripe are consecutive");
    for limit in [1, 3, 39, 40, 41, 1_000] {
        let (found, end) = read_all(&*open.store, "a", FeedFrom::Oldest, limit).await;
        assert_eq!(found, whole, "pages of {limit}");
        let (found, _) = read_all(&*open.store, "a", FeedFrom::After(early.clone()), limit).await;
        assert_eq!(found, whole, "the cursor of an empty feed goes on with its first entry");
        let latest = open.store.read_feed(&feed("a"), FeedFrom::Latest, limit).await;
        assert_eq!(
            latest.map(|page| (page.entries, page.next, page.has_more)),
            Ok((vec![], end, false))
        );
    }
    let (_, end) = read_all(&*open.store, "a", FeedFrom::Oldest, 9).await;
    let ends = open.store.feed_ends(&names).await.expect("it is told");
    assert!(ends[0] != 0 && ends[1] == 0 && ends[0] == ends[2], "each has its own: {ends:?}");
    open.commit(with_entries(open.unit(&carts[0], 1, 100), &[("a", "\"new\"")])).await;
    let now = open.store.feed_ends(&names).await.expect("it is told");
    assert!(now[0] != ends[0] && now[1..] == ends[1..], "what is appended is told: {now:?}");
    let (found, _) = read_all(&*open.store, "a", FeedFrom::After(end), 9).await;
    assert_eq!(texts(&found), ["\"new\""], "a cursor goes on with what came since");
    let listed = open.store.feeds().await.expect("feeds are listed");
    let names: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.entries)).collect();
    assert_eq!(names, [("a", 41), ("a-", 40), ("a.a", 40)], "feeds are listed by name");
    open.close().await;
}

/// A page is bounded by bytes, and has at least one entry.
pub async fn pages_of_feeds_are_bounded(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let large = "1".repeat(FEED_PAGE_BYTES_MAX / 2 - 10);
    for n in 0..5 {
        let unit = open.unit(&actor("cart", &format!("{n}")), 0, n + 1);
        open.commit(with_entries(unit, &[("a", &large)])).await;
    }
    let page = open.store.read_feed(&feed("a"), FeedFrom::Oldest, 9).await.expect("it is read");
    assert_eq!((page.entries.len(), page.has_more), (2, true), "a page has its bytes");
    assert_eq!(all(&open, "a").await.len(), 5);
    // A unit takes as much as its rows may have, and not a byte more.
    let cart = actor("cart", "large");
    let mut unit = with_entries(open.unit(&cart, 0, 9), &[("a", &"1".repeat(ROW_BYTES_MAX))]);
    unit.content = state(Vec::new());
    open.commit(unit.clone()).await;
    unit.entries[0].data.push(b'1');
    let outcome = open.submit(unit).await;
    let (bytes, bytes_max) = (ROW_BYTES_MAX + 1, ROW_BYTES_MAX);
    assert_eq!(outcome, UnitOutcome::TooLarge { bytes, bytes_max });
    let many = vec![("a", "1"); UNIT_ROWS_MAX + 1];
    for entries in [&[("a", "")][..], &many] {
        let outcome = open.submit(with_entries(open.unit(&cart, 1, 10), entries)).await;
        assert!(matches!(outcome, UnitOutcome::Invalid { .. }), "{outcome:?}");
    }
    open.close().await;
}

/// There are so many feeds and no more; those that there are go on.
pub async fn feeds_are_bounded(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let names: Vec<_> = (0..FEEDS_MAX).map(|n| format!("f{n}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let cart = actor("cart", "a");
    open.commit(with_entries(open.unit(&cart, 0, 1), &entries)).await;
    let outcome = open.submit(with_entries(open.unit(&cart, 1, 2), &[("one-more", "1")])).await;
    assert!(matches!(outcome, UnitOutcome::Invalid { .. }), "{outcome:?}");
    open.commit(with_entries(open.unit(&cart, 1, 3), &[("f0", "2")])).await;
    assert_eq!(texts(&all(&open, "f0").await), ["1", "2"]);
    assert_eq!(open.store.feeds().await.map(|feeds| feeds.len()), Ok(FEEDS_MAX));
    open.close().await;
}

/// Each incarnation has a stripe of its own, read after the one before: what an actor appended is
/// read by its versions, and a cursor from any moment goes on.
pub async fn stripes_follow_incarnations(subject: &impl Subject) {
    let cart = actor("cart", "a");
    let mut cursors = Vec::new();
    for round in 0..6 {
        let open = Open::new(subject).await;
        // In some nothing is appended: they open no stripe.
        if round % 3 < 2 {
            for step in 0..2 {
                let version = round / 3 * 4 + round % 3 * 2 + step;
                let text = format!("{}", version + 1);
                let unit = open.unit(&cart, version, step + 1);
                open.commit(with_entries(unit, &[("a", &text), ("b", &text)])).await;
                let (seen, cursor) = read_all(&*open.store, "a", FeedFrom::Oldest, 3).await;
                cursors.push((seen.len(), cursor));
            }
        }
        let found = all(&open, "a").await;
        assert!(found.is_sorted_by_key(|it| (it.stripe, it.position)), "by stripe and position");
        assert!(found.is_sorted_by_key(|it| it.version), "by version, over stripes too");
        for (seen, cursor) in &cursors {
            let from = FeedFrom::After(cursor.clone());
            let (rest, _) = read_all(&*open.store, "a", from, 2).await;
            assert_eq!(rest, found[*seen..], "round {round}, a cursor behind {seen} entries");
        }
        open.close().await;
    }
    let open = Open::new(subject).await;
    let found = all(&open, "b").await;
    let places: Vec<_> = found.iter().map(|it| (it.stripe, it.position)).collect();
    let expected = (1..=4).flat_map(|stripe| [(stripe, 1), (stripe, 2)]);
    assert!(places.iter().copied().eq(expected), "stripes are numbered as they opened: {places:?}");
    // Units in flight while the store is opened again are there, or never will be.
    let racing: Vec<_> = (0..64)
        .map(|n| {
            let unit = open.unit(&actor("cart", &format!("race-{n}")), 0, n + 10);
            submit(&*open.store, Arc::new(with_entries(unit, &[("race", &format!("{n}"))])))
        })
        .collect();
    let next = Open::of(Arc::clone(&open.store)).await;
    let seen = all(&next, "race").await;
    let committed = {
        let mut committed = 0;
        for submitted in racing {
            committed += usize::from(submitted.await == UnitOutcome::Committed);
        }
        committed
    };
    assert!(seen.len() >= committed, "{committed} were committed, {} are there", seen.len());
    next.commit(with_entries(next.unit(&actor("cart", "after"), 0, 1), &[("race", "after")])).await;
    let now = all(&next, "race").await;
    assert_eq!(now[..seen.len()], seen, "a closed stripe does not change");
    assert_eq!(now.len(), seen.len() + 1);
    next.close().await;
}

/// A trim removes the oldest, by time and bytes, and a cursor before them is told.
pub async fn trims_remove_the_oldest_and_are_told(subject: &impl Subject) {
    let cart = actor("cart", "a");
    let open = Open::new(subject).await;
    let (_, start) = read_all(&*open.store, "a", FeedFrom::Oldest, 9).await;
    for n in 0..6 {
        let mut unit = with_entries(open.unit(&cart, n, n + 1), &[("a", &format!("{n}"))]);
        unit.written_at_ms = 100 + n;
        open.commit(unit).await;
    }
    assert_eq!(trim(&open, "a", ALL).await, Trimmed::default(), "nothing is too old");
    assert_eq!(trim(&open, "none", ALL).await, Trimmed::default(), "nothing is there");
    let whole = info(&open, "a").await.expect("it is listed");
    assert_eq!((whole.entries, whole.oldest_ms), (6, Some(100)));
    let each = whole.bytes / 6;
    let page = open.store.read_feed(&feed("a"), FeedFrom::Oldest, 2).await.expect("it is read");
    let trimmed = trim(&open, "a", FeedKeep { since_ms: 103, ..ALL }).await;
    assert_eq!((trimmed.entries, trimmed.bytes), (3, 3 * each), "what is older goes");
    assert_eq!(texts(&all(&open, "a").await), ["3", "4", "5"]);
    for cursor in [start, page.next] {
        let read = open.store.read_feed(&feed("a"), FeedFrom::After(cursor), 9).await;
        let Err(FeedError::Expired { oldest }) = read else {
            panic!("a cursor before what was trimmed is told: {read:?}");
        };
        let (found, _) = read_all(&*open.store, "a", FeedFrom::After(oldest), 9).await;
        assert_eq!(texts(&found), ["3", "4", "5"], "it is told where the rest begins");
    }
    let (_, end) = read_all(&*open.store, "a", FeedFrom::Oldest, 9).await;
    let trimmed = trim(&open, "a", FeedKeep { bytes_max: each * 2, ..ALL }).await;
    assert_eq!(trimmed.entries, 1, "the oldest go until the rest has few enough bytes");
    let left = info(&open, "a").await.expect("it is listed");
    assert_eq!((left.entries, left.bytes, left.oldest_ms), (2, each * 2, Some(104)));
    open.close().await;
    // All of it, over two stripes, and after a restart.
    let open = Open::new(subject).await;
    open.commit(with_entries(open.unit(&cart, 6, 1), &[("a", "6")])).await;
    let mut gone = 0;
    while info(&open, "a").await.is_some_and(|it| it.entries > 0) {
        gone += trim(&open, "a", FeedKeep { since_ms: u64::MAX, bytes_max: 0 }).await.entries;
    }
    assert_eq!(gone, 3);
    let read = open.store.read_feed(&feed("a"), FeedFrom::After(end), 9).await;
    let Err(FeedError::Expired { oldest }) = read else { panic!("6 was missed: {read:?}") };
    open.close().await;
    let open = Open::new(subject).await;
    open.commit(with_entries(open.unit(&cart, 7, 1), &[("a", "7")])).await;
    let (found, _) = read_all(&*open.store, "a", FeedFrom::After(oldest), 9).await;
    assert_eq!(texts(&found), ["7"], "a cursor behind all that was trimmed has missed nothing");
    assert_eq!((found[0].stripe, found[0].position), (3, 1), "no number of a stripe comes twice");
    open.close().await;
}

/// A trim takes so many at a time, and says whether there are more.
pub async fn trims_are_bounded(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "a");
    let many = vec![("a", "1"); TRIM_ENTRIES_MAX as usize];
    open.commit(with_entries(open.unit(&cart, 0, 1), &many)).await;
    open.commit(with_entries(open.unit(&cart, 1, 2), &many[..10])).await;
    let nothing = FeedKeep { since_ms: u64::MAX, bytes_max: 0 };
    let trimmed = trim(&open, "a", nothing).await;
    assert_eq!((trimmed.entries, trimmed.has_more), (TRIM_ENTRIES_MAX, true));
    assert_eq!(trim(&open, "a", nothing).await.entries, 10);
    assert_eq!(trim(&open, "a", nothing).await, Trimmed::default());
    open.close().await;
}

/// A cursor is good for its feed of its store and nowhere else.
pub async fn foreign_cursors_are_refused(subject: &impl Subject, other: &impl Subject) {
    let (open, other) = (Open::new(subject).await, Open::new(other).await);
    let cart = actor("cart", "a");
    for open in [&open, &other] {
        open.commit(with_entries(open.unit(&cart, 0, 1), &[("a", "1"), ("b", "1")])).await;
    }
    let (_, cursor) = read_all(&*open.store, "a", FeedFrom::Oldest, 9).await;
    let after = || FeedFrom::After(cursor.clone());
    let read = open.store.read_feed(&feed("b"), after(), 9).await;
    assert_eq!(read, Err(FeedError::Cursor(CursorError::OtherFeed)));
    let read = other.store.read_feed(&feed("a"), after(), 9).await;
    assert_eq!(read, Err(FeedError::Cursor(CursorError::OtherStore)));
    assert!(open.store.read_feed(&feed("a"), after(), 9).await.is_ok());
    open.close().await;
    let read = other.store.read_feed(&feed("a"), FeedFrom::Oldest, 9).await;
    assert!(read.is_ok());
    let store = Arc::clone(&other.store);
    other.close().await;
    let read = store.read_feed(&feed("a"), FeedFrom::Oldest, 9).await;
    assert!(
        matches!(read, Err(FeedError::Store(StoreError::Unavailable { .. }))),
        "a closed store reads no feed: {read:?}",
    );
}

/// A damaged entry is named and not passed by.
pub async fn damaged_entries_are_named(subject: &impl Subject) {
    let open = Open::new(subject).await;
    let cart = actor("cart", "a");
    open.commit(with_entries(open.unit(&cart, 0, 1), &[("a", "1"), ("a", "2"), ("b", "3")])).await;
    open.close().await;
    subject.damage_feed(&feed("a"));
    let open = Open::new(subject).await;
    let read = open.store.read_feed(&feed("a"), FeedFrom::Oldest, 9).await;
    let Err(FeedError::Store(StoreError::Corrupt { what, .. })) = read else {
        panic!("a damaged entry is named: {read:?}");
    };
    assert!(what.contains("the feed a"), "{what}");
    assert_eq!(texts(&all(&open, "b").await), ["3"], "other feeds are read");
    open.commit(with_entries(open.unit(&cart, 1, 1), &[("a", "4")])).await;
    let latest = open.store.read_feed(&feed("a"), FeedFrom::Latest, 9).await;
    assert!(latest.is_ok(), "who reads what comes is served");
    let listed = info(&open, "a").await.expect("it is listed");
    assert!(listed.error.is_some() && listed.entries == 3, "its damage is listed: {listed:?}");
    assert!(info(&open, "b").await.is_some_and(|it| it.error.is_none()));
    let now_ms = open.unit(&cart, 2, 2).written_at_ms;
    assert_eq!(trim(&open, "a", ALL).await, Trimmed::default(), "it goes with the next that goes");
    trim(&open, "a", FeedKeep { since_ms: now_ms, ..ALL }).await;
    assert!(info(&open, "a").await.is_some_and(|it| it.error.is_none() && it.entries < 3));
    open.close().await;
}
