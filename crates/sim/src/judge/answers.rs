use std::time::Duration;

use tenure_types::Instant;

use super::history::Calls;
use super::violation::{JudgeName, Record, Violations};

/// Every call ends by its deadline, once.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    /// How much later than its deadline a call may end: deadlines are measured by clocks whose rates
    /// differ, and an answer travels. One second by default.
    pub grace: Duration,
}

impl Default for Answers {
    fn default() -> Self {
        Self { grace: Duration::from_secs(1) }
    }
}

impl Answers {
    /// Judges all calls of a run that ended at `now`.
    #[must_use]
    pub fn judge(&self, calls: &Calls, now: Instant) -> Violations {
        let mut found = Violations::new(JudgeName::Answers);
        for call in calls.iter() {
            let latest = call.ask.deadline + self.grace;
            let what = match call.ended {
                Some((at, _)) if at > latest => "answered after its deadline",
                Some((at, _)) if at < call.ask.sent_at => "answered before it was sent",
                None if now > latest => "not answered by its deadline",
                _ => continue,
            };
            found.add(call.ask.actor, what, call.record(), None);
        }
        for &(id, at) in calls.answered_again() {
            if let Some(call) = calls.get(id) {
                let again = Record::new(at, &"the second answer");
                found.add(call.ask.actor, "answered twice", call.record(), again);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::cast::Mode;
    use super::super::history::{End, Kind};
    use super::super::staging::{Stage, ask, at};
    use super::*;

    #[test]
    fn each_call_ends_once_and_in_time() {
        for (ended, again, now, expected) in [
            (Some(30_000), None, 99_000, ""),
            (Some(31_000), None, 99_000, ""),
            (Some(31_001), None, 99_000, "answered after its deadline"),
            (None, None, 31_000, ""),
            (None, None, 31_001, "not answered by its deadline"),
            (Some(5), Some(6), 99_000, "answered twice"),
        ] {
            let mut stage = Stage::new(Mode::WriteThrough);
            let id = stage.calls.begin(ask(0, Mode::Volatile, Kind::Read, 0));
            for at_ms in ended.into_iter().chain(again) {
                stage.calls.end(id, at(at_ms), End::Unknown);
            }
            let found = Answers::default().judge(&stage.calls, at(now));
            let what = found.first().first().map_or("", |one| &one.what);
            assert_eq!(what, expected, "{ended:?} {again:?} {now}");
        }
    }

    #[test]
    fn nobody_waits_for_what_has_no_deadline() {
        let mut stage = Stage::new(Mode::WriteThrough);
        let mut send = ask(0, Mode::Volatile, Kind::Read, 5);
        send.deadline = Instant::NEVER;
        let id = stage.calls.begin(send);
        assert_eq!(Answers::default().judge(&stage.calls, at(u64::from(u32::MAX))).count(), 0);
        stage.calls.end(id, at(4), End::Unknown);
        assert_eq!(Answers::default().judge(&stage.calls, at(9)).count(), 1);
    }
}
