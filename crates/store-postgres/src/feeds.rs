//! Feeds: read, listed and trimmed, each with one statement, and begun.
//!
//! Stripes of several incarnations are merged by the *moment* of their entries. A batch takes it when
//! its statement begins: one above the highest of the feed that is durable then. So an entry that was
//! durable before another one's batch began is read before it, by everybody. Batches of two nodes at
//! the same time may have one moment, or commit against the order of theirs: nothing is skipped then,
//! because a cursor has a place in each stripe.

use std::collections::BTreeSet;

use tenure_store::feed::{FEEDS_MAX, Reading, Segment, TRIM_ENTRIES_MAX};
use tenure_store::row::feed::decode_entry;
use tenure_store::{
    FEED_PAGE_BYTES_MAX, FeedEntry, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, StoreError,
    Stripe, Stripes, Trimmed,
};
use tenure_types::{FeedName, Incarnation};
use tokio_postgres::Row;

use crate::failure::Failure;
use crate::link::{Link, Session};
use crate::reads::number;
use crate::serving::Serving;
use crate::sql::{FEED, FEED_ENDS, FEEDS, TRIM};

/// The most entries that one statement reads.
const PAGE_MAX: usize = 4_096;
/// The bytes of rows after which a statement ends: so many that the entries in them fill a page.
const ROW_BYTES_MAX: i64 = 2 * FEED_PAGE_BYTES_MAX as i64;

/// As [`tenure_store::Store::read_feed`].
pub(crate) async fn read(
    serving: &Serving,
    feed: &FeedName,
    from: &FeedFrom,
    limit: usize,
) -> Result<FeedPage, FeedError> {
    let (mut numbers, mut positions, mut below) = (Vec::new(), Vec::new(), 0);
    match from {
        FeedFrom::Oldest => {}
        FeedFrom::Latest => below = i64::MAX,
        FeedFrom::After(cursor) => {
            below = number(cursor.below());
            numbers.extend(cursor.begun().iter().map(|it| number(it.0)));
            positions.extend(cursor.begun().iter().map(|it| number(it.1)));
        }
    }
    let limit = limit.min(PAGE_MAX);
    // One more than there is room for says that the page is full.
    let (name, count) = (feed.as_str(), limit as i64 + 1);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&name, &numbers, &positions, &below, &count, &ROW_BYTES_MAX];
    let rows = serving.reads.read("reading a feed", FEED, &parameters).await?;
    let (stripes, rows) = rows.split_at(rows.partition_point(|row| kind(row) == Kind::Stripe));
    let (ends, entries) = rows.split_at(rows.partition_point(|row| kind(row) == Kind::End));
    check_stripes(feed, stripes, ends)?;
    let open: BTreeSet<i64> =
        stripes.iter().filter(|row| row.get(10)).map(|row| row.get(5)).collect();
    let broken = stripes.iter().find(|row| !row.get::<_, bool>(11)).map(|row| row.get::<_, i64>(2));
    let stripes = stripes_of(feed, stripes)?;
    let is_closed = |it: Incarnation| !open.contains(&(it.0 as i64));
    let mut reading = Reading::begin((serving.store, feed), &stripes, is_closed, from, limit)?;
    let lacking = |it: &&Segment| Some(it.stripe as i64) == broken;
    if let Some(segment) = reading.segments().find(lacking) {
        return Err(reading.missing(segment).into());
    }
    for row in entries {
        if !reading.push(entry_of(feed, row)?)? {
            return Ok(reading.page());
        }
    }
    if let Some(segment) = reading.segments().next() {
        return Err(reading.missing(segment).into());
    }
    Ok(reading.page())
}

/// What a row of a page is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Stripe,
    /// The stripe of the first entry, or of the last.
    End,
    Entry,
}

fn kind(row: &Row) -> Kind {
    match row.get::<_, i32>(0) {
        0 => Kind::Stripe,
        1 => Kind::End,
        _ => Kind::Entry,
    }
}

