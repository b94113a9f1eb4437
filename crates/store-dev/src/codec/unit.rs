//! Units, and what is stored of them.

use tenure_protocol::codec::{CodecError, Reader, Writer};
use tenure_store::{
    Append, Content, Encoded, EventLog, Row, RowChange, RowKey, Stored, StoredHead, Unit,
};

use super::{Coded, coded_enum, coded_struct, take_bytes};

coded_struct! {
    Unit {
        actor, expected, version, tenure, token, written_at_ms, log, content, rows, entries,
    }
    Stored { version, tenure, token, written_at_ms, log, content, rows }
    StoredHead { key, stored }
    EventLog { epoch, offset, open }
    Row { key, value, due_ms }
}

coded_enum! { Content {
    0 State(state),
    1 Journaled { snapshot },
    2 Deleted { until_ms },
} }

coded_enum! { RowKey {
    0 Journal(offset),
    1 Snapshot,
    2 Event(offset),
    3 Outcome(name),
    4 Reminder(name),
} }

coded_enum! { RowChange {
    0 Put(row),
    1 Delete(key),
} }

impl Coded for Encoded {
    fn put(&self, out: &mut Writer) {
        self.schema.put(out);
        self.codec.put(out);
        out.bytes(&self.bytes);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (schema, codec) = (Coded::take(from)?, Coded::take(from)?);
        Ok(Self { schema, codec, bytes: take_bytes(from)? })
    }
}

impl Coded for Append {
    fn put(&self, out: &mut Writer) {
        self.feed.put(out);
        out.bytes(&self.data);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self { feed: Coded::take(from)?, data: take_bytes(from)? })
    }
}
