use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{ETAG, HeaderValue};
use hyper::http::request::Parts;
use hyper::upgrade::{self, OnUpgrade};
use hyper::{Method, Request, Response, StatusCode, Version};
use tenure_actor::{AppProblem, Invocation, Receipt};
use tenure_types::{CallError, Instant, Key, Outcome};
use tracing::Level;

use super::body::{self, BodyLimits, too_large};
use super::durability::Durability;
use super::entrance::{Entrance, authorise};
use super::feed;
use super::front::{Caller, Front};
use super::head::{Asked, Head};
use super::path::decode_key;
use super::reply::durability_of;
use super::routes::{Matched, Route, Source};
use super::sending::{Sending, check_delay};
use super::tags;
use super::timing::{Moments, server_timing};
use super::trace::{Answer, Parent, RequestSpan};
use crate::problem::Problem;
use crate::session::Sessions;
use crate::sse::{self, EventStream};
use crate::websocket;

/// Where the OpenAPI document is, if it is shown. No actor type is named like this.
const DOCUMENT_PATH: &str = "/v1/_openapi.json";

/// A request whose path and headers are right.
struct Checked<'a> {
    route: Route,
    key: Key,
    one_way: bool,
    /// How a message is sent.
    sending: Sending,
    source: Source,
    /// The arguments, where they are in the query.
    query: Option<&'a str>,
    asked: Asked<'a>,
}

/// What is learned of a request while it is answered, for log and trace.
#[derive(Default)]
struct Seen {
    /// The name of a key, or a token's subject.
    who: Option<String>,
    span: Option<RequestSpan>,
    /// When the call was made, if it was, and what became of its turn.
    called: Option<(Instant, Option<Arc<Receipt>>)>,
}

