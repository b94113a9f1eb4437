//! What a request's headers ask for.

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tenure_actor::Precondition;

use super::deadline::{connect_timeout_ms, grpc_timeout};
use super::idempotency::idempotency_key;
use super::prefer::waits_durable;
use super::tags::if_match;
use crate::problem::{Problem, echo};

/// The headers that the gateway reads, each at most once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head<'a> {
    content_type: Option<&'a HeaderValue>,
    content_encoding: Option<&'a HeaderValue>,
    content_length: Option<&'a HeaderValue>,
    transfer_encoding: Option<&'a HeaderValue>,
    origin: Option<&'a HeaderValue>,
    sec_fetch_site: Option<&'a HeaderValue>,
    host: Option<&'a HeaderValue>,
    authorization: Option<&'a HeaderValue>,
    cookie: Option<&'a HeaderValue>,
    api_key: Option<&'a HeaderValue>,
    grpc_timeout: Option<&'a HeaderValue>,
    connect_timeout_ms: Option<&'a HeaderValue>,
    idempotency_key: Option<&'a HeaderValue>,
    if_match: Option<&'a HeaderValue>,
    if_none_match: Option<&'a HeaderValue>,
    traceparent: Option<&'a HeaderValue>,
    /// Whether `Prefer`, which may occur several times, has `wait=durable`.
    waits_durable: Option<bool>,
}

/// What the headers of a request say, once they are found to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked<'a> {
    /// How long the client waits.
    pub(crate) budget: Option<Duration>,
    /// The body's announced length.
    pub(crate) content_length: Option<u64>,
    /// Whether there is a body at all, as far as the headers tell.
    pub(crate) has_body: bool,
    /// Makes the call and its repetitions one effect.
    pub(crate) idempotency_key: Option<&'a str>,
    /// Answer only when what the turn saw is durable.
    pub(crate) durable: bool,
    /// In which states the turn may run.
    pub(crate) precondition: Option<Precondition>,
    /// The states that the client has already.
    pub(crate) if_none_match: Option<&'a HeaderValue>,
}

impl<'a> Head<'a> {
    /// Goes through all headers once.
    ///
    /// # Errors
    /// A problem when one of them occurs twice: proxies and servers differ in which one counts.
    pub(crate) fn read(headers: &'a HeaderMap) -> Result<Self, Box<Problem>> {
        let mut head = Self::default();
        for (name, value) in headers {
            if name.as_str() == "prefer" {
                // A list: several of them are one (RFC 9110, section 5.3).
                head.waits_durable = head.waits_durable.or_else(|| waits_durable(value.as_bytes()));
                continue;
            }
            let Some(place) = head.place(name) else {
                continue;
            };
            if place.replace(value).is_some() {
                let detail = format!("the header {name} occurs more than once");
                return Err(Problem::bad_request(detail).into());
            }
        }
        Ok(head)
    }

