//! What happens to a cluster, and what is looked at meanwhile.

use std::time::Duration;

use tenure_protocol::cluster::Sizes;
use tenure_protocol::ring::Ring;
use tenure_protocol::view::MemberState;
use tenure_protocol::view::membership::Death;
use tenure_types::{ActorId, Incarnation, Instant, Slot};

use crate::cost;
use crate::events::Event;
use crate::fill::{Population, actor, named, slot_of};
use crate::outcome::{OF_CHANGES, Outcome, Size, Spread, TableFigures};
use crate::probes::Subject;
use crate::rings::fullest;
use crate::tally::STEP_MS;
use crate::world::{Expected, World};

/// How exactly the moment is known at which a member has opened its slots.
const TICK: Duration = Duration::from_millis(1);
/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// What comes after the last thing waited for is counted too, for so long.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// The most actors of dead nodes that are asked for.
const LOST_PROBES_MAX: usize = 1_000;

/// How the death of a node is noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Noticed {
    /// Its lease is seen to run out.
    Lease,
    /// Its sentinel tells so many members.
    Proof(usize),
    /// So many members see its connections refused, and each knows of another.
    Presumption(usize),
}

/// A cluster under observation.
pub(crate) struct Stage<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) population: &'a Population,
    pub(crate) size: Size,
    /// Tells the probes of different times apart.
    pub(crate) round: usize,
}

struct Begun {
    name: String,
    at: Instant,
    core: Duration,
    ring: std::sync::Arc<Ring>,
    lost: usize,
}

