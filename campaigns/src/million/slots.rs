//! Who keeps which slot, and whether it is open.

use anyhow::{Context, anyhow};
use serde::Deserialize;
use tenure_protocol::ring::{Ring, RingMember};
use tenure_types::{Incarnation, NodeId, Slot, actor_hash};

use crate::http::Connection;

/// The type of the campaign's actors, and the key of one of them.
pub(super) const TYPE: &str = "tenant";

/// Which node keeps the slot of an actor, while all nodes are there.
pub(super) struct Owners(Ring);

/// What a node shows of its cluster.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    slots: usize,
    slots_closed: usize,
    pub(super) directory_entries: usize,
    members: Vec<MemberShown>,
}

#[derive(Debug, Deserialize)]
struct MemberShown {
    node: String,
    state: String,
}

impl Owners {
    /// In a cluster of nodes with these names.
    pub(super) fn of(names: &[String]) -> Self {
        let members = (0..).zip(names).map(|(place, name)| RingMember {
            incarnation: Incarnation(place),
            node: NodeId::new(name).expect("the campaign's own names"),
            weight: 1,
        });
        Self(Ring::of(members))
    }

    /// How many slots a node has.
    pub(super) fn slots_of(&self, node: usize) -> usize {
        self.0.owned(Incarnation(node as u64)).count()
    }

    /// The actors below `end` whose slots a node has.
    pub(super) fn actors_of(&self, node: usize, end: u32) -> impl Iterator<Item = u32> {
        let owner = Incarnation(node as u64);
        (0..end).filter(move |actor| {
            self.0.owner(Slot::of(actor_hash(TYPE, &actor.to_string()))) == Some(owner)
        })
    }
}

impl Shown {
    /// Whether a node of this name is there, as far as this one knows.
    pub(super) fn knows_living(&self, name: &str) -> bool {
        self.members.iter().any(|it| it.node == name && it.state == "Alive")
    }

    /// How many slots it keeps open.
    pub(super) fn open(&self) -> usize {
        self.slots - self.slots_closed
    }
}

/// Asks a node's admin port.
pub(super) fn look(connection: &mut Connection) -> anyhow::Result<Shown> {
    #[derive(Deserialize)]
    struct Node {
        cluster: Option<Shown>,
    }
    let node = connection.call("GET", "/admin/v1/node", "");
    let node = node.map_err(|failure| anyhow!("a node does not show itself: {failure:?}"))?;
    let node: Node = serde_json::from_str(&node)?;
    node.cluster.context("a node that is in no cluster")
}
