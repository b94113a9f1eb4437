//! A network between simulated machines: slow, lossy, cut, and never to be relied upon.
//!
//! A message goes from the decision to send to the kernel of its sender, from kernel to kernel, and
//! waits in a queue until its receiver reads. A pause or a crash may strike between any two of
//! them. [`Class`] says whether it goes as a datagram or over a connection, [`Trouble`] what is
//! wrong on the way.

mod config;
mod inbox;
mod journey;
mod lane;
mod message;
mod port;
mod state;
mod trouble;
mod wire;

use std::sync::Arc;

use parking_lot::Mutex;

pub use self::config::NetConfig;
pub(crate) use self::config::below;
pub use self::message::{Class, Closed, Heard, Message, Traffic};
pub use self::port::Port;
pub use self::trouble::{Ill, PLACES_MAX, Places, Trouble};

use self::inbox::Inbox;
use self::state::{Place, State, Step};
use self::wire::Wire;
use crate::machine::Machine;
use crate::simulation::Simulation;
use crate::tasks::SimTasks;

/// A network. Clones are the same one.
pub struct Net<M>(Arc<Wire<M>>);

impl<M> Clone for Net<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Message> Net<M> {
    /// A network that connects nobody yet.
    #[must_use]
    pub fn new(sim: &Simulation, config: NetConfig) -> Self {
        let state = Mutex::new(State::new(config, sim.dice()));
        Self(Arc::new(Wire { world: sim.world(), state }))
    }

    /// Lets a process of `machine` listen and send. The machine's number is its address; sockets of
    /// an earlier process there are closed now, if they were not.
    #[must_use]
    pub fn bind(&self, machine: &Machine, process: &Arc<SimTasks>) -> Port<M> {
        let (place, inbox) = (machine.number(), Inbox::new(Arc::clone(process)));
        let now = self.0.world.clock.true_now();
        self.0.with(|state, fx| {
            let before = state.places.get(&place).and_then(|it| it.inbox.as_ref());
            if let Some(group) = before.map(|inbox| inbox.group()) {
                state.free(now, place, group, fx);
            }
            let traffic = state.places.get(&place).map(|it| it.traffic).unwrap_or_default();
            let (machine, inbox) = (machine.clone(), Some(Arc::clone(&inbox)));
            state.places.insert(place, Place { machine, inbox, is_off: false, traffic });
        });
        Port { wire: Arc::clone(&self.0), inbox, place }
    }

    /// Closes the sockets of a process that was killed, the later the more memory it had.
    pub fn killed(&self, machine: &Machine, process: &SimTasks, memory_mib: u32) {
        let (place, group) = (machine.number(), process.group());
        let now = self.0.world.clock.true_now();
        self.0.with(|state, fx| {
            let took = state.config.close_per_gib * memory_mib / 1024;
            fx.at(now + took, Step::Free { place, group });
        });
    }

    /// Takes the power of a machine whose processes were killed: nobody is told, nobody is refused,
    /// until a process is bound there again.
    pub fn power_off(&self, machine: &Machine) {
        self.0.with(|state, fx| state.power_off(machine.number(), fx));
    }

    /// Resets every connection between two machines, although nothing is wrong with them.
    pub fn reset(&self, one: u32, other: u32) {
        let now = self.0.world.clock.true_now();
        self.0.with(|state, fx| state.reset(now, one, other, fx));
    }

    /// Begins a trouble; gives the number to [`end`](Self::end) it by.
    #[must_use]
    pub fn begin(&self, trouble: Trouble) -> u64 {
        self.0.with(|state, _| state.troubles.begin(trouble))
    }

    /// Ends a trouble.
    pub fn end(&self, trouble: u64) {
        self.0.with(|state, _| state.troubles.end(trouble));
    }

    /// What went to and from a machine so far.
    #[must_use]
    pub fn traffic(&self, place: u32) -> Traffic {
        self.0.with(|state, _| state.places.get(&place).map_or(Traffic::default(), |it| it.traffic))
    }
}
