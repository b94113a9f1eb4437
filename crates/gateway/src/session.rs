//! Clients that follow actors' events, whatever protocol they speak: what they follow (`topics`), who
//! they are (`clients`), and what waits to be written to each (`client`).

mod client;
mod clients;
mod config;
mod follow;
mod kinds;
mod published;
mod topic;
mod topics;

use std::sync::Arc;

use tenure_actor::host::HostHandle;
use tenure_actor::{ActorType, Publications};
use tenure_observe::{MetricError, Metrics};

pub(crate) use client::{Client, Close, Item};
pub(crate) use clients::{Clients, Registered};
pub use config::SessionConfig;
pub(crate) use follow::{Following, Wish};
pub(crate) use kinds::{Kind, Kinds};
pub(crate) use published::{Form, Published};
pub(crate) use topic::{Follower, Who};
pub(crate) use topics::Topics;

/// What all sessions of a gateway share.
pub(crate) struct Sessions {
    pub(crate) config: SessionConfig,
    pub(crate) kinds: Kinds,
    pub(crate) topics: Arc<Topics>,
    pub(crate) clients: Arc<Clients>,
}

impl Sessions {
    pub(crate) fn new(
        config: SessionConfig,
        host: HostHandle,
        types: &[ActorType],
        publications: Arc<dyn Publications>,
        metrics: &Metrics,
    ) -> Result<Self, MetricError> {
        let clients = Arc::new(Clients::register(config.clients_max, metrics)?);
        let topics = Topics::register(host, publications, config.tail(), metrics)?;
        Ok(Self { kinds: Kinds::new(types), topics, clients, config })
    }
}
