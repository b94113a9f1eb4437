use std::io::{self, Write};

use xxhash_rust::xxh3::Xxh3Default;

use super::order::Order;
use super::record::Records;
use super::{END, EXPORT_MAGIC, FORMAT, FRAME_HEAD_BYTES, Record, Totals, checksum};
use crate::{StoreError, Walk};

/// Writes everything that `walk` comes by to `out`, and gives what that is. `out` is flushed. Holds a page of the
/// walk at a time.
///
/// # Errors
/// As [`Walk::next`]; [`StoreError::Io`] when `out` takes nothing any more.
///
/// # Cancel safety
/// A future that was dropped leaves a file without an end, which is none.
pub async fn export(walk: &mut dyn Walk, out: impl Write) -> Result<Totals, StoreError> {
    let mut writer = Writer::new(out)?;
    let mut records = Records::default();
    loop {
        let page = walk.next().await?;
        if page.is_empty() {
            return writer.finish();
        }
        for walked in page {
            if let Some(record) = records.of(walked) {
                writer.write(&record)?;
            }
        }
    }
}

/// Writes a file, record by record.
pub struct Writer<W> {
    out: W,
    order: Order,
    sums: Xxh3Default,
    totals: Totals,
    frame: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`StoreError::Io`] when `out` takes nothing.
    pub fn new(out: W) -> Result<Self, StoreError> {
        let (order, sums, totals) = (Order::default(), Xxh3Default::new(), Totals::default());
        let mut writer = Self { out, order, sums, totals, frame: Vec::new() };
        writer.frame.extend_from_slice(EXPORT_MAGIC);
        writer.frame.push(FORMAT);
        writer.put()?;
        Ok(writer)
    }

    /// Writes the next record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the rule of a file that it breaks, [`StoreError::Io`] says that `out` takes
    /// nothing any more. The file is then none.
    pub fn write(&mut self, record: &Record) -> Result<(), StoreError> {
        self.order.take(record).map_err(disorder)?;
        match record {
            Record::Actor(_) => self.totals.actors += 1,
            Record::Row(_) => self.totals.rows += 1,
        }
        self.frame(record.kind(), |body| record.encode(body));
        self.put()
    }

    /// Ends the file and flushes `out`.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn finish(mut self) -> Result<Totals, StoreError> {
        self.order.end().map_err(disorder)?;
        self.totals.digest = self.sums.digest128();
        let Totals { actors, rows, digest, .. } = self.totals;
        self.frame(END, |body| {
            body.extend_from_slice(&actors.to_le_bytes());
            body.extend_from_slice(&rows.to_le_bytes());
            body.extend_from_slice(&digest.to_le_bytes());
        });
        self.put()?;
        self.out.flush().map_err(|error| writing(&error))?;
        Ok(self.totals)
    }

    fn frame(&mut self, kind: u8, write_body: impl FnOnce(&mut Vec<u8>)) {
        let frame = &mut self.frame;
        frame.push(kind);
        frame.extend_from_slice(&[0; 4]);
        write_body(frame);
        // No record has as much as 4 GiB: states and rows are bounded far below.
        let length = (frame.len() - FRAME_HEAD_BYTES) as u32;
        frame[1..FRAME_HEAD_BYTES].copy_from_slice(&length.to_le_bytes());
        let sum = checksum(self.totals.bytes, [frame, &[]]);
        frame.extend_from_slice(&sum);
    }

    fn put(&mut self) -> Result<(), StoreError> {
        self.sums.update(&self.frame);
        self.totals.bytes += self.frame.len() as u64;
        self.out.write_all(&self.frame).map_err(|error| writing(&error))?;
        self.frame.clear();
        Ok(())
    }
}

fn disorder(why: String) -> StoreError {
    StoreError::Corrupt { what: "what the store shows".into(), detail: why.into() }
}

fn writing(error: &io::Error) -> StoreError {
    StoreError::Io { doing: "writing an export".into(), detail: error.to_string().into() }
}
