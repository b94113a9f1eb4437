use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use tenure_types::{Instant, Key, KeyError, actor_hash};

use crate::host::HostHandle;
use crate::{Actor, Call, Handler, IntoKey, Link, Message, Ticket};

/// Whom a call is for, as a host sees it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The number of the actor type in this process.
    pub slot: u32,
    /// [`actor_hash`] of type name and key.
    pub hash: u64,
    /// The type's name.
    pub type_name: &'static str,
    /// The key.
    pub key: Key,
}

/// What a call inherits from the turn that makes it.
#[derive(Debug)]
pub struct Origin {
    /// The calls that wait for this one, the calling actor last.
    pub chain: Arc<Link>,
    /// The calling turn's deadline: no call it makes may outlast it.
    pub deadline: Instant,
    /// What must be durable before the call leaves.
    pub unsaved: Option<Ticket>,
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

impl<A: Actor> ActorRef<A> {
    /// A reference to the actor of type `A` with this key.
    ///
    /// A key that breaks the rule for keys is told by every call, as `BadRequest`.
    pub fn new(host: &HostHandle, key: impl IntoKey) -> Self {
        Self::from_turn(host, key, None)
    }

    pub(crate) fn from_turn(
        host: &HostHandle,
        key: impl IntoKey,
        origin: Option<Arc<Origin>>,
    ) -> Self {
        let target = key.into_key().map(|key| Target {
            slot: A::slot().index(),
            hash: actor_hash(A::TYPE, &key),
            type_name: A::TYPE,
            key,
        });
        Self {
            host: host.clone(),
            target,
            origin,
            marker: PhantomData,
        }
    }

    /// The call that sends `message`; it starts when it is awaited.
    pub fn call<M: Message>(&self, message: M) -> Call<A, M>
    where
        A: Handler<M>,
    {
        Call::new(
            self.host.clone(),
            self.target.clone(),
            self.origin.clone(),
            message,
        )
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

impl<A: Actor> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Ok(target) => write!(f, "{}/{}", A::TYPE, target.key),
            Err(error) => write!(f, "{}/<{error}>", A::TYPE),
        }
    }
}
