use tenure_types::{Key, Version};

use super::*;
use crate::feed::EMPTY_STRIPES_MAX;

const STORE: u64 = 7;

fn feed() -> FeedName {
    FeedName::new("answers").expect("a good name")
}

/// Of a feed that was read up to stripe `below`, of which `position` was read.
fn cursor(store: u64, feed: &FeedName, below: u64, position: u64) -> Cursor {
    let stripes = Vec::from_iter((position > 0).then_some((below, position)));
    Cursor::of(store, feed, below, stripes)
}

fn entry(stripe: u64, position: u64, bytes: usize) -> FeedEntry {
    FeedEntry {
        stripe,
        position,
        type_name: "cart".into(),
        key: Key::new("a").expect("a good key"),
        version: Version(position),
        index: 0,
        at_ms: 0,
        data: vec![b'1'; bytes],
    }
}

/// Stripes of incarnations 1, 2, .. with these floors and last positions.
fn stripes(of: &[(u64, u64)]) -> Stripes {
    let stripe = |(n, (floor, stable)): (usize, &(u64, u64))| Stripe {
        number: n as u64 + 1,
        incarnation: Incarnation(n as u64 + 1),
        stable: *stable,
        floor: *floor,
        bytes: *stable,
        trimmed_bytes: *floor,
    };
    Stripes::found(of.iter().enumerate().map(stripe).collect()).expect("they follow each other")
}

/// A page where every position that was ever written is there, and one behind each stripe's end
/// that is not resolved.
fn read(
    stripes: &Stripes,
    current: u64,
    from: &FeedFrom,
    limit: usize,
) -> Result<FeedPage, FeedError> {
    let mut reading = Reading::begin((STORE, &feed()), stripes, |it| it.0 < current, from, limit)?;
    while let Some(Segment { stripe, after, until, .. }) = reading.segment() {
        let written = stripes.all()[stripe as usize - 1].stable + 1;
        for position in (after + 1..=until).take_while(|it| *it <= written) {
            if !reading.push(entry(stripe, position, 1)).expect("nothing is missing") {
                return Ok(reading.page());
            }
        }
        reading = reading.end_segment().expect("nothing is missing");
    }
    Ok(reading.page())
}

fn positions(page: &FeedPage) -> Vec<(u64, u64)> {
    page.entries.iter().map(|it| (it.stripe, it.position)).collect()
}

#[test]
fn every_way_through_the_pages_gives_every_entry_once_and_none_that_is_not_stable() {
    let stripes = stripes(&[(0, 3), (0, 1), (0, 4)]);
    let all: Vec<_> = [(1, 3), (2, 1), (3, 4)]
        .into_iter()
        .flat_map(|(stripe, last)| (1..=last).map(move |position| (stripe, position)))
        .collect();
    for current in [3, 4] {
        for limit in 1..=9 {
            let (mut from, mut seen) = (FeedFrom::Oldest, Vec::new());
            loop {
                let page = read(&stripes, current, &from, limit).expect("nothing has expired");
                seen.extend(positions(&page));
                assert_eq!(page.has_more, seen.len() < all.len(), "limit {limit}");
                let cursor = page.next.to_string().parse().expect("it was given out");
                from = FeedFrom::After(cursor);
                if !page.has_more {
                    break;
                }
            }
            assert_eq!(seen, all, "limit {limit}");
            let page = read(&stripes, current, &from, limit).expect("it goes on");
            assert_eq!((page.entries.len(), FeedFrom::After(page.next)), (0, from));
        }
    }
}

#[test]
fn a_cursor_leaves_closed_stripes_behind_and_holds_the_place_in_an_open_one() {
    let stripes = stripes(&[(0, 3), (0, 2)]);
    let next = |current| read(&stripes, current, &FeedFrom::Oldest, 9).expect("it reads").next;
    assert_eq!(next(2), cursor(STORE, &feed(), 2, 2));
    assert_eq!(next(3), cursor(STORE, &feed(), 3, 0));
    let latest = |current| read(&stripes, current, &FeedFrom::Latest, 9).expect("it reads");
    assert_eq!(latest(2).next, next(2));
    assert_eq!(latest(3).next, next(3));
    assert!(latest(2).entries.is_empty() && !latest(2).has_more);
    let none = read(&Stripes::default(), 1, &FeedFrom::Latest, 9).expect("it reads").next;
    assert_eq!(none, cursor(STORE, &feed(), 1, 0));
    let page = read(&stripes, 3, &FeedFrom::After(none), 9).expect("it begins with the feed");
    assert_eq!(page.entries.len(), 5);
}

