use std::future::Future;
use std::sync::Arc;

use tenure_protocol::view::membership::{Lost, Seat as Place};
use tenure_protocol::view::table::{TableAnswer, TableError, TableRequest};
use tenure_protocol::view::{Member, View};
use tenure_runtime::{Busy, Parts, Runtime, Seat, StartError};
use tenure_store::Store;
use tenure_types::{ActorId, BoxFuture, Clock, Incarnation, Instant, NodeId, Tasks, Tenure};

use crate::message::Frame;
use crate::rings::Rings;

/// What came from outside.
#[derive(Debug)]
pub enum Heard {
    /// A frame of another node.
    Frame(Frame),
    /// Connections to the members at this address broke: somebody should look at their rows. Where new ones
    /// are `refused` too, they are presumed dead.
    Broken {
        /// The address, as members' rows have it.
        address: Arc<str>,
        /// Whether new connections are refused.
        refused: bool,
    },
    /// The process at this address is dead, which is proven: nothing of it can be released any more.
    Dead {
        /// As above.
        address: Arc<str>,
    },
    /// A process of this cluster came that is in no view known here: there may be a newer one.
    Stranger,
    /// A frame of this node that never left it, although it was taken.
    Unsent(Frame),
    /// A datagram of gossip, from somebody with the cluster's key.
    Datagram(Vec<u8>),
    /// Nothing that a node's driver looks at.
    Else,
}

/// What is around a node: network, member table, store, time. Its methods must not block.
pub trait World: Send + Sync + Sized + 'static {
    /// The node's clock.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Where the node's tasks run.
    fn tasks(&self) -> Arc<dyn Tasks>;

    /// A uniformly distributed number below `end`.
    fn below(&self, end: u64) -> u64;

    /// As what the node joins.
    fn place(&self) -> Place;

    /// What comes next from outside.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    fn heard(&self) -> impl Future<Output = Heard> + Send;

    /// Sends a frame to a member; `false` if it was not taken and never arrives. One that was taken may be lost all
    /// the same.
    fn send(&self, to: &Member, frame: Frame) -> bool;

    /// There is a newer view: its members are whom to talk with.
    fn learnt(&self, _: &Arc<View>) {}

    /// Called from time to time: for what nobody reminds the world of.
    fn look(&self) {}

    /// Carries a request to the member table and its answer back. The driver stops waiting after
    /// `ask_time_max`.
    fn ask_table(&self, ask: TableRequest) -> BoxFuture<'static, Result<TableAnswer, Lost>>;

    /// Sends a datagram of gossip to a member's address. It may be lost.
    fn send_datagram(&self, _to: &Arc<str>, _datagram: Vec<u8>) {}

    /// Sends a datagram of gossip to wherever a member may be, as far as the configuration knows. It may be lost.
    fn knock(&self, _datagram: Vec<u8>) {}

    /// A datagram of gossip could not be read, and was dropped.
    fn misread(&self, _why: &str) {}

    /// This node has another fixed list of nodes, which people should know. The later of the two ends.
    fn differs(&self, _node: &NodeId) {}

    /// Rings of views.
    fn rings(&self) -> &Rings;

    /// A way to the state store, for an incarnation that begins or to fence another one.
    fn store(&self) -> Arc<dyn Store>;

    /// What the runtime of an incarnation is made of.
    fn parts(&self, store: Arc<dyn Store>, seat: Arc<dyn Seat>) -> Parts;

    /// The lease of this incarnation is over: it was condemned, and what it had in memory is gone. Whether the
    /// process joins again as another one; else it has left.
    fn discarded(&self, _: Incarnation) -> bool {
        true
    }

    /// The runtime of this incarnation stands: it takes calls.
    fn stands(&self, _: &Arc<Runtime>) {}

    /// The node has left. Nothing follows.
    fn left(&self);

    /// The member table is in trouble that somebody has to look at. Said once until it is over; the node goes on
    /// trying.
    fn trouble(&self, trouble: &TableError);

    /// The runtime did not start: mostly the store is not there. It is tried again.
    fn refused(&self, _: &StartError) {}

    /// The lease has run out; what is in memory may be lost.
    fn suspended(&self) {}

    /// This node has fenced an incarnation in the state store.
    fn fenced(&self, _: Incarnation) {}

    /// Something happened that is worth counting.
    fn reached(&self, _: &'static str) {}

    /// Something that the protocol's rules exclude. The node goes on; people should know.
    fn alarm(&self, what: String);

    /// Runs a turn for a call of another node.
    fn around(&self, turn: impl FnOnce() -> bool) -> bool {
        turn()
    }

    /// Whether what moves stays in this process, so that a state without a stored form can move too.
    fn is_one_process(&self) -> bool {
        false
    }

    /// The actors of this node that are called the most.
    fn busiest(&self, runtime: &Runtime) -> Vec<Busy> {
        runtime.busiest()
    }

    /// Whether [`World::noted`] and [`World::released`] are of any use here.
    const IS_WITNESS: bool = false;

    /// Awaits a future, and gives when what it waited for was decided.
    fn noted<F: Future + Send>(
        &self,
        future: F,
    ) -> impl Future<Output = (F::Output, Instant)> + Send {
        async move { (future.await, Instant::ZERO) }
    }

    /// A reply of an activation of `node` left for another node, decided at a time of [`World::noted`]; `None`:
    /// now.
    fn released(&self, _: &ActorId, _: Incarnation, _: Tenure, _: Option<Instant>) {}
}
