use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::collector::{Collector, attribute};
use crate::node::Node;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of<'a>(spans: &'a [Span], name: &str, status: &str) -> &'a Span {
    let is_it = |it: &&Span| {
        let its = attribute(&it.attributes, "http.response.status_code");
        it.name == name && its.as_deref() == Some(status)
    };
    let mut found = spans.iter().filter(is_it);
    let one = found.next().unwrap_or_else(|| panic!("no {name} with {status}: {spans:#?}"));
    assert!(found.next().is_none(), "several {name} with {status}");
    one
}

fn code(span: &Span) -> StatusCode {
    span.status.as_ref().map_or(StatusCode::Unset, |it| it.code())
}

fn observed(collector: &Collector) -> (Vec<Span>, String, String) {
    let endpoint = format!("http://{}", collector.address);
    let node = Node::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_SERVICE_NAME", "tills"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("RUST_LOG", "info"),
        ("TENURE_GATEWAY__ACCESS_LOG", "true"),
    ]);
    let pay = format!("POST /v1/till/a%20b/pay\ntraceparent: 00-{TRACE}-{PARENT}-01");
    assert_eq!(node.call(&pay, "500"), (200, "500".into()));
    assert_eq!(node.call("POST /v1/till/1/pay", "1").0, 409);
    let (status, problem) = node.call("POST /v1/till/1/pay", "0");
    assert_eq!(status, 500);
    assert_eq!(node.call("GET /v1/nothing/1/total", "").0, 404);
    // Its caller wants no span of it.
    let unsampled = format!("GET /v1/till/1/total\ntraceparent: 00-{TRACE}-{PARENT}-00");
    assert_eq!(node.call(&unsampled, "").0, 200);
    // What was not sent by now is sent when the node stops.
    let (ended, log) = node.stop();
    assert!(ended.success(), "{log}");
    (collector.spans(), problem, log)
}

#[test]
fn every_request_is_a_span_with_its_parent_its_parts_and_its_outcome() {
    let collector = Collector::start();
    let (spans, problem, log) = observed(&collector);

    let paid = of(&spans, "till.pay", "200");
    assert_eq!((hex(&paid.trace_id), hex(&paid.parent_span_id)), (TRACE.into(), PARENT.into()));
    assert_eq!((paid.kind(), code(paid)), (SpanKind::Server, StatusCode::Unset));
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/till/{key}/pay"),
        ("url.path", "/v1/till/a%20b/pay"),
        ("network.protocol.version", "1.1"),
        ("tenure.actor.type", "till"),
        ("tenure.actor.key", "a b"),
        ("tenure.durability", "durable"),
        ("tenure.outcome", "executed"),
    ] {
        assert_eq!(attribute(&paid.attributes, name).as_deref(), Some(value), "{name}");
    }
    let parts: Vec<_> = spans.iter().filter(|it| it.parent_span_id == paid.span_id).collect();
    let names: Vec<_> = parts.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["route", "queue", "run", "persist"]);
    assert_eq!(parts[0].start_time_unix_nano, paid.start_time_unix_nano);
    assert_eq!(parts[3].end_time_unix_nano, paid.end_time_unix_nano);
    for pair in parts.windows(2) {
        assert_eq!(pair[0].end_time_unix_nano, pair[1].start_time_unix_nano);
        assert_eq!(pair[0].trace_id, paid.trace_id);
    }

    let refused = of(&spans, "till.pay", "409");
    assert_eq!(code(refused), StatusCode::Unset, "that is the client's own affair");
    assert_eq!(attribute(&refused.attributes, "tenure.code").as_deref(), Some("no_change"));
    let failed = of(&spans, "till.pay", "500");
    assert_eq!(code(failed), StatusCode::Error);
    let status = failed.status.as_ref().expect("it failed");
    assert!(status.message.contains("the handler panicked"), "{status:?}");
    assert_eq!(attribute(&failed.attributes, "error.type").as_deref(), Some("panicked"));
    assert!(failed.parent_span_id.is_empty(), "it begins a trace");
    let trace = hex(&failed.trace_id);
    assert!(problem.contains(&format!("\"traceId\":\"{trace}\"")), "{problem}");
    assert!(log.contains(&format!("trace=\"{trace}\"")), "{log}");
    assert_eq!(of(&spans, "GET", "404").kind(), SpanKind::Server);
    assert!(!spans.iter().any(|it| it.name == "till.total"), "nobody wants that");

    assert_eq!(collector.resource("service.name").as_deref(), Some("tills"));
    assert_eq!(collector.resource("service.instance.id").as_deref(), Some("n1"));
    assert_eq!(collector.resource("deployment.environment.name").as_deref(), Some("test"));
}

#[test]
fn a_dead_collector_harms_nothing_and_is_told_once() {
    // Listens and never answers: worse than a port where nobody is.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}/v1/traces", deaf.local_addr().expect("an address"));
    let node = Node::start(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "100"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ]);
    for n in 1..=200 {
        let (status, total) = node.call("POST /v1/till/1/pay", "2");
        assert_eq!((status, total), (200, (2 * n).to_string()));
    }
    let (ended, log) = node.stop();
    assert!(ended.success(), "{log}");
    assert_eq!(log.matches("spans do not reach the collector").count(), 1, "{log}");
    assert!(log.contains(&endpoint), "{log}");
}
