//! Responses, with the headers that every one of them has.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use tenure_actor::Answered;

use super::durability::Durability;
use super::path::{CallPath, decode_key};
use crate::problem::{Circumstances, Problem};

const NODE: HeaderName = HeaderName::from_static("x-tenure-node");
const DURABILITY: HeaderName = HeaderName::from_static("x-durability");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const WAIT_DURABLE: HeaderValue = HeaderValue::from_static("wait=durable");
const DURABLE: HeaderValue = HeaderValue::from_static("durable");
const PENDING: HeaderValue = HeaderValue::from_static("pending");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Makes responses.
#[derive(Debug)]
pub(super) struct Replies {
    node: String,
    /// Absent where the node's name cannot be written in a header.
    node_header: Option<HeaderValue>,
}

impl Replies {
    pub(super) fn new(node: &str) -> Self {
        Self { node: node.to_owned(), node_header: HeaderValue::from_str(node).ok() }
    }

    /// 200 with the reply of a call. `is_asked_for` says whether the client preferred to wait for
    /// durable state.
    pub(super) fn reply(
        &self,
        answered: Answered,
        durability: Option<Durability>,
        is_asked_for: bool,
    ) -> Response<Full<Bytes>> {
        let mut response = self.response(StatusCode::OK, answered.json.into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        match durability {
            Some(Durability::Durable) => {
                headers.insert(DURABILITY, DURABLE);
                if is_asked_for {
                    headers.insert(PREFERENCE_APPLIED, WAIT_DURABLE);
                }
            }
            Some(Durability::Pending) => {
                headers.insert(DURABILITY, PENDING);
            }
            None => {}
        }
        if answered.replayed {
            headers.insert(REPLAYED, TRUE);
        }
        response
    }

    /// 204 without anything, to be added to.
    pub(super) fn empty(&self) -> Response<Full<Bytes>> {
        self.response(StatusCode::NO_CONTENT, Bytes::new())
    }

    /// 200 with a page that is JSON.
    pub(super) fn page(&self, json: Bytes) -> Response<Full<Bytes>> {
        let mut response = self.response(StatusCode::OK, json);
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response
    }

    /// 202: the message is in the mailbox, or kept until its time has come; `durable`, by its actor.
    pub(super) fn accepted(&self, durable: bool) -> Response<Full<Bytes>> {
        let mut response = self.response(StatusCode::ACCEPTED, Bytes::new());
        if durable {
            response.headers_mut().insert(DURABILITY, DURABLE);
        }
        response
    }

    /// Takes the body away: the status says all.
    pub(super) fn make_empty(&self, response: &mut Response<Full<Bytes>>, status: StatusCode) {
        *response.status_mut() = status;
        *response.body_mut() = Full::new(Bytes::new());
        response.headers_mut().remove(CONTENT_TYPE);
    }

    /// A problem with a request for `path`.
    pub(super) fn problem(
        &self,
        problem: &Problem,
        path: &str,
        trace_id: Option<&str>,
    ) -> Response<Full<Bytes>> {
        let actor = actor_of(path);
        let json = problem.to_json(Circumstances {
            path,
            actor: actor.as_deref(),
            node: &self.node,
            trace_id,
        });
        let mut response = self.response(problem.status, json.into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some(seconds) = problem.retry_after_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = problem.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(challenge) = problem.challenge
            && let Ok(challenge) = HeaderValue::from_str(challenge)
        {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if problem.replayed {
            headers.insert(REPLAYED, TRUE);
        }
        if problem.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn response(&self, status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        if let Some(node) = &self.node_header {
            response.headers_mut().insert(NODE, node.clone());
        }
        response
    }
}

/// What a response says of the state that it tells of.
pub(super) fn durability_of<Body>(response: &Response<Body>) -> Option<&str> {
    response.headers().get(DURABILITY)?.to_str().ok()
}

/// The actor that a path names, as in `cart/alice`.
fn actor_of(path: &str) -> Option<String> {
    let (type_name, key) = CallPath::parse(path).actor()?;
    let key = decode_key(key).ok()?;
    Some(format!("{type_name}/{key}"))
}
