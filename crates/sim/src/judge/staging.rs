//! Small histories for the tests of judges. Times are milliseconds.

use tenure_types::{Instant, Tenure, Version};

use super::cast::{ActorNo, ClientNo, Mode};
use super::history::{Answer, Ask, CallId, Calls, End, Kind, Op};

pub(super) const A: ActorNo = ActorNo(0);

pub(super) fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

pub(super) fn tenure(number: u64) -> Tenure {
    Tenure { view: 1, sequence: number }
}

pub(super) fn ask(actor: u32, mode: Mode, kind: Kind, sent_at: u64) -> Ask {
    Ask {
        client: ClientNo(0),
        actor: ActorNo(actor),
        mode,
        kind,
        key: None,
        waits_durable: false,
        sent_at: at(sent_at),
        deadline: at(sent_at + 30_000),
    }
}

/// One actor's history, written line by line.
pub(super) struct Stage {
    pub(super) calls: Calls,
    pub(super) mode: Mode,
}

impl Stage {
    pub(super) fn new(mode: Mode) -> Self {
        Self { calls: Calls::default(), mode }
    }

    /// A call that ends with `end`; its effect is `effect`, and so is its key if `keyed`.
    pub(super) fn write(
        &mut self,
        effect: u64,
        keyed: bool,
        (sent, ended): (u64, u64),
        end: End,
    ) -> CallId {
        let kind = Kind::Write { op: Op::Add(1), effect };
        let mut ask = ask(0, self.mode, kind, sent);
        ask.key = keyed.then_some(effect);
        let id = self.calls.begin(ask);
        self.calls.end(id, at(ended), end);
        id
    }

    /// An acknowledged addition of one, whose value is its version.
    pub(super) fn add(&mut self, effect: u64, times: (u64, u64), right: u64, version: u64) {
        self.write(effect, false, times, acked(right, version));
    }

    /// A read that found `version`, which is also the value.
    pub(super) fn read(&mut self, (sent, ended): (u64, u64), right: u64, version: u64) {
        let id = self.calls.begin(ask(0, self.mode, Kind::Read, sent));
        self.calls.end(id, at(ended), acked(right, version));
    }
}

/// A reply under tenure `right` whose value is its version.
pub(super) fn acked(right: u64, version: u64) -> End {
    reply(right, version, version)
}

pub(super) fn reply(right: u64, version: u64, value: u64) -> End {
    End::Acked(Answer { tenure: tenure(right), version: Version(version), value, memory: 0 })
}
