//! Which web pages of other sites may call actors: the CORS protocol of the Fetch standard.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, Uri};

/// The pages that may call actors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    origins: Vec<String>,
    has_credentials: bool,
}

/// Why a list of origins cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorsError {
    /// This is no origin.
    #[error(
        "{origin:?} is no origin; write scheme and host, and the port where it is not the usual one, \
         in small letters, as https://app.example or http://localhost:5173"
    )]
    Origin {
        /// As it was written.
        origin: String,
    },
    /// Pages of all sites would act in the name of whoever looks at them.
    #[error("credentials cannot be let through for every origin; list the origins instead of `*`")]
    Everybody,
}

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, connect-timeout-ms, content-type, grpc-timeout, idempotency-key, if-match, \
     if-none-match, prefer, traceparent, x-api-key",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "etag, idempotency-replayed, preference-applied, retry-after, server-timing, www-authenticate, \
     x-durability, x-tenure-node",
);
/// For this many seconds a page need not ask again.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("600");

impl Cors {
    /// Lets pages of `origins` in, each compared as it is; `*` alone stands for all. With
    /// `has_credentials` they may send cookies.
    ///
    /// # Errors
    /// [`CorsError`] names the origin that is none, or refuses credentials for all of them.
    pub fn new(origins: Vec<String>, has_credentials: bool) -> Result<Self, CorsError> {
        let is_everybody = origins.iter().any(|it| it == "*");
        if is_everybody && has_credentials {
            return Err(CorsError::Everybody);
        }
        match origins.iter().find(|it| !is_origin(it) && (*it != "*" || origins.len() > 1)) {
            Some(origin) => Err(CorsError::Origin { origin: origin.clone() }),
            None => Ok(Self { origins, has_credentials }),
        }
    }

    /// Whether this request asks what a page may send.
    pub(crate) fn is_preflight(&self, parts: &Parts) -> bool {
        parts.method == Method::OPTIONS
            && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
            && self.allowed(&parts.headers).is_some()
    }

    /// Tells a page what it may send.
    pub(crate) fn permit(&self, response: &mut HeaderMap) {
        response.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
        response.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
        response.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
    }

    /// Lets the page that sent `request` read `response`, if it may.
    pub(crate) fn share(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        // Without it a cache would show one page's answer to another.
        response.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = self.allowed(request) else { return };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        if self.has_credentials {
            let yes = HeaderValue::from_static("true");
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
    }

    /// The origin to name in the answer, if the request's is on the list.
    fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let mut given = request.get_all(ORIGIN).iter();
        let origin = given.next().filter(|_| given.next().is_none())?;
        match &self.origins[..] {
            [all] if all == "*" => Some(HeaderValue::from_static("*")),
            origins => origins.iter().any(|it| origin == it.as_str()).then(|| origin.clone()),
        }
    }
}

/// Whether a browser could send this in `Origin`.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let is_usual = match (uri.scheme_str(), uri.port_u16()) {
        (Some("http"), port) => port != Some(80),
        (Some("https"), port) => port != Some(443),
        _ => false,
    };
    let has_host = uri.host().is_some_and(|host| !host.is_empty() && !text.contains('@'));
    let is_bare = text.matches('/').count() == 2 && !text.contains(['?', '#', '*']);
    is_usual && has_host && is_bare && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(origins: &[&str], has_credentials: bool) -> Result<Cors, CorsError> {
        Cors::new(origins.iter().map(|it| (*it).to_owned()).collect(), has_credentials)
    }

    #[test]
    fn only_what_a_browser_sends_is_an_origin() {
        for origin in ["https://app.example", "http://localhost:5173", "http://[::1]:8080", "*"] {
            assert!(list(&[origin], false).is_ok(), "{origin}");
        }
        for origin in [
            "",
            "null",
            "app.example",
            "https://app.example/",
            "https://App.example",
            "https://app.example:443",
            "http://app.example:80",
            "https://*.example",
            "https://a@app.example",
            "ftp://app.example",
            "https://",
        ] {
            let error = list(&[origin], false).unwrap_err();
            assert_eq!(error, CorsError::Origin { origin: origin.to_owned() });
        }
        assert_eq!(list(&["*"], true), Err(CorsError::Everybody));
        assert!(list(&["*", "https://app.example"], false).is_err());
    }

    #[test]
    fn an_origin_is_compared_as_it_is() {
        let cors = list(&["https://app.example"], true).unwrap();
        for (origin, expected) in [
            (Some("https://app.example"), Some("https://app.example")),
            (Some("https://app.example.evil.example"), None),
            (Some("https://evil-app.example"), None),
            (Some("http://app.example"), None),
            (Some("https://app.example:8443"), None),
            (Some("null"), None),
            (None, None),
        ] {
            let mut request = HeaderMap::new();
            if let Some(origin) = origin {
                request.insert(ORIGIN, origin.parse().unwrap());
            }
            let mut response = HeaderMap::new();
            cors.share(&request, &mut response);
            let allowed = response.get(ACCESS_CONTROL_ALLOW_ORIGIN).map(|it| it.to_str().unwrap());
            assert_eq!(allowed, expected, "{origin:?}");
            let has_credentials = response.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS);
            assert_eq!(has_credentials, expected.is_some());
            assert_eq!(response[VARY], "origin");
        }
        let mut twice = HeaderMap::new();
        twice.append(ORIGIN, "https://app.example".parse().unwrap());
        twice.append(ORIGIN, "https://app.example".parse().unwrap());
        assert_eq!(cors.allowed(&twice), None);
    }
}