/// As [`tenure_store::Store::feeds`].
pub(crate) async fn list(link: &Link) -> Result<Vec<FeedInfo>, StoreError> {
    let rows = link.read("listing the feeds", FEEDS, &[]).await?;
    let info = |row: &Row| {
        let text: &str = row.get(0);
        let name = FeedName::new(text).map_err(|_| StoreError::Corrupt {
            what: format!("the feed {text:?}").into(),
            detail: "no feed of Tenure has such a name; it was changed by hand".into(),
        })?;
        let place = row.get::<_, Option<i64>>(3).zip(row.get::<_, Option<i64>>(4));
        let oldest = place.zip(row.get::<_, Option<&[u8]>>(5)).map(|((stripe, position), body)| {
            entry_at(&name, (stripe as u64, position as u64), body)
        });
        let oldest = oldest.transpose();
        Ok(FeedInfo {
            entries: row.get::<_, i64>(1) as u64,
            bytes: row.get::<_, i64>(2) as u64,
            oldest_ms: oldest.as_ref().ok().and_then(|it| it.as_ref().map(|it| it.at_ms)),
            error: oldest.err(),
            name,
        })
    };
    rows.iter().map(info).collect()
}

/// As [`tenure_store::Store::trim_feed`].
pub(crate) async fn trim(
    link: &Link,
    feed: &FeedName,
    keep: FeedKeep,
) -> Result<Trimmed, StoreError> {
    let name = feed.as_str();
    let (since_ms, bytes_max) = (number(keep.since_ms), number(keep.bytes_max));
    let count = number(TRIM_ENTRIES_MAX);
    let doing = "trimming a feed";
    let rows = link.read(doing, TRIM, &[&name, &since_ms, &bytes_max, &count]).await?;
    let Some(row) = rows.first() else { return Ok(Trimmed::default()) };
    let trimmed = Trimmed {
        entries: row.get::<_, i64>(0) as u64,
        bytes: row.get::<_, i64>(1) as u64,
        has_more: row.get(2),
    };
    if trimmed.entries > 0 {
        forget(link, feed).await?;
    }
    Ok(trimmed)
}

/// Removes the oldest stripes without entries, where there are too many. One that is open stays, and
/// those after it: nobody opens it again.
async fn forget(link: &Link, feed: &FeedName) -> Result<(), StoreError> {
    let name = feed.as_str();
    let sql = "SELECT 0, s.number, s.number, 0::bigint, ''::bytea, s.incarnation, s.stable, s.floor, \
         s.bytes, s.trimmed_bytes, \
         EXISTS (SELECT 1 FROM fences AS f WHERE f.incarnation = s.incarnation) \
         FROM stripes AS s WHERE s.feed = $1 ORDER BY s.number";
    let rows = link.read("trimming a feed", sql, &[&name]).await?;
    let closed = rows.iter().take_while(|row| !row.get::<_, bool>(10)).count();
    let mut stripes = stripes_of(feed, &rows)?;
    let mut last = None;
    for _ in 0..closed {
        last = stripes.forget().or(last);
    }
    if let Some(last) = last.map(number) {
        let sql = "DELETE FROM stripes WHERE feed = $1 AND number <= $2 AND stable = floor";
        link.read("trimming a feed", sql, &[&name, &last]).await?;
    }
    Ok(())
}

