use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tenure_transport::{Config, Peer, StartError, Transport};
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::channel::Told;
use super::link::Link;
use crate::bounds::LOOK_EVERY;

/// What stores and tables of one client share.
pub(super) struct Connection {
    link: Arc<Link>,
    transport: Arc<Transport>,
    looking: AbortHandle,
}

impl Connection {
    pub(super) async fn start(
        config: Config,
        server: Peer,
        advertise: Option<String>,
        patience: Duration,
    ) -> Result<Self, StartError> {
        let link = Arc::new(Link::new(server.identity.clone(), patience));
        let transport = Transport::start(config, Arc::clone(&link) as Arc<_>).await?;
        let transport = Arc::new(transport);
        let address = advertise.unwrap_or_else(|| transport.address().to_owned());
        link.begin(&transport, address);
        let address = server.address.clone();
        transport.set_peers([server]).map_err(|error| {
            let source = io::Error::other(error);
            StartError::Listen { address, source }
        })?;
        let looking = tokio::spawn(look(Arc::downgrade(&link))).abort_handle();
        Ok(Self { link, transport, looking })
    }

    pub(super) fn address(&self) -> &str {
        self.transport.address()
    }

    /// Asks the store.
    pub(super) fn ask_store(&self, request: &[u8], told: Told) {
        self.link.ask_store(request, told);
    }

    /// Asks the table.
    pub(super) fn ask_table(&self, request: &[u8], told: Told) {
        self.link.ask_table(request, told);
    }

    pub(super) async fn close(&self) {
        self.transport.close().await;
        self.link.end();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.looking.abort();
        self.link.end();
    }
}

/// Answers what has waited too long for the server.
async fn look(link: Weak<Link>) {
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(link) = link.upgrade() else { return };
        link.give_up();
    }
}
