//! One connection to the fleet, and what a call over it came to.

use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long the server may take for one call: longer than its own deadline, which says more.
const REPLY_TIMEOUT: Duration = Duration::from_secs(40);

/// Where the fleet serves, as `http://HOST:PORT`.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    authority: String,
}

/// Why a call brought no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing happened, and the same call may succeed later.
    NotExecuted { why: String, retry_after: Option<Duration> },
    /// It may have happened or not. Only what is idempotent may be called again.
    Unknown { why: String },
    /// It will not succeed however often it is made.
    Refused { why: String },
}

/// A connection that is opened when it is needed.
pub(crate) struct Client {
    site: Site,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl FromStr for Site {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let authority = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let has_port = authority.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok() && !host.contains('/')
        });
        if !has_port {
            return Err("write it as http://127.0.0.1:7070".to_owned());
        }
        Ok(Self { authority: authority.to_owned() })
    }
}

impl Client {
    pub(crate) fn new(site: Site) -> Self {
        Self { site, sender: None }
    }

    /// Makes one call.
    ///
    /// # Errors
    /// [`Failure`] says what is known of the call. The next one goes over a new connection, unless
    /// the server answered.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, Failure> {
        let called = tokio::time::timeout(REPLY_TIMEOUT, self.try_call(method, path, body)).await;
        let result = called.unwrap_or_else(|_| {
            self.sender = None;
            Err(Failure::Unknown { why: "no reply in time".to_owned() })
        });
        let (head, body) = result?;
        if head.0 == StatusCode::OK {
            return Ok(body);
        }
        Err(understand(head.0, &head.1, &body))
    }

    async fn try_call(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<((StatusCode, HeaderMap), Bytes), Failure> {
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await.map_err(|error| not_sent(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.site.authority)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| Failure::Refused { why: error.to_string() })?;
        let response = sender.try_send_request(request).await.map_err(|mut failed| {
            // The request comes back when not a byte of it was written.
            match failed.take_message() {
                Some(_) => not_sent(failed.error()),
                None => Failure::Unknown { why: failed.error().to_string() },
            }
        })?;
        let answer = read(response).await?;
        self.sender = Some(sender);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream =
            TcpStream::connect(&self.site.authority).await.map_err(|error| not_sent(&error))?;
        // While nobody listens on this machine, the system may connect a socket to itself.
        if stream.local_addr().ok() == stream.peer_addr().ok() {
            return Err(Failure::NotExecuted {
                why: "nobody listens".to_owned(),
                retry_after: None,
            });
        }
        stream.set_nodelay(true).map_err(|error| not_sent(&error))?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| not_sent(&error))?;
        // Ends with the sender; its errors are seen by the calls.
        tokio::spawn(connection);
        Ok(sender)
    }
}

fn not_sent(error: &dyn std::error::Error) -> Failure {
    Failure::NotExecuted { why: error.to_string(), retry_after: None }
}

async fn read(response: Response<Incoming>) -> Result<((StatusCode, HeaderMap), Bytes), Failure> {
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Ok(((head.status, head.headers), body.to_bytes())),
        Err(error) => Err(Failure::Unknown { why: error.to_string() }),
    }
}

/// Reads a problem (RFC 9457): it says whether the call was executed and whether to try again.
fn understand(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let why = format!("{status}: {}", problem["detail"].as_str().unwrap_or("no problem is told"));
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let retry_after = seconds.map(Duration::from_secs);
    match (problem["outcome"].as_str(), problem["retryable"].as_bool()) {
        (Some("not-executed"), Some(true)) => Failure::NotExecuted { why, retry_after },
        (Some("not-executed" | "executed"), _) => Failure::Refused { why },
        (Some(_), _) => Failure::Unknown { why },
        // Not from a Tenure node, but from something between.
        (None, _) if status.is_server_error() => Failure::Unknown { why },
        (None, _) => Failure::Refused { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_problem_that_says_so_is_safe_to_repeat() {
        for (status, body, expected) in [
            (503, r#"{"outcome":"not-executed","retryable":true}"#, "not executed"),
            (400, r#"{"outcome":"not-executed","retryable":false}"#, "refused"),
            (422, r#"{"outcome":"executed","retryable":false}"#, "refused"),
            (504, r#"{"outcome":"unknown","retryable":false}"#, "unknown"),
            (502, "<html>", "unknown"),
            (404, "", "refused"),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let failure = understand(status, &HeaderMap::new(), body.as_bytes());
            let name = match failure {
                Failure::NotExecuted { .. } => "not executed",
                Failure::Unknown { .. } => "unknown",
                Failure::Refused { .. } => "refused",
            };
            assert_eq!(name, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_site_has_a_host_and_a_port() {
        for (text, fits) in [
            ("http://127.0.0.1:7070", true),
            ("http://localhost:7070/", true),
            ("localhost:7070", true),
            ("http://localhost", false),
            ("https://localhost:7070", false),
            ("http://:7070", false),
        ] {
            assert_eq!(text.parse::<Site>().is_ok(), fits, "{text}");
        }
    }
}
