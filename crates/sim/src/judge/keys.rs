use std::collections::BTreeMap;
use std::time::Duration;

use tenure_types::Instant;

use super::cast::ActorNo;
use super::durable::Durable;
use super::history::{Answer, Call, Calls};
use super::violation::{JudgeName, Record, Violations};

/// Calls with one idempotency key have one effect and the same reply, within what an actor remembers. Types
/// that may lose turns are judged within one tenure.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// How long a key is remembered; 24 hours by default.
    pub retention: Duration,
    /// How many keys an actor remembers; 1,000 by default.
    pub keys_max: usize,
}

impl Default for Keys {
    fn default() -> Self {
        Self { retention: Duration::from_secs(24 * 3_600), keys_max: 1_000 }
    }
}

impl Keys {
    /// Judges all calls that had a key, against each other and against the last states.
    #[must_use]
    pub fn judge(&self, calls: &Calls, durable: &Durable) -> Violations {
        let mut found = Violations::new(JudgeName::Keys);
        let mut actors: BTreeMap<ActorNo, BTreeMap<u64, Vec<&Call>>> = BTreeMap::new();
        for call in calls.iter() {
            if let Some(key) = call.ask.key {
                let keys = actors.entry(call.ask.actor).or_default();
                keys.entry(key).or_default().push(call);
            }
        }
        for (actor, keys) in &actors {
            let mut sent: Vec<Instant> =
                keys.values().map(|attempts| attempts[0].ask.sent_at).collect();
            sent.sort();
            for attempts in keys.values() {
                self.replies(*actor, attempts, &sent, &mut found);
                self.effects(*actor, attempts, &sent, durable, &mut found);
            }
        }
        found
    }

    /// All replies are the same.
    fn replies(&self, actor: ActorNo, all: &[&Call], sent: &[Instant], found: &mut Violations) {
        let told: Vec<(&Call, Instant, Answer)> = all
            .iter()
            .filter_map(|&call| call.acked().map(|(at, answer)| (call, at, answer)))
            .collect();
        let is_durable = all[0].ask.mode.is_durable();
        for (at, (call, ended, answer)) in told.iter().enumerate().skip(1) {
            // For types that may lose turns: any earlier reply under the same tenure.
            let is_judged =
                |other: &&(&Call, Instant, Answer)| is_durable || other.2.tenure == answer.tenure;
            let Some((first, _, known)) = told[..at].iter().find(is_judged) else { continue };
            if known != answer && self.remembers(first.ask.sent_at, *ended, sent) {
                let what = "two replies to one idempotency key differ";
                found.add(actor, what, first.record(), call.record());
            }
        }
    }

    /// The state holds the effect once.
    fn effects(
        &self,
        actor: ActorNo,
        all: &[&Call],
        sent: &[Instant],
        durable: &Durable,
        found: &mut Violations,
    ) {
        let Some(state) = durable.finals().get(&actor) else { return };
        let (Some(effects), Some(effect)) = (&state.effects, all[0].ask.effect()) else { return };
        let times = effects.iter().filter(|&&one| one == effect).count();
        let last = all.iter().map(|call| call.ended.map_or(state.at, |(at, _)| at)).max();
        let last = last.unwrap_or(state.at);
        if times > 1 && self.remembers(all[0].ask.sent_at, last, sent) {
            let what = format!("{times} effects of one idempotency key");
            let record = Record::new(state.at, &(state.version, state.value));
            found.add(actor, what, all[0].record(), record);
        }
    }

    /// Whether a key that was first used at `from` was surely remembered until `to`; `sent` is when each
    /// key of the actor was first used, rising.
    fn remembers(&self, from: Instant, to: Instant, sent: &[Instant]) -> bool {
        let before = sent.partition_point(|&at| at < from);
        let until = sent.partition_point(|&at| at <= to);
        to - from < self.retention && until - before <= self.keys_max
    }
}

#[cfg(test)]
mod tests {
    use super::super::cast::Mode;
    use super::super::durable::Final;
    use super::super::history::End;
    use super::super::staging::{A, Stage, acked, at};
    use super::*;
    use tenure_types::Version;

    fn judge(keys: Keys, mode: Mode, effects: &[u64], play: impl FnOnce(&mut Stage)) -> u64 {
        let mut stage = Stage::new(mode);
        play(&mut stage);
        let mut durable = Durable::default();
        let effects = Some(effects.to_vec());
        durable.finally(A, Final { at: at(9_999), version: Version(9), value: 9, effects });
        keys.judge(&stage.calls, &durable).count()
    }

    fn same(stage: &mut Stage) {
        stage.write(1, true, (0, 10), acked(1, 1));
        stage.write(1, true, (11, 20), End::NotExecuted);
        stage.write(1, true, (21, 30), acked(1, 1));
    }

    fn other(stage: &mut Stage) {
        stage.write(1, true, (0, 10), acked(1, 1));
        stage.write(1, true, (21, 30), acked(2, 2));
    }

    #[test]
    fn one_key_has_one_reply_and_one_effect() {
        let keys = Keys::default();
        assert_eq!(judge(keys, Mode::WriteThrough, &[1], same), 0);
        assert_eq!(judge(keys, Mode::WriteThrough, &[1], other), 1);
        assert_eq!(judge(keys, Mode::WriteThrough, &[1, 1], same), 1);
        assert_eq!(judge(keys, Mode::WriteThrough, &[1, 1], other), 2);
    }

    #[test]
    fn a_lost_turn_is_not_remembered() {
        assert_eq!(judge(Keys::default(), Mode::Volatile, &[1], other), 0);
        let within = |stage: &mut Stage| {
            other(stage);
            stage.write(1, true, (31, 40), acked(2, 3));
        };
        assert_eq!(judge(Keys::default(), Mode::Volatile, &[1], within), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let short = Keys { retention: Duration::from_millis(20), ..Keys::default() };
        assert_eq!(judge(short, Mode::WriteThrough, &[1, 1], other), 0);
        let few = Keys { keys_max: 2, ..Keys::default() };
        let crowded = |stage: &mut Stage| {
            other(stage);
            stage.write(2, true, (12, 13), End::Unknown);
            stage.write(3, true, (13, 14), End::Unknown);
        };
        assert_eq!(judge(few, Mode::WriteThrough, &[1], crowded), 0);
        assert_eq!(judge(Keys::default(), Mode::WriteThrough, &[1], crowded), 1);
    }
}
