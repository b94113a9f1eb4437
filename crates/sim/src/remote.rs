//! What stands outside of the cluster: the state store and the member table, reached over a network
//! that loses requests and answers.
//!
//! **Invariant:** a request that was sent belongs to nobody any more: it is carried out, or lost,
//! whatever becomes of its sender. An answer reaches a process that lives, or nobody.

mod route;
mod service;
mod session;
mod store;

pub use self::route::{Lost, RouteConfig, RouteTrouble, Routed};
pub use self::service::{Service, ServiceHost, ServiceLink};
pub use self::store::{StoreHost, StoreLink};
