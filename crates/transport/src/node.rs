use std::sync::Arc;

use crate::event::Inbound;
use crate::handshake::Local;
use crate::network::Network;

/// What every lane of a node has.
pub(crate) struct Node {
    pub(crate) local: Local,
    pub(crate) network: Network,
    pub(crate) inbound: Arc<dyn Inbound>,
}
