use tenure_actor::{ActorType, CodecError, Method, Target};
use tenure_types::{Key, actor_hash};

/// The actor types that can be followed.
#[derive(Debug)]
pub(crate) struct Kinds(Vec<Kind>);

/// What following an actor of one type needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) type_name: &'static str,
    slot: u32,
    /// Lets a client in: the author's method, or one that lets everybody in.
    pub(crate) attach: &'static Method,
    /// Whether the author's method answers what a client begins with.
    pub(crate) has_attach: bool,
    pub(crate) detach: Option<&'static Method>,
    pub(crate) event_json: fn(u8, &[u8]) -> Result<Vec<u8>, CodecError>,
}

impl Kinds {
    pub(super) fn new(types: &[ActorType]) -> Self {
        let kind = |actor_type: &ActorType| Kind {
            type_name: actor_type.name.as_str(),
            slot: actor_type.slot,
            attach: actor_type.hooks.attach.unwrap_or(actor_type.standing.follow),
            has_attach: actor_type.hooks.attach.is_some(),
            detach: actor_type.hooks.detach,
            event_json: actor_type.event_json,
        };
        let mut kinds: Vec<_> = types.iter().map(kind).collect();
        kinds.sort_unstable_by_key(|kind| kind.type_name);
        Self(kinds)
    }

    pub(crate) fn find(&self, type_name: &str) -> Option<Kind> {
        let index = self.0.binary_search_by_key(&type_name, |kind| kind.type_name).ok()?;
        Some(self.0[index])
    }
}

impl Kind {
    pub(crate) fn target(&self, key: Key) -> Target {
        let hash = actor_hash(self.type_name, &key);
        Target { slot: self.slot, hash, type_name: self.type_name, key }
    }
}
