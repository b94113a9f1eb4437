//! Feeds: read, listed and trimmed, each with one statement.

use std::collections::BTreeSet;

use tenure_store::feed::{Reading, TRIM_ENTRIES_MAX};
use tenure_store::row::feed::decode_entry;
use tenure_store::{
    FEED_PAGE_BYTES_MAX, FeedEntry, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, StoreError,
    Stripe, Stripes, Trimmed,
};
use tenure_types::{FeedName, Incarnation};
use tokio_postgres::Row;

use crate::link::Link;
use crate::reads::number;
use crate::serving::Serving;
use crate::sql::{FEED, FEEDS, TRIM};

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
    let (stripe, position) = match from {
        FeedFrom::Oldest => (0, 0),
        FeedFrom::Latest => (i64::MAX, i64::MAX),
        FeedFrom::After(cursor) => {
            let (stripe, position) = cursor.place();
            (number(stripe), number(position))
        }
    };
    let limit = limit.min(PAGE_MAX);
    // One more than there is room for says that the page is full.
    let (name, count) = (feed.as_str(), limit as i64 + 1);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&name, &stripe, &position, &count, &ROW_BYTES_MAX];
    let rows = serving.reads.read("reading a feed", FEED, &parameters).await?;
    let (stripes, entries) = rows.split_at(rows.iter().take_while(|row| row.get(0)).count());
    check_stripes(feed, stripes, entries)?;
    let stripes = stripes_of(feed, stripes)?;
    let place = (serving.store, feed);
    let current = serving.incarnation;
    let mut reading = Reading::begin(place, &stripes, |it| it < current, from, limit)?;
    let mut entries = entries.iter().peekable();
    while let Some(segment) = reading.segment() {
        let is_of = |row: &&Row| row.get::<_, i64>(1) as u64 == segment.stripe;
        while let Some(row) = entries.next_if(is_of) {
            if !reading.push(entry_of(feed, row)?)? {
                return Ok(reading.page());
            }
        }
        reading = reading.end_segment()?;
    }
    Ok(reading.page())
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

/// Removes the oldest stripes without entries, where there are too many.
async fn forget(link: &Link, feed: &FeedName) -> Result<(), StoreError> {
    let name = feed.as_str();
    let sql = "SELECT true, number, 0::bigint, ''::bytea, incarnation, stable, floor, bytes, \
         trimmed_bytes FROM stripes WHERE feed = $1 ORDER BY number";
    let rows = link.read("trimming a feed", sql, &[&name]).await?;
    let mut stripes = stripes_of(feed, &rows)?;
    let mut last = None;
    while let Some(number) = stripes.forget() {
        last = Some(number);
    }
    if let Some(last) = last.map(number) {
        let sql = "DELETE FROM stripes WHERE feed = $1 AND number <= $2 AND stable = floor";
        link.read("trimming a feed", sql, &[&name, &last]).await?;
    }
    Ok(())
}

/// Checks that every entry is of a stripe that is there: without it nobody would read them.
fn check_stripes(feed: &FeedName, stripes: &[Row], entries: &[Row]) -> Result<(), StoreError> {
    let number = |row: &Row| row.get::<_, i64>(1);
    let known: BTreeSet<i64> = stripes.iter().map(number).collect();
    let lost = entries.iter().map(number).find(|stripe| !known.contains(stripe));
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
        number: at(row, 1),
        incarnation: Incarnation(at(row, 4)),
        stable: at(row, 5),
        floor: at(row, 6),
        bytes: at(row, 7),
        trimmed_bytes: at(row, 8),
    };
    Stripes::found(rows.iter().map(stripe).collect()).map_err(|detail| StoreError::Corrupt {
        what: format!("the feed {feed}").into(),
        detail: format!("{detail}; restore a backup").into(),
    })
}

fn entry_of(feed: &FeedName, row: &Row) -> Result<FeedEntry, StoreError> {
    let (stripe, position): (i64, i64) = (row.get(1), row.get(2));
    entry_at(feed, (stripe as u64, position as u64), row.get(3))
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
