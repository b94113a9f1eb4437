use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::Mutex;
use tenure_store::Store;
use tenure_transport::{Class, PeerIdentity};
use tokio::sync::Semaphore;

use crate::bounds::READS_MAX;

/// Where a client is until it has said where it listens: nobody answers there.
const NOWHERE: &str = "127.0.0.1:0";

/// A process that is served.
pub(super) struct Client {
    pub(super) identity: PeerIdentity,
    pub(super) store: Arc<dyn Store>,
    /// Where it listens.
    pub(super) address: Mutex<String>,
    pub(super) reads: Semaphore,
    store_requests: AtomicUsize,
    table_requests: AtomicUsize,
}

impl Client {
    /// One that has not said yet where it listens.
    pub(super) fn new(identity: PeerIdentity, store: Arc<dyn Store>) -> Self {
        Self {
            identity,
            store,
            address: Mutex::new(NOWHERE.to_owned()),
            reads: Semaphore::new(READS_MAX),
            store_requests: AtomicUsize::new(0),
            table_requests: AtomicUsize::new(0),
        }
    }

    /// How many requests are under way that came by this class of lanes.
    pub(super) fn requests(&self, class: Class) -> &AtomicUsize {
        match class {
            Class::Control => &self.table_requests,
            Class::Call | Class::Bulk => &self.store_requests,
        }
    }
}