impl Stage<'_> {
    /// Nothing happens.
    pub(crate) fn rest(&mut self, time: Duration) -> Outcome {
        let begun = self.begin("rest", Expected::default());
        self.world.run(time);
        self.end(begun)
    }

    /// So many actors are looked up for the first time, one from each node in a millisecond on average.
    pub(crate) fn place(&mut self, name: &str, count: usize) -> Outcome {
        let begun = self.begin(name, Expected::default());
        let callers = self.world.living();
        for number in 0..count {
            let durable = number.is_multiple_of(2);
            self.probe(&callers, &actor(number), Subject::Slot, durable);
            if number % callers.len() == 0 {
                self.world.run(TICK);
            }
        }
        while self.world.probes.waiting() > 0 {
            self.world.run(TICK);
        }
        self.end(begun)
    }

    /// A node joins.
    pub(crate) fn join(&mut self, name: &str) -> Outcome {
        let node = self.world.add_node();
        let expected = Expected { alive: Some(self.world.id_of(node)), ..Expected::default() };
        let begun = self.begin(name, expected);
        self.world.later(Duration::ZERO, Event::Start { node });
        while self.world.nodes[node].learnt_at.is_none() {
            self.world.run(TICK);
        }
        let (_, after) = self.world.present();
        self.probe_slots(&begun.ring, &after);
        self.wait();
        self.end(begun)
    }

    /// So many nodes die at once.
    pub(crate) fn crash(&mut self, name: &str, count: usize, noticed: Noticed) -> Outcome {
        let struck = self.some_living(count);
        let ended: Vec<Incarnation> =
            struck.iter().filter_map(|node| self.world.nodes[*node].incarnation).collect();
        let mut begun = self.begin(name, Expected { ended: ended.clone(), alive: None });
        let lost = self.hosted_by(&struck);
        begun.lost = lost.len();
        struck.iter().for_each(|node| self.world.kill(*node));
        let (view, _) = self.world.present();
        let stay = Ring::members_of(&view).filter(|it| !ended.contains(&it.incarnation));
        let after = begun.ring.after(stay);
        self.probe_slots(&begun.ring, &after);
        self.probe_actors(&lost);
        for dead in ended {
            self.notice(dead, noticed);
        }
        self.wait();
        let outcome = self.end(begun);
        self.world.bury();
        outcome
    }

    /// Waits until the table lists the living alone.
    pub(crate) fn calm(&mut self) {
        let until = self.world.now + PATIENCE;
        let is_calm =
            |world: &World| world.table.view().members().all(|it| it.state == MemberState::Alive);
        while !is_calm(self.world) {
            assert!(self.world.now < until, "the gone are forgotten within a minute");
            self.world.run(Duration::from_secs(1));
        }
        self.world.run(Duration::from_secs(2));
    }

    fn begin(&mut self, name: &str, expected: Expected) -> Begun {
        self.round += 1;
        self.world.observe(expected);
        let (_, ring) = self.world.present();
        let core = cost::core_time();
        Begun { name: name.to_owned(), at: self.world.now, core, ring, lost: 0 }
    }

    fn some_living(&mut self, count: usize) -> Vec<usize> {
        let mut living = self.world.living();
        let draw = |_| living.swap_remove(self.world.draws.below(living.len()));
        (0..count).map(draw).collect()
    }

    fn hosted_by(&self, nodes: &[usize]) -> Vec<(ActorId, bool)> {
        let machines = nodes.iter().filter_map(|node| self.world.nodes[*node].cluster.as_ref());
        let hosted = machines.flat_map(|machine| machine.each_hosted());
        // Actors are named by their numbers, and those with even ones are durable.
        let is_durable = |actor: &ActorId| actor.key.as_str().ends_with(['0', '2', '4', '6', '8']);
        hosted.map(|(actor, _, _)| (actor.clone(), is_durable(actor))).collect()
    }

    /// Asks for two actors that run nowhere in every slot that has another owner.
    fn probe_slots(&mut self, before: &Ring, after: &Ring) {
        let mut wanted: Vec<u8> = vec![0; Slot::COUNT];
        after.changed_since(before).for_each(|slot| wanted[slot.index()] = 2);
        let mut missing: usize = wanted.iter().map(|it| usize::from(*it)).sum();
        let callers = self.world.living();
        let mut number = 0;
        while missing > 0 {
            let actor = named(&format!("probe-{}-{number}", self.round));
            number += 1;
            let left = &mut wanted[slot_of(&actor).index()];
            if *left > 0 {
                let durable = *left == 1;
                *left -= 1;
                missing -= 1;
                self.probe(&callers, &actor, Subject::Slot, durable);
            }
        }
    }

    fn probe_actors(&mut self, lost: &[(ActorId, bool)]) {
        let callers = self.world.living();
        let step = lost.len().div_ceil(LOST_PROBES_MAX).max(1);
        for (actor, durable) in lost.iter().step_by(step) {
            self.probe(&callers, actor, Subject::LostActor, *durable);
        }
    }

    fn probe(&mut self, callers: &[usize], actor: &ActorId, subject: Subject, durable: bool) {
        let caller = callers[self.world.draws.below(callers.len())];
        let now = self.world.now;
        self.world.probes.begin(now, actor, subject, durable);
        self.world.look_up(caller, actor);
    }

    fn notice(&mut self, dead: Incarnation, noticed: Noticed) {
        let (told, death) = match noticed {
            Noticed::Lease => return,
            Noticed::Proof(told) => (told, Death::Proof),
            Noticed::Presumption(told) => (told, Death::Presumption { seen_by: 2 }),
        };
        let told = told.min(self.world.living().len());
        for node in self.some_living(told) {
            let after = self.world.network_delay();
            self.world.later(after, Event::Death { node, dead, death });
        }
    }

    /// Waits until everybody has the view, every slot is open, and every probe is answered.
    fn wait(&mut self) {
        let until = self.world.now + PATIENCE;
        loop {
            self.world.run(TICK);
            self.world.see_who_is_settled();
            let living = self.world.living();
            let is_over = self.world.probes.waiting() == 0
                && living.iter().all(|node| self.world.nodes[*node].settled_at.is_some());
            if is_over {
                break;
            }
            assert!(self.world.now < until, "everything is over within a minute");
        }
        self.world.run(AFTERWARDS);
    }

    fn end(&mut self, begun: Begun) -> Outcome {
        let core = cost::core_time().saturating_sub(begun.core);
        let (_, after) = self.world.present();
        let living = self.world.living();
        let changed: Vec<Slot> = after.changed_since(&begun.ring).collect();
        let since = |at: Instant| at.saturating_since(begun.at);
        let nodes = living.iter().map(|node| &self.world.nodes[*node]);
        let view: Vec<Duration> = nodes.clone().filter_map(|it| it.learnt_at.map(since)).collect();
        let acquired = |it: Option<Incarnation>| {
            changed.iter().any(|slot| it.is_some() && after.owner(*slot) == it)
        };
        let settled: Vec<Duration> = nodes
            .filter(|it| acquired(it.incarnation))
            .filter_map(|it| it.settled_at.map(since))
            .collect();
        let sizes: Vec<Sizes> = living.iter().filter_map(|it| self.world.sizes(*it)).collect();
        let probes = &self.world.probes;
        let times = |subject, durable| Spread::of_times(&probes.times(subject, durable));
        let moved: u64 =
            changed.iter().map(|slot| u64::from(self.population.by_slot[slot.index()])).sum();
        let tally = &self.world.tally;
        let actors = self.population.actors as f64;
        let count = living.len() as f64;
        let sum = |of_changes: bool| {
            let kinds = tally.kinds.iter().filter(|(it, _)| OF_CHANGES.contains(it) == of_changes);
            kinds.fold((0, 0), |sum, (_, it)| (sum.0 + it.0, sum.1 + it.1))
        };
        let (messages, bytes) = sum(true);
        Outcome {
            what: begun.name,
            cluster: self.size,
            nodes: living.len(),
            seconds: (self.world.now - begun.at).as_secs_f64(),
            decided_ms: self.world.decided_at.map(|at| since(at).as_secs_f64() * 1e3),
            view_ms: Spread::of_times(&view),
            settled_ms: Spread::of_times(&settled),
            slot_durable_ms: times(Subject::Slot, true),
            slot_other_ms: times(Subject::Slot, false),
            lost_durable_ms: times(Subject::LostActor, true),
            lost_other_ms: times(Subject::LostActor, false),
            messages_per_node: messages as f64 / count,
            bytes_per_node: bytes as f64 / count,
            demand_per_node: sum(false).0 as f64 / count,
            messages_of_busiest: tally.by_node.iter().copied().max().unwrap_or(0),
            kinds: tally.kinds.iter().map(|(name, it)| ((*name).to_owned(), *it)).collect(),
            peers_per_node: 2.0 * tally.pairs.len() as f64 / count,
            report_bytes: Spread::of(tally.reports.iter().map(|it| f64::from(it.0)).collect()),
            report_entries: Spread::of(tally.reports.iter().map(|it| f64::from(it.1)).collect()),
            table: self.table(),
            fences_of_keepers: tally.fences_of_keepers,
            fences_of_owners: tally.fences_of_owners,
            fences_peak_per_second: tally.fences_peak() * 1_000 / STEP_MS,
            slots_moved: changed.len() as f64 / Slot::COUNT as f64,
            entries_moved: moved as f64 / actors,
            actors_lost: begun.lost as f64 / actors,
            activations: tally.activations,
            discarded: tally.discarded,
            accused: tally.accused,
            suspended: tally.suspended,
            core_ms_per_node: core.as_secs_f64() * 1e3 / count,
            fullest_hosted: fullest(&sizes.iter().map(|it| it.hosted as u64).collect::<Vec<_>>()),
            fullest_entries: fullest(&sizes.iter().map(|it| it.entries as u64).collect::<Vec<_>>()),
            resident_mib: cost::resident_mib(),
        }
    }

    fn table(&self) -> TableFigures {
        let load = &self.world.tally.table;
        let (requests, bytes) = load.peak();
        TableFigures {
            requests: load.requests,
            writes: load.writes,
            views_read: load.views_read,
            bytes_in: load.bytes_in,
            bytes_out: load.bytes_out,
            requests_peak_per_second: requests * 1_000 / STEP_MS,
            bytes_peak_per_second: bytes * 1_000 / STEP_MS,
        }
    }
}
