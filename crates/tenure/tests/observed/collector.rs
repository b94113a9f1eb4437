use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::runtime::Runtime;

type Seen = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// Takes spans as a collector does, and keeps them.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    seen: Seen,
    _runtime: Runtime,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().expect("threads");
        let seen = Seen::default();
        let pages = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&seen));
        let bound = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = bound.expect("a free port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move { axum::serve(listener, pages).await });
        Self { address, seen, _runtime: runtime }
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let seen = self.seen.lock().expect("nobody panicked");
        let scopes = seen.iter().flat_map(|it| &it.resource_spans).flat_map(|it| &it.scope_spans);
        scopes.flat_map(|it| it.spans.clone()).collect()
    }

    /// An attribute of whoever sent the first spans.
    pub(crate) fn resource(&self, name: &str) -> Option<String> {
        let seen = self.seen.lock().expect("nobody panicked");
        let resource = seen.first()?.resource_spans.first()?.resource.clone()?;
        attribute(&resource.attributes, name)
    }
}

async fn take(
    State(seen): State<Seen>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    if headers.get("content-type").is_none_or(|it| it != "application/x-protobuf") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let request = ExportTraceServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    seen.lock().expect("nobody panicked").push(request);
    Ok(ExportTraceServiceResponse::default().encode_to_vec())
}

/// An attribute as text.
pub(crate) fn attribute(all: &[KeyValue], name: &str) -> Option<String> {
    let found = all.iter().find(|it| it.key == name)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}