#[test]
fn what_was_trimmed_is_told_and_never_skipped() {
    let kept = stripes(&[(3, 3), (2, 4), (0, 1)]);
    let oldest = cursor(STORE, &feed(), 2, 2);
    for (below, position, expired) in [
        (1, 0, true),
        (1, 2, true),
        // It had read all that there was in stripe 1, and not the beginning of stripe 2.
        (1, 3, true),
        (2, 0, true),
        (2, 1, true),
        (2, 2, false),
        (2, 3, false),
        (3, 0, false),
        (3, 1, false),
    ] {
        let from = FeedFrom::After(cursor(STORE, &feed(), below, position));
        let page = read(&kept, 3, &from, 9);
        match expired {
            true => assert_eq!(page, Err(FeedError::Expired { oldest: oldest.clone() })),
            false => assert!(page.is_ok(), "{below} {position}: {page:?}"),
        }
    }
    let page = read(&kept, 3, &FeedFrom::Oldest, 9).expect("the oldest never expire");
    assert_eq!(positions(&page), [(2, 3), (2, 4), (3, 1)]);
    // A consumer at the end of a feed that nothing was appended to for long has missed nothing.
    let empty = stripes(&[(3, 3), (4, 4)]);
    for current in [2, 3] {
        let from = FeedFrom::After(cursor(STORE, &feed(), 2, 4));
        assert!(read(&empty, current, &from, 9).is_ok());
        assert!(read(&empty, current, &FeedFrom::Oldest, 9).expect("it reads").entries.is_empty());
    }
}

#[test]
fn a_stripe_that_was_forgotten_has_expired_and_its_number_never_comes_again() {
    let mut stripes = stripes(&(0..EMPTY_STRIPES_MAX + 2).map(|_| (2, 2)).collect::<Vec<_>>());
    assert_eq!(stripes.forget(), Some(1));
    assert_eq!(stripes.forget(), None);
    let current = EMPTY_STRIPES_MAX as u64 + 3;
    let last = current - 1;
    for (below, position, expired) in
        [(1, 2, true), (2, 0, true), (last, 0, true), (last, 2, false), (current, 0, false)]
    {
        let from = FeedFrom::After(cursor(STORE, &feed(), below, position));
        let page = Reading::begin((STORE, &feed()), &stripes, |it| it.0 < current, &from, 9);
        assert_eq!(matches!(page, Err(FeedError::Expired { .. })), expired, "{below} {position}");
        assert_eq!(page.is_ok(), !expired, "{below} {position}");
    }
    assert_eq!(stripes.of(Incarnation(current)).number, current);
    assert_eq!(stripes.of(Incarnation(current)).number, current);
}

#[test]
fn a_cursor_that_has_read_what_is_not_there_is_refused() {
    let stripes = stripes(&[(0, 3), (0, 2)]);
    for (below, position) in [(1, 4), (2, 3), (3, 1), (4, 0), (9, 9)] {
        let from = FeedFrom::After(cursor(STORE, &feed(), below, position));
        let page = read(&stripes, 2, &from, 9);
        assert_eq!(page, Err(CursorError::Ahead.into()), "{below} {position}");
    }
    let other = FeedFrom::After(cursor(STORE + 1, &feed(), 9, 9));
    assert_eq!(read(&stripes, 2, &other, 9), Err(CursorError::OtherStore.into()));
}

