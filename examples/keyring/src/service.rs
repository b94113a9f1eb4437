//! Requests: answered here, or passed on to the node that owns their user.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tenure::Key;
use tenure::cluster::{Member, Owner};
use tokio::net::TcpStream;

use crate::keys::Keyring;

/// The loop guard: who gets a request with it answers, or says that somebody should try again. So a request takes
/// one hop at most, also while two nodes believe that the other one owns its user.
pub const HOP: &str = "keyring-hop";
/// In an answer: which node gave it.
pub const OWNER: &str = "keyring-owner";
/// In an answer: under which term that node owned the user.
pub const TERM: &str = "keyring-term";

/// How long the owner may take to answer what was passed on.
const HOP_MAX: Duration = Duration::from_secs(2);
const BODY_BYTES_MAX: usize = 1 << 10;

/// One node.
pub struct Service {
    member: Member,
    keys: Keyring,
}

/// The node's routes.
pub fn router(member: Member) -> Router {
    let service = Arc::new(Service { member, keys: Keyring::default() });
    Router::new()
        .route("/users/{user}/{action}", post(serve))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

async fn serve(
    State(service): State<Arc<Service>>,
    Path((user, action)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(key) = Key::new(&user) else {
        return (StatusCode::BAD_REQUEST, "a user has 1 to 512 bytes without control characters\n")
            .into_response();
    };
    match service.member.owner_of(&key) {
        Owner::Here { term } => service.answer(&key, term, &action, &body),
        Owner::At { about, .. } if !headers.contains_key(HOP) => {
            pass_on(&about, uri, body).await.unwrap_or_else(later)
        }
        Owner::At { node, .. } => later(format!("it is {node} that should answer")),
        Owner::Unknown => later("nobody owns the user at this moment".to_owned()),
    }
}

impl Service {
    /// What the user's key does, if the user is still this node's when it is done.
    fn answer(&self, key: &Key, term: u64, action: &str, body: &[u8]) -> Response {
        let user = key.as_str();
        let answer = match action {
            "token" => match self.keys.token(user, term) {
                Some(token) => token.into_response(),
                None => return later("there are too many keys".to_owned()),
            },
            "check" => {
                let token = std::str::from_utf8(body).unwrap_or("").trim();
                match self.keys.is_good(user, term, token) {
                    true => StatusCode::NO_CONTENT.into_response(),
                    false => (StatusCode::UNAUTHORIZED, "no such token\n").into_response(),
                }
            }
            _ => return (StatusCode::NOT_FOUND, "there are token and check\n").into_response(),
        };
        // The user may have another owner by now: nobody hears of what this one has made.
        if self.member.owner_of(key) != (Owner::Here { term }) {
            return later("the user went to another node meanwhile".to_owned());
        }
        ([(OWNER, self.member.name().to_owned()), (TERM, term.to_string())], answer).into_response()
    }
}

/// Sends the request to who owns its user, over a connection of its own, and gives its answer. The error says why
/// there is none: the owner may have done it all the same.
async fn pass_on(owner: &str, uri: Uri, body: Bytes) -> Result<Response, String> {
    let asked = async {
        let stream = TcpStream::connect(owner).await.map_err(|error| error.to_string())?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| error.to_string())?;
        let connection = tokio::spawn(connection);
        let request = Request::post(uri.path()).header(header::HOST, owner).header(HOP, "1");
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        connection.abort();
        let mut passed =
            Response::new(Body::from(body.map_err(|error| error.to_string())?.to_bytes()));
        *passed.status_mut() = head.status;
        for name in [OWNER, TERM, header::RETRY_AFTER.as_str(), header::CONTENT_TYPE.as_str()] {
            if let (Some(value), Ok(name)) =
                (head.headers.get(name), name.parse::<header::HeaderName>())
            {
                passed.headers_mut().insert(name, value.clone());
            }
        }
        Ok(passed)
    };
    let answered = tokio::time::timeout(HOP_MAX, asked).await;
    answered.unwrap_or_else(|_| Err(format!("{owner} did not answer in {HOP_MAX:?}")))
}

/// Somebody should try again: who owns the user is being found out.
fn later(why: String) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], format!("{why}; try again\n"))
        .into_response()
}