/// Answers one request.
pub(super) async fn answer(
    caller: Arc<Caller>,
    mut request: Request<Incoming>,
) -> Result<Response<Content>, Infallible> {
    let front = &caller.front;
    let began = caller.host.clock().now();
    let upgrade = (request.uri().path() == websocket::PATH).then(|| upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let mut seen = Seen::default();
    if let Some(tracer) = &front.tracer {
        seen.span = Some(RequestSpan::begin(tracer, &parts, began, caller.host.clock()));
    }
    let result = match (upgrade, front.counters.admit(front.config.requests_in_flight_max)) {
        (Some(upgrade), Some(_in_flight)) => begin_socket(&caller, &parts, upgrade),
        (None, Some(_in_flight)) => match stream_of(&parts) {
            Some(topic) => begin_stream(&caller, &parts, topic, &mut seen).await,
            None => respond(&caller, &parts, body, began, &mut seen).await.map(whole),
        },
        (_, None) => {
            Err(Problem::overloaded("too many requests are in flight on this node").into())
        }
    };
    let (mut response, problem) = match result {
        Ok(response) => (response, None),
        Err(problem) => {
            let trace = trace_id(&parts, seen.span.as_ref());
            let path = parts.uri.path();
            (whole(front.replies.problem(&problem, path, trace.as_deref())), Some(problem))
        }
    };
    front.config.cors.share(&parts.headers, response.headers_mut());
    let ended = caller.host.clock().now();
    let took = ended.saturating_since(began);
    front.counters.answered(response.status(), took);
    tell(&caller, &parts, &response, &seen, problem.as_deref(), took);
    if let (Some(tracer), Some(span)) = (&front.tracer, seen.span) {
        if let Some((called, receipt)) = &seen.called {
            span.tell_times(tracer, &Moments::new(began, *called, receipt.as_deref(), ended));
        }
        let answer = match &problem {
            Some(problem) => Answer::Problem(problem),
            None => Answer::Reply { durability: durability_of(&response) },
        };
        span.end(response.status(), answer, ended);
    }
    Ok(response)
}

/// An answer as a whole, or one that goes on.
pub(super) type Content = Either<Full<Bytes>, EventStream>;

fn whole(response: Response<Full<Bytes>>) -> Response<Content> {
    response.map(Either::Left)
}

/// Makes a WebSocket of a connection.
fn begin_socket(
    caller: &Arc<Caller>,
    parts: &Parts,
    upgrade: OnUpgrade,
) -> Result<Response<Content>, Box<Problem>> {
    let sessions = sessions_of(caller)?;
    websocket::upgrade(caller, sessions, parts, upgrade).map(whole)
}

/// The actor whose events a request asks for.
fn stream_of(parts: &Parts) -> Option<(&str, &str)> {
    (parts.method == Method::GET).then(|| sse::topic_of(parts.uri.path())).flatten()
}

async fn begin_stream(
    caller: &Arc<Caller>,
    parts: &Parts,
    topic: (&str, &str),
    seen: &mut Seen,
) -> Result<Response<Content>, Box<Problem>> {
    let sessions = sessions_of(caller)?;
    let key = decode_key(topic.1).map_err(|error| Problem::bad_request(error.to_string()))?;
    let entrance = Entrance { actor_type: topic.0, key: &key, method: "events", exclusive: false };
    let identity = authorise(caller, parts, &entrance, &mut seen.who).await?;
    let stream = sse::begin(caller, sessions, parts, topic, key, identity).await?;
    Ok(stream.map(Either::Right))
}

fn sessions_of(caller: &Caller) -> Result<&Arc<Sessions>, Box<Problem>> {
    let sessions = caller.front.sessions.as_ref();
    sessions.ok_or_else(|| Problem::not_found("this node tells of no events").into())
}

/// Tells the log. What a client sent is written as a quoted text, and of it never the query, the body or
/// a header: these may be arguments, or secret.
fn tell(
    caller: &Caller,
    parts: &Parts,
    response: &Response<Content>,
    seen: &Seen,
    problem: Option<&Problem>,
    took: Duration,
) {
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let status = response.status().as_u16();
    // Nothing is made for a line that nobody writes.
    if caller.front.config.access_log && tracing::enabled!(target: "access", Level::INFO) {
        let bytes = response.body().size_hint().exact();
        let (who, trace) = (seen.who.as_deref(), trace_id(parts, seen.span.as_ref()));
        let (us, peer) = (took.as_micros() as u64, tracing::field::display(caller.peer.ip()));
        tracing::info!(target: "access", method, path, status, bytes, us, peer, who, trace);
    }
    if tracing::enabled!(Level::DEBUG) {
        let (why, trace) = (problem.map(|it| &*it.detail), trace_id(parts, seen.span.as_ref()));
        tracing::debug!(method, path, status, ?took, why, trace, "request");
    }
}

/// The trace that a request belongs to: that of its span, else the one it names itself.
fn trace_id(parts: &Parts, span: Option<&RequestSpan>) -> Option<String> {
    match span {
        Some(span) => span.trace_id(),
        None => Parent::read(&parts.headers).map(|it| it.trace_id.to_owned()),
    }
}

async fn respond(
    caller: &Caller,
    parts: &Parts,
    body: Incoming,
    began: Instant,
    seen: &mut Seen,
) -> Result<Response<Full<Bytes>>, Box<Problem>> {
    if let Some(response) = without_a_call(caller, parts) {
        return Ok(response);
    }
    match feed::name_in(parts.uri.path()) {
        Some(name) => feed::read(caller, parts, name, &mut seen.who).await,
        None => call(caller, parts, body, began, seen).await,
    }
}

async fn call(
    caller: &Caller,
    parts: &Parts,
    body: Incoming,
    began: Instant,
    seen: &mut Seen,
) -> Result<Response<Full<Bytes>>, Box<Problem>> {
    let front = &caller.front;
    let mut checked = check(caller, parts)?;
    if let Some(span) = &mut seen.span {
        span.is_call(&checked.route, &checked.key);
    }
    authorise(caller, parts, &checked.entrance(), &mut seen.who).await?;
    let budget = checked.asked.budget.map(|budget| budget.min(front.config.deadline_max));
    let deadline = budget.map_or(Instant::NEVER, |budget| began + budget);
    // Nobody waits for the turn of a message, but it may be kept by its actor.
    let durable = if checked.one_way { checked.sending.durable } else { checked.asked.durable };
    let receipt = match checked.one_way {
        true => None,
        false => Some(Arc::new(Receipt::new(checked.asked.precondition.take()))),
    };
    let future = {
        // The bytes, and their part of the bound, are given back as soon as they are parsed.
        let (bytes, _part) = read_body(caller, body, began, deadline).await?;
        let remaining = match budget {
            None => None,
            Some(_) => Some(remaining(caller, deadline)?),
        };
        let called = caller.host.clock().now();
        let future = (checked.route.method.invoke)(Invocation {
            host: &caller.host,
            key: checked.key,
            body: &bytes,
            query: checked.query,
            deadline: remaining,
            one_way: checked.one_way,
            idempotency_key: checked.asked.idempotency_key,
            durable,
            after: checked.sending.delay,
            receipt: receipt.clone(),
        });
        seen.called = Some((called, receipt));
        future.map_err(|error| failed(caller, error.widen()))?
    };
    // Dropped with the connection: a call whose turn has not begun is then taken back.
    let answered = future.await.map_err(|error| failed(caller, error))?;
    let Some((called, Some(receipt))) = &seen.called else {
        return Ok(front.replies.accepted(durable));
    };
    let Route { persist, method, .. } = checked.route;
    let durability = Durability::of(persist, method.info, durable);
    let mut response = front.replies.reply(answered, durability, durable);
    if front.config.server_timing {
        let answered = caller.host.clock().now();
        let timing = server_timing(&Moments::new(began, *called, Some(receipt), answered));
        response.headers_mut().insert("server-timing", timing);
    }
    let Checked { source, asked, .. } = checked;
    tell_state(front, source, asked.if_none_match, receipt, &mut response);
    Ok(response)
}

/// Names the state that the turn left, and takes the body away where there is none, or the client has it.
fn tell_state(
    front: &Front,
    source: Source,
    if_none_match: Option<&HeaderValue>,
    receipt: &Receipt,
    response: &mut Response<Full<Bytes>>,
) {
    if source == Source::Nowhere {
        front.replies.make_empty(response, StatusCode::NO_CONTENT);
        return;
    }
    let Some(tag) = receipt.tag() else { return };
    response.headers_mut().insert(ETAG, tags::etag(tag));
    let has = if_none_match.is_some_and(|value| tags::has(value, tag));
    if has && source == Source::Query {
        front.replies.make_empty(response, StatusCode::NOT_MODIFIED);
    }
}

/// The answers that need no actor: to a page that asks what it may send, and the document.
fn without_a_call(caller: &Caller, parts: &Parts) -> Option<Response<Full<Bytes>>> {
    let front = &caller.front;
    if front.config.cors.is_preflight(parts) {
        let mut response = front.replies.empty();
        front.config.cors.permit(response.headers_mut());
        return Some(response);
    }
    if let Some(page) = front.pages.find(&parts.method, parts.uri.path()) {
        return Some(page);
    }
    let is_for_document = parts.method == Method::GET && parts.uri.path() == DOCUMENT_PATH;
    let document = front.document.as_ref().filter(|_| is_for_document)?;
    Some(front.replies.page(document.clone()))
}

/// Everything that can be decided before the body.
fn check<'a>(caller: &Caller, parts: &'a Parts) -> Result<Checked<'a>, Box<Problem>> {
    let front = &caller.front;
    let matched = front.routes.find(&parts.method, parts.uri.path(), parts.uri.query())?;
    check_delay(matched.sending.delay, front.config.delay_max)?;
    let key = decode_key(matched.key).map_err(|error| Problem::bad_request(error.to_string()))?;
    let head = Head::read(&parts.headers)?;
    let reads_body = matched.source == Source::Body;
    let asked = head.check(parts.version >= Version::HTTP_11, reads_body)?;
    if !reads_body && asked.has_body {
        let detail = match matched.source {
            Source::Query => "GET takes its arguments from the query, not from a body",
            _ => "DELETE takes no body",
        };
        return Err(Problem::bad_request(detail).closing().into());
    }
    if matched.one_way && asked.precondition.is_some() {
        let detail = "If-Match cannot be answered for a message: nobody waits for its turn";
        return Err(Problem::bad_request(detail).into());
    }
    let bytes_max = front.config.body_bytes_max;
    if let Some(bytes) = asked.content_length.filter(|bytes| *bytes > bytes_max as u64) {
        return Err(too_large(bytes_max, Some(bytes)));
    }
    let query = (matched.source == Source::Query).then(|| parts.uri.query().unwrap_or(""));
    let Matched { route, one_way, sending, source, .. } = matched;
    Ok(Checked { route, key, one_way, sending, source, query, asked })
}

