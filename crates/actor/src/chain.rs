use std::fmt::Write as _;
use std::sync::Arc;

use tenure_types::{ActorTypeName, CallError, Key};

/// The longest chain of calls that wait for each other.
pub const CHAIN_LEN_MAX: u32 = 256;

/// One actor of a chain of calls that wait for each other, with those before it.
///
/// Root calls have none; a link is made only by a handler that calls out.
#[derive(Debug)]
pub struct Link {
    actor_type: ActorTypeName,
    key: Key,
    before: Option<Arc<Link>>,
    len: u32,
}

impl Link {
    /// The chain `before`, with the actor whose turn now calls out at its end.
    #[must_use]
    pub fn after(before: Option<Arc<Link>>, actor_type: ActorTypeName, key: Key) -> Arc<Self> {
        let len = before.as_ref().map_or(0, |link| link.len) + 1;
        Arc::new(Self { actor_type, key, before, len })
    }

    /// Refuses a call to an actor that is in the chain already, and a chain that is too long.
    ///
    /// # Errors
    /// `Cycle` with the path from the first call of that actor to its repetition, `TooLarge` past
    /// [`CHAIN_LEN_MAX`].
    pub fn check(self: &Arc<Self>, actor_type: ActorTypeName, key: &str) -> Result<(), CallError> {
        let mut at = Some(self);
        while let Some(link) = at {
            if link.actor_type == actor_type && *link.key == *key {
                return Err(CallError::Cycle { path: self.path_from(link) });
            }
            at = link.before.as_ref();
        }
        if self.len >= CHAIN_LEN_MAX {
            return Err(CallError::TooLarge {
                detail: format!(
                    "the chain of calls that ends in {actor_type}/{key} is longer than \
                     {CHAIN_LEN_MAX}; break it with .send()"
                )
                .into(),
            });
        }
        Ok(())
    }

    /// The actors of the chain, the one that called last first.
    pub fn actors(&self) -> impl Iterator<Item = (ActorTypeName, &Key)> {
        std::iter::successors(Some(self), |link| link.before.as_deref())
            .map(|link| (link.actor_type, &link.key))
    }

    fn path_from(self: &Arc<Self>, first: &Arc<Link>) -> Box<str> {
        let mut links = vec![self];
        while let Some(link) = links.last().filter(|link| !Arc::ptr_eq(link, first)) {
            let Some(before) = &link.before else { break };
            links.push(before);
        }
        let mut path = String::new();
        for link in links.iter().rev() {
            let _ = write!(path, "{}/{} > ", link.actor_type, link.key);
        }
        let _ = write!(path, "{}/{}", first.actor_type, first.key);
        path.into()
    }
}
