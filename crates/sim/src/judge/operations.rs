use std::collections::BTreeMap;

use tenure_types::{Instant, Tenure, Version};

use super::cast::{ActorNo, Mode};
use super::history::{Answer, Call, Calls, Kind, Op};

/// One execution that some reply tells of: all attempts of one keyed call that were told the same.
pub(super) struct Operation<'a> {
    /// The attempt that was told first.
    pub(super) call: &'a Call,
    /// When the first attempt was sent: it did not happen before.
    pub(super) sent: Instant,
    /// When the first reply came: it had happened.
    pub(super) ended: Instant,
    pub(super) answer: Answer,
    pub(super) write: Option<Op>,
}

impl Operation<'_> {
    pub(super) fn tenure(&self) -> Tenure {
        self.answer.tenure
    }

    pub(super) fn version(&self) -> Version {
        self.answer.version
    }

    /// Its place in the order that the replies claim: by version in durable types, by tenure and then version
    /// in others, where a version may be made again; at one version the write comes first.
    pub(super) fn place(&self) -> Place {
        let Answer { tenure, version, .. } = self.answer;
        let is_read = self.write.is_none();
        let first = if self.call.ask.mode.is_durable() { Tenure::default() } else { tenure };
        (first, version, is_read, tenure)
    }
}

pub(super) type Place = (Tenure, Version, bool, Tenure);

/// What was told of one actor, and what may have happened beside.
pub(super) struct ActorHistory<'a> {
    pub(super) actor: ActorNo,
    pub(super) mode: Mode,
    /// Operations that were told, by their places.
    pub(super) told: Vec<Operation<'a>>,
    /// Changing calls that may have happened and were not told: the first attempt of each key for durable
    /// types, every attempt for the others, whose earlier effects may have been lost.
    pub(super) open: Vec<&'a Call>,
}

/// The history of each actor, in the order of their numbers.
pub(super) fn by_actor(calls: &Calls) -> Vec<ActorHistory<'_>> {
    let mut actors: BTreeMap<ActorNo, Vec<&Call>> = BTreeMap::new();
    for call in calls.iter() {
        actors.entry(call.ask.actor).or_default().push(call);
    }
    actors.into_iter().map(|(actor, calls)| history(actor, &calls)).collect()
}

fn history<'a>(actor: ActorNo, calls: &[&'a Call]) -> ActorHistory<'a> {
    let mode = calls[0].ask.mode;
    let mut told = Vec::new();
    let mut open: Vec<&'a Call> = Vec::new();
    let mut writes: BTreeMap<u64, Vec<&'a Call>> = BTreeMap::new();
    for &call in calls {
        match (call.ask.kind, call.acked()) {
            (Kind::Write { effect, .. }, _) => writes.entry(effect).or_default().push(call),
            (Kind::Read, Some((ended, answer))) => {
                let sent = call.ask.sent_at;
                told.push(Operation { call, sent, ended, answer, write: None });
            }
            (Kind::Read, None) => {}
        }
    }
    for attempts in writes.values() {
        let told_before = told.len();
        executions(attempts, &mut told);
        let is_told = told.len() > told_before;
        let unsure = attempts.iter().copied().filter(|call| call.is_open());
        match mode.is_durable() {
            true if is_told => {}
            true => open.extend(unsure.take(1)),
            false => open.extend(unsure),
        }
    }
    told.sort_by_key(|operation| (operation.place(), operation.call.id));
    open.sort_by_key(|call| call.ask.sent_at);
    ActorHistory { actor, mode, told, open }
}

/// The different executions that the attempts of one effect were told of.
fn executions<'a>(attempts: &[&'a Call], told: &mut Vec<Operation<'a>>) {
    let mut different: BTreeMap<(Tenure, Version), Operation<'a>> = BTreeMap::new();
    let first_sent = attempts.iter().map(|call| call.ask.sent_at).min();
    for &call in attempts {
        let (Some((ended, answer)), Some(sent)) = (call.acked(), first_sent) else { continue };
        let Kind::Write { op, .. } = call.ask.kind else { continue };
        let fresh = Operation { call, sent, ended, answer, write: Some(op) };
        let known = different.entry((answer.tenure, answer.version)).or_insert(fresh);
        if ended < known.ended {
            (known.ended, known.call) = (ended, call);
        }
    }
    told.extend(different.into_values());
}

#[cfg(test)]
mod tests {
    use super::super::history::End;
    use super::super::staging::{Stage, acked, at};
    use super::*;

    #[test]
    fn attempts_of_one_key_are_one_operation() {
        let mut stage = Stage::new(Mode::WriteThrough);
        stage.write(7, true, (1, 5), End::Unknown);
        stage.write(7, true, (6, 9), acked(1, 1));
        stage.write(7, true, (7, 8), acked(1, 1));
        stage.write(8, false, (6, 9), End::Unknown);
        stage.write(9, false, (6, 9), End::NotExecuted);
        let histories = by_actor(&stage.calls);
        let [history] = &histories[..] else { panic!("one actor") };
        let [one] = &history.told[..] else { panic!("one operation") };
        assert_eq!((one.sent, one.ended), (at(1), at(8)));
        let open: Vec<_> = history.open.iter().map(|call| call.ask.effect()).collect();
        assert_eq!(open, [Some(8)]);
    }

    #[test]
    fn what_may_be_lost_may_happen_again() {
        let mut stage = Stage::new(Mode::Volatile);
        stage.write(7, true, (1, 5), End::Unknown);
        stage.write(7, true, (6, 9), acked(2, 1));
        let histories = by_actor(&stage.calls);
        assert_eq!((histories[0].told.len(), histories[0].open.len()), (1, 1));
    }
}
