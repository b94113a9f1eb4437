//! Whole verdicts: a model that keeps its promises is cleared, one that breaks one is convicted by the judge
//! of that promise.

use tenure_types::{ActorId, ActorTypeName, Key, Tenure, Version};

use super::super::behind::{Cause, Parting};
use super::super::cast::{ActorNo, ClientNo};
use super::super::durable::Final;
use super::super::history::{Answer, Ask, Calls, End, Kind, Op};
use super::super::staging::at;
use super::*;
use crate::entropy::Dice;

const ACTORS: u32 = 4;

/// How the model goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flaw {
    None,
    /// An acknowledged turn is not in the last state.
    Loses,
    /// A turn runs twice.
    Doubles,
    /// A read shows the version before.
    ReadsOld,
    /// After a crash a version is made a second time.
    Forks,
    /// What was refused has run.
    RunsRefused,
    /// A call is never answered.
    Hangs,
    /// A key is answered otherwise the second time.
    Forgets,
}

/// What is played.
#[derive(Clone, Copy)]
struct Script {
    mode: Mode,
    flaw: Flaw,
    calls: u64,
    by_max: u64,
}

/// A call as the model will run it, at one moment between its sending and its end.
struct Plan {
    runs_at: u64,
    ended: u64,
    ask: Ask,
}

struct Actor {
    tenure: u64,
    memory: u64,
    version: u64,
    value: u64,
    effects: Vec<u64>,
    /// When it had which version, value and number of effects.
    past: Vec<(u64, u64, u64, usize)>,
}

fn plans(dice: &mut Dice, actor: u32, script: Script) -> Vec<Plan> {
    let mut now = 0;
    let mut plans: Vec<Plan> = (0..script.calls)
        .map(|number| {
            now += dice.below(30);
            let (before, after) = (dice.below(40), dice.below(40));
            let effect = u64::from(actor) << 32 | number;
            let by = 1 + dice.below(script.by_max);
            let kind =
                if dice.one_in(3) { Kind::Read } else { Kind::Write { op: Op::Add(by), effect } };
            let ask = Ask {
                client: ClientNo(number as u32 % 7),
                actor: ActorNo(actor),
                mode: script.mode,
                kind,
                key: (kind != Kind::Read && dice.one_in(4)).then_some(effect),
                waits_durable: false,
                sent_at: at(now),
                deadline: at(now + 30_000),
            };
            Plan { runs_at: now + before, ended: now + before + after, ask }
        })
        .collect();
    plans.sort_by_key(|plan| plan.runs_at);
    plans
}

/// A run of a model with actors of one mode: calls, crashes, calls without a reply, refusals, retries.
fn run(seed: u64, mode: Mode, flaw: Flaw, calls: u64) -> Verdict {
    let mut dice = Dice::new(seed);
    let mut jury = Jury::default();
    for number in 0..ACTORS {
        let id = ActorId {
            actor_type: ActorTypeName::new("counter").expect("a name"),
            key: Key::new(&number.to_string()).expect("a key"),
        };
        assert_eq!(jury.cast.number(&id, mode), ActorNo(number));
        play(&mut dice, &mut jury, number, Script { mode, flaw, calls, by_max: 3 });
    }
    jury.healing.calm(at(0));
    jury.healing.disturbed();
    jury.verdict(at(u64::from(u32::MAX)))
}

