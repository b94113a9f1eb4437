//! Event streams: `GET /v1/{type}/{key}/events`, in the form of server-sent events (WHATWG HTML, section
//! 9.2).

mod form;
mod stream;

use std::sync::Arc;

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use tenure_actor::Peer;
use tenure_protocol::session::Position;
use tenure_types::Key;

use crate::auth::Identity;
use crate::calls::Caller;
use crate::problem::{Problem, echo};
use crate::session::{Client, Sessions, Wish};
use form::Stream;
pub(crate) use stream::EventStream;

/// The actor whose events a path asks for: type and key, not yet decoded.
pub(crate) fn topic_of(path: &str) -> Option<(&str, &str)> {
    let (actor, events) = path.strip_prefix("/v1/")?.rsplit_once('/')?;
    let (type_name, key) = actor.split_once('/')?;
    (events == "events" && !key.contains('/')).then_some((type_name, key))
}

/// Begins a stream. The actor lets the client in before the answer's head is sent.
pub(crate) async fn begin(
    caller: &Arc<Caller>,
    sessions: &Arc<Sessions>,
    parts: &Parts,
    (type_name, written_key): (&str, &str),
    key: Key,
    identity: Option<Identity>,
) -> Result<Response<EventStream>, Box<Problem>> {
    let config = &sessions.config;
    let kind = sessions.kinds.find(type_name).ok_or_else(|| {
        Problem::not_found(format!("there is no actor type `{}`", echo(type_name)))
    })?;
    let resume = resume(&parts.headers, parts.uri.query())?;
    if sessions.clients.is_draining() {
        return Err(Problem::overloaded("the node is stopping; connect to another").into());
    }
    let host = &caller.host;
    let id = format!("{:016x}{:016x}", host.call_id().0, host.call_id().0);
    let began = host.clock().now();
    let client = Client::new(id, caller.peer, "sse", began, config.outbox());
    let registered = sessions
        .clients
        .add(client)
        .ok_or_else(|| Problem::overloaded("too many sessions are open on this node"))?;
    let client = Arc::clone(&registered.client);
    let user = identity.as_ref().map(Identity::name).filter(|name| !name.is_empty());
    if !sessions.clients.identify(&client, user, config.clients_of_user_max) {
        let detail = "this user has too many sessions on this node";
        let status = StatusCode::TOO_MANY_REQUESTS;
        return Err(Problem { status, ..Problem::overloaded(detail) }.into());
    }
    let peer = Peer {
        connection: client.id.clone(),
        user: user.map(str::to_owned),
        claims: identity.as_ref().map(|it| it.claims().clone()).unwrap_or_default(),
        data: serde_json::Value::Null,
    };
    // As the path has it: one name is one actor's, whoever wrote it.
    let topic = format!("{type_name}:{written_key}");
    let wish = Wish { topic: &topic, kind, key, peer: &peer, resume };
    let follower = Arc::new(Stream::new(Arc::clone(&client), resume.is_some()));
    let as_follower = Arc::clone(&follower) as _;
    let following = sessions
        .topics
        .follow(wish, as_follower, |initial| follower.begin(initial))
        .await
        .map_err(|error| Problem::from_call(error, caller.front.config.show_panics))?;
    let expires = identity.as_ref().and_then(Identity::expires).map(|at| {
        let left = at.saturating_sub(host.clock().unix_ms() / 1_000);
        host.clock().now() + std::time::Duration::from_secs(left)
    });
    let stream = EventStream::new(registered, following, host.fork(), config.ping_period, expires);
    let mut response = Response::new(stream);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // What buffers replies must not buffer this one.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Where the client was: in `Last-Event-ID`, which clients send by themselves, or `?after=`.
fn resume(headers: &HeaderMap, query: Option<&str>) -> Result<Option<Position>, Box<Problem>> {
    let header = match headers.get("last-event-id") {
        None => None,
        Some(value) => {
            let text =
                value.to_str().map_err(|_| Problem::bad_request("Last-Event-ID is no text"))?;
            Some(text).filter(|text| !text.is_empty())
        }
    };
    let text = match (header, query.filter(|query| !query.is_empty())) {
        (Some(text), _) => text,
        (None, None) => return Ok(None),
        (None, Some(query)) => query.strip_prefix("after=").ok_or_else(|| {
            let detail = "a stream of events has the parameter `after`, and no other";
            Box::new(Problem::bad_request(detail))
        })?,
    };
    // An id of another server, or of an older form, is one that no log has: the client begins anew.
    Ok(Some(text.parse().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_by_its_path() {
        for (path, expected) in [
            ("/v1/counter/42/events", Some(("counter", "42"))),
            ("/v1/counter/a%2Fb/events", Some(("counter", "a%2Fb"))),
            ("/v1/counter/42/get", None),
            ("/v1/counter/events", None),
            ("/v1/a/b/c/events", None),
            ("/events", None),
        ] {
            assert_eq!(topic_of(path), expected, "{path}");
        }
    }

    #[test]
    fn a_client_says_where_it_was() {
        let with = |id| {
            let mut headers = HeaderMap::new();
            headers.insert("last-event-id", HeaderValue::from_static(id));
            headers
        };
        let at = Position { epoch: 7, offset: 3 };
        assert_eq!(resume(&HeaderMap::new(), None), Ok(None));
        assert_eq!(resume(&with("7:3"), Some("after=1:1")), Ok(Some(at)));
        assert_eq!(resume(&HeaderMap::new(), Some("after=7:3")), Ok(Some(at)));
        assert_eq!(resume(&with("else"), None), Ok(Some(Position::default())));
        assert!(resume(&HeaderMap::new(), Some("since=1")).is_err());
    }
}
