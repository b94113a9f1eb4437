//! Spans on their way out: OTLP over HTTP, as the environment says (`OTEL_*`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use parking_lot::Mutex;
use ureq::tls::{RootCerts, TlsConfig};

use crate::{Error, Result};

/// How long an orderly stop waits for the last spans to leave.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a collector may take for a batch, where `OTEL_EXPORTER_OTLP_TIMEOUT` says nothing.
const EXPORT_TIME_DEFAULT: Duration = Duration::from_secs(10);
/// The longest answer of a collector that is read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Who sends spans to a collector. Spans wait in a bounded queue for a thread of its own; where that is
/// full they are thrown away, so that no call ever waits for a collector.
pub(super) struct Traces {
    provider: SdkTracerProvider,
}

/// What the environment says of traces.
struct Wish {
    endpoint: String,
    timeout: Duration,
}

impl Traces {
    /// What sends spans where the environment says; `None` where it says nothing, or that it does not
    /// want any.
    ///
    /// # Errors
    /// [`Error::Start`] names the variable.
    pub(super) fn from_environment(node: &str) -> Result<Option<Self>> {
        let variable = |name: &str| std::env::var(name).ok().filter(|it| !it.trim().is_empty());
        let Some(wish) = Wish::read(variable).map_err(|what| Error::Start(what.into()))? else {
            return Ok(None);
        };
        let failure = Arc::<Mutex<String>>::default();
        let client = Client::new(wish.timeout, Arc::clone(&failure));
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter = exporter.map_err(|error| {
            Error::Start(format!("spans cannot be sent to {}: {error}", wish.endpoint).into())
        })?;
        let (endpoint, is_failing) = (wish.endpoint, AtomicBool::new(false));
        // Reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; what they say wins.
        let named = Resource::builder().build();
        let id = Key::from_static_str("service.instance.id");
        let resource = match named.get_ref(&id) {
            Some(_) => named,
            None => Resource::builder().with_attribute(KeyValue::new(id, node.to_owned())).build(),
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_batch_exporter(Told { exporter, endpoint, failure, is_failing })
            .build();
        Ok(Some(Self { provider }))
    }

    /// Who makes spans.
    pub(super) fn tracer(&self) -> Arc<BoxedTracer> {
        Arc::new(BoxedTracer::new(Box::new(self.provider.tracer("tenure"))))
    }

    /// Sends what waits, and ends. Blocks, for [`FLUSH_TIME_MAX`] at most.
    pub(super) fn stop(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FLUSH_TIME_MAX) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

impl Wish {
    /// Reads the variables that decide whether there are traces at all; the others are read by the SDK.
    fn read(
        variable: impl Fn(&str) -> Option<String>,
    ) -> std::result::Result<Option<Self>, String> {
        let is = |name: &str, value: &str| {
            variable(name).is_some_and(|it| it.trim().eq_ignore_ascii_case(value))
        };
        let own = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let endpoint = own.or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT"));
        let Some(endpoint) = endpoint else { return Ok(None) };
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let of_traces = |own: &str, all: &str| variable(own).or_else(|| variable(all));
        let protocol =
            of_traces("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL");
        if let Some(protocol) = protocol.filter(|it| it.trim() != "http/protobuf") {
            return Err(format!(
                "OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}, and spans are only sent as http/protobuf; \
                 set that, with the collector's port for it (4318 as a rule)"
            ));
        }
        let timeout = of_traces("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT");
        let timeout = match timeout {
            None => EXPORT_TIME_DEFAULT,
            Some(text) => match text.trim().parse() {
                Ok(ms @ 1..) => Duration::from_millis(ms),
                _ => return Err("OTEL_EXPORTER_OTLP_TIMEOUT is a number of milliseconds".into()),
            },
        };
        Ok(Some(Self { endpoint, timeout }))
    }
}

/// Says once in the log that spans do not arrive, and once that they do again.
#[derive(Debug)]
struct Told {
    exporter: SpanExporter,
    endpoint: String,
    /// Why the last request failed.
    failure: Arc<Mutex<String>>,
    is_failing: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        let was_failing = self.is_failing.swap(exported.is_err(), Ordering::Relaxed);
        let endpoint = &*self.endpoint;
        match &exported {
            Err(error) if !was_failing => {
                let why = std::mem::take(&mut *self.failure.lock());
                tracing::warn!(
                    endpoint, %error, why,
                    "spans do not reach the collector and are lost; calls go on, and this is said once"
                );
            }
            Ok(()) if was_failing => tracing::info!(endpoint, "spans reach the collector again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Sends batches. Blocks: it is called on the thread that sends spans and does nothing else.
#[derive(Debug)]
struct Client {
    agent: ureq::Agent,
    failure: Arc<Mutex<String>>,
}

impl Client {
    fn new(timeout: Duration, failure: Arc<Mutex<String>>) -> Self {
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(timeout))
            .user_agent(concat!("tenure/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Self { agent: config.new_agent(), failure }
    }

    fn send(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let response = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, body) = response.into_parts();
        let body = body.into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(
        &self,
        request: Request<Bytes>,
    ) -> std::result::Result<Response<Bytes>, HttpError> {
        self.send(request).map_err(|error| {
            *self.failure.lock() = error.to_string();
            error.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(variables: &[(&str, &str)]) -> std::result::Result<Option<Wish>, String> {
        let of = |name: &str| variables.iter().find(|(it, _)| *it == name);
        Wish::read(|name| of(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn there_are_traces_where_an_endpoint_is_named_and_nothing_forbids_them() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318");
        for (variables, expected) in [
            (&[][..], None),
            (&[endpoint], Some("http://a:4318")),
            (&[endpoint, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b/x")], Some("http://b/x")),
            (&[endpoint, ("OTEL_SDK_DISABLED", "True")], None),
            (&[endpoint, ("OTEL_SDK_DISABLED", "no")], Some("http://a:4318")),
            (&[endpoint, ("OTEL_TRACES_EXPORTER", "none")], None),
            (&[("OTEL_SERVICE_NAME", "shop")], None),
        ] {
            let wish = wish(variables).expect("nothing is wrong");
            assert_eq!(wish.as_ref().map(|it| &*it.endpoint), expected, "{variables:?}");
        }
        let timeout = [endpoint, ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500")];
        let timeout = wish(&timeout).expect("right").expect("some").timeout;
        assert_eq!(timeout, Duration::from_millis(1_500));
        for (name, value, part) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "milliseconds"),
        ] {
            let Err(error) = wish(&[endpoint, (name, value)]) else { panic!("{name} {value}") };
            assert!(error.contains(part), "{error}");
        }
    }
}
