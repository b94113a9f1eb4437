//! `Server-Timing` (W3C): where the time of a call went.

use std::fmt::Write;

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
    /// Its turn began and ended, as far as one did.
    pub(crate) turn: (Option<Instant>, Option<Instant>),
    /// The reply may leave.
    pub(crate) answered: Instant,
}

impl Moments {
    pub(crate) fn new(
        began: Instant,
        called: Instant,
        receipt: Option<&Receipt>,
        answered: Instant,
    ) -> Self {
        let turn = receipt.map_or((None, None), |it| (it.began(), it.ended()));
        Self { began, called, turn, answered }
    }

    /// What follows each other: `route`, until the call is made; `queue`, until its turn; `run`, the
    /// turn; `persist`, until its reply may leave.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&'static str, Instant, Instant)> {
        let Self { began, called, turn, answered } = *self;
        let rest = match turn {
            (Some(turn), Some(end)) => [
                Some(("queue", called, turn)),
                Some(("run", turn, end)),
                Some(("persist", end, answered)),
            ],
            // It did not end well.
            (Some(turn), None) => {
                [Some(("queue", called, turn)), Some(("run", turn, answered)), None]
            }
            // No turn ran for this call: its reply is that of an earlier one, or there is none.
            (None, _) => [Some(("queue", called, answered)), None, None],
        };
        std::iter::once(("route", began, called)).chain(rest.into_iter().flatten())
    }
}

/// The parts of a call's time, in milliseconds.
pub(crate) fn server_timing(moments: &Moments) -> HeaderValue {
    let mut text = String::with_capacity(80);
    for (name, from, to) in moments.parts() {
        let comma = if text.is_empty() { "" } else { ", " };
        // Whole numbers: to write a fraction takes longer than everything else here.
        let micros = (to.saturating_since(from).as_nanos() + 500) / 1_000;
        let (millis, micros) = (micros / 1_000, micros % 1_000);
        write!(text, "{comma}{name};dur={millis}.{micros:03}").expect("a text takes everything");
    }
    HeaderValue::try_from(text).expect("names and numbers are ASCII")
}

#[cfg(test)]
mod tests {
    use tenure_types::StateTag;

    use super::*;

    #[test]
    fn the_parts_follow_each_other() {
        let at = |us: u64| Instant::from_nanos(us * 1_000);
        let receipt = Receipt::default();
        let timing = || {
            let moments = Moments::new(at(1_000), at(1_100), Some(&receipt), at(4_000));
            server_timing(&moments)
        };
        let text = timing();
        assert_eq!(text, "route;dur=0.100, queue;dur=2.900");
        receipt.begin(StateTag::default(), at(1_500)).unwrap();
        assert_eq!(timing(), "route;dur=0.100, queue;dur=0.400, run;dur=2.500");
        receipt.end(StateTag::default(), at(1_700));
        let text = timing();
        assert_eq!(text, "route;dur=0.100, queue;dur=0.400, run;dur=0.200, persist;dur=2.300");
    }
}
