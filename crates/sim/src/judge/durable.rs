use std::collections::BTreeMap;

use tenure_types::{Instant, Version};

use super::cast::ActorNo;
use super::history::{Call, Calls, Kind, Op};
use super::violation::{JudgeName, Record, Violations};

/// An actor at the end of a run: read when all faults are over and every client is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Final {
    /// When it was read.
    pub at: Instant,
    /// Its version.
    pub version: Version,
    /// The number that it holds.
    pub value: u64,
    /// The effects that its state remembers, in their order; `None` if it remembers none.
    pub effects: Option<Vec<u64>>,
}

/// Nothing acknowledged as durable is lost, nothing happens twice without a key, and nothing happens that
/// was refused.
#[derive(Clone, Debug, Default)]
pub struct Durable {
    finals: BTreeMap<ActorNo, Final>,
}

impl Durable {
    /// The last state of an actor. A later one replaces it.
    pub fn finally(&mut self, actor: ActorNo, state: Final) {
        self.finals.insert(actor, state);
    }

    /// What was read at the end.
    #[must_use]
    pub fn finals(&self) -> &BTreeMap<ActorNo, Final> {
        &self.finals
    }

    /// Judges all calls. An actor with acknowledged durable turns and no last state is a violation.
    #[must_use]
    pub fn judge(&self, calls: &Calls) -> Violations {
        let mut found = Violations::new(JudgeName::Durable);
        let mut actors: BTreeMap<ActorNo, Vec<&Call>> = BTreeMap::new();
        for call in calls.iter().filter(|call| call.ask.effect().is_some()) {
            actors.entry(call.ask.actor).or_default().push(call);
        }
        for (actor, calls) in &actors {
            match self.finals.get(actor) {
                Some(state) => of_actor(*actor, state, calls, &mut found),
                None => without_final(*actor, calls, &mut found),
            }
        }
        found
    }
}

fn without_final(actor: ActorNo, calls: &[&Call], found: &mut Violations) {
    let promised = |call: &&&Call| call.ask.is_durable() && call.acked().is_some();
    if let Some(call) = calls.iter().find(promised) {
        let what = "durable turns were acknowledged, and nobody read the actor at the end";
        found.add(actor, what, call.record(), None);
    }
}

fn of_actor(actor: ActorNo, state: &Final, calls: &[&Call], found: &mut Violations) {
    // The list may be long, and it need not be shown.
    let end = || Record::new(state.at, &(state.version, state.value));
    let mut lost = None;
    for call in calls.iter().filter(|call| call.ask.is_durable()) {
        if call.acked().is_some_and(|(_, answer)| answer.version > state.version) {
            lost = lost.or(Some(call));
        }
    }
    if let Some(call) = lost {
        let what = "the last version is below one that was acknowledged as durable";
        found.add(actor, what, call.record(), end());
    }
    sums(actor, state, calls, found);
    let Some(effects) = &state.effects else { return };
    let mut times: BTreeMap<u64, u32> = BTreeMap::new();
    for &effect in effects {
        *times.entry(effect).or_default() += 1;
    }
    for (effect, attempts) in attempts_by_effect(calls) {
        let times = times.get(&effect).copied().unwrap_or(0);
        let acked = attempts.iter().find(|call| call.ask.is_durable() && call.acked().is_some());
        let what = match acked {
            Some(call) if times == 0 => Some(("an acknowledged durable turn is lost", call)),
            _ if times > 1 && attempts.len() == 1 => Some(("a call happened twice", &attempts[0])),
            _ if times > 0 && all_refused(&attempts) => {
                Some(("a call happened that was answered as not executed", &attempts[0]))
            }
            _ => None,
        };
        if let Some((what, call)) = what {
            found.add(actor, what, call.record(), end());
        }
    }
}

/// A counter holds at least what was acknowledged, and at most that and what may have happened.
fn sums(actor: ActorNo, state: &Final, calls: &[&Call], found: &mut Violations) {
    let (mut least, mut most) = (0_u64, 0_u64);
    for attempts in attempts_by_effect(calls).values() {
        let Kind::Write { op: Op::Add(by), .. } = attempts[0].ask.kind else { return };
        if !attempts[0].ask.mode.is_durable() {
            return;
        }
        let is_acked = attempts.iter().any(|call| call.acked().is_some());
        // Attempts with one key have one effect, others have one each.
        let open = attempts.iter().filter(|call| call.is_open()).count() as u64;
        let open =
            if attempts[0].ask.key.is_some() { u64::from(open > 0 && !is_acked) } else { open };
        let told = if attempts[0].ask.key.is_some() {
            u64::from(is_acked)
        } else {
            attempts.iter().filter(|call| call.acked().is_some()).count() as u64
        };
        least = least.saturating_add(by.saturating_mul(told));
        most = most.saturating_add(by.saturating_mul(told + open));
    }
    if !(least..=most).contains(&state.value) {
        let what = format!("the counter is {}, from {least} to {most} was expected", state.value);
        let last = calls.iter().rev().find(|call| call.acked().is_some());
        let end = Record::new(state.at, &(state.version, state.value));
        found.add(actor, what, end, last.map(|call| call.record()));
    }
}

