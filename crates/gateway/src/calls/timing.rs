//! `Server-Timing` (W3C): where the time of a call went.

use std::fmt::Write;
use std::time::Duration;

use hyper::header::HeaderValue;
use tenure_actor::Receipt;
use tenure_types::Instant;

/// The moments of a call, on the node's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    /// The request's head was read.
    pub(crate) began: Instant,
    /// The call was made: path, headers and body are right.
    pub(crate) called: Instant,
    /// The reply may leave.
    pub(crate) answered: Instant,
}

/// `route`: until the call is made; `queue`: until its turn; `run`: the turn; `persist`: until its reply
/// may leave. In milliseconds.
pub(crate) fn server_timing(moments: Moments, receipt: &Receipt) -> HeaderValue {
    let Moments { began, called, answered } = moments;
    let mut text = String::with_capacity(64);
    let mut add = |name: &str, took: Duration| {
        let comma = if text.is_empty() { "" } else { ", " };
        let millis = took.as_secs_f64() * 1_000.0;
        write!(text, "{comma}{name};dur={millis:.3}").expect("a text takes everything");
    };
    add("route", called.saturating_since(began));
    match (receipt.began(), receipt.ended()) {
        (Some(turn), Some(end)) => {
            add("queue", turn.saturating_since(called));
            add("run", end.saturating_since(turn));
            add("persist", answered.saturating_since(end));
        }
        // No turn ran for this call: its reply is that of an earlier one.
        _ => add("queue", answered.saturating_since(called)),
    }
    HeaderValue::from_str(&text).expect("names and numbers are ASCII")
}

#[cfg(test)]
mod tests {
    use tenure_types::StateTag;

    use super::*;

    #[test]
    fn the_parts_follow_each_other() {
        let at = |us: u64| Instant::from_nanos(us * 1_000);
        let moments = Moments { began: at(1_000), called: at(1_100), answered: at(4_000) };
        let receipt = Receipt::default();
        let text = server_timing(moments, &receipt);
        assert_eq!(text, "route;dur=0.100, queue;dur=2.900");
        receipt.begin(StateTag::default(), at(1_500)).unwrap();
        receipt.end(StateTag::default(), at(1_700));
        let text = server_timing(moments, &receipt);
        assert_eq!(text, "route;dur=0.100, queue;dur=0.400, run;dur=0.200, persist;dur=2.300");
    }
}
