//! How an error is told over HTTP: RFC 9457 problems.

use std::borrow::Cow;
use std::time::Duration;

use hyper::StatusCode;
use serde::Serialize;
use tenure_actor::AppProblem;
use tenure_types::{CallError, CallErrorCode, Outcome};

/// Longer paths are left out of problems.
const INSTANCE_BYTES_MAX: usize = 1_024;

/// The longest part of a name that a problem repeats.
const ECHO_CHARS_MAX: usize = 64;

/// An error on its way to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) title: &'static str,
    pub(crate) detail: String,
    pub(crate) outcome: Outcome,
    pub(crate) retryable: bool,
    /// The value of `Retry-After`.
    pub(crate) retry_after_seconds: Option<u32>,
    /// The value of `Allow`.
    pub(crate) allow: Option<&'static str>,
    /// The value of `WWW-Authenticate`.
    pub(crate) challenge: Option<&'static str>,
    /// The application's error as JSON.
    pub(crate) error: Option<Box<str>>,
    /// The cursor before the oldest entry of a feed that is kept.
    pub(crate) oldest: Option<Box<str>>,
    /// It is the outcome of an earlier call with the same idempotency key.
    pub(crate) replayed: bool,
    /// The connection cannot be used for another request.
    pub(crate) close: bool,
}

/// What a problem says of the request it answers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Circumstances<'a> {
    pub(crate) path: &'a str,
    pub(crate) actor: Option<&'a str>,
    pub(crate) node: &'a str,
    pub(crate) trace_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Members<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    code: &'a str,
    outcome: &'static str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    node: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<&'a str>,
    #[serde(rename = "traceId", skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

impl Problem {
    /// A problem of a request that was not executed and cannot succeed as it is.
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: Cow::Borrowed(code),
            title,
            detail: detail.into(),
            outcome: Outcome::NotExecuted,
            retryable: false,
            retry_after_seconds: None,
            allow: None,
            challenge: None,
            error: None,
            oldest: None,
            replayed: false,
            close: false,
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "Bad request", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    pub(crate) fn method_not_allowed(allow: &'static str, detail: impl Into<String>) -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let problem = Self::new(status, "method_not_allowed", "Method not allowed", detail);
        Self { allow: Some(allow), ..problem }
    }

    pub(crate) fn unsupported_media_type(detail: impl Into<String>) -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let (code, title) = ("unsupported_media_type", "Unsupported media type");
        Self::new(status, code, title, detail)
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self::new(status, "too_large", "Too large", detail)
    }

    /// The client did not send its body in time.
    pub(crate) fn request_timeout(detail: impl Into<String>) -> Self {
        let status = StatusCode::REQUEST_TIMEOUT;
        Self::new(status, "request_timeout", "Request timeout", detail)
    }

    pub(crate) fn denied(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, "denied", "Denied", detail)
    }

    /// A bound of this node is reached.
    pub(crate) fn overloaded(detail: impl Into<String>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self {
            retryable: true,
            retry_after_seconds: Some(1),
            ..Self::new(status, "overloaded", "Overloaded", detail)
        }
    }

    /// The same problem, after which the connection is closed.
    pub(crate) fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    /// How a call that failed is told.
    pub(crate) fn from_call(error: CallError<AppProblem>, show_panics: bool) -> Self {
        // An application's error may say itself that the call can be made again.
        let says_so = matches!(&error, CallError::App(app) if app.retry_after.is_some());
        let (outcome, retryable) = (error.outcome(), error.is_retryable() || says_so);
        let (status, title) = status_of(&error);
        let retry_after_seconds = match &error {
            CallError::Overloaded { retry_after_ms, .. } => {
                Some(retry_after_ms.div_ceil(1_000).max(1))
            }
            // Whoever obeys `Retry-After` sends the same call again: only where that is safe.
            CallError::InProgress { .. } => Some(1),
            CallError::App(app) => app.retry_after.map(whole_seconds),
            _ if retryable && status == StatusCode::SERVICE_UNAVAILABLE => Some(1),
            _ => None,
        };
        let replayed = matches!(&error, CallError::App(app) if app.replayed);
        let code = error.code().as_str();
        let (code, detail, error) = match error {
            CallError::App(app) => {
                let json = is_json(&app.json).then_some(app.json);
                (Cow::Owned(app.code.into_string()), app.message.into_string(), json)
            }
            CallError::Panicked { .. } if !show_panics => {
                let detail = "the handler panicked; its message is in the node's log".to_owned();
                (Cow::Borrowed(code), detail, None)
            }
            other => (Cow::Borrowed(code), other.to_string(), None),
        };
        Self {
            code,
            outcome,
            retryable,
            retry_after_seconds,
            error,
            replayed,
            ..Self::new(status, "", title, detail)
        }
    }

    /// The problem as `application/problem+json`.
    pub(crate) fn to_json(&self, at: Circumstances<'_>) -> String {
        let members = Members {
            kind: format!("urn:tenure:problem:{}", self.kind()),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: Some(at.path).filter(|path| path.len() <= INSTANCE_BYTES_MAX),
            code: &self.code,
            outcome: self.outcome.as_str(),
            retryable: self.retryable,
            actor: at.actor,
            node: at.node,
            oldest: self.oldest.as_deref(),
            trace_id: at.trace_id,
        };
        let mut json = serde_json::to_string(&members).expect("plain texts and numbers");
        if let Some(error) = &self.error {
            json.truncate(json.len() - 1);
            json.push_str(",\"error\":");
            json.push_str(error);
            json.push('}');
        }
        json
    }

    /// The last part of the problem's type: an application's own codes have one in common.
    fn kind(&self) -> &str {
        if self.outcome == Outcome::Executed {
            return CallErrorCode::App.as_str();
        }
        &self.code
    }
}