fn attempts_by_effect<'a>(calls: &[&'a Call]) -> BTreeMap<u64, Vec<&'a Call>> {
    let mut effects: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
    for &call in calls {
        if let Some(effect) = call.ask.effect() {
            effects.entry(effect).or_default().push(call);
        }
    }
    effects
}

fn all_refused(attempts: &[&Call]) -> bool {
    attempts.iter().all(|call| call.ended.is_some_and(|(_, end)| end.is_refusal()))
}

#[cfg(test)]
mod tests {
    use super::super::cast::Mode;
    use super::super::history::End;
    use super::super::staging::{A, Stage, acked, at};
    use super::*;

    fn state(version: u64, value: u64, effects: &[u64]) -> Final {
        let effects = Some(effects.to_vec());
        Final { at: at(1_000), version: Version(version), value, effects }
    }

    fn verdict(stage: &Stage, state: Option<Final>) -> Vec<String> {
        let mut durable = Durable::default();
        if let Some(state) = state {
            durable.finally(A, state);
        }
        let found = durable.judge(&stage.calls);
        found.first().iter().map(|one| one.what.to_string()).collect()
    }

    fn played(mode: Mode) -> Stage {
        let mut stage = Stage::new(mode);
        stage.add(1, (0, 10), 1, 1);
        stage.write(2, false, (11, 20), End::Unknown);
        stage.write(3, true, (21, 30), End::Unknown);
        stage.write(3, true, (31, 40), acked(2, 2));
        stage.write(4, false, (41, 50), End::NotExecuted);
        stage
    }

    #[test]
    fn an_unknown_one_may_or_may_not_be_there() {
        let stage = played(Mode::WriteThrough);
        assert_eq!(verdict(&stage, Some(state(2, 2, &[1, 3]))), [""; 0]);
        assert_eq!(verdict(&stage, Some(state(3, 3, &[1, 3, 2]))), [""; 0]);
    }

    #[test]
    fn what_is_wrong_is_found() {
        let stage = played(Mode::WriteThrough);
        for (state, expected) in [
            (Some(state(1, 2, &[1, 3])), "below one that was acknowledged"),
            (Some(state(2, 2, &[1, 2])), "turn is lost"),
            (Some(state(3, 3, &[1, 1, 3])), "happened twice"),
            (Some(state(3, 3, &[1, 3, 4])), "not executed"),
            (Some(state(3, 1, &[1, 3])), "counter is 1"),
            (Some(state(3, 4, &[1, 3])), "counter is 4"),
            (None, "nobody read"),
        ] {
            let found = verdict(&stage, state.clone());
            assert!(found.iter().any(|what| what.contains(expected)), "{state:?}: {found:?}");
        }
    }

    #[test]
    fn what_is_written_behind_may_be_lost_but_not_doubled_or_refused() {
        let stage = played(Mode::WriteBehind);
        assert_eq!(verdict(&stage, Some(state(0, 0, &[]))), [""; 0]);
        assert_eq!(verdict(&stage, None), [""; 0]);
        assert_eq!(verdict(&stage, Some(state(2, 2, &[1, 1]))), ["a call happened twice"]);
        assert_eq!(verdict(&stage, Some(state(2, 2, &[4]))).len(), 1);
    }

    #[test]
    fn a_reply_that_waited_until_it_was_durable_promises_as_much() {
        let mut stage = Stage::new(Mode::WriteBehind);
        let kind = Kind::Write { op: Op::Add(1), effect: 1 };
        let mut ask = super::super::staging::ask(0, Mode::WriteBehind, kind, 0);
        ask.waits_durable = true;
        let id = stage.calls.begin(ask);
        stage.calls.end(id, at(1), acked(1, 1));
        assert_eq!(verdict(&stage, Some(state(1, 1, &[1]))), [""; 0]);
        assert_eq!(verdict(&stage, Some(state(0, 0, &[]))).len(), 2);
    }
}