    fn place(&mut self, name: &HeaderName) -> Option<&mut Option<&'a HeaderValue>> {
        Some(match name.as_str() {
            "content-type" => &mut self.content_type,
            "content-encoding" => &mut self.content_encoding,
            "content-length" => &mut self.content_length,
            "transfer-encoding" => &mut self.transfer_encoding,
            "origin" => &mut self.origin,
            "sec-fetch-site" => &mut self.sec_fetch_site,
            "host" => &mut self.host,
            "authorization" => &mut self.authorization,
            "x-api-key" => &mut self.api_key,
            "cookie" => &mut self.cookie,
            "grpc-timeout" => &mut self.grpc_timeout,
            "connect-timeout-ms" => &mut self.connect_timeout_ms,
            "idempotency-key" => &mut self.idempotency_key,
            "if-match" => &mut self.if_match,
            "if-none-match" => &mut self.if_none_match,
            "traceparent" => &mut self.traceparent,
            _ => return None,
        })
    }

    /// Checks what the headers ask for. `needs_host` says whether the protocol's version demands
    /// a `Host`.
    ///
    /// # Errors
    /// The problem that the request meets first.
    pub(crate) fn check(
        &self,
        needs_host: bool,
        reads_body: bool,
    ) -> Result<Asked<'a>, Box<Problem>> {
        if needs_host && self.host.is_none() {
            return Err(Problem::bad_request("the header Host is missing").into());
        }
        let idempotency_key = match self.idempotency_key {
            None => None,
            Some(value) => Some(idempotency_key(value.as_bytes()).map_err(Problem::bad_request)?),
        };
        let content_length = self.content_length.and_then(|value| {
            let digits = value.to_str().ok()?;
            digits.parse::<u64>().ok()
        });
        let has_body = self.transfer_encoding.is_some() || content_length.is_some_and(|n| n > 0);
        if reads_body {
            self.check_content_type()?;
        }
        let durable = self.waits_durable.unwrap_or(false);
        let precondition = match self.if_match {
            None => None,
            Some(value) => Some(if_match(value).map_err(Problem::bad_request)?),
        };
        Ok(Asked {
            budget: self.budget()?,
            content_length,
            has_body,
            idempotency_key,
            durable,
            precondition,
            if_none_match: self.if_none_match,
        })
    }

    /// A page of another site can send forms, plain text and bodies without a type, but JSON only
    /// after a preflight, which is refused.
    fn check_content_type(&self) -> Result<(), Box<Problem>> {
        if self.content_encoding.is_some_and(|value| {
            let coding = value.as_bytes().trim_ascii();
            !coding.eq_ignore_ascii_case(b"identity")
        }) {
            let detail = "compressed bodies are not accepted; send it without Content-Encoding";
            return Err(Problem::unsupported_media_type(detail).into());
        }
        let is_foreign = self.origin.is_some()
            || self.sec_fetch_site.is_some_and(|site| {
                !matches!(site.as_bytes(), b"none" | b"same-origin" | b"same-site")
            });
        let given = match self.content_type {
            None => "no Content-Type".to_owned(),
            Some(value) => {
                let text = value.to_str().unwrap_or("a Content-Type that is not ASCII");
                let (media_type, parameters) = text.split_once(';').unwrap_or((text, ""));
                let media_type = media_type.trim();
                if media_type.eq_ignore_ascii_case("application/json") {
                    return check_charset(parameters);
                }
                let is_form = media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded");
                if !is_form && !media_type.eq_ignore_ascii_case("text/plain") {
                    let detail = format!(
                        "the body's type is {}; send JSON with Content-Type: application/json",
                        echo(media_type)
                    );
                    return Err(Problem::unsupported_media_type(detail).into());
                }
                media_type.to_owned()
            }
        };
        if !is_foreign {
            return Ok(());
        }
        let detail = format!(
            "a request from a web page (it has Origin or Sec-Fetch-Site) with {given} is not \
             accepted; send Content-Type: application/json"
        );
        Err(Problem::unsupported_media_type(detail).into())
    }

    fn budget(&self) -> Result<Option<Duration>, Box<Problem>> {
        let forms: [(_, ReadBudget, &str); 2] = [
            (
                self.grpc_timeout,
                grpc_timeout,
                "grpc-timeout is 1 to 8 digits, not all zero, and a unit of H, M, S, m, u or n, \
                 as in 500m",
            ),
            (
                self.connect_timeout_ms,
                connect_timeout_ms,
                "Connect-Timeout-Ms is a number of milliseconds above zero in at most 10 digits",
            ),
        ];
        let mut shortest = None;
        for (value, read, rule) in forms {
            let Some(value) = value else { continue };
            let Some(budget) = read(value.as_bytes()) else {
                let given = String::from_utf8_lossy(value.as_bytes());
                let detail = format!("{rule}; this one is {:?}", echo(&given));
                return Err(Problem::bad_request(detail).into());
            };
            shortest = Some(shortest.map_or(budget, |other: Duration| other.min(budget)));
        }
        Ok(shortest)
    }
}

/// Reads a header that says how long the client waits.
type ReadBudget = fn(&[u8]) -> Option<Duration>;

fn check_charset(parameters: &str) -> Result<(), Box<Problem>> {
    for parameter in parameters.split(';') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        let is_utf8 =
            ["utf-8", "utf8", "us-ascii"].iter().any(|charset| value.eq_ignore_ascii_case(charset));
        if name.trim().eq_ignore_ascii_case("charset") && !is_utf8 {
            let detail = format!("JSON is UTF-8; this body says charset={}", echo(value));
            return Err(Problem::unsupported_media_type(detail).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
