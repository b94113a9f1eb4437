use std::sync::{Arc, Weak};
use std::time::Duration;

use tenure_actor::Publications;
use tenure_cluster::{Driver, Picture, World as _};
use tenure_protocol::cluster::Sizes;
use tenure_runtime::Runtime;
use tenure_sim::{Machine, SimTasks};
use tenure_types::{ActorId, CallError, Clock as _, Incarnation, Instant, Tasks as _, Tenure};

use super::outer::{Desk, Neighbour, Outer};
use super::world::NodeWorld;
use crate::build::Build;
use crate::cast;
use crate::frame::{Body, Frame};
use crate::noted::noted;
use crate::ops::{self, Ask};

/// How long a node that leaves waits until everything has moved, how often it looks, and how long it has then to
/// save what has not.
const DRAIN_BUDGET: Duration = Duration::from_secs(20);
const DRAIN_LOOK_PERIOD: Duration = Duration::from_millis(50);
const STOP_BUDGET: Duration = Duration::from_secs(2);

/// A process of a node, with what clients ask it and how it ends.
pub struct Host {
    pub(super) driver: Arc<Driver<NodeWorld>>,
}

impl Host {
    /// Starts a process on a machine; it joins the cluster.
    pub fn start(outer: &Arc<Outer>, machine: &Machine, build: Build) -> Arc<Self> {
        let world = NodeWorld::new(outer, machine, build);
        let driver = Driver::new(world, Arc::clone(&outer.config));
        let host = Arc::new(Self { driver });
        let desk: Weak<dyn Desk> = Arc::downgrade(&(Arc::clone(&host) as Arc<dyn Desk>));
        host.world().answers(desk);
        let neighbour: Weak<dyn Neighbour> =
            Arc::downgrade(&(Arc::clone(&host) as Arc<dyn Neighbour>));
        outer.neighbours.lock().push(neighbour);
        host.driver.start();
        host
    }

    pub(super) fn world(&self) -> &NodeWorld {
        self.driver.world()
    }

    /// Its process.
    pub fn process(&self) -> &Arc<SimTasks> {
        &self.world().process
    }

    /// Its machine's number.
    pub fn number(&self) -> u32 {
        self.world().machine.number()
    }

    /// Its runtime, once it stands.
    pub fn runtime(&self) -> Option<Arc<Runtime>> {
        self.driver.runtime()
    }

    /// Its incarnation, while it is a member.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.driver.incarnation()
    }

    /// What actors publish, wherever they live, for followers at this node; `None` while it is no member.
    pub fn publications(&self) -> Option<Arc<dyn Publications>> {
        self.driver.publications()
    }

    /// What it looks like.
    pub fn picture(&self) -> Picture {
        self.driver.picture()
    }

    /// What it knows of an actor, for people.
    pub fn explain(&self, actor: &ActorId) -> String {
        self.driver.explain(actor)
    }

    /// How much it has of what is bounded, while it is a member.
    pub fn sizes(&self) -> Option<(Incarnation, Sizes)> {
        self.driver.sizes()
    }

    /// Ends the process at once. Its sockets close the later the more memory it has; its sentinel, if
    /// that lives, tells the others.
    pub fn kill(&self, memory_mib: u32) {
        let incarnation = self.incarnation();
        incarnation.into_iter().for_each(|it| self.world().excuse_fenced(it));
        let NodeWorld { outer, machine, process, .. } = self.world();
        process.kill();
        outer.net.killed(machine, process, memory_mib);
        let Some(incarnation) = incarnation else { return };
        let tells = self.world().draw(100) < outer.sentinel_percent;
        if tells && machine.is_running() {
            let living = outer.living();
            living.into_iter().for_each(|it| it.hear_of_death(incarnation));
        }
    }

    /// Takes its machine's power.
    pub fn power_off(&self) {
        self.incarnation().into_iter().for_each(|it| self.world().excuse_fenced(it));
        self.process().kill();
        self.world().outer.net.power_off(&self.world().machine);
    }

    /// Lets it leave in good order, as a real node does that is told to end: what has not moved within the budget is
    /// saved, and begins anew elsewhere.
    pub fn drain(self: &Arc<Self>) {
        self.driver.drain();
        let host = Arc::clone(self);
        let stop = async move {
            let (clock, tasks) = (host.process().clock(), host.process());
            let until = clock.now() + DRAIN_BUDGET;
            while host.driver.has_others() && clock.now() < until {
                tasks.sleep_until(clock.now() + DRAIN_LOOK_PERIOD).await;
            }
            let Some(runtime) = host.runtime() else { return };
            host.world().reached("stopped before everything had moved");
            let stopped = runtime.stop(STOP_BUDGET).await;
            let has_saved = matches!(stopped, Ok(0));
            if !has_saved {
                host.world().reached("stopped before everything was saved");
            }
            host.driver.stopped(has_saved);
        };
        self.world().tasks.spawn("stop", Box::pin(stop));
    }

    /// A client asks: the call is made here, wherever its actor lives.
    fn answer_client(self: &Arc<Self>, place: u32, ask: Ask) {
        let Some(runtime) = self.runtime() else {
            let said = ops::refuse(&ask, not_a_member());
            return self.say(place, said);
        };
        let host = Arc::clone(self);
        let answer = async move {
            let (said, at) = noted(ops::perform(runtime.handle(), ask)).await;
            if let Ok(Some(answer)) = &said.result {
                host.note_release(&ask.who.id(), answer.tenure, at);
            }
            host.say(place, said);
        };
        self.world().tasks.spawn("client", Box::pin(answer));
    }

    /// A reply that an activation of this node left here; those of others are told of where they live.
    ///
    /// So are those to calls that went away and were sent back here, which seem to leave when they have come round. That is
    /// seen where the activation is sealed meanwhile, and tells replies to others.
    fn note_release(&self, actor: &ActorId, tenure: Tenure, at: Instant) {
        let came_round =
            || !self.driver.runs(actor, tenure) && self.world().has_told_others(actor, tenure);
        let is_home = || self.driver.is_home_of(actor, tenure) && !came_round();
        if let Some(me) = self.incarnation().filter(|_| is_home()) {
            cast::released(actor, me, tenure, at);
        }
    }

    fn say(&self, place: u32, said: ops::Said) {
        let (from, to) = (Incarnation(0), Incarnation(0));
        self.world().port.send(place, Frame { from, to, body: Body::Said(said) });
    }
}

impl Desk for Host {
    fn answer(self: Arc<Self>, place: u32, frame: Frame) {
        match frame.body {
            Body::Ask(ask) => self.answer_client(place, ask),
            Body::Follow(follow) => self.answer_follow(place, follow),
            Body::Read(read) => self.answer_reader(place, read),
            Body::FollowHere { place, follow, from } if self.driver.hears(frame.from, frame.to) => {
                self.tell_follower(place, follow, from);
            }
            _ => {}
        }
    }
}

impl Neighbour for Host {
    fn is_living(&self) -> bool {
        !self.process().is_dead()
    }

    fn hear_of_death(self: Arc<Self>, incarnation: Incarnation) {
        let way = Duration::from_micros(300 + self.world().draw(3_000));
        let process = Arc::clone(self.process());
        let at = process.clock().now() + way;
        let tell = async move {
            self.process().sleep_until(at).await;
            self.driver.died(incarnation);
        };
        process.spawn("sentinel", Box::pin(tell));
    }
}

pub(super) fn not_a_member() -> CallError {
    CallError::Unavailable { detail: "the node has lost its place in the cluster".into() }
}
