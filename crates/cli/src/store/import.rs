//! `tenure store import` and `tenure store verify`: a store of an export, and an export alone.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::rand::{GetRandomFlags, getrandom};
use tenure_store::export::{self, Import as How, Totals};
use tenure_store::{Store, StoreError};
use tenure_store_embedded::{EmbeddedConfig, EmbeddedImport};
use tenure_store_postgres::PostgresImport;

use super::file::{check, open};
use super::place::{Place, runtime};
use super::told::{described, told};
use crate::command_line::Import;
use crate::failure::Failure;
use crate::screen::Screen;

pub(super) fn verify(file: &Path, screen: &Screen) -> Result<(), Failure> {
    let totals = check(file, screen)?;
    screen.result(&told(file, None, totals), || {
        format!("{} is whole: {}", file.display(), described(totals))
    })
}

pub(super) fn run(wanted: &Import, screen: &Screen) -> Result<(), Failure> {
    let Import { file, place } = wanted;
    let place = Place::of(place)?;
    let runtime = runtime()?;
    // Nothing is begun with a file that is none. It is looked at again as it is read.
    check(file, screen)?;
    let filled = runtime.block_on(fill(&place, file, screen));
    screen.progress("");
    let shown = place.shown();
    let totals = filled.map_err(|error| {
        let failure = Failure::new(format!("nothing was imported into {shown}: {error}"));
        match error {
            StoreError::Locked { .. } => {
                failure.advice("stop that process, or choose another store")
            }
            StoreError::Unavailable { .. } => failure.advice("do that, and repeat it"),
            StoreError::Corrupt { .. } => failure.advice("take another file; this is no whole one"),
            StoreError::Newer { .. } => failure.advice("use the newer `tenure`"),
            _ => failure.advice("choose a store that has nothing, on a disk that has room"),
        }
    })?;
    screen.result(&told(file, Some(&shown), totals), || {
        let serve = match &place {
            Place::Embedded(folder) => format!("--data {}", folder.display()),
            Place::Postgres(_) => "TENURE_STORE or --set store.url=..".to_owned(),
        };
        format!("{shown}: {}\nserve it with `{serve}`", described(totals))
    })
}

/// Makes the store, whole or not at all.
async fn fill(place: &Place, file: &Path, screen: &Screen) -> Result<Totals, StoreError> {
    match place {
        Place::Embedded(folder) => {
            let import = EmbeddedImport::begin(&EmbeddedConfig::new(folder))?;
            let totals = pour(&import.store(), file, screen).await?;
            import.finish()?;
            Ok(totals)
        }
        Place::Postgres(config) => {
            let import = PostgresImport::begin(config).await?;
            match pour(&import.store(), file, screen).await {
                Ok(totals) => import.finish().await.map(|()| totals),
                Err(error) => {
                    // Where the database cannot be reached its tables say what they are.
                    let _ = import.discard().await;
                    Err(error)
                }
            }
        }
    }
}

/// Puts a file into a store that is there for that.
async fn pour(store: &dyn Store, file: &Path, screen: &Screen) -> Result<Totals, StoreError> {
    let epoch = draw_epoch()?;
    let how = How { incarnation: store.open().await?, epoch, now_ms: now_ms() };
    let poured = match open(file, screen) {
        Ok(Ok(mut reader)) => export::import(store, how, &mut reader).await,
        Ok(Err(error)) => Err(error),
        Err(failure) => {
            Err(StoreError::Io { doing: "reading it again".into(), detail: failure.text.into() })
        }
    };
    let closed = store.close().await;
    poured.and_then(|totals| closed.map(|()| totals))
}

/// A number that no event log has, as far as chance goes; 53 bits, as every epoch, for programs whose numbers
/// have no more.
fn draw_epoch() -> Result<u64, StoreError> {
    let mut bytes = [0; 8];
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(8) => Ok((u64::from_le_bytes(bytes) >> 11).max(1)),
        other => Err(StoreError::Io {
            doing: "drawing a random number".into(),
            detail: format!("{other:?}").into(),
        }),
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