fn play(dice: &mut Dice, jury: &mut Jury, number: u32, script: Script) {
    let mode = script.mode;
    let mut actor = Actor::new(dice);
    let plans = plans(dice, number, script);
    // One call in the middle goes wrong, the first that can.
    let mut flaw = Some(script.flaw);
    let mut last = 0;
    let mut lost = None;
    for (index, plan) in plans.iter().enumerate() {
        let is_bad = |of: Flaw, flaw: &mut Option<Flaw>| {
            index > plans.len() / 2 && flaw.take_if(|flaw| *flaw == of).is_some()
        };
        if dice.one_in(40) {
            crash(dice, jury, number, mode, plan.runs_at, &mut actor);
            let is_written = !actor.effects.is_empty() && mode.is_durable();
            if is_written && is_bad(Flaw::Forks, &mut flaw) {
                actor.version -= 1;
            }
        }
        last = last.max(plan.ended);
        let id = jury.calls.begin(plan.ask);
        if is_bad(Flaw::Hangs, &mut flaw) {
            continue;
        }
        let is_write = plan.ask.kind != Kind::Read;
        if dice.one_in(10) {
            jury.calls.end(
                id,
                at(plan.ended),
                if dice.one_in(2) { End::NotExecuted } else { End::Overloaded },
            );
            if is_write && is_bad(Flaw::RunsRefused, &mut flaw) {
                execute(plan.ask, plan.runs_at, &mut actor);
            }
            continue;
        }
        let is_unknown = dice.one_in(8);
        if is_unknown && dice.one_in(2) {
            jury.calls.end(id, at(plan.ended), End::Unknown);
            continue;
        }
        execute(plan.ask, plan.runs_at, &mut actor);
        if is_write && is_bad(Flaw::Doubles, &mut flaw) {
            execute(plan.ask, plan.runs_at, &mut actor);
        }
        let mut answer = actor.answer();
        if !is_write && answer.version.0 > 0 && is_bad(Flaw::ReadsOld, &mut flaw) {
            answer.version = Version(answer.version.0 - 1);
        }
        jury.calls.end(
            id,
            at(plan.ended),
            if is_unknown { End::Unknown } else { End::Acked(answer) },
        );
        if plan.ask.key.is_some() && !is_unknown && is_bad(Flaw::Forgets, &mut flaw) {
            answer = Answer { value: answer.value + 9, ..answer };
        }
        if is_write && !is_unknown && is_bad(Flaw::Loses, &mut flaw) {
            lost = plan.ask.effect();
        }
        if plan.ask.key.is_some() && !is_unknown && (dice.one_in(2) || flaw.is_none()) {
            let again = Ask { sent_at: at(plan.ended + 1), ..plan.ask };
            let id = jury.calls.begin(again);
            jury.calls.end(id, at(plan.ended + 5), End::Acked(answer));
        }
    }
    let effects = Some(actor.effects.into_iter().filter(|&one| lost != Some(one)).collect());
    let (version, value) = (Version(actor.version), actor.value);
    jury.durable.finally(ActorNo(number), Final { at: at(last + 1), version, value, effects });
}

fn execute(ask: Ask, now: u64, actor: &mut Actor) {
    if let Kind::Write { op, effect } = ask.kind {
        actor.version += 1;
        actor.value = op.after(actor.value).expect("an addition");
        actor.effects.push(effect);
        actor.past.push((now, actor.version, actor.value, actor.effects.len()));
    }
}

/// What is durable stays; what is written behind falls back to a state that it had 150 ms ago or later.
fn crash(dice: &mut Dice, jury: &mut Jury, number: u32, mode: Mode, now: u64, actor: &mut Actor) {
    actor.tenure += 1;
    actor.memory = dice.next_u64() | 1;
    jury.behind.parted(Parting { actor: Some(ActorNo(number)), cause: Cause::Crash, at: at(now) });
    match mode {
        Mode::WriteThrough | Mode::EventSourced => {}
        Mode::WriteBehind => {
            let old = actor.past.partition_point(|&(at, ..)| at + 150 <= now).max(1) - 1;
            let kept = old as u64 + dice.below((actor.past.len() - old) as u64);
            actor.past.truncate(kept as usize + 1);
            let (_, version, value, effects) = actor.past[kept as usize];
            (actor.version, actor.value) = (version, value);
            actor.effects.truncate(effects);
        }
        Mode::Volatile => {
            (actor.version, actor.value) = (0, 0);
            actor.effects.clear();
        }
    }
}

impl Actor {
    fn new(dice: &mut Dice) -> Self {
        Self {
            tenure: 1,
            memory: dice.next_u64() | 1,
            version: 0,
            value: 0,
            effects: Vec::new(),
            past: vec![(0, 0, 0, 0)],
        }
    }

    fn answer(&self) -> Answer {
        Answer {
            tenure: Tenure { view: 1, sequence: self.tenure },
            version: Version(self.version),
            value: self.value,
            memory: self.memory,
        }
    }
}

const MODES: [Mode; 4] =
    [Mode::WriteThrough, Mode::EventSourced, Mode::WriteBehind, Mode::Volatile];

#[test]
fn a_model_that_keeps_its_promises_is_cleared() {
    let mut sampled = 0;
    for mode in MODES {
        for seed in 0..8 {
            let verdict = run(seed, mode, Flaw::None, 150);
            assert!(verdict.is_clean(), "seed {seed} {mode:?}: {verdict}");
            assert!(verdict.sampled <= if mode.is_durable() { ACTORS as usize } else { 0 });
            sampled += verdict.sampled;
            assert!(verdict.acknowledged > 300, "{verdict}");
        }
    }
    assert!(sampled > 30, "{sampled}");
}

