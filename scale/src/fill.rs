//! Actors for a cluster: as if each had been looked up once, without the messages.
//!
//! Every host is given its grants as in a view before the present one, in which nobody kept a directory here.
//! Then every owner takes its slots and asks for reports, as on any change of hands. What that leaves at
//! hosts and owners is what look-ups leave, but that entries count as inherited from a former owner.

use std::sync::Arc;

use tenure_protocol::cluster::{Cluster, Effect, Message};
use tenure_protocol::ring::Ring;
use tenure_protocol::view::View;
use tenure_types::{
    ActorId, ActorTypeName, Incarnation, Instant, Key, Slot, Tenure, ViewNumber, actor_hash,
};

use crate::world::World;

/// The actors of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    pub(crate) actors: usize,
    /// How many are in each slot.
    pub(crate) by_slot: Vec<u32>,
}

/// The actor with this number. Every other one is durable.
pub(crate) fn actor(number: usize) -> ActorId {
    named(&format!("user-{number:08}"))
}

pub(crate) fn named(key: &str) -> ActorId {
    let actor_type = ActorTypeName::new("cart").expect("a name that follows the rule");
    ActorId { actor_type, key: Key::new(key).expect("a key that follows the rule") }
}

pub(crate) fn slot_of(actor: &ActorId) -> Slot {
    Slot::of(actor_hash(actor.actor_type.as_str(), actor.key.as_str()))
}

/// Opens every slot, with so many actors on the members.
pub(crate) fn fill(world: &mut World, actors: usize) -> Population {
    let (view, ring) = world.present();
    let before = ViewNumber(view.number.0 - 1);
    begin(world, before, &view);
    let by_slot = grant(world, before, &ring, actors);
    for node in 0..world.nodes.len() {
        open(world, node, &view, &ring);
    }
    tell_loads(world);
    for node in 0..world.nodes.len() {
        world.carry_out(node);
    }
    Population { actors, by_slot }
}

fn cluster(world: &mut World, node: usize) -> &mut Cluster {
    world.nodes[node].cluster.as_mut().expect("every member has one by now")
}

fn incarnation(world: &World, node: usize) -> Incarnation {
    world.nodes[node].incarnation.expect("every member has one by now")
}

fn begin(world: &mut World, before: ViewNumber, view: &View) {
    let before = Arc::new(View::new(before, view.members().cloned()));
    let nobody = Arc::new(Ring::of([]));
    for node in 0..world.nodes.len() {
        let me = incarnation(world, node);
        let mut machine = world.new_cluster(me);
        machine.handle_view_and_ring(world.now, Arc::clone(&before), Arc::clone(&nobody));
        world.nodes[node].cluster = Some(machine);
    }
}

/// Places every actor at the less loaded of two members.
fn grant(world: &mut World, view: ViewNumber, ring: &Ring, actors: usize) -> Vec<u32> {
    let mut by_slot = vec![0_u32; Slot::COUNT];
    let mut loads = vec![0_u32; world.nodes.len()];
    for number in 0..actors {
        let actor = actor(number);
        let slot = slot_of(&actor);
        let owner = ring.owner(slot).expect("there are members");
        by_slot[slot.index()] += 1;
        let [first, second] = [(); 2].map(|()| world.draws.below(loads.len()));
        let host = if loads[second] < loads[first] { second } else { first };
        loads[host] += 1;
        let tenure = Tenure { view: view.0, sequence: u64::from(by_slot[slot.index()]) };
        let durable = number.is_multiple_of(2);
        let grant = Message::Grant { view, actor, tenure, durable, arrived: None };
        let now = world.now;
        let machine = cluster(world, host);
        machine.handle_message(now, owner, grant);
        // It runs now, and the owner will hear so by a report.
        drop(machine.take_effects());
    }
    let hosted: usize = (0..loads.len()).map(|node| cluster(world, node).sizes().hosted).sum();
    assert_eq!(hosted, actors, "every grant is taken");
    by_slot
}

/// Lets a member take its slots, and everybody report to it.
fn open(world: &mut World, node: usize, view: &Arc<View>, ring: &Arc<Ring>) {
    let (now, me) = (world.now, incarnation(world, node));
    cluster(world, node).handle_view_and_ring(now, Arc::clone(view), Arc::clone(ring));
    report(cluster(world, node), now);
    let places: std::collections::BTreeMap<Incarnation, usize> =
        (0..world.nodes.len()).map(|node| (incarnation(world, node), node)).collect();
    for effect in cluster(world, node).take_effects() {
        let Effect::Send { to, message } = effect else { continue };
        let host = cluster(world, places[&to]);
        host.handle_message(now, me, message);
        report(host, now);
        for effect in host.take_effects() {
            if let Effect::Send { message, .. } = effect {
                cluster(world, node).handle_message(now, to, message);
            }
        }
    }
    let machine = cluster(world, node);
    assert!(machine.is_settled(), "every report is in");
}

/// Lets a member report everything that it was asked for.
fn report(machine: &mut Cluster, now: Instant) {
    while machine.is_reporting() {
        machine.handle_time(now);
    }
}

/// Owners know how many activations each member has: every answer to a grant says it.
fn tell_loads(world: &mut World) {
    let now = world.now;
    let count = world.nodes.len();
    let loads: Vec<(Incarnation, u32)> = (0..count)
        .map(|node| (incarnation(world, node), cluster(world, node).sizes().hosted as u32))
        .collect();
    let actor = named("nobody");
    for node in 0..count {
        for (host, load) in &loads {
            let told =
                Message::Granted { actor: actor.clone(), tenure: Tenure::default(), load: *load };
            cluster(world, node).handle_message(now, *host, told);
        }
    }
}
