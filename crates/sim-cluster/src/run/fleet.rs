use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tenure_sim::Machine;
use tenure_sim::faults::Hooks;
use tenure_sim::judge::{Cause, Parting};

use crate::build::Build;
use crate::node::{Host, Outer};
use crate::stage::Stage;

/// The nodes of a cluster: which of them shall run, and what runs. Clones are the same one.
#[derive(Clone)]
pub(super) struct Fleet(Arc<Inner>);

struct Inner {
    outer: Weak<Outer>,
    machines: Vec<Machine>,
    stage: Stage,
    /// Whether a node comes back with another build when it was drained.
    deploys: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hosts: BTreeMap<u32, Arc<Host>>,
    wanted: BTreeSet<u32>,
    /// What nodes run that have been drained.
    builds: BTreeMap<u32, Build>,
}

impl Fleet {
    pub(super) fn new(
        outer: &Arc<Outer>,
        machines: Vec<Machine>,
        (stage, deploys): (Stage, bool),
    ) -> Self {
        let (outer, state) = (Arc::downgrade(outer), Mutex::default());
        Self(Arc::new(Inner { outer, machines, stage, deploys, state }))
    }

    /// From now on a process shall run there.
    pub(super) fn want(&self, node: u32) {
        self.0.state.lock().wanted.insert(node);
        self.look();
    }

    /// Starts what shall run and does not, as a supervisor does.
    pub(super) fn look(&self) {
        let Some(outer) = self.0.outer.upgrade() else { return };
        let missing: Vec<u32> = {
            let mut state = self.0.state.lock();
            state.hosts.retain(|_, host| !host.process().is_dead());
            let is_missing = |node: &&u32| !state.hosts.contains_key(*node);
            state.wanted.iter().filter(is_missing).copied().collect()
        };
        for node in missing {
            let build = self.0.state.lock().builds.get(&node).copied().unwrap_or_default();
            if let Some(machine) = self.0.machines.get(node as usize) {
                if build == Build::Newer {
                    outer.reached("newer build beside an older one");
                }
                let host = Host::start(&outer, machine, build);
                self.0.state.lock().hosts.insert(node, host);
            }
        }
    }

    /// Every process that lives.
    pub(super) fn living(&self) -> Vec<Arc<Host>> {
        let state = self.0.state.lock();
        state.hosts.values().filter(|host| !host.process().is_dead()).cloned().collect()
    }

    /// The process of a node, which is not wanted any more.
    fn take(&self, node: u32) -> Option<Arc<Host>> {
        let mut state = self.0.state.lock();
        state.wanted.remove(&node);
        state.hosts.remove(&node)
    }

    fn crashed(&self) {
        let at = self.0.stage.now();
        let parting = Parting { actor: None, cause: Cause::Crash, at };
        self.0.stage.tell(|jury| jury.behind.parted(parting));
    }
}

impl Hooks for Fleet {
    fn crash(&self, node: u32, memory_mib: u32) {
        if let Some(host) = self.take(node) {
            self.crashed();
            host.kill(memory_mib);
        }
    }

    fn power_off(&self, node: u32) {
        if let Some(host) = self.take(node) {
            self.crashed();
            host.power_off();
        }
    }

    fn start(&self, node: u32) {
        self.want(node);
    }

    fn drain(&self, node: u32) {
        let host = {
            let mut state = self.0.state.lock();
            state.wanted.remove(&node);
            // Whoever is drained comes back with the other build: a deploy, or one that is taken back.
            if self.0.deploys {
                let build = state.builds.entry(node).or_default();
                *build = build.other();
            }
            state.hosts.get(&node).cloned()
        };
        if let Some(host) = host {
            host.drain();
        }
    }
}
