//! What an operator asks of a node.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use serde::Serialize;

use super::answers::{json, problem};
use super::shown::Admin;
use crate::problem::Problem;

#[derive(Serialize)]
struct Cordoned {
    cordoned: bool,
}

#[derive(Serialize)]
struct Draining {
    draining: bool,
}

pub(super) async fn cordon(State(admin): State<Arc<Admin>>) -> Response {
    set_cordon(&admin, true)
}

pub(super) async fn uncordon(State(admin): State<Arc<Admin>>) -> Response {
    set_cordon(&admin, false)
}

fn set_cordon(admin: &Admin, cordoned: bool) -> Response {
    if !admin.steering.cordon(cordoned) {
        let detail = "the node is alone: there is nobody else to take new actors";
        return problem(&Problem::new(StatusCode::CONFLICT, "alone", "Alone", detail));
    }
    tracing::info!(cordoned, "told by the admin server");
    json(StatusCode::OK, &Cordoned { cordoned })
}

pub(super) async fn drain(State(admin): State<Arc<Admin>>) -> Response {
    tracing::info!("the admin server tells the node to drain");
    admin.steering.drain();
    json(StatusCode::ACCEPTED, &Draining { draining: true })
}
