//! Health, metrics, the node's picture of itself and the dashboard that draws it, on a port of its own.

mod actors;
mod answers;
mod backup;
mod dashboard;
mod feeds;
mod hosts;
mod inspect;
mod pages;
mod sessions;
mod shown;
mod steer;

use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::config::AdminConfig;
use crate::serve::{ServeError, Server, start};
pub use inspect::{Actors, Copy, Steering, StoredState};
pub use shown::Admin;

/// Serves the admin pages on `listener` until the answer is drained or dropped.
///
/// # Errors
/// [`ServeError::Listener`] when the listener has no address.
pub fn serve_admin(
    listener: TcpListener,
    config: AdminConfig,
    admin: Admin,
) -> Result<Server, ServeError> {
    let host = admin.host.clone();
    let router = pages::router(admin, config.host_names);
    let connect = move |_peer| {
        let service = TowerToHyperService::new(router.clone());
        move |request| service.call(request)
    };
    start(listener, config.server, host, None, None, connect)
}
