//! What a run came to: the last states are read where no node can lie about them, and the jury is asked.

use std::collections::BTreeMap;

use tenure_actor::Actor;
use tenure_sim::judge::{Appended, Final, Fired, Firing, Kind, Op, Verdict};
use tenure_store::{Content, EventLog, MemoryDisk, RowKey};
use tenure_types::{Instant, Version};

use crate::cast::{Chronicle, Later, Ledger, Purse, Role, Who, appended, entries, true_time};
use crate::crowd::Crowd;
use crate::stage::Stage;

/// How many violations a report tells.
const VIOLATIONS_MAX: usize = 20;

/// What is stored of an actor.
pub struct LastState {
    /// What calls have made of it.
    pub state: Final,
    /// What came of what turns had left to begin.
    pub later: Later,
    /// Where its events stand.
    pub log: EventLog,
}

/// What is stored of an actor; `None` if nothing is, or it has no stored form.
///
/// # Errors
/// Why that cannot be read.
pub fn stored(disk: &MemoryDisk, who: Who, at: Instant) -> Result<Option<LastState>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", who.id());
    let Some(stored) = disk.stored(&who.id()).map_err(|error| wrong(&error))? else {
        return Ok(None);
    };
    let (version, value, effects, later) = match (who.role, &stored.content) {
        (Role::Ledger, Content::State(it)) => {
            let state = <Ledger as Actor>::decode(it.schema, it.codec, &it.bytes);
            let state = state.map_err(|error| wrong(&error))?;
            (state.version, state.value, state.effects, state.later)
        }
        (Role::Purse, Content::State(it)) => {
            let state = <Purse as Actor>::decode(it.schema, it.codec, &it.bytes);
            let state = state.map_err(|error| wrong(&error))?;
            (state.version, state.value, state.effects, state.later)
        }
        (Role::Chronicle, Content::Journaled { .. }) => {
            let snapshot = stored.rows.iter().find(|row| row.key == RowKey::Snapshot);
            let decoded = snapshot.map(|row| {
                let it = &row.value;
                <Chronicle as Actor>::decode(it.schema, it.codec, &it.bytes)
            });
            let decoded = decoded.transpose().map_err(|error| wrong(&error))?;
            let mut state = decoded.unwrap_or_else(Chronicle::create);
            for row in stored.rows.iter().filter(|row| matches!(row.key, RowKey::Journal(_))) {
                let event = Chronicle::decode_event(row.value.codec, &row.value.bytes);
                Actor::apply(&mut state, &event.map_err(|error| wrong(&error))?);
            }
            (state.version, state.value, state.effects, state.later)
        }
        (_, content) => return Err(wrong(&format!("it is stored as {content:?}"))),
    };
    let state = Final { at, version: Version(version), value, effects: Some(effects) };
    Ok(Some(LastState { state, later, log: stored.log }))
}

/// The firings whose effects an actor has, each as often as it has it.
#[must_use]
pub fn rung(crowd: &Crowd, disk: &MemoryDisk, who: Who) -> Vec<Firing> {
    match stored(disk, who, Instant::ZERO) {
        Ok(Some(last)) => firings(crowd, who, &last.later).map(|fired| fired.firing).collect(),
        _ => Vec::new(),
    }
}

fn firings(crowd: &Crowd, who: Who, later: &Later) -> impl Iterator<Item = Fired> {
    let actor = crowd.number(who);
    later.rung.iter().map(move |rung| Fired {
        firing: Firing { actor, name: rung.name as u32, due: true_time(rung.due_ms) },
        at: Instant::from_nanos(rung.at),
    })
}

