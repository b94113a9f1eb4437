use bytes::Bytes;
use tenure_actor::ActorType;
use tenure_observe::{LiveActor, StoredActor};
use tenure_types::{BoxFuture, CallError, Key};
use tokio::sync::mpsc;

/// A copy of the store on its way: it ends with the channel, or with an error.
pub type Copy = mpsc::Receiver<Result<Bytes, String>>;

/// What is stored of an actor, and its state as JSON; or why that cannot be read.
pub type StoredState = (StoredActor, Result<serde_json::Value, String>);

/// What the admin server shows of a node's actors, and does to them.
pub trait Actors: Send + Sync + 'static {
    /// The activations of a type after the key `after`, in the order of their keys.
    fn live(&self, actor_type: &ActorType, after: Option<&Key>, limit: usize) -> Vec<LiveActor>;

    /// The activation of an actor, if there is one.
    fn live_one(&self, actor_type: &ActorType, key: &Key) -> Option<LiveActor>;

    /// The stored actors of a type after the key `after`, in the order of their keys. The type need not
    /// be one that the node runs.
    ///
    /// # Errors
    /// `Storage` when the store cannot be read.
    fn stored(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredActor>, CallError>>;

    /// What is stored of one actor, with its state as JSON; nothing is activated for that.
    ///
    /// # Errors
    /// `Storage` when the store cannot be read.
    fn stored_one(
        &self,
        actor_type: &ActorType,
        key: Key,
    ) -> BoxFuture<'static, Result<Option<StoredState>, CallError>>;

    /// Lets the activation of an actor leave memory once everything is saved; `false` if it stayed
    /// busy.
    fn deactivate(&self, actor_type: &ActorType, key: Key) -> BoxFuture<'static, bool>;

    /// Begins a copy of everything that is stored now.
    ///
    /// # Errors
    /// Why none can be made.
    fn back_up(&self) -> Result<Copy, String>;
}

/// A node as far as it can be told what to do.
pub trait Steering: Send + Sync {
    /// Lets the node take no new activations, or take them again; `false` where it is alone.
    fn cordon(&self, is_cordoned: bool) -> bool;

    /// Lets the node stop in good order, as SIGTERM does. It begins to after the answer.
    fn drain(&self);
}
