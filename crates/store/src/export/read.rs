use std::io::{ErrorKind, Read};

use xxhash_rust::xxh3::Xxh3Default;

use super::order::Order;
use super::{
    CHECKSUM_BYTES, END, END_BYTES, EXPORT_MAGIC, FORMAT, FRAME_HEAD_BYTES, RECORD_BYTES_MAX,
    Record, Totals, checksum,
};
use crate::StoreError;

/// Reads a file, record by record, and takes none that was cut short or altered anywhere: what of it was given
/// out before an error is not to be kept.
pub struct Reader<R> {
    from: R,
    order: Order,
    sums: Xxh3Default,
    totals: Totals,
    is_over: bool,
    pub(super) body: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Begins to read a file.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it does not begin as one, [`StoreError::Newer`] where a newer program wrote
    /// it, [`StoreError::Io`] where it cannot be read.
    pub fn new(from: R) -> Result<Self, StoreError> {
        let (order, sums, totals) = (Order::default(), Xxh3Default::new(), Totals::default());
        let mut reader = Self { from, order, sums, totals, is_over: false, body: Vec::new() };
        let mut begin = [0; EXPORT_MAGIC.len() + 1];
        reader.fill(&mut begin)?;
        let [magic @ .., format] = &begin;
        if magic != EXPORT_MAGIC || *format == 0 {
            let detail = "it does not begin as an export does; name another file".into();
            return Err(StoreError::Corrupt { what: WHAT.into(), detail });
        }
        if *format > FORMAT {
            let detail = format!("its format is {format}, this program knows up to {FORMAT}");
            return Err(StoreError::Newer { what: WHAT.into(), detail: detail.into() });
        }
        reader.pass(&begin);
        Ok(reader)
    }

    /// The next record; `None` when the file is over and whole. Not to be called again after an error.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the place at which the file was cut short or altered, or the rule that it
    /// breaks; [`StoreError::Io`] where it cannot be read.
    #[expect(clippy::should_implement_trait, reason = "an iterator would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Record>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let mut head = [0; FRAME_HEAD_BYTES];
        self.fill(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        if length > RECORD_BYTES_MAX {
            return Err(self.wrong("it is longer than any"));
        }
        // Grows with what comes, and not with what the length promises.
        self.body.clear();
        let read = (&mut self.from).take(length as u64).read_to_end(&mut self.body);
        read.map_err(|error| reading(&error.to_string()))?;
        if self.body.len() < length {
            return Err(self.wrong("it is cut short"));
        }
        let mut sum = [0; CHECKSUM_BYTES];
        self.fill(&mut sum)?;
        if sum != checksum(self.totals.bytes, [&head, &self.body]) {
            return Err(self.wrong("it does not match its checksum"));
        }
        if kind == END {
            return self.end(&head, sum).map(|()| None);
        }
        let Some(record) = Record::decode(kind, &self.body) else {
            return Err(self.wrong("it states what no record does"));
        };
        self.order.take(&record).map_err(|why| self.wrong(&why))?;
        match &record {
            Record::Actor(_) => self.totals.actors += 1,
            Record::Row(_) => self.totals.rows += 1,
        }
        self.pass(&head);
        self.pass_body();
        self.pass(&sum);
        Ok(Some(record))
    }

    /// What the file holds, once it was read to its end.
    #[must_use]
    pub fn totals(&self) -> Option<Totals> {
        self.is_over.then_some(self.totals)
    }

    /// Reads what is left, to see that it is whole.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn verify(mut self) -> Result<Totals, StoreError> {
        while self.next()?.is_some() {}
        Ok(self.totals)
    }

    fn end(&mut self, head: &[u8], sum: [u8; CHECKSUM_BYTES]) -> Result<(), StoreError> {
        self.order.end().map_err(|why| self.wrong(&why))?;
        self.totals.digest = self.sums.digest128();
        let Totals { actors, rows, digest, .. } = self.totals;
        let mut expected = [0; END_BYTES];
        expected[..8].copy_from_slice(&actors.to_le_bytes());
        expected[8..16].copy_from_slice(&rows.to_le_bytes());
        expected[16..].copy_from_slice(&digest.to_le_bytes());
        if self.body != expected {
            return Err(self.wrong("it is the end of another file"));
        }
        self.pass(head);
        self.pass_body();
        self.pass(&sum);
        match self.from.read(&mut [0]) {
            Ok(0) => self.is_over = true,
            Ok(_) => return Err(self.wrong("something follows the end")),
            Err(error) => return Err(reading(&error.to_string())),
        }
        Ok(())
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.sums.update(bytes);
        self.totals.bytes += bytes.len() as u64;
    }

    fn pass_body(&mut self) {
        self.sums.update(&self.body);
        self.totals.bytes += self.body.len() as u64;
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.wrong("it is cut short"),
            _ => reading(&error.to_string()),
        })
    }

    /// What is wrong with the record that comes next.
    fn wrong(&self, why: &str) -> StoreError {
        let Totals { actors, rows, bytes, .. } = self.totals;
        let number = actors + rows + 1;
        let last = self.order.last();
        let after = last.map(|last| format!(", after {last},")).unwrap_or_default();
        let detail = format!(
            "record {number}, which begins at byte {bytes}{after} is not as it was written: {why}; \
             copy the file again, or make another export"
        );
        StoreError::Corrupt { what: WHAT.into(), detail: detail.into() }
    }
}

const WHAT: &str = "the export";

fn reading(why: &str) -> StoreError {
    StoreError::Io { doing: "reading an export".into(), detail: why.into() }
}
