//! The feeds of a node.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use serde::Serialize;

use super::answers::{json, problem};
use super::shown::Admin;
use crate::feeds::FeedLine;
use crate::problem::Problem;

#[derive(Serialize)]
struct Page {
    feeds: Vec<FeedLine>,
}

/// All of them: there are at most 1,000.
pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Response {
    match admin.feeds.list().await {
        Ok(feeds) => json(StatusCode::OK, &Page { feeds }),
        Err(why) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            problem(&Problem::new(status, "storage", "The feeds cannot be read", why))
        }
    }
}
