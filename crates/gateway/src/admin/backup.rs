//! A copy of the store as a download.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Frame;
use hyper::header::CONTENT_TYPE;

use super::answers::problem;
use super::inspect::Copy;
use super::shown::Admin;
use crate::problem::Problem;

pub(super) async fn download(State(admin): State<Arc<Admin>>) -> Response {
    match admin.actors.back_up() {
        Ok(copy) => {
            let body = Body::new(Download(copy));
            ([(CONTENT_TYPE, "application/octet-stream")], body).into_response()
        }
        Err(why) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            problem(&Problem::new(status, "unavailable", "No backup can be made", why))
        }
    }
}

/// A copy on its way. One that fails cuts the connection: the copy then has no end.
struct Download(Copy);

impl hyper::body::Body for Download {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, String>>> {
        self.0.poll_recv(cx).map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }
}
