//! What an upgrade must say (RFC 6455, section 4.2.1).

use hyper::header::{
    CONNECTION, HOST, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::problem::Problem;

/// What the answer to a good upgrade says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) key: String,
    /// Whether the client offered the protocol by name.
    pub(super) names_protocol: bool,
}

pub(super) const PROTOCOL: &str = "centrifuge-json";

pub(super) fn check(
    method: &Method,
    headers: &HeaderMap,
    origins: &[String],
) -> Result<Accepted, Box<Problem>> {
    if *method != Method::GET {
        return Err(Problem::method_not_allowed("GET", "a WebSocket begins with GET").into());
    }
    if !has_word(headers, &CONNECTION, "upgrade") || !has_word(headers, &UPGRADE, "websocket") {
        let detail = "this is a WebSocket: connect with a `centrifuge` client";
        let (code, title) = ("upgrade_required", "Upgrade required");
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, code, title, detail).into());
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let (code, title) = ("upgrade_required", "Upgrade required");
        let detail = "Sec-WebSocket-Version is not 13";
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, code, title, detail).into());
    }
    check_origin(headers, origins)?;
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(Problem::bad_request("one Sec-WebSocket-Key is needed").into());
    };
    // Sixteen bytes in base64.
    if key.len() != 24 || !key.as_bytes().ends_with(b"==") {
        return Err(Problem::bad_request("Sec-WebSocket-Key is not 16 bytes in base64").into());
    }
    let names_protocol = has_word(headers, &SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    Ok(Accepted { key: derive_accept_key(key.as_bytes()), names_protocol })
}

/// Whether one of a header's comma-separated words is this one.
fn has_word(headers: &HeaderMap, name: &hyper::header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|it| it.trim().eq_ignore_ascii_case(word))
}

/// Whether a page may open a socket here: browsers ask nobody before they do. Programs send no
/// `Origin`.
pub(super) fn check_origin(headers: &HeaderMap, origins: &[String]) -> Result<(), Box<Problem>> {
    let mut all = headers.get_all(ORIGIN).iter();
    let Some(origin) = all.next() else { return Ok(()) };
    let origin = origin.to_str().ok().filter(|_| all.next().is_none());
    let own = headers.get(HOST).and_then(|host: &HeaderValue| host.to_str().ok());
    let is_own = |origin: &str| {
        let host = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
        host.is_some_and(|host| own.is_some_and(|own| own.eq_ignore_ascii_case(host)))
    };
    let is_known =
        |origin: &str| origins.iter().any(|it| it == "*" || it.eq_ignore_ascii_case(origin));
    if origin.is_some_and(|origin| is_own(origin) || is_known(origin)) {
        return Ok(());
    }
    let detail = "pages of this origin may not follow actors here; name it in sessions.origins";
    Err(Problem::denied(StatusCode::FORBIDDEN, detail).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(extra: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let usual = [
            ("host", "example.org:7070"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in usual.iter().chain(extra) {
            if value.is_empty() {
                headers.remove(*name);
            } else {
                headers.insert(*name, HeaderValue::from_static(value));
            }
        }
        headers
    }

    #[test]
    fn a_good_upgrade_is_accepted_with_the_key_of_the_standard() {
        let accepted = check(&Method::GET, &headers(&[]), &[]).unwrap();
        assert_eq!(accepted.key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "RFC 6455, section 1.3");
        assert!(!accepted.names_protocol);
        let named = headers(&[("sec-websocket-protocol", "x, centrifuge-json")]);
        assert!(check(&Method::GET, &named, &[]).unwrap().names_protocol);
    }

    #[test]
    fn every_other_upgrade_is_told_what_is_wrong() {
        for (extra, status) in [
            (("upgrade", ""), 426),
            (("connection", "close"), 426),
            (("sec-websocket-version", "8"), 426),
            (("sec-websocket-version", ""), 426),
            (("sec-websocket-key", ""), 400),
            (("sec-websocket-key", "short"), 400),
            (("origin", "https://evil.example"), 403),
            (("origin", "null"), 403),
        ] {
            let refused = check(&Method::GET, &headers(&[extra]), &[]).unwrap_err();
            assert_eq!(refused.status.as_u16(), status, "{extra:?}");
        }
        assert_eq!(check(&Method::POST, &headers(&[]), &[]).unwrap_err().status.as_u16(), 405);
    }

    #[test]
    fn pages_come_from_their_own_host_or_from_one_that_is_named() {
        let from = |origin| headers(&[("origin", origin)]);
        assert!(check_origin(&from("http://example.org:7070"), &[]).is_ok());
        assert!(check_origin(&from("https://EXAMPLE.org:7070"), &[]).is_ok());
        assert!(check_origin(&from("http://example.org"), &[]).is_err());
        let named = ["https://app.example".to_owned()];
        assert!(check_origin(&from("https://app.example"), &named).is_ok());
        assert!(check_origin(&from("https://app.example.evil"), &named).is_err());
        assert!(check_origin(&from("https://any.example"), &["*".to_owned()]).is_ok());
    }
}
