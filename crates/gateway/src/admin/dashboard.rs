//! The dashboard: one page that draws what the other pages say.
//!
//! Its files are part of the binary. It loads nothing from elsewhere, and what it shows of keys and names it inserts
//! as text.

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};

use super::shown::Admin;

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// Path, media type and text of each file.
const FILES: [(&str, &str, &str); 11] = [
    ("/", HTML, include_str!("dashboard/page.html")),
    ("/dashboard/page.css", STYLE, include_str!("dashboard/page.css")),
    ("/dashboard/icon.svg", IMAGE, include_str!("dashboard/icon.svg")),
    ("/dashboard/main.js", SCRIPT, include_str!("dashboard/main.js")),
    ("/dashboard/ask.js", SCRIPT, include_str!("dashboard/ask.js")),
    ("/dashboard/draw.js", SCRIPT, include_str!("dashboard/draw.js")),
    ("/dashboard/words.js", SCRIPT, include_str!("dashboard/words.js")),
    ("/dashboard/node.js", SCRIPT, include_str!("dashboard/node.js")),
    ("/dashboard/cluster.js", SCRIPT, include_str!("dashboard/cluster.js")),
    ("/dashboard/types.js", SCRIPT, include_str!("dashboard/types.js")),
    ("/dashboard/actors.js", SCRIPT, include_str!("dashboard/actors.js")),
];

/// Nothing of another site is loaded, no script that stands in the page runs, and nobody frames it.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Adds the files of the dashboard.
pub(super) fn with_dashboard(router: Router<Arc<Admin>>) -> Router<Arc<Admin>> {
    FILES.into_iter().fold(router, |router, (path, media_type, text)| {
        let answer = move || async move {
            (HEADERS, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], text).into_response()
        };
        router.route(path, get(answer))
    })
}
