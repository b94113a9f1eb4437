//! `tenure store export`: all actors of a store as one file, or a store compared with such a file.

use std::io::{self, BufWriter, Write};

use tenure_store::export::{self, EXPORT_MAGIC, Totals};
use tenure_store::{FeedInfo, Store, StoreError};

use super::file::{BUFFER_BYTES, check, open};
use super::place::{Place, runtime, unread};
use super::told::{described, told};
use crate::command_line::Export;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::part::{Kind, Part};
use crate::screen::Screen;

const EXPORTS: Kind = Kind { begin: EXPORT_MAGIC, noun: "export" };

pub(super) fn run(wanted: &Export, screen: &Screen) -> Result<(), Failure> {
    let Export { file, place, .. } = wanted;
    let place = Place::of(place)?;
    let runtime = runtime()?;
    let part = Part::make(file, EXPORTS)?;
    let copied = runtime.block_on(copy(&place, &part, screen));
    screen.progress("");
    let (totals, feeds) = match copied {
        Ok(copied) => part.finish().map(|()| copied),
        Err(failure) => {
            part.discard();
            Err(failure)
        }
    }?;
    let entries: u64 = feeds.iter().map(|feed| feed.entries).sum();
    if entries > 0 {
        screen.note(&format!(
            "left out: {entries} entries of {} feeds, which no other store could give again; let who reads them \
             come to their end first",
            feeds.len()
        ));
    }
    let mut document = told(file, Some(&place.shown()), totals);
    document["feed_entries_left_out"] = entries.into();
    screen.result(&document, || format!("{}: {}", file.display(), described(totals)))
}

pub(super) fn compare(wanted: &Export, screen: &Screen) -> Result<(), Failure> {
    let Export { file, place, .. } = wanted;
    let place = Place::of(place)?;
    // What is wrong after this is wrong with the store.
    check(file, screen)?;
    let file_again = open(file, screen)?;
    let compared = runtime()?.block_on(async {
        let store = place.open_to_read().await?;
        let compared = match (store.walk().await, file_again) {
            (Ok(mut walk), Ok(reader)) => export::compare(&mut *walk, reader).await,
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        let closed = store.close().await;
        let compared = compared.map_err(|error| unread(&error))?;
        closed.map_err(|error| unread(&error)).map(|()| compared)
    });
    screen.progress("");
    let (shown, named) = (place.shown(), file.display());
    let totals = compared?.map_err(|difference| {
        Failure::new(format!("{shown} is not what {named} has: {difference}"))
            .advice("if nobody has changed the store since, export or import it again")
    })?;
    screen.result(&told(file, Some(&shown), totals), || {
        format!("{shown} has what {named} has: {}", described(totals))
    })
}

/// Writes the file, and gives what it has, and what it has not.
async fn copy(
    place: &Place,
    part: &Part,
    screen: &Screen,
) -> Result<(Totals, Vec<FeedInfo>), Failure> {
    let store = place.open_to_read().await?;
    let out = Counting { out: part, meter: Meter::new(screen) };
    let written = write(&*store, BufWriter::with_capacity(BUFFER_BYTES, out)).await;
    let closed = store.close().await;
    let written = written.map_err(|error| unread(&error))?;
    closed.map_err(|error| unread(&error)).map(|()| written)
}

async fn write(store: &dyn Store, out: impl Write) -> Result<(Totals, Vec<FeedInfo>), StoreError> {
    let mut walk = store.walk().await?;
    let totals = export::export(&mut *walk, out).await?;
    Ok((totals, store.feeds().await?))
}

/// A file that is written, shown as it grows.
struct Counting<'a> {
    out: &'a Part,
    meter: Meter<'a>,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.meter.add(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
