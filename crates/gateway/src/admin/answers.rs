//! How every page of the admin server answers.

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use crate::problem::{Circumstances, Problem};

pub(super) fn json(status: StatusCode, page: &impl Serialize) -> Response {
    let json = serde_json::to_string(page).expect("pages are plain texts and numbers");
    (status, [(CONTENT_TYPE, "application/json")], json).into_response()
}

pub(super) fn problem(problem: &Problem) -> Response {
    let json = problem.to_json(Circumstances::default());
    let headers = [(CONTENT_TYPE, "application/problem+json")];
    let mut response = (problem.status, headers, json).into_response();
    if let Some(allow) = problem.allow {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}