/// Opens the stripes of `incarnation` in these feeds, which it does once for each: the numbers of
/// stripes are given one after the other, by whichever node. `false` where the store would have too
/// many feeds; nothing was opened then. Who is fenced hears of that when it commits.
///
/// # Errors
/// [`Failure`]; whether they were opened is then not known, and it may be repeated.
pub(crate) async fn begin(
    session: &Session,
    incarnation: Incarnation,
    feeds: &BTreeSet<&str>,
) -> Result<bool, Failure> {
    // Names of feeds have no quotes.
    let names: Vec<String> = feeds.iter().map(|feed| format!("('{feed}')")).collect();
    let names = format!("(VALUES {}) AS n (feed)", names.join(", "));
    let fence = format!("(SELECT 1 FROM fences WHERE incarnation = {incarnation})");
    // One message, and so one transaction, whose first statement lets one pass at a time.
    let sql = format!(
        "SELECT 1 FROM store FOR UPDATE; \
         INSERT INTO stripes (feed, number, incarnation, stable, floor, bytes, trimmed_bytes) \
         SELECT n.feed, 1 + coalesce((SELECT max(o.number) FROM stripes AS o \
         WHERE o.feed = n.feed), 0), {incarnation}, 0, 0, 0, 0 FROM {names} \
         WHERE EXISTS {fence} AND {FEEDS_MAX} >= (SELECT count(*) FROM \
         (SELECT feed FROM stripes UNION SELECT n.feed FROM {names}) AS f) \
         ON CONFLICT (feed, incarnation) DO NOTHING; \
         SELECT 1 FROM {names} WHERE EXISTS {fence} AND NOT EXISTS (SELECT 1 FROM stripes AS s \
         WHERE s.feed = n.feed AND s.incarnation = {incarnation})"
    );
    // The first statement answers a row, and the last one those that were not opened.
    Ok(session.run(&sql).await? == 1)
}

/// As [`tenure_store::Store::feed_ends`].
pub(crate) async fn ends(link: &Link, feeds: &[FeedName]) -> Result<Vec<u64>, StoreError> {
    let names: Vec<&str> = feeds.iter().map(FeedName::as_str).collect();
    let rows = link.read("looking at feeds", FEED_ENDS, &[&names]).await?;
    let end = |row: &Row| {
        // A stripe that is forgotten takes its entries with it: the first number tells.
        let (appended, first): (i64, i64) = (row.get(0), row.get(1));
        (appended as u64).wrapping_add((first as u64).rotate_left(40))
    };
    Ok(rows.iter().map(end).collect())
}

/// Checks that every entry is of a stripe that is there: without it nobody would read them.
fn check_stripes(feed: &FeedName, stripes: &[Row], ends: &[Row]) -> Result<(), StoreError> {
    let number = |row: &Row| row.get::<_, i64>(2);
    let known: BTreeSet<i64> = stripes.iter().map(number).collect();
    let lost = ends.iter().map(number).find(|stripe| !known.contains(stripe));
    lost.map_or(Ok(()), |stripe| {
        Err(StoreError::Corrupt {
            what: format!("the feed {feed}").into(),
            detail: format!("its stripe {stripe} is missing; restore a backup").into(),
        })
    })
}

fn stripes_of(feed: &FeedName, rows: &[Row]) -> Result<Stripes, StoreError> {
    let at = |row: &Row, n: usize| row.get::<_, i64>(n) as u64;
    let stripe = |row: &Row| Stripe {
        number: at(row, 2),
        incarnation: Incarnation(at(row, 5)),
        stable: at(row, 6),
        floor: at(row, 7),
        bytes: at(row, 8),
        trimmed_bytes: at(row, 9),
    };
    Stripes::found(rows.iter().map(stripe).collect()).map_err(|detail| StoreError::Corrupt {
        what: format!("the feed {feed}").into(),
        detail: format!("{detail}; restore a backup").into(),
    })
}

fn entry_of(feed: &FeedName, row: &Row) -> Result<FeedEntry, StoreError> {
    let (stripe, position): (i64, i64) = (row.get(2), row.get(3));
    entry_at(feed, (stripe as u64, position as u64), row.get(4))
}

/// Reads an entry, whose stored form does not know its place.
fn entry_at(
    feed: &FeedName,
    (stripe, position): (u64, u64),
    body: &[u8],
) -> Result<FeedEntry, StoreError> {
    match decode_entry(feed, (0, 0), body) {
        Ok(entry) => Ok(FeedEntry { stripe, position, ..entry }),
        Err(StoreError::Corrupt { detail, .. }) => {
            let what = format!("entry {position} of stripe {stripe} of the feed {feed}").into();
            Err(StoreError::Corrupt { what, detail })
        }
        Err(other) => Err(other),
    }
}
