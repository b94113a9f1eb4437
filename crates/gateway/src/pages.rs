//! Pages that a program serves beside its calls, on the same port: a browser then needs no other origin.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response};

use crate::serve::ServeError;

/// How many pages a program may have: they lie in memory.
pub const PAGES_MAX: usize = 256;

/// What begins the paths of calls and sockets.
const TAKEN: [&str; 2] = ["/v1", "/connection"];

/// What a page may load: what this program serves. It may open WebSockets to it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'",
);

/// A page: a document, a script, a style sheet, an image.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is: begins with a slash, and is compared with the path of a request as it was sent.
    pub path: &'static str,
    /// Its media type, for example `text/html; charset=utf-8`.
    pub content_type: &'static str,
    /// What it is.
    pub body: Bytes,
}

/// The pages of a gateway, by their paths. Whoever reaches the port may read them.
#[derive(Debug, Default)]
pub(crate) struct Pages(BTreeMap<&'static str, (HeaderValue, Bytes)>);

impl Pages {
    pub(crate) fn new(pages: Vec<Page>) -> Result<Self, ServeError> {
        let mut all = BTreeMap::new();
        for Page { path, content_type, body } in pages {
            let bad = |why| ServeError::Page { path: path.to_owned(), why };
            if !path.starts_with('/') || path.contains(['?', '#']) {
                return Err(bad("a path begins with a slash and has no query"));
            }
            if TAKEN.iter().any(|it| {
                path == *it || path.strip_prefix(it).is_some_and(|rest| rest.starts_with('/'))
            }) {
                return Err(bad("calls and sockets are there; choose another path"));
            }
            let content_type = HeaderValue::from_str(content_type);
            let content_type =
                content_type.map_err(|_| bad("its media type cannot be written in a header"))?;
            if all.insert(path, (content_type, body)).is_some() {
                return Err(bad("there are two of it; remove one"));
            }
            if all.len() > PAGES_MAX {
                return Err(bad("there are more than 256 pages; serve them from elsewhere"));
            }
        }
        Ok(Self(all))
    }

    /// The answer to a request for a page; `None` where it is none.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Option<Response<Full<Bytes>>> {
        if *method != Method::GET && *method != Method::HEAD {
            return None;
        }
        let (content_type, body) = self.0.get(path)?;
        let mut response = Response::new(Full::new(body.clone()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type.clone());
        // A new version of the program is seen at once.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &'static str) -> Page {
        Page { path, content_type: "text/html", body: Bytes::from_static(b"hello") }
    }

    #[test]
    fn a_page_is_found_by_its_path_and_read_only() {
        let pages = Pages::new(vec![page("/"), page("/v1x")]).expect("pages");
        let found = pages.find(&Method::GET, "/").expect("a page");
        assert_eq!(found.headers()[CONTENT_TYPE], "text/html");
        assert!(pages.find(&Method::HEAD, "/v1x").is_some());
        assert!(
            pages.find(&Method::POST, "/").is_none() && pages.find(&Method::GET, "/x").is_none()
        );
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for bad in ["", "x", "/v1", "/v1/counter", "/connection/websocket", "/a?b"] {
            assert!(Pages::new(vec![page(bad)]).is_err(), "{bad}");
        }
        assert!(Pages::new(vec![page("/a"), page("/a")]).is_err(), "two of it");
    }
}
