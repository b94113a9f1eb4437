use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tenure_actor::Target;
use tenure_actor::host::QueuedCall;
use tenure_protocol::cluster::{Cluster, Sizes};
use tenure_protocol::migration::MoveId;
use tenure_protocol::view::membership::Lost as TableLost;
use tenure_protocol::view::table::TableAnswer;
use tenure_runtime::{Packed, Runtime};
use tenure_types::{ActorId, ActorTypeName, CallError, Incarnation, Tenure, ViewNumber};

use crate::follow::Follows;
use crate::level::Level;
use crate::roll::Drain;
use crate::way::{Seeking, Way};

/// One incarnation of a process: from its row in the member table to its end.
pub(crate) struct Life {
    pub(crate) incarnation: Incarnation,
    pub(crate) cluster: Cluster,
    /// What calls need of it.
    pub(crate) way: Arc<Way>,
    pub(crate) lease_until: Arc<AtomicU64>,
    /// Calls whose actor is being looked up.
    pub(crate) seeking: BTreeMap<ActorId, Vec<Seeking>>,
    /// What was packed here and is on its way, and what came and does not run yet.
    pub(crate) packed: BTreeMap<MoveId, Packed>,
    pub(crate) arrived: BTreeMap<MoveId, Packed>,
    /// Activations that are gone, while a move of theirs is not over.
    pub(crate) gone: BTreeMap<ActorId, Tenure>,
    pub(crate) follows: Arc<Follows>,
    pub(crate) drain: Drain,
    pub(crate) level: Option<Level>,
}

impl Life {
    /// Its runtime, once the store is joined.
    pub(crate) fn runtime(&self) -> Option<&Arc<Runtime>> {
        self.way.runtime.get()
    }
}

/// What happens inside of a process.
pub(crate) enum Local {
    /// A call whose actor is not here.
    Absent { target: Target, call: Arc<dyn QueuedCall> },
    /// An activation is sealed and saved.
    Leaving { actor: ActorId, tenure: Tenure },
    /// An activation is gone.
    Lost { actor: ActorId, tenure: Tenure },
    /// The store is joined and the runtime stands.
    Started(Arc<Runtime>),
    /// The member table has answered, or has not.
    Answered(u64, Result<TableAnswer, TableLost>),
    /// The store has handed out incarnations.
    Numbered(Vec<Incarnation>),
    /// An incarnation is fenced.
    Fenced(Incarnation),
    /// An activation is packed, or is not.
    Packed(MoveId, Result<Packed, CallError>),
    /// A sentinel has told that a process died.
    Died(Incarnation),
    /// Somebody begins to follow an actor, or nobody does any more.
    Attend(ActorId),
    /// Join the cluster (again).
    Join,
    /// Leave it; while servers are open only everything moves away.
    Drain { is_serving: bool },
    /// Leave it at once, whatever is on its way.
    Abandon,
    /// Take no new activations, or take them again.
    Cordon(bool),
}

/// What a process looks like from outside.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its incarnation; zero while it is no member.
    pub incarnation: Incarnation,
    /// Its newest view.
    pub view: ViewNumber,
    /// Whether every slot it has by the ring is open.
    pub is_settled: bool,
    /// Its activations, and whether turns run on them.
    pub hosted: Vec<(ActorId, Tenure, bool)>,
    /// Its directory entries: which actor, where it is or was asked to be, and its right.
    pub entries: Vec<(ActorId, Incarnation, Tenure)>,
    /// How much it has of what is bounded.
    pub sizes: Sizes,
}

/// The actor that a target names.
pub(crate) fn name_of(target: &Target) -> ActorId {
    let actor_type = ActorTypeName::new(target.type_name).expect("a type has a good name");
    ActorId { actor_type, key: target.key.clone() }
}
