use tenure_types::{Key, Version};

use super::{ACTOR, ROW};
use crate::row::beside::{read_name, write_name};
use crate::{Content, Encoded, Row, RowKey, Walked};

const STATE: u8 = 0;
const JOURNALED: u8 = 1;
/// Bytes before the names and the state.
const ACTOR_HEAD_BYTES: usize = 26;
/// Bytes before the name and the value.
const ROW_HEAD_BYTES: usize = 16;

/// What a file has between its beginning and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An actor; its rows follow.
    Actor(Actor),
    /// A row beside the last actor.
    Row(Row),
}

/// An actor without what its store knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The name of its type.
    pub type_name: Box<str>,
    /// Which actor of that type.
    pub key: Key,
    /// The version of its state.
    pub version: Version,
    /// The number of its last event; zero where there is none.
    pub events: u64,
    /// Its state, or where it follows from. Never [`Content::Deleted`].
    pub content: Content,
}

/// Makes records of what a walk comes by.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// The last actor's log is begun anew by whoever loads it.
    begins_anew: bool,
}

impl Records {
    /// The record, if there is one.
    pub(super) fn of(&mut self, walked: Walked) -> Option<Record> {
        match walked {
            Walked::Actor { type_name, key, stored } => {
                let is_state = matches!(stored.content, Content::State(_));
                self.begins_anew = is_state && stored.log.open.is_some();
                let events = if self.begins_anew { 0 } else { stored.log.offset };
                let (version, content) = (stored.version, stored.content);
                Some(Record::Actor(Actor { type_name, key, version, events, content }))
            }
            Walked::Row(Row { key: RowKey::Event(_), .. }) if self.begins_anew => None,
            Walked::Row(row) => Some(Record::Row(row)),
        }
    }
}

impl Record {
    pub(super) fn kind(&self) -> u8 {
        match self {
            Record::Actor(_) => ACTOR,
            Record::Row(_) => ROW,
        }
    }

    /// Appends the body to `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Record::Actor(actor) => encode_actor(actor, out),
            Record::Row(row) => encode_row(row, out),
        }
    }

    /// The record of this kind with this body; `None` if there is none.
    pub(super) fn decode(kind: u8, body: &[u8]) -> Option<Self> {
        match kind {
            ACTOR => decode_actor(body).map(Record::Actor),
            ROW => decode_row(body).map(Record::Row),
            _ => None,
        }
    }
}

fn encode_actor(actor: &Actor, out: &mut Vec<u8>) {
    let number;
    let (kind, codec, schema, content): (u8, u8, u32, &[u8]) = match &actor.content {
        Content::State(state) => (STATE, state.codec, state.schema, &state.bytes),
        Content::Journaled { snapshot: at } | Content::Deleted { until_ms: at } => {
            number = at.to_le_bytes();
            (JOURNALED, 0, 0, &number)
        }
    };
    let (name, key) = (actor.type_name.as_bytes(), actor.key.as_bytes());
    out.extend_from_slice(&[kind, codec]);
    // Both are bounded far below 64 KiB.
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(&(key.len() as u16).to_le_bytes());
    out.extend_from_slice(&schema.to_le_bytes());
    out.extend_from_slice(&actor.version.0.to_le_bytes());
    out.extend_from_slice(&actor.events.to_le_bytes());
    for part in [name, key, content] {
        out.extend_from_slice(part);
    }
}

fn decode_actor(body: &[u8]) -> Option<Actor> {
    let (head, rest) = body.split_first_chunk::<ACTOR_HEAD_BYTES>()?;
    let length = |at: usize| usize::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let (name, rest) = rest.split_at_checked(length(2))?;
    let (key, content) = rest.split_at_checked(length(4))?;
    let (codec, schema) = (head[1], u32_at(head, 6));
    let content = match (head[0], <[u8; 8]>::try_from(content)) {
        (STATE, _) => Content::State(Encoded { schema, codec, bytes: content.to_vec() }),
        (JOURNALED, Ok(at)) if codec == 0 && schema == 0 => {
            Content::Journaled { snapshot: u64::from_le_bytes(at) }
        }
        _ => return None,
    };
    Some(Actor {
        type_name: std::str::from_utf8(name).ok()?.into(),
        key: Key::new(std::str::from_utf8(key).ok()?).ok()?,
        version: Version(u64_at(head, 10)),
        events: u64_at(head, 18),
        content,
    })
}

fn encode_row(row: &Row, out: &mut Vec<u8>) {
    let mut name = Vec::new();
    write_name(&row.key, &mut name);
    out.extend_from_slice(&[u8::from(row.due_ms.is_some()), row.value.codec]);
    // A name is bounded far below 64 KiB.
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(&row.value.schema.to_le_bytes());
    out.extend_from_slice(&row.due_ms.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&name);
    out.extend_from_slice(&row.value.bytes);
}

fn decode_row(body: &[u8]) -> Option<Row> {
    let (head, rest) = body.split_first_chunk::<ROW_HEAD_BYTES>()?;
    let (name, value) =
        rest.split_at_checked(usize::from(u16::from_le_bytes([head[2], head[3]])))?;
    let due_ms = match (head[0], u64_at(head, 8)) {
        (0, 0) => None,
        (1, due_ms) => Some(due_ms),
        _ => return None,
    };
    let value = Encoded { schema: u32_at(head, 4), codec: head[1], bytes: value.to_vec() };
    Some(Row { key: read_name(name)?, value, due_ms })
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
