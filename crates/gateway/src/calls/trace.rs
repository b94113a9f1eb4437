//! The span of a request (OpenTelemetry), and the parts of its time as spans inside.
//!
//! Where nobody wants spans all of this is one `None`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::{StatusCode, Version};
use opentelemetry::global::{BoxedSpan, BoxedTracer};
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use tenure_types::{Clock, Instant};

use super::routes::Route;
use super::timing::Moments;
use crate::problem::Problem;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The trace that a request says it belongs to (W3C Trace Context).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parent<'a> {
    /// 32 hexadecimal digits.
    pub(super) trace_id: &'a str,
    span_id: &'a str,
    flags: &'a str,
}

impl<'a> Parent<'a> {
    /// What `traceparent` says, if it is there once and well formed.
    pub(super) fn read(headers: &'a HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(TRACEPARENT).iter();
        let one = all.next().filter(|_| all.next().is_none())?;
        Self::parse(one.to_str().ok()?)
    }

    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace_id, span_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str, digits: usize| {
            let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            text.len() == digits && text.bytes().all(is_digit)
        };
        let is_zero = |text: &str| text.bytes().all(|b| b == b'0');
        // Later versions may append parts, version 00 may not; ff is no version.
        let form = is_hex(version, 2) && version != "ff" && is_hex(flags, 2);
        let form = form && (version != "00" || parts.next().is_none());
        let ids =
            is_hex(trace_id, 32) && !is_zero(trace_id) && is_hex(span_id, 16) && !is_zero(span_id);
        (form && ids).then_some(Self { trace_id, span_id, flags })
    }

    fn context(self, headers: &HeaderMap) -> Option<Context> {
        let state = headers.get(TRACESTATE).and_then(|value| value.to_str().ok());
        let state = state.and_then(|text| text.parse::<TraceState>().ok()).unwrap_or_default();
        let flags = TraceFlags::new(u8::from_str_radix(self.flags, 16).ok()?);
        let (trace, span) =
            (TraceId::from_hex(self.trace_id).ok()?, SpanId::from_hex(self.span_id).ok()?);
        let flags = flags & TraceFlags::SAMPLED;
        Some(
            Context::new()
                .with_remote_span_context(SpanContext::new(trace, span, flags, true, state)),
        )
    }
}

/// The span of one request. Dropped before its end, it says that the client went away.
pub(super) struct RequestSpan {
    span: BoxedSpan,
    began: Instant,
    began_unix: SystemTime,
    is_over: bool,
}

impl RequestSpan {
    /// The span of a request whose head was read at `began`. Its name is that of the HTTP method until
    /// its route is known.
    pub(super) fn begin(
        tracer: &BoxedTracer,
        parts: &Parts,
        began: Instant,
        clock: &dyn Clock,
    ) -> Self {
        let began_unix = UNIX_EPOCH + Duration::from_millis(clock.unix_ms());
        let method = parts.method.as_str().to_owned();
        let version = match parts.version {
            Version::HTTP_2 => "2",
            Version::HTTP_10 => "1.0",
            _ => "1.1",
        };
        let builder = tracer
            .span_builder(method.clone())
            .with_kind(SpanKind::Server)
            .with_start_time(began_unix)
            .with_attributes([
                KeyValue::new("http.request.method", method),
                KeyValue::new("url.path", parts.uri.path().to_owned()),
                KeyValue::new("network.protocol.version", version),
            ]);
        let parent = Parent::read(&parts.headers).and_then(|it| it.context(&parts.headers));
        let span = tracer.build_with_context(builder, &parent.unwrap_or_default());
        Self { span, began, began_unix, is_over: false }
    }

    /// The trace, for logs and problems.
    pub(super) fn trace_id(&self) -> Option<String> {
        let id = self.span.span_context().trace_id();
        (id != TraceId::INVALID).then(|| id.to_string())
    }

    /// The request is a call: names the span after it.
    pub(super) fn is_call(&mut self, route: &Route, key: &str) {
        if !self.span.is_recording() {
            return;
        }
        let (type_name, method) = (route.type_name, route.method.info.name);
        let mut name = String::with_capacity(type_name.len() + 1 + method.len());
        let _ = write!(name, "{type_name}.{method}");
        self.span.update_name(name);
        let route = format!("/v1/{type_name}/{{key}}/{method}");
        for (name, value) in [
            ("http.route", Value::from(route)),
            ("tenure.actor.type", type_name.into()),
            ("tenure.actor.key", key.to_owned().into()),
            ("tenure.method", method.into()),
        ] {
            self.span.set_attribute(KeyValue::new(name, value));
        }
    }

    /// Where the time of the call went, as spans inside of this one.
    pub(super) fn tell_times(&self, tracer: &BoxedTracer, moments: &Moments) {
        if !self.span.is_recording() {
            return;
        }
        let here = Context::new().with_remote_span_context(self.span.span_context().clone());
        for (name, from, to) in moments.parts() {
            let builder = tracer.span_builder(name).with_start_time(self.at(from));
            tracer.build_with_context(builder, &here).end_with_timestamp(self.at(to));
        }
    }

    /// The request is answered.
    pub(super) fn end(mut self, status: StatusCode, answer: Answer<'_>, now: Instant) {
        self.is_over = true;
        if !self.span.is_recording() {
            return;
        }
        let mut set = |name, value: Value| self.span.set_attribute(KeyValue::new(name, value));
        set("http.response.status_code", i64::from(status.as_u16()).into());
        let outcome = match answer {
            Answer::Reply { durability } => {
                if let Some(durability) = durability {
                    set("tenure.durability", durability.to_owned().into());
                }
                "executed"
            }
            Answer::Problem(problem) => {
                set("tenure.code", problem.code.to_string().into());
                if status.is_server_error() {
                    set("error.type", problem.code.to_string().into());
                    let detail = Cow::Owned(problem.detail.clone());
                    self.span.set_status(Status::Error { description: detail });
                }
                problem.outcome.as_str()
            }
        };
        self.span.set_attribute(KeyValue::new("tenure.outcome", outcome));
        let end = self.at(now);
        self.span.end_with_timestamp(end);
    }

    fn at(&self, at: Instant) -> SystemTime {
        self.began_unix + at.saturating_since(self.began)
    }
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        if !self.is_over && self.span.is_recording() {
            self.span.set_attribute(KeyValue::new("error.type", "cancelled"));
            let description = "the client went away before it was answered".into();
            self.span.set_status(Status::Error { description });
        }
    }
}

/// How a request was answered, for its span.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer<'a> {
    /// With a reply; `durability` as the client is told.
    Reply {
        durability: Option<&'a str>,
    },
    Problem(&'a Problem),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_well_formed_or_none() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for (text, is_good) in [
            (format!("00-{trace}-{span}-01"), true),
            (format!("00-{trace}-{span}-00"), true),
            (format!("cc-{trace}-{span}-01-later"), true),
            (format!("00-{trace}-{span}-01-later"), false),
            (format!("ff-{trace}-{span}-01"), false),
            (format!("00-{}-{span}-01", "0".repeat(32)), false),
            (format!("00-{trace}-{}-01", "0".repeat(16)), false),
            (format!("00-{}-{span}-01", trace.to_uppercase()), false),
            (format!("00-{trace}-{span}"), false),
            (String::new(), false),
        ] {
            let parent = Parent::parse(&text);
            assert_eq!(parent.map(|it| it.trace_id), is_good.then_some(trace), "{text}");
        }
    }
}
