//! One server of a node, asked over HTTP, and what its answers mean to a command.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::http::{HeaderMap, Request, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use crate::failure::Failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Beyond a reply of this size something is wrong: a node stores no state of more than 4 MiB.
const REPLY_BYTES_MAX: u64 = 64 << 20;

/// What a path may show as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~').remove(b'.');

/// Which server of the node is meant: an error names the flag that sets its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Calls,
    Admin,
}

/// One server of a node.
pub(crate) struct Server {
    agent: Agent,
    base: String,
    host: String,
    port: Port,
}

/// A whole answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A question before it is asked.
pub(crate) struct Question<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<&'a [u8]>,
    /// How long the whole answer may take.
    pub(crate) timeout: Option<Duration>,
}

impl Question<'_> {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        let timeout = Some(Duration::from_secs(30));
        Self { method, path: path.into(), headers: Vec::new(), body: None, timeout }
    }
}

impl Server {
    /// The server at `url`.
    ///
    /// # Errors
    /// When `url` is none.
    pub(crate) fn new(url: &str, port: Port) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::usage(format!("{} {url}: {why}", port.flag()))
                .advice("write it as http://127.0.0.1:7070")
        };
        let written = match url.contains("://") {
            true => url.to_owned(),
            false => format!("http://{url}"),
        };
        let uri: Uri = written.parse().map_err(|_| wrong("this is no URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("only http and https are spoken"));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() || authority.contains('@') || uri.query().is_some() {
            return Err(wrong("it must be a scheme, a host and a port"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let is_here = is_loopback(&host);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            // What runs on this machine is not reached through a proxy.
            .proxy(if is_here { None } else { Proxy::try_from_env() })
            .user_agent(concat!("tenure/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        let base = written.trim_end_matches('/').to_owned();
        Ok(Self { agent: config.new_agent(), base, host, port })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn is_here(&self) -> bool {
        is_loopback(&self.host)
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.base.starts_with("https:")
    }

    /// The number of the port, as far as the URL says it.
    pub(crate) fn port_number(&self) -> u16 {
        let said = self.base.parse::<Uri>().ok().and_then(|uri| uri.port_u16());
        said.unwrap_or(if self.is_encrypted() { 443 } else { 80 })
    }

    /// Asks, and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) fn ask(&self, question: &Question<'_>) -> Result<Reply, Failure> {
        let response = self.open(question)?;
        let (parts, body) = response.into_parts();
        let body = body.into_with_config().limit(REPLY_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| self.unanswered(&error))?;
        Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// Asks, and gives the answer before its body is read.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) fn open(&self, question: &Question<'_>) -> Result<Response<Body>, Failure> {
        let Question { method, path, headers, body, timeout } = question;
        let mut request = Request::builder().method(*method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let unsendable = |error| Failure::usage(format!("the request cannot be sent: {error}"));
        let answered = match body {
            Some(body) => {
                let request = request.body(*body).map_err(unsendable)?;
                let request = self.agent.configure_request(request);
                self.agent.run(request.timeout_global(*timeout).build())
            }
            None => {
                let request = request.body(()).map_err(unsendable)?;
                let request = self.agent.configure_request(request);
                self.agent.run(request.timeout_global(*timeout).build())
            }
        };
        answered.map_err(|error| self.unanswered(&error))
    }

    /// Asks the admin server for a document.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn document(&self, path: impl Into<String>) -> Result<Value, Failure> {
        let reply = self.ask(&Question::new("GET", path))?.accepted()?;
        reply.json().ok_or_else(|| self.foreign())
    }

    /// The failure of an answer that no node gives.
    pub(crate) fn foreign(&self) -> Failure {
        let Self { base, port, .. } = self;
        Failure::new(format!("{base} answers, but not as a Tenure node does"))
            .advice(format!("name the node with {}", port.flag()))
    }

    fn unanswered(&self, error: &ureq::Error) -> Failure {
        let Self { base, port, .. } = self;
        let flag = port.flag();
        let kind = match error {
            ureq::Error::Io(error) => Some(error.kind()),
            _ => None,
        };
        if let Some(why) = untrusted(error) {
            return Failure::new(format!("the certificate of {base} is not trusted: {why}"))
                .advice("name its authority with SSL_CERT_FILE, or install it on this machine")
                .outcome("not-executed");
        }
        let (text, advice, outcome) = match (error, kind) {
            (_, Some(ErrorKind::ConnectionRefused)) => (
                format!("nothing listens at {base}"),
                format!("is a node running? start one with `cargo run`, or name it with {flag}"),
                "not-executed",
            ),
            (ureq::Error::HostNotFound, _) => (
                format!("the host of {base} is not known"),
                format!("look for a mistake in {flag}"),
                "not-executed",
            ),
            (ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve), _) => (
                format!("{base} cannot be reached: {error}"),
                format!("look at the network between, or name another node with {flag}"),
                "not-executed",
            ),
            (ureq::Error::Timeout(_), _) => (
                format!("{base} gave no answer in time"),
                "is the node stuck? `tenure doctor` looks".to_owned(),
                "unknown",
            ),
            _ => (
                format!("the connection to {base} failed: {error}"),
                format!(
                    "is it a node, and is it running? name it with {flag}; `tenure doctor` looks"
                ),
                "unknown",
            ),
        };
        let failure = Failure::new(text).advice(advice);
        match port {
            Port::Calls => failure.outcome(outcome),
            Port::Admin => failure,
        }
    }
}

impl Port {
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Port::Calls => "--url",
            Port::Admin => "--admin",
        }
    }
}

impl Reply {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The reply, if it is none of an error.
    ///
    /// # Errors
    /// What the node says is wrong.
    pub(crate) fn accepted(self) -> Result<Self, Failure> {
        match self.status {
            200..=299 => Ok(self),
            _ => Err(self.refusal()),
        }
    }

    fn refusal(&self) -> Failure {
        let problem = self.json().filter(|problem| problem.get("code").is_some());
        let Some(problem) = problem else {
            return Failure::new(format!("the answer is {} and says no more", self.status))
                .advice("is this a Tenure node? name it with --url and --admin");
        };
        let member = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
        let text = match (member("detail"), member("title")) {
            ("", title) => title.to_owned(),
            (detail, _) => detail.to_owned(),
        };
        let advice = self.advice(&problem);
        let failure = Failure::new(text).problem(problem);
        match advice {
            Some(advice) => failure.advice(advice),
            None => failure,
        }
    }

    fn advice(&self, problem: &Value) -> Option<String> {
        let is_retryable = problem.get("retryable").and_then(Value::as_bool) == Some(true);
        let is_executed = problem.get("outcome").and_then(Value::as_str) == Some("executed");
        let is_unknown = problem.get("outcome").and_then(Value::as_str) == Some("unknown");
        let code = problem.get("code").and_then(Value::as_str).unwrap_or_default();
        Some(match (code, self.header("retry-after")) {
            ("version_mismatch", _) => {
                "call a method that reads with -v for the tag of the state as it is now".into()
            }
            ("key_reused", _) => "a new call needs a new --key".into(),
            (_, Some(seconds)) if is_retryable => format!("try again in {seconds} s"),
            _ if is_retryable => "try again".into(),
            // The application's own, whatever its code is called.
            _ if is_executed => return None,
            ("damaged", _) => "restore a backup: `tenure restore --help`".into(),
            ("incompatible", _) => {
                "deploy the program that wrote the record, or ask `check` of this one what is missing".into()
            }
            ("bad_request" | "method_not_allowed", _) => "`tenure call --help` has examples".into(),
            ("not_found", _) => {
                "`tenure actor ls TYPE` lists actors; `tenure doctor` says which node this is".into()
            }
            ("denied", _) => "ask who runs the node to let you in".into(),
            ("too_large", _) => "send less, or in several calls".into(),
            ("cycle", _) => "let one actor of the path send a message instead of calling".into(),
            _ if is_unknown => {
                "read the actor to see what happened; calls with --key may simply be repeated"
                    .into()
            }
            _ => return None,
        })
    }
}

/// Why a certificate is not believed, if that is the error; nothing was asked then.
fn untrusted(error: &ureq::Error) -> Option<&rustls::CertificateError> {
    let tls = match error {
        ureq::Error::Rustls(tls) => tls,
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref()?,
        _ => return None,
    };
    match tls {
        rustls::Error::InvalidCertificate(why) => Some(why),
        _ => None,
    }
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// A name as a part of a path or a query.
pub(crate) fn escape(name: &str) -> String {
    match name {
        // What lies between would take these for folders.
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        name => utf8_percent_encode(name, UNRESERVED).to_string(),
    }
}

/// The path of an actor.
///
/// # Errors
/// When a part of its name is empty.
pub(crate) fn actor_path(type_name: &str, key: &str) -> Result<String, Failure> {
    if type_name.is_empty() || key.is_empty() {
        return Err(Failure::usage("an actor has a type and a key, neither of them empty"));
    }
    Ok(format!("{}/{}", escape(type_name), escape(key)))
}
