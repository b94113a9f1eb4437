//! From a request to an open socket.

use std::sync::Arc;

use hyper::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper::{Response, StatusCode};

use super::handshake::{Accepted, PROTOCOL, check};
use super::socket::drive;
use crate::calls::{Caller, Refused, identify};
use crate::centrifuge::{Connection, Opened};
use crate::problem::Problem;
use crate::serve::take_socket;
use crate::session::{Client, Sessions};

/// Where the sockets of `centrifuge` clients are.
pub(crate) const PATH: &str = "/connection/websocket";

/// Answers an upgrade, and drives what it becomes.
pub(crate) fn upgrade<Body: Default>(
    caller: &Arc<Caller>,
    sessions: &Arc<Sessions>,
    parts: &hyper::http::request::Parts,
    upgrade: OnUpgrade,
) -> Result<Response<Body>, Box<Problem>> {
    let config = &sessions.config;
    let accepted = check(&parts.method, &parts.headers, &config.origins)?;
    if sessions.clients.is_draining() {
        return Err(Problem::overloaded("the node is stopping; connect to another").into());
    }
    // Who brings no key says who it is with its first command.
    let identity = match identify(caller, &parts.headers) {
        Ok(identity) => identity,
        Err(Refused::Absent) => None,
        Err(Refused::Wrong(problem)) => return Err(problem),
    };
    let host = &caller.host;
    let id = format!("{:016x}{:016x}", host.call_id().0, host.call_id().0);
    let began = host.clock().now();
    let client = Client::new(id, caller.peer, "centrifuge", began, config.outbox());
    let registered = sessions
        .clients
        .add(client)
        .ok_or_else(|| Box::new(Problem::overloaded("too many sessions are open on this node")))?;
    let front = &caller.front;
    let headers = match front.authorise {
        Some(_) => Box::new(parts.headers.clone()),
        None => Box::default(),
    };
    let opened = Opened { identity, headers };
    let connection =
        Connection::new(registered, Arc::clone(front), Arc::clone(sessions), host.fork(), opened);
    let task = async move {
        let taken = upgrade.await.ok().and_then(take_socket);
        let Some((socket, read)) = taken else { return };
        drive(socket, read, connection).await;
    };
    host.tasks().spawn("websocket", Box::pin(task));
    Ok(switching(&accepted))
}

fn switching<Body: Default>(accepted: &Accepted) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(key) = HeaderValue::from_str(&accepted.key) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    }
    if accepted.names_protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    response
}
