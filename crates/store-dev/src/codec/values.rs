//! Names, keys, numbers, and what feeds and lists are made of.

use tenure_protocol::codec::{CodecError, Reader, Writer};
use tenure_store::{
    CURSOR_CHARS_MAX, Cursor, CursorError, Due, FeedEntry, FeedFrom, FeedInfo, FeedKeep, FeedPage,
    Trimmed,
};
use tenure_types::{
    ActorId, ActorTypeName, FEED_NAME_BYTES_MAX, FeedName, Incarnation, KEY_BYTES_MAX, Key,
    TYPE_NAME_BYTES_MAX, Tenure, Token, Version,
};

use super::{Coded, broken, coded_enum, coded_struct, names, take_bytes};

coded_struct! {
    Tenure { view, sequence }
    Token { incarnation, sequence }
    FeedPage { entries, next, has_more }
    FeedInfo { name, entries, bytes, oldest_ms, error }
    FeedKeep { since_ms, bytes_max }
    Trimmed { entries, bytes, has_more }
}

coded_enum! { FeedFrom {
    0 Oldest,
    1 Latest,
    2 After(cursor),
} }

impl Coded for Incarnation {
    fn put(&self, out: &mut Writer) {
        self.0.put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        u64::take(from).map(Self)
    }
}

impl Coded for Version {
    fn put(&self, out: &mut Writer) {
        self.0.put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        u64::take(from).map(Self)
    }
}

impl Coded for Key {
    fn put(&self, out: &mut Writer) {
        out.text(self.as_str());
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let key = Key::new(from.text("key", KEY_BYTES_MAX)?);
        key.map_err(|error| broken("key")(error.to_string()))
    }
}

impl Coded for FeedName {
    fn put(&self, out: &mut Writer) {
        out.text(self.as_str());
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let name = from.text("feed", FEED_NAME_BYTES_MAX)?;
        FeedName::new(name).map_err(|error| broken("feed")(error.to_string()))
    }
}

impl Coded for ActorId {
    fn put(&self, out: &mut Writer) {
        out.text(self.actor_type.as_str());
        self.key.put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let actor_type = names::keep(from.text("actor type", TYPE_NAME_BYTES_MAX)?)?;
        Ok(Self { actor_type, key: Coded::take(from)? })
    }
}

/// The name of a type that this program need not have.
fn take_type_name(from: &mut Reader<'_>) -> Result<Box<str>, CodecError> {
    let name = from.text("actor type", TYPE_NAME_BYTES_MAX)?;
    ActorTypeName::check(name).map_err(|error| broken("actor type")(error.to_string()))?;
    Ok(name.into())
}

impl Coded for Due {
    fn put(&self, out: &mut Writer) {
        self.due_ms.put(out);
        out.text(&self.type_name);
        self.key.put(out);
        self.reminder.put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (due_ms, type_name) = (Coded::take(from)?, take_type_name(from)?);
        Ok(Self { due_ms, type_name, key: Coded::take(from)?, reminder: Coded::take(from)? })
    }
}

impl Coded for Cursor {
    fn put(&self, out: &mut Writer) {
        out.text(&self.to_string());
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        let cursor = from.text("cursor", CURSOR_CHARS_MAX)?.parse();
        cursor.map_err(|error: CursorError| broken("cursor")(error.to_string()))
    }
}

impl Coded for FeedEntry {
    fn put(&self, out: &mut Writer) {
        self.stripe.put(out);
        self.position.put(out);
        out.text(&self.type_name);
        self.key.put(out);
        self.version.put(out);
        self.index.put(out);
        self.at_ms.put(out);
        out.bytes(&self.data);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            stripe: Coded::take(from)?,
            position: Coded::take(from)?,
            type_name: take_type_name(from)?,
            key: Coded::take(from)?,
            version: Coded::take(from)?,
            index: Coded::take(from)?,
            at_ms: Coded::take(from)?,
            data: take_bytes(from)?,
        })
    }
}
