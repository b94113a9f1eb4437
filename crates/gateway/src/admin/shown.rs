use std::sync::Arc;

use tenure_actor::ActorType;
use tenure_actor::host::HostHandle;
use tenure_observe::{Health, Metrics, NodeStatus};

use super::inspect::{Actors, Steering};
use crate::feeds::Feeds;
use crate::gateway::OpenSessions;
use crate::openapi::OpenApi;

/// What the admin server shows.
#[derive(Clone)]
pub struct Admin {
    /// Whose clock and tasks are used.
    pub host: HostHandle,
    /// What can be called.
    pub types: Vec<ActorType>,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// What `/livez`, `/readyz` and `/startupz` show.
    pub health: Arc<Health>,
    /// What `/admin/v1/node` shows; asked for every request.
    pub status: Arc<dyn Fn() -> NodeStatus + Send + Sync>,
    /// What `/admin/v1/openapi.json` says of itself.
    pub openapi: OpenApi,
    /// What `/admin/v1/actors` and `/admin/v1/backup` show, and do.
    pub actors: Arc<dyn Actors>,
    /// What `/admin/v1/feeds` shows.
    pub feeds: Arc<dyn Feeds>,
    /// What `/admin/v1/sessions` shows, and ends.
    pub sessions: OpenSessions,
    /// Whom `POST /admin/v1/node/drain`, `cordon` and `uncordon` tell.
    pub steering: Arc<dyn Steering>,
}
