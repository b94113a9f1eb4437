use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use tenure_types::{Instant, Key, KeyError};

use crate::host::HostHandle;
use crate::{Link, NestedKeys, Target, Ticket};

/// What a call inherits from the turn that makes it.
#[derive(Debug)]
pub struct Origin {
    /// The calls that wait for this one, the calling actor last; `None` where the turn does not
    /// wait.
    pub chain: Option<Arc<Link>>,
    /// The calling turn's deadline: no call it makes may outlast it. Never, where it does not wait.
    pub deadline: Instant,
    /// What must be durable before the call leaves.
    pub unsaved: Option<Ticket>,
    /// Where the calls of a turn that may run again get their keys from.
    pub nested: Option<Arc<NestedKeys>>,
}

/// A reference to an actor, live or not. Making one does nothing; clones are cheap.
///
/// `#[actor]` writes a typed one around it, with a method for each handler.
pub struct ActorRef<A> {
    host: HostHandle,
    target: Result<Target, KeyError>,
    origin: Option<Arc<Origin>>,
    marker: PhantomData<fn() -> A>,
}

impl<A> ActorRef<A> {
    #[inline]
    pub(crate) fn to(
        host: HostHandle,
        target: Result<Target, KeyError>,
        origin: Option<Arc<Origin>>,
    ) -> Self {
        Self { host, target, origin, marker: PhantomData }
    }

    /// What a call through this reference is made of.
    #[inline]
    pub(crate) fn parts(&self) -> (HostHandle, Result<Target, KeyError>, Option<Arc<Origin>>) {
        (self.host.clone(), self.target.clone(), self.origin.clone())
    }

    /// Whom calls through this reference are for, as a host sees it; `None` if the key is no key.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref().ok()
    }

    /// The key, if it is one.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.target.as_ref().ok().map(|target| &target.key)
    }
}

impl<A> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        Self {
            host: self.host.clone(),
            target: self.target.clone(),
            origin: self.origin.clone(),
            marker: PhantomData,
        }
    }
}

impl<A> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Ok(target) => write!(f, "{}/{}", target.type_name, target.key),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}
