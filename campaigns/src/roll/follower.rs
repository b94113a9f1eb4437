//! Somebody who follows an actor, whoever hears for it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use tenure_protocol::session::Position;

use super::heard::Heard;
use crate::cluster::VOLATILE_TYPE;
use crate::scene::stored_types;

/// One client that follows one actor.
pub(super) struct Follower {
    pub(super) actor_type: &'static str,
    pub(super) actor: usize,
    pub(super) heard: Mutex<Heard>,
    /// How often it was let in.
    pub(super) connections: AtomicU64,
    /// How often it was told to go elsewhere.
    pub(super) refusals: AtomicU64,
}

impl Follower {
    /// The follower number `index`: types in turn, then actors.
    pub(super) fn new(index: usize, actors: usize) -> Arc<Self> {
        let types: Vec<_> = stored_types().into_iter().chain([VOLATILE_TYPE]).collect();
        Arc::new(Self {
            actor_type: types[index % types.len()],
            actor: index / types.len() % actors,
            heard: Mutex::default(),
            connections: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        })
    }

    /// Whether it has heard all up to here.
    pub(super) fn is_at(&self, end: Position) -> bool {
        self.heard.lock().at == Some(end)
    }
}
