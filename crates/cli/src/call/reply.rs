//! What a call was answered, for a person and for a program.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::http::{Reply, Server};
use crate::screen::Screen;

/// What `-v` shows of a reply.
const SHOWN: [&str; 8] = [
    "etag",
    "x-durability",
    "preference-applied",
    "idempotency-replayed",
    "server-timing",
    "x-tenure-node",
    "retry-after",
    "date",
];

/// A reply as a program wants it.
#[derive(Serialize)]
pub(super) struct Answered<'a> {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    durability: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timing: Option<&'a str>,
    replayed: bool,
}

/// Shows a reply.
pub(super) fn show(reply: &Reply, server: &Server, screen: &Screen) -> Result<(), Failure> {
    // Shown as it is: reading and writing it again might change its numbers.
    let value: &RawValue = serde_json::from_slice(&reply.body).map_err(|_| server.foreign())?;
    screen.result(&answered(reply, Some(value)), || value.get().to_owned())
}

pub(super) fn answered<'a>(reply: &'a Reply, value: Option<&'a RawValue>) -> Answered<'a> {
    Answered {
        status: reply.status,
        reply: value,
        tag: reply.header("etag").map(|tag| tag.trim_matches('"')),
        durability: reply.header("x-durability"),
        timing: reply.header("server-timing"),
        replayed: reply.header("idempotency-replayed") == Some("true"),
    }
}

pub(super) fn show_headers(reply: &Reply, screen: &Screen) {
    screen.note(&format!("status: {}", reply.status));
    for name in SHOWN {
        if let Some(value) = reply.header(name) {
            screen.note(&format!("{name}: {value}"));
        }
    }
}
