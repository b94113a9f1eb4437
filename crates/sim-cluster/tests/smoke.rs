//! A few nodes join, run actors, lose one of them, and go on.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use tenure::prelude::*;
use tenure_actor::{ActorRef, ActorType};
use tenure_sim::net::{Net, NetConfig};
use tenure_sim::remote::{RouteConfig, ServiceHost, StoreHost};
use tenure_sim::{ClockSpec, Machine, Options, Simulation};
use tenure_sim_cluster::build::Build;
use tenure_sim_cluster::machines::TableService;
use tenure_sim_cluster::node::{Host, Outer};
use tenure_store::MemoryDisk;

/// A durable number.
#[tenure::data]
#[derive(Default)]
pub struct Counter {
    value: u64,
}

#[actor]
impl Counter {
    /// Adds.
    pub fn add(&mut self, by: u64) -> u64 {
        self.value += by;
        self.value
    }
}

fn world(sim: &Arc<Simulation>, nodes: usize) -> (Arc<Outer>, Vec<Machine>) {
    let machines = (0..nodes).map(|_| sim.machine(ClockSpec::default())).collect();
    let net = Net::new(sim, NetConfig::default());
    let store = StoreHost::new(sim, RouteConfig::default(), MemoryDisk::new());
    let table = ServiceHost::new(sim, "table", RouteConfig::default(), TableService::default());
    let types = vec![ActorType::of::<Counter>().expect("a good name")];
    (Arc::new(Outer::new(Arc::clone(sim), net, store, table, types)), machines)
}

fn add(host: &Arc<Host>, key: &str) -> impl Future<Output = Result<u64, CallError>> + use<> {
    let runtime = host.runtime().expect("it runs");
    let counter: <Counter as Actor>::Ref = ActorRef::<Counter>::new(&runtime.handle(), key).into();
    counter.add(1).into_future()
}

#[test]
fn nodes_join_run_actors_and_lose_one_of_them() {
    let sim = Arc::new(Simulation::with(7, Options::default()));
    let (outer, machines) = world(&sim, 3);
    let hosts: Vec<Arc<Host>> =
        machines.iter().map(|it| Host::start(&outer, it, Build::default())).collect();
    sim.advance(Duration::from_secs(3));
    for host in &hosts {
        let picture = host.picture();
        assert!(picture.is_settled, "{picture:?}");
        assert_eq!(picture.view.0, 6, "three joins, three times alive");
    }
    for round in 1..=3 {
        for key in 0..20 {
            let host = &hosts[(round + key) % 3];
            let value = sim.run_until(add(host, &key.to_string()));
            assert_eq!(value, Ok(round as u64), "{key}");
        }
    }
    let before: usize = hosts.iter().map(|host| host.picture().hosted.len()).sum();
    assert_eq!(before, 20);
    hosts[0].kill(0);
    sim.advance(Duration::from_millis(500));
    for key in 0..20 {
        let value = sim.run_until(add(&hosts[1 + key % 2], &key.to_string()));
        assert_eq!(value, Ok(4), "{key}");
    }
    hosts[1].drain();
    sim.advance(Duration::from_secs(5));
    assert!(hosts[1].process().is_dead(), "{:?}", hosts[1].picture());
    for key in 0..20 {
        assert_eq!(sim.run_until(add(&hosts[2], &key.to_string())), Ok(5), "{key}");
    }
    assert_eq!(*outer.alarms.lock(), Vec::<String>::new());
}