#[test]
fn a_page_has_its_bytes_and_at_least_one_entry() {
    let stripes = stripes(&[(0, 3)]);
    let oldest = FeedFrom::Oldest;
    let begin =
        || Reading::begin((STORE, &feed()), &stripes, |_| false, &oldest, 9).expect("it reads");
    let mut reading = begin();
    assert_eq!(reading.push(entry(1, 1, FEED_PAGE_BYTES_MAX + 1)), Ok(true));
    assert_eq!(reading.push(entry(1, 2, 1)), Ok(false));
    let page = reading.page();
    assert!(page.has_more && page.entries.len() == 1);
    let mut reading = begin();
    assert_eq!(reading.push(entry(1, 1, FEED_PAGE_BYTES_MAX - 1)), Ok(true));
    assert_eq!(reading.push(entry(1, 2, 1)), Ok(true));
    assert_eq!(reading.push(entry(1, 3, 1)), Ok(false));
}

#[test]
fn an_entry_that_is_missing_is_named() {
    let stripes = stripes(&[(0, 3)]);
    let oldest = FeedFrom::Oldest;
    let mut reading =
        Reading::begin((STORE, &feed()), &stripes, |_| false, &oldest, 9).expect("it reads");
    assert_eq!(reading.push(entry(1, 1, 1)), Ok(true));
    let error = reading.push(entry(1, 3, 1)).expect_err("the second is missing");
    assert!(error.to_string().contains("entry 2 of stripe 1 of the feed answers"), "{error}");
    let error = reading.end_segment().expect_err("two are missing");
    assert!(error.to_string().contains("entry 2 of stripe 1"), "{error}");
}

/// A page of what `stripes` have, where those of the incarnations `open` are; the stripe with the
/// lowest position comes first, then the one with the lowest number.
fn merge(stripes: &Stripes, open: &[u64], from: &FeedFrom, limit: usize) -> FeedPage {
    let is_closed = |it: Incarnation| !open.contains(&it.0);
    let reading = Reading::begin((STORE, &feed()), stripes, is_closed, from, limit);
    let mut reading = reading.expect("it reads");
    loop {
        let next = reading.segments().map(|it| (it.after + 1, it.stripe)).min();
        let Some((position, stripe)) = next else { break };
        if !reading.push(entry(stripe, position, 1)).expect("nothing is missing") {
            break;
        }
    }
    reading.page()
}

#[test]
fn stripes_of_several_who_append_are_merged_and_each_is_read_once() {
    // The third stripe is closed, those around it are not.
    let open = [1, 2, 4];
    let (before, after) =
        (stripes(&[(0, 3), (1, 2), (0, 2), (0, 0)]), stripes(&[(0, 4), (1, 5), (0, 2), (0, 1)]));
    for limit in 1..9 {
        let (mut seen, mut from) = (Vec::new(), FeedFrom::Oldest);
        for stripes in [&before, &after] {
            loop {
                let page = merge(stripes, &open, &from, limit);
                seen.extend(positions(&page));
                from = FeedFrom::After(page.next.to_string().parse().expect("it was given out"));
                if !page.has_more {
                    break;
                }
            }
        }
        seen.sort_unstable();
        let expected = [
            (1, 1),
            (1, 2),
            (1, 3),
            (1, 4),
            (2, 2),
            (2, 3),
            (2, 4),
            (2, 5),
            (3, 1),
            (3, 2),
            (4, 1),
        ];
        assert_eq!(seen, expected, "pages of {limit}");
    }
}

#[test]
fn a_closed_stripe_that_was_read_leaves_the_cursor_also_between_open_ones() {
    let many = stripes(&[(0, 1); 400]);
    let page = merge(&many, &[1, 400], &FeedFrom::Oldest, 1_000);
    assert_eq!((page.entries.len(), page.next.begun()), (400, &[(1, 1), (400, 1)][..]));
    assert_eq!(page.next.below(), 400);
    let again = merge(&many, &[1, 400], &FeedFrom::After(page.next), 1_000);
    assert_eq!((again.entries.len(), again.has_more), (0, false));
}

#[test]
fn as_many_may_append_at_a_time_as_a_cursor_holds() {
    let open: Vec<u64> = (1..=256).collect();
    let latest = |count: usize| {
        let stripes = stripes(&vec![(0, 1); count]);
        Reading::begin((STORE, &feed()), &stripes, |it| !open.contains(&it.0), &FeedFrom::Latest, 9)
            .map(Reading::page)
    };
    assert!(latest(255).is_ok_and(|page| page.next.begun().len() == 255));
    assert!(matches!(latest(256), Err(FeedError::Store(StoreError::Unavailable { .. }))));
}