#[test]
fn each_flaw_is_convicted_by_the_judge_of_its_promise() {
    use JudgeName::{Answers, Behind, Durable, Keys, Linearizable};
    let doubled: &[JudgeName] = &[Durable, Keys];
    for (flaw, mode, judges) in [
        (Flaw::Loses, Mode::WriteThrough, &[Durable][..]),
        (Flaw::Loses, Mode::WriteBehind, &[Behind]),
        (Flaw::Doubles, Mode::EventSourced, doubled),
        (Flaw::Doubles, Mode::WriteBehind, doubled),
        (Flaw::ReadsOld, Mode::WriteThrough, &[Linearizable]),
        (Flaw::ReadsOld, Mode::Volatile, &[Linearizable]),
        (Flaw::Forks, Mode::WriteThrough, &[Linearizable]),
        (Flaw::RunsRefused, Mode::WriteThrough, &[Durable]),
        (Flaw::RunsRefused, Mode::WriteBehind, &[Durable]),
        (Flaw::Hangs, Mode::Volatile, &[Answers]),
        (Flaw::Forgets, Mode::WriteThrough, &[Keys]),
        (Flaw::Forgets, Mode::Volatile, &[Keys]),
    ] {
        let is_convicted = |seed: &u64| {
            let verdict = run(*seed, mode, flaw, 150);
            judges.iter().any(|judge| verdict.judges().contains(judge))
        };
        let convicted = (0..10).filter(is_convicted).count();
        // What crashes lose of the doubled, lost or refused turns cannot be seen any more.
        assert!(convicted >= 4, "{flaw:?} {mode:?}: {convicted} of 10 by {judges:?}");
    }
}

/// What the quick judge of orders clears, the search that believes no version clears too.
#[test]
fn the_quick_judge_finds_all_that_a_search_finds() {
    let (mut both, mut quick) = (0, 0);
    let script = Script { mode: Mode::WriteThrough, flaw: Flaw::None, calls: 40, by_max: 1 };
    for seed in 0..400 {
        let mut dice = Dice::new(seed);
        let mut jury = Jury::default();
        play(&mut dice, &mut jury, 0, script);
        let mut spoilt = Calls::default();
        let wrong = dice.below(40);
        for (index, call) in jury.calls.iter().enumerate() {
            let id = spoilt.begin(call.ask);
            let Some((ended, end)) = call.ended else { continue };
            let end = match end {
                End::Acked(answer) if index as u64 == wrong => {
                    let by = if dice.one_in(2) { 1 } else { u64::MAX };
                    let version = Version(answer.version.0.wrapping_add(by) & 0xff);
                    let value = answer.value.wrapping_add(by);
                    End::Acked(Answer { version, value, ..answer })
                }
                end => end,
            };
            spoilt.end(id, ended, end);
        }
        let by_search = Samples::default().judge(&spoilt);
        assert_eq!(by_search.exhausted, 0);
        let by_order = Linearizable.judge(&spoilt).count();
        assert!(by_search.found.count() == 0 || by_order > 0, "seed {seed}");
        both += u32::from(by_search.found.count() > 0);
        quick += u32::from(by_order > 0);
    }
    assert!(both > 100 && quick >= both, "{both} by both, {quick} by the quick one");
}

#[test]
fn what_is_excepted_or_too_much_is_said() {
    let mut promises = Promises::default();
    promises.without.insert(JudgeName::Bounds);
    let mut jury = Jury::new(promises);
    jury.bounds.sampled("queue", tenure_types::Incarnation(1), 2, 1, at(1));
    assert!(jury.verdict(at(2)).is_clean());
    let mut jury = Jury::default();
    jury.bounds.sampled("queue", tenure_types::Incarnation(1), 2, 1, at(1));
    let verdict = jury.verdict(at(2));
    assert_eq!((verdict.is_clean(), verdict.count), (false, 1));
    assert!(verdict.to_string().contains("bounds: queue is 2, its maximum is 1"), "{verdict}");
}

/// A history as long as a run may have is judged in one go.
#[test]
fn a_long_history_is_judged() {
    let verdict = run(1, Mode::WriteThrough, Flaw::None, 6_000);
    assert!(verdict.is_clean(), "{verdict}");
    assert!(verdict.calls > 24_000);
}
