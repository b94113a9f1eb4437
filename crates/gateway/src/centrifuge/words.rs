//! What a client is told.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use tenure_actor::AppProblem;
use tenure_protocol::session::Position;
use tenure_types::{CallError, CallErrorCode};

use crate::problem::Problem;
use crate::session::Published;

/// Why a command failed. The codes below 400 are the protocol's; those of calls are HTTP statuses.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    pub(super) code: u16,
    pub(super) message: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) temporary: bool,
    /// What a call's problem says besides: `code`, `outcome`, `retryable` and the author's own error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Box<RawValue>>,
}

impl Failure {
    pub(super) fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), temporary: false, problem: None }
    }

    pub(super) fn permission_denied(message: impl Into<String>) -> Self {
        Self::new(103, message)
    }

    pub(super) fn already_subscribed() -> Self {
        Self::new(105, "already subscribed")
    }

    pub(super) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(106, message)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(107, message)
    }

    pub(super) fn not_available(message: impl Into<String>) -> Self {
        Self::new(108, message)
    }

    pub(super) fn token_expired() -> Self {
        Self::new(109, "token expired")
    }

    pub(super) fn too_many_requests() -> Self {
        Self { temporary: true, ..Self::new(111, "too many requests") }
    }

    /// The error of a call.
    pub(super) fn of_call(error: CallError<AppProblem>, show_panics: bool) -> Self {
        Self::of_problem(&Problem::from_call(error, show_panics))
    }

    pub(super) fn of_problem(problem: &Problem) -> Self {
        let circumstances = crate::problem::Circumstances::default();
        let json = problem.to_json(circumstances);
        Self {
            code: problem.status.as_u16(),
            message: problem.detail.clone(),
            temporary: problem.retryable,
            problem: RawValue::from_string(json.trim_end().to_owned()).ok(),
        }
    }

    /// The error of a wish to follow: one that may pass is the protocol's own temporary one, so that
    /// clients try again by themselves.
    pub(super) fn of_follow(error: CallError<AppProblem>, show_panics: bool) -> Self {
        let passes = error.is_retryable()
            || matches!(error.code(), CallErrorCode::Storage | CallErrorCode::Deadline);
        let failure = Self::of_call(error, show_panics);
        if passes { Self { code: 100, temporary: true, ..failure } } else { failure }
    }
}

/// A reply named `name`.
pub(super) fn reply<T: Serialize>(id: u32, name: &'static str, result: &T) -> Bytes {
    let mut out = Vec::with_capacity(128);
    out.push(b'{');
    if id != 0 {
        out.extend_from_slice(b"\"id\":");
        out.extend_from_slice(id.to_string().as_bytes());
        out.push(b',');
    }
    write_member(&mut out, name, result);
    out.push(b'}');
    out.into()
}

/// A reply that says why a command failed.
pub(super) fn failed(id: u32, failure: &Failure) -> Bytes {
    reply(id, "error", failure)
}

/// A message that no command asked for.
pub(super) fn push<T: Serialize>(channel: &str, name: &'static str, what: &T) -> Bytes {
    let mut out = b"{\"push\":{".to_vec();
    write_member(&mut out, "channel", channel);
    out.push(b',');
    write_member(&mut out, name, what);
    out.extend_from_slice(b"}}");
    out.into()
}

fn write_member<T: Serialize + ?Sized>(out: &mut Vec<u8>, name: &str, value: &T) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    // Nothing here can fail: maps have texts for keys.
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

/// One publication inside a reply.
#[derive(Serialize)]
pub(super) struct Publication<'a> {
    data: &'a RawValue,
    offset: u64,
}

impl<'a> Publication<'a> {
    pub(super) fn of(event: &'a Published) -> Option<Self> {
        let data = serde_json::from_slice(&event.data).ok()?;
        Some(Self { data, offset: event.at.offset })
    }
}