/// Tells the jury of an actor's last state; gives what of that no promise allows.
fn tell(crowd: &Crowd, who: Who, last: &LastState, asked: &BTreeMap<u64, u64>) -> Vec<String> {
    let (actor, at) = (crowd.number(who), last.state.at);
    let effects = last.state.effects.as_deref().unwrap_or_default();
    let all: Vec<Appended> = effects
        .iter()
        .zip(1..)
        .filter_map(|(effect, version)| Some((version, *effect, *asked.get(effect)?)))
        .flat_map(|(version, effect, by)| entries(version, effect, by))
        .map(|entry| appended(actor, &entry, at))
        .collect();
    let mut times: BTreeMap<Firing, u32> = BTreeMap::new();
    let fired: Vec<Fired> = firings(crowd, who, &last.later).collect();
    for one in &fired {
        *times.entry(one.firing).or_default() += 1;
    }
    crowd.stage.tell(|jury| {
        jury.durable.finally(actor, last.state.clone());
        jury.feeds.finally(0, actor, &all, at);
        fired.into_iter().for_each(|one| jury.reminders.fired(one));
        let mine: Vec<Firing> = jury.reminders.promised().filter(|it| it.actor == actor).collect();
        mine.iter().for_each(|firing| jury.reminders.effects(*firing, 0));
        times.into_iter().for_each(|(firing, times)| jury.reminders.effects(firing, times));
        let ends = crowd.ends.lock();
        let follow = ends.subscribers.iter().filter(|(_, it)| *it == who && last.log.epoch != 0);
        for (subscriber, _) in follow {
            jury.events.stands(*subscriber, actor, last.log.epoch, last.log.offset, at);
        }
    });
    worked(who, last)
}

/// Work beside turns begins when its turn is durable, and its result comes back at most once.
fn worked(who: Who, last: &LastState) -> Vec<String> {
    let effects = last.state.effects.as_deref().unwrap_or_default();
    let mut odd = Vec::new();
    for (at, effect) in last.later.worked.iter().enumerate() {
        if who.role.mode().is_durable() && !effects.contains(effect) {
            odd.push(format!("{who:?}: work of {effect:#x}, whose turn is lost"));
        }
        if last.later.worked[..at].contains(effect) {
            odd.push(format!("{who:?}: work of {effect:#x} came back twice"));
        }
    }
    odd
}

/// What the jury says of a run that is over. `is_excepted`: only its judges are heard, not who else found something
/// odd.
#[must_use]
pub fn ask(crowd: &Crowd, disk: &MemoryDisk, is_excepted: bool) -> (Verdict, Vec<String>) {
    let stage = &crowd.stage;
    let now = stage.now();
    let mut violations = if is_excepted { Vec::new() } else { stage.oddities() };
    // By how much each effect adds.
    let asked: BTreeMap<u64, u64> = stage.tell(|jury| {
        let calls = jury.calls.iter().filter_map(|call| match call.ask.kind {
            Kind::Write { op: Op::Add(by), effect } => Some((effect, by)),
            _ => None,
        });
        calls.collect()
    });
    for &who in &crowd.actors {
        match stored(disk, who, now) {
            Ok(None) => {}
            Ok(Some(last)) => {
                let odd = tell(crowd, who, &last, &asked);
                violations.extend(odd.into_iter().filter(|_| !is_excepted));
            }
            Err(why) => violations.push(why),
        }
    }
    let readers = crowd.ends.lock().readers.clone();
    stage.tell(|jury| readers.iter().for_each(|reader| jury.feeds.caught_up(*reader, 0, now)));
    let verdict = stage.tell(|jury| jury.verdict(now));
    // The search is a second look at small histories; that it may give up is its bound.
    let unjudged = verdict.unjudged.iter().filter(|what| !what.contains("for the search"));
    violations.extend(unjudged.map(|what| format!("not judged: {what}")));
    violations.extend(verdict.violations.iter().map(ToString::to_string));
    let more = violations.len().saturating_sub(VIOLATIONS_MAX);
    violations.truncate(VIOLATIONS_MAX);
    if more > 0 {
        violations.push(format!("and {more} more"));
    }
    (verdict, violations)
}

/// Rare states that the jury counted.
#[must_use]
pub fn rare(stage: &Stage) -> BTreeMap<&'static str, u64> {
    stage.tell(|jury| jury.rare.iter().collect())
}