impl Checked<'_> {
    fn entrance(&self) -> Entrance<'_> {
        let method = self.route.method.info;
        Entrance {
            actor_type: self.route.type_name,
            key: &self.key,
            method: method.name,
            exclusive: method.exclusive,
        }
    }
}

async fn read_body<'a>(
    caller: &'a Caller,
    body: Incoming,
    began: Instant,
    deadline: Instant,
) -> Result<(Bytes, body::Part<'a>), Box<Problem>> {
    let front = &caller.front;
    let limits = BodyLimits {
        host: &*caller.host,
        bytes_max: front.config.body_bytes_max,
        until: deadline.min(began + front.config.body_timeout),
        share: &front.bodies,
    };
    body::read(body, limits).await
}

/// What is left of the client's patience.
fn remaining(caller: &Caller, deadline: Instant) -> Result<Duration, Box<Problem>> {
    let remaining = deadline.saturating_since(caller.host.clock().coarse());
    if remaining.is_zero() {
        let outcome = Outcome::NotExecuted;
        return Err(failed(caller, CallError::Deadline { outcome }));
    }
    Ok(remaining)
}

fn failed(caller: &Caller, error: CallError<AppProblem>) -> Box<Problem> {
    Problem::from_call(error, caller.front.config.show_panics).into()
}