/// An event as it is pushed to whoever follows.
pub(crate) fn publication(event: &Published) -> Bytes {
    let channel = serde_json::to_string(&*event.topic).unwrap_or_default();
    let mut out = Vec::with_capacity(event.data.len() + channel.len() + 64);
    out.extend_from_slice(b"{\"push\":{\"channel\":");
    out.extend_from_slice(channel.as_bytes());
    out.extend_from_slice(b",\"pub\":{\"data\":");
    out.extend_from_slice(&event.data);
    out.extend_from_slice(b",\"offset\":");
    out.extend_from_slice(event.at.offset.to_string().as_bytes());
    out.extend_from_slice(b"}}}");
    out.into()
}

/// The reply of a call.
pub(super) fn called(id: u32, json: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(json.len() + 40);
    out.extend_from_slice(b"{\"id\":");
    out.extend_from_slice(id.to_string().as_bytes());
    out.extend_from_slice(b",\"rpc\":{\"data\":");
    out.extend_from_slice(if json.is_empty() { b"null" } else { json });
    out.extend_from_slice(b"}}");
    out.into()
}

#[derive(Serialize)]
pub(super) struct Events<'a> {
    publications: Vec<Publication<'a>>,
    epoch: String,
    offset: u64,
}

/// A page of what a topic has published; its log stands at `end`.
pub(super) fn history(end: Position, events: &[Arc<Published>]) -> Events<'_> {
    let publications = events.iter().filter_map(|event| Publication::of(event)).collect();
    Events { publications, epoch: end.epoch.to_string(), offset: end.offset }
}

#[derive(Serialize)]
pub(super) struct Connected<'a> {
    pub(super) client: &'a str,
    pub(super) version: &'static str,
    pub(super) ping: u64,
    pub(super) pong: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) expires: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Refreshed<'a> {
    pub(super) client: &'a str,
    pub(super) version: &'static str,
    pub(super) expires: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<u64>,
}

/// The answer to a wish to follow.
pub(super) fn subscribed(
    id: u32,
    at: Position,
    events: &[Arc<Published>],
    was_recovering: bool,
    recovered: bool,
    data: Option<&RawValue>,
) -> Bytes {
    #[derive(Serialize)]
    struct Subscribed<'a> {
        recoverable: bool,
        positioned: bool,
        epoch: String,
        offset: u64,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        recovered: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        was_recovering: bool,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        publications: Vec<Publication<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a RawValue>,
    }
    let publications = events.iter().filter_map(|event| Publication::of(event)).collect();
    let (epoch, offset) = (at.epoch.to_string(), at.offset);
    reply(
        id,
        "subscribe",
        &Subscribed {
            recoverable: true,
            positioned: true,
            epoch,
            offset,
            recovered,
            was_recovering,
            publications,
            data,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn replies_are_as_the_protocol_has_them() {
        assert_eq!(
            text(&reply(3, "rpc", &serde_json::json!({"data": 1}))),
            r#"{"id":3,"rpc":{"data":1}}"#
        );
        let failure = Failure::too_many_requests();
        assert_eq!(
            text(&failed(4, &failure)),
            r#"{"id":4,"error":{"code":111,"message":"too many requests","temporary":true}}"#
        );
        assert_eq!(
            text(&push("a:b", "unsubscribe", &serde_json::json!({"code": 2500}))),
            r#"{"push":{"channel":"a:b","unsubscribe":{"code":2500}}}"#
        );
        let at = Position { epoch: 9, offset: 4 };
        let event = Arc::new(Published::new("a:\"".into(), at, Bytes::from_static(b"{\"x\":1}")));
        assert_eq!(
            text(&publication(&event)),
            r#"{"push":{"channel":"a:\"","pub":{"data":{"x":1},"offset":4}}}"#
        );
        assert_eq!(
            text(&subscribed(2, at, &[event], true, true, None)),
            r#"{"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"9","offset":4,"recovered":true,"was_recovering":true,"publications":[{"data":{"x":1},"offset":4}]}}"#
        );
    }

    #[test]
    fn a_failed_call_says_what_became_of_it() {
        let error = CallError::Overloaded { detail: "full".into(), retry_after_ms: 5, actor: true };
        let failure = Failure::of_call(error.clone(), false);
        assert_eq!((failure.code, failure.temporary), (429, true));
        assert!(failure.problem.unwrap().get().contains("\"outcome\":\"not-executed\""));
        assert_eq!(Failure::of_follow(error, false).code, 100, "clients try again by themselves");
    }
}
