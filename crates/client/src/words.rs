//! The Centrifuge client protocol as a client speaks it (JSON).

use serde::Deserialize;
use serde_json::{Value, json};
use tenure_protocol::session::Position;

/// What a server says: one line.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said {
    #[serde(default)]
    pub(crate) id: u32,
    pub(crate) error: Option<Failure>,
    pub(crate) connect: Option<Connected>,
    pub(crate) subscribe: Option<Subscribed>,
    pub(crate) rpc: Option<Called>,
    pub(crate) push: Option<Push>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) temporary: bool,
    /// What became of a call.
    #[serde(default)]
    pub(crate) problem: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Connected {
    /// How often the server pings, in seconds.
    #[serde(default)]
    pub(crate) ping: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Subscribed {
    #[serde(default)]
    pub(crate) epoch: String,
    #[serde(default)]
    pub(crate) offset: u64,
    #[serde(default)]
    pub(crate) recovered: bool,
    #[serde(default)]
    pub(crate) publications: Vec<Publication>,
    #[serde(default)]
    pub(crate) data: Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Called {
    #[serde(default)]
    pub(crate) data: Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Push {
    #[serde(default)]
    pub(crate) channel: String,
    #[serde(rename = "pub")]
    pub(crate) publication: Option<Publication>,
    pub(crate) unsubscribe: Option<Unsubscribed>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Publication {
    #[serde(default)]
    pub(crate) data: Value,
    #[serde(default)]
    pub(crate) offset: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Unsubscribed {
    pub(crate) code: u16,
    #[serde(default)]
    pub(crate) reason: String,
}

pub(crate) fn connect(id: u32, token: Option<&str>) -> String {
    json!({ "id": id, "connect": { "name": "tenure-rust", "token": token.unwrap_or_default() } })
        .to_string()
}

pub(crate) fn subscribe(id: u32, topic: &str, at: Option<Position>) -> String {
    let wish = match at {
        None => json!({ "channel": topic }),
        Some(at) => json!({
            "channel": topic,
            "recover": true,
            "epoch": at.epoch.to_string(),
            "offset": at.offset,
        }),
    };
    json!({ "id": id, "subscribe": wish }).to_string()
}

pub(crate) fn unsubscribe(id: u32, topic: &str) -> String {
    json!({ "id": id, "unsubscribe": { "channel": topic } }).to_string()
}

pub(crate) fn rpc(id: u32, method: &str, data: &Value) -> String {
    json!({ "id": id, "rpc": { "method": method, "data": data } }).to_string()
}

/// Whether a client stays away after a socket was closed with this code.
pub(crate) fn is_final(code: u16) -> bool {
    matches!(code, 3500..=3999 | 4500..=4999)
}
