//! What a node can be asked for by others.

use std::collections::BTreeMap;

use tenure_types::{ActorTypeName, CallError};

use super::names;
use crate::{ActorType, Method};

/// The actor types of a node, by their names.
#[derive(Debug)]
pub struct Types(BTreeMap<&'static str, Known>);

#[derive(Debug)]
pub(super) struct Known {
    pub(super) actor_type: ActorType,
    methods: BTreeMap<&'static str, &'static Method>,
}

impl Types {
    /// Those of a node.
    #[must_use]
    pub fn new(types: &[ActorType]) -> Self {
        let known = types.iter().map(|it| (it.name.as_str(), Known::new(it)));
        Self(known.collect())
    }

    /// The name of a type that another node has written: of one that is run here, or of one that only newer
    /// programs have, which is remembered for good. `None` where it could not be one, and past
    /// [`FOREIGN_TYPES_MAX`](super::FOREIGN_TYPES_MAX) of the latter.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<ActorTypeName> {
        match self.0.get(name) {
            Some(known) => Some(known.actor_type.name),
            None => names::keep(name).ok(),
        }
    }

    pub(super) fn find(&self, name: &str) -> Result<&Known, CallError> {
        self.0.get(name).ok_or_else(|| CallError::NotFound {
            detail: format!(
                "a call came for the actor type `{}`, and this node does not run it",
                shown(name)
            )
            .into(),
        })
    }
}

impl Known {
    fn new(actor_type: &ActorType) -> Self {
        let standing = &actor_type.standing;
        let standing = [standing.delete, standing.inspect, standing.follow, standing.defer];
        let methods = actor_type.methods.iter().chain(standing);
        let methods = methods.map(|method| (method.info.name, method)).collect();
        Self { actor_type: actor_type.clone(), methods }
    }

    pub(super) fn method(&self, name: &str) -> Result<&'static Method, CallError> {
        self.methods.get(name).copied().ok_or_else(|| CallError::NotFound {
            detail: format!(
                "`{}` has no method `{}` at the node where the actor lives",
                self.actor_type.name,
                shown(name)
            )
            .into(),
        })
    }
}

/// What a peer wrote, within bounds.
fn shown(name: &str) -> &str {
    &name[..name.floor_char_boundary(tenure_types::TYPE_NAME_BYTES_MAX)]
}
