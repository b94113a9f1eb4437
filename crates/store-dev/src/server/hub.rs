use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tenure_protocol::view::table::{Table, TableRequest};
use tenure_store::Store;
use tenure_transport::bounds::ADDRESS_BYTES_MAX;
use tenure_transport::{Class, Credit, Event, Frame, Inbound, Peer, PeerIdentity, Transport};
use tenure_types::NodeId;

use super::answer::Answering;
use super::client::Client;
use super::outlet::Outlet;
use super::serve::serve;
use crate::bounds::{CLIENTS_MAX, IN_FLIGHT_MAX};
use crate::codec::decode;
use crate::message::{Reply, Request, kind, read_number};

/// Makes the store of a client.
pub(super) type Make = Box<dyn Fn() -> Arc<dyn Store> + Send + Sync>;

/// Why a client was not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmitError {
    /// There are as many as there may be.
    #[error("a server has at most {CLIENTS_MAX} clients; dismiss one before {0} is admitted")]
    TooMany(NodeId),
    /// The server itself has that name.
    #[error("{0} is the name of the server; give the client another one")]
    OwnName(NodeId),
}

/// What all lanes of a server lead to.
pub(super) struct Hub {
    identity: PeerIdentity,
    make: Make,
    table: Mutex<Table>,
    /// Held while peers are set, so that the last change is the last one set.
    clients: Mutex<BTreeMap<NodeId, Arc<Client>>>,
    outlet: Arc<Outlet>,
}

impl Hub {
    pub(super) fn new(identity: PeerIdentity, table: Table, make: Make) -> Self {
        let (table, clients) = (Mutex::new(table), Mutex::default());
        Self { identity, make, table, clients, outlet: Arc::new(Outlet::new()) }
    }

    pub(super) fn begin(&self, transport: &Arc<Transport>) {
        self.outlet.begin(transport);
    }

    pub(super) fn identity(&self) -> &PeerIdentity {
        &self.identity
    }

    /// Gives the former run of the node, if there is one.
    pub(super) fn admit(&self, identity: &PeerIdentity) -> Result<Option<Arc<Client>>, AdmitError> {
        let node = identity.node.clone();
        if node == self.identity.node {
            return Err(AdmitError::OwnName(node));
        }
        let mut clients = self.clients.lock();
        let is_full = clients.len() >= CLIENTS_MAX;
        let make = || Arc::new(Client::new(identity.clone(), (self.make)()));
        let former = match clients.entry(node) {
            Entry::Occupied(known) if known.get().identity == *identity => return Ok(None),
            Entry::Occupied(mut known) => Some(known.insert(make())),
            Entry::Vacant(new) if is_full => return Err(AdmitError::TooMany(new.into_key())),
            Entry::Vacant(new) => {
                new.insert(make());
                None
            }
        };
        self.set_peers(&clients);
        Ok(former)
    }

    pub(super) fn dismiss(&self, node: &NodeId) -> Option<Arc<Client>> {
        let mut clients = self.clients.lock();
        let client = clients.remove(node)?;
        self.set_peers(&clients);
        Some(client)
    }

    /// Admits nobody more who was there.
    pub(super) fn end(&self) -> BTreeMap<NodeId, Arc<Client>> {
        std::mem::take(&mut *self.clients.lock())
    }

    fn set_peers(&self, clients: &BTreeMap<NodeId, Arc<Client>>) {
        let peer = |client: &Arc<Client>| Peer {
            identity: client.identity.clone(),
            address: client.address.lock().clone(),
        };
        self.outlet.set_peers(clients.values().map(peer));
    }

    fn client(&self, identity: &PeerIdentity) -> Option<Arc<Client>> {
        let clients = self.clients.lock();
        clients.get(&identity.node).filter(|it| it.identity == *identity).cloned()
    }

    /// Takes note of where a client listens.
    fn here(&self, client: &Client, address: &[u8]) {
        let address = std::str::from_utf8(address).ok();
        let address = address.filter(|it| (1..=ADDRESS_BYTES_MAX).contains(&it.len()));
        let Some(address) = address else {
            tracing::warn!(client = %client.identity, "a client says no address where it listens");
            return;
        };
        let clients = self.clients.lock();
        *client.address.lock() = address.to_owned();
        self.set_peers(&clients);
    }

    fn request(&self, client: Arc<Client>, frame: &Frame, credit: Credit<'_>) {
        let Some((number, request)) = read_number(&frame.body) else {
            tracing::warn!(client = %client.identity, "a request has no number");
            return;
        };
        let under_way = client.requests(frame.class).fetch_add(1, Ordering::Relaxed);
        let answering =
            Answering::new(Arc::clone(&self.outlet), client, (frame.class, number), credit.hold());
        if under_way >= IN_FLIGHT_MAX {
            let why = format!("a client has at most {IN_FLIGHT_MAX} requests under way");
            return answering.answer(&Reply::Unknown(why.into()));
        }
        match frame.class {
            Class::Control => match TableRequest::decode(request) {
                Ok(request) => {
                    let answer = self.table.lock().apply(request);
                    answering.answer(&Reply::Done(answer.encode()));
                }
                Err(error) => answering.answer(&Reply::Refused(error.to_string().into())),
            },
            Class::Call | Class::Bulk => match decode::<Request>(request) {
                Ok(request) => serve(answering, request),
                Err(error) => answering.answer(&Reply::Refused(error.to_string().into())),
            },
        }
    }
}

impl Inbound for Hub {
    fn received(&self, from: &PeerIdentity, frame: Frame, credit: Credit<'_>) {
        // One that was dismissed is not heard any more.
        let Some(client) = self.client(from) else { return };
        match frame.kind {
            kind::HERE => self.here(&client, &frame.body),
            kind::REQUEST => self.request(client, &frame, credit),
            other => tracing::warn!(client = %from, kind = other, "a frame is no request"),
        }
    }

    fn happened(&self, event: Event) {
        match event {
            Event::LaneLost { peer, class, end, .. } => {
                tracing::debug!(client = %peer, %class, %end, "a client of the store is lost");
            }
            Event::CallerRefused { address, error } => {
                tracing::debug!(?address, %error, "somebody who dialled the store was refused");
            }
            _ => {}
        }
    }
}
