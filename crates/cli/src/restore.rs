//! `tenure restore`: a store from a copy.

use std::fs::File;
use std::io::BufReader;

use serde_json::json;
use tenure_store::StoreError;
use tenure_store_embedded::{EmbeddedConfig, UNFINISHED};

use crate::backup::{Passing, described};
use crate::command_line::Restore;
use crate::failure::Failure;
use crate::screen::Screen;

pub(crate) fn run(restore: &Restore, screen: &Screen) -> Result<(), Failure> {
    let Restore { file, data } = restore;
    let opened = File::open(file).map_err(|error| Failure::file("opening", file, &error))?;
    let mut copy = Passing::new(BufReader::with_capacity(1 << 20, opened), screen);
    let restored = tenure_store_embedded::restore(&EmbeddedConfig::new(data), &mut copy);
    screen.progress("");
    let restored = restored.map_err(|error| {
        let failure = Failure::new(format!("no store was made in {}: {error}", data.display()));
        match error {
            StoreError::Corrupt { .. } => failure.advice("take another copy; this is no whole one"),
            StoreError::Io { doing, .. } if &*doing == UNFINISHED => {
                failure.advice("take another copy; this one was never finished")
            }
            StoreError::Locked { .. } => {
                failure.advice("stop that process, or choose another folder")
            }
            _ => failure.advice("choose a folder that has no store, on a disk that has room"),
        }
    })?;
    let document = json!({
        "data": data,
        "rows": restored.rows,
        "incarnation": restored.incarnation.0,
        "bytes": restored.bytes,
    });
    screen.result(&document, || {
        let folder = data.display();
        format!("{folder}: {}\nserve it with `--data {folder}`", described(restored))
    })
}