fn status_of(error: &CallError<AppProblem>) -> (StatusCode, &'static str) {
    match error {
        CallError::App(app) => {
            let own = StatusCode::from_u16(app.status).ok();
            let is_fit =
                |it: &StatusCode| it.is_client_error() || *it == StatusCode::SERVICE_UNAVAILABLE;
            let own = own.filter(is_fit);
            let status = own.unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            (status, "Refused by the application")
        }
        CallError::VersionMismatch { .. } => (StatusCode::PRECONDITION_FAILED, "Another state"),
        CallError::BadRequest { .. } => (StatusCode::BAD_REQUEST, "Bad request"),
        CallError::NotFound { .. } => (StatusCode::NOT_FOUND, "Not found"),
        CallError::Denied { .. } => (StatusCode::FORBIDDEN, "Denied"),
        CallError::InProgress { .. } => (StatusCode::CONFLICT, "Still running"),
        CallError::KeyReused { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Idempotency key used before")
        }
        CallError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
        CallError::Deadline { .. } => (StatusCode::GATEWAY_TIMEOUT, "Deadline passed"),
        CallError::Overloaded { actor: true, .. } => {
            (StatusCode::TOO_MANY_REQUESTS, "This actor is overloaded")
        }
        CallError::Overloaded { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Overloaded"),
        CallError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable"),
        CallError::Cycle { .. } => (StatusCode::LOOP_DETECTED, "Cycle of calls"),
        CallError::Panicked { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "Panicked"),
        CallError::Incompatible { .. } => (StatusCode::BAD_GATEWAY, "Incompatible"),
        CallError::Damaged { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "Damaged record"),
        CallError::Storage { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Storage failed"),
        CallError::Withheld { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Reply withheld"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "Failed"),
    }
}

/// A wait as `Retry-After` has it: never shorter than it is, nor no wait at all.
fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The beginning of a text that a client sent, for a problem that repeats it.
pub(crate) fn echo(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}..", &text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d() -> Box<str> {
        "d".into()
    }

    fn app(status: u16) -> CallError<AppProblem> {
        CallError::App(AppProblem {
            code: "sold_out".into(),
            status,
            message: "no seat is left".into(),
            retry_after: None,
            json: r#"{"left":0}"#.into(),
            replayed: false,
        })
    }

    #[test]
    fn every_call_error_has_its_status() {
        let (no, unknown) = (Outcome::NotExecuted, Outcome::Unknown);
        let overloaded =
            |actor, retry_after_ms| CallError::Overloaded { detail: d(), retry_after_ms, actor };
        for (error, status, code, retry_after) in [
            (app(409), 409, "sold_out", None),
            (app(500), 422, "sold_out", None),
            (app(7), 422, "sold_out", None),
            (CallError::BadRequest { detail: d() }, 400, "bad_request", None),
            (CallError::NotFound { detail: d() }, 404, "not_found", None),
            (CallError::Denied { detail: d() }, 403, "denied", None),
            (CallError::InProgress { detail: d() }, 409, "in_progress", Some(1)),
            (CallError::KeyReused { detail: d() }, 422, "key_reused", None),
            (CallError::TooLarge { detail: d() }, 413, "too_large", None),
            (CallError::Deadline { outcome: no }, 504, "deadline", None),
            (CallError::Deadline { outcome: unknown }, 504, "deadline", None),
            (overloaded(true, 1), 429, "overloaded", Some(1)),
            (overloaded(false, 2_001), 503, "overloaded", Some(3)),
            (CallError::Unavailable { detail: d() }, 503, "unavailable", Some(1)),
            (CallError::Cycle { path: d() }, 508, "cycle", None),
            (CallError::Panicked { detail: d() }, 500, "panicked", None),
            (
                CallError::Incompatible { detail: d(), outcome: Outcome::NotExecuted },
                502,
                "incompatible",
                None,
            ),
            (CallError::Damaged { detail: d(), outcome: no }, 500, "damaged", None),
            (CallError::Storage { detail: d(), outcome: no }, 503, "storage", Some(1)),
            (CallError::Storage { detail: d(), outcome: unknown }, 503, "storage", None),
        ] {
            let (outcome, retryable) = (error.outcome(), error.is_retryable());
            let problem = Problem::from_call(error, false);
            assert_eq!(problem.status.as_u16(), status, "{problem:?}");
            assert_eq!(problem.code, code);
            assert_eq!(problem.retry_after_seconds, retry_after, "{problem:?}");
            assert_eq!((problem.outcome, problem.retryable), (outcome, retryable));
        }
    }

    #[test]
    fn an_application_may_say_when_to_come_back() {
        for (status, wait_ms, expected, seconds) in
            [(429, 1_500, 429, 2), (503, 10, 503, 1), (429, 60_000, 429, 60), (500, 10, 422, 1)]
        {
            let CallError::App(mut problem) = app(status) else { unreachable!() };
            problem.retry_after = Some(Duration::from_millis(wait_ms));
            let problem = Problem::from_call(CallError::App(problem), false);
            assert_eq!((problem.status.as_u16(), problem.retryable), (expected, true));
            assert_eq!(problem.retry_after_seconds, Some(seconds));
            assert_eq!((problem.outcome, problem.kind()), (Outcome::Executed, "app"));
        }
    }

    #[test]
    fn the_json_has_the_members_of_rfc_9457_and_ours() {
        let at = Circumstances {
            path: "/v1/flight/LH1/book",
            actor: Some("flight/LH1"),
            node: "n1",
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736"),
        };
        let json = Problem::from_call(app(409), false).to_json(at);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:tenure:problem:app",
                "title": "Refused by the application",
                "status": 409,
                "detail": "no seat is left",
                "instance": "/v1/flight/LH1/book",
                "code": "sold_out",
                "outcome": "executed",
                "retryable": false,
                "actor": "flight/LH1",
                "node": "n1",
                "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
                "error": { "left": 0 },
            })
        );
    }

    #[test]
    fn an_error_that_is_no_json_cannot_break_the_problem() {
        for broken in ["", "{", "1,\"code\":\"forged\"", "}{"] {
            let error = CallError::App(AppProblem {
                code: "x".into(),
                status: 400,
                message: "\"\n".into(),
                retry_after: None,
                json: broken.into(),
                replayed: false,
            });
            let json = Problem::from_call(error, false).to_json(Circumstances::default());
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(json.get("error"), None, "{broken:?}");
            assert_eq!(json["code"], "x");
        }
    }

    #[test]
    fn a_panic_is_told_only_where_that_is_wished() {
        let panic = || CallError::Panicked { detail: "password: 1234".into() };
        assert!(!Problem::from_call(panic(), false).detail.contains("1234"));
        assert!(Problem::from_call(panic(), true).detail.contains("1234"));
    }

    #[test]
    fn long_texts_are_not_repeated() {
        assert_eq!(echo("ü"), "ü");
        assert_eq!(echo(&"ü".repeat(65)), format!("{}..", "ü".repeat(ECHO_CHARS_MAX)));
        let at =
            Circumstances { path: &"x".repeat(INSTANCE_BYTES_MAX + 1), ..Circumstances::default() };
        assert!(!Problem::not_found("d").to_json(at).contains("instance"));
    }
}
