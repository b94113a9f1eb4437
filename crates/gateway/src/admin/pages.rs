use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{StatusCode, Uri};
use serde::Serialize;
use tenure_actor::{Method, Shape};
use tenure_observe::Reason;

use super::answers::{json, problem};
use super::hosts::{self, Foreign};
use super::shown::Admin;
use super::{actors, backup, dashboard, feeds, sessions, steer};
use crate::problem::Problem;

const PLAIN_METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Serialize)]
struct Verdict {
    ok: bool,
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct TypePage {
    name: &'static str,
    rust_name: &'static str,
    persist: &'static str,
    schema: u32,
    methods: Vec<MethodPage>,
}

#[derive(Serialize)]
struct MethodPage {
    name: &'static str,
    exclusive: bool,
    arguments: Vec<&'static str>,
    /// Whether it can be called over HTTP.
    http: bool,
}

/// All pages, behind the check of who asks.
pub(super) fn router(admin: Admin, host_names: Vec<String>) -> Router {
    let host_names: Arc<[String]> = host_names.into();
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .route("/metrics", get(metrics))
        .route("/admin/v1/types", get(types))
        .route("/admin/v1/openapi.json", get(openapi))
        .route("/admin/v1/node", get(node))
        .route("/admin/v1/node/drain", post(steer::drain))
        .route("/admin/v1/node/cordon", post(steer::cordon))
        .route("/admin/v1/node/uncordon", post(steer::uncordon))
        .route("/admin/v1/actors", get(actors::list))
        .route("/admin/v1/actors/{type}/{key}", get(actors::show).delete(actors::delete))
        .route("/admin/v1/actors/{type}/{key}/deactivate", post(actors::deactivate))
        .route("/admin/v1/sessions", get(sessions::list).delete(sessions::end_of_user))
        .route("/admin/v1/sessions/{id}", delete(sessions::end))
        .route("/admin/v1/backup", get(backup::download))
        .route("/admin/v1/feeds", get(feeds::list));
    dashboard::with_dashboard(router)
        .fallback(nowhere)
        .method_not_allowed_fallback(|| async {
            let detail = "admin pages are read with GET; an actor is deleted and a session ended \
                          with DELETE, an actor is deactivated and a node told with POST";
            problem(&Problem::method_not_allowed("GET", detail))
        })
        .layer(middleware::from_fn(move |request, next| {
            guard(Arc::clone(&host_names), request, next)
        }))
        .with_state(Arc::new(admin))
}

const PAGES: &str = "there is no such page (pages: /, /livez, /readyz, /startupz, /metrics, \
                     /admin/v1/types, /admin/v1/openapi.json, /admin/v1/node, /admin/v1/actors, \
                     /admin/v1/sessions, /admin/v1/backup, /admin/v1/feeds)";

const CALLS: &str = "this is the admin port; calls go to the port for calls (gateway.listen, \
                     127.0.0.1:7070 unless set)";

async fn nowhere(uri: Uri) -> Response {
    let is_call = uri.path().starts_with("/v1/");
    problem(&Problem::not_found(if is_call { CALLS } else { PAGES }))
}

async fn guard(host_names: Arc<[String]>, request: Request, next: Next) -> Response {
    let detail = match hosts::check(request.headers(), &host_names) {
        Ok(()) => {
            let mut response = next.run(request).await;
            let no_store = HeaderValue::from_static("no-store");
            response.headers_mut().insert(CACHE_CONTROL, no_store);
            return response;
        }
        Err(Foreign::Host) => {
            "the Host of this request is no address of this node; add the name to the admin \
             server's host names if it is"
        }
        Err(Foreign::Site) => "a web page of another site may not ask this",
    };
    problem(&Problem::denied(StatusCode::FORBIDDEN, detail))
}

async fn livez(State(admin): State<Arc<Admin>>) -> Response {
    // Precise: the coarse reading may be older than the last beat.
    let ok = admin.health.is_live(admin.host.clock().now());
    verdict(ok, Vec::new())
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    let reasons = admin.health.reasons();
    verdict(reasons.is_empty(), reasons)
}

async fn startupz(State(admin): State<Arc<Admin>>) -> Response {
    verdict(admin.health.is_started(), Vec::new())
}

/// OpenMetrics for who asks for it, as Prometheus does; else the older text format.
async fn metrics(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|it| it.to_str().ok());
    let text = admin.metrics.render();
    if accepted.into_iter().any(|it| it.contains("application/openmetrics-text")) {
        return ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response();
    }
    ([(CONTENT_TYPE, PLAIN_METRICS)], plain_metrics(&text)).into_response()
}

/// OpenMetrics in the older format, which knows counters by the names of their samples.
fn plain_metrics(text: &str) -> String {
    let counters: Vec<_> = text
        .lines()
        .filter_map(|it| it.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut plain = String::with_capacity(text.len() + 1_024);
    for line in text.lines().filter(|it| *it != "# EOF" && !it.starts_with("# UNIT ")) {
        let named = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "));
        let name = named.and_then(|rest| rest.split(' ').next());
        match name.filter(|name| counters.contains(name)) {
            Some(name) => plain.push_str(&line.replacen(name, &format!("{name}_total"), 1)),
            None => plain.push_str(line),
        }
        plain.push('\n');
    }
    plain
}

async fn node(State(admin): State<Arc<Admin>>) -> Response {
    json(StatusCode::OK, &(admin.status)())
}

async fn openapi(State(admin): State<Arc<Admin>>) -> Response {
    json(StatusCode::OK, &admin.openapi.document(&admin.types))
}

async fn types(State(admin): State<Arc<Admin>>) -> Response {
    let pages: Vec<_> = admin
        .types
        .iter()
        .map(|actor_type| TypePage {
            name: actor_type.name.as_str(),
            rust_name: actor_type.rust_name,
            persist: actor_type.persist.as_str(),
            schema: actor_type.schema,
            methods: actor_type.methods.iter().map(method_page).collect(),
        })
        .collect();
    json(StatusCode::OK, &pages)
}

fn method_page(method: &Method) -> MethodPage {
    MethodPage {
        name: method.info.name,
        exclusive: method.info.exclusive,
        arguments: match method.shape {
            Shape::None => Vec::new(),
            Shape::One { name, .. } => vec![name],
            Shape::Named(names) => names.to_vec(),
        },
        http: !method.internal,
    }
}

fn verdict(ok: bool, reasons: Vec<Reason>) -> Response {
    let status = match ok {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    json(status, &Verdict { ok, reasons })
}
