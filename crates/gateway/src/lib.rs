//! The HTTP front of a node.
//!
//! Two servers on two ports: [`serve_calls`] turns requests into calls on actors, and
//! [`serve_admin`] shows health, metrics and the node's picture of itself. Both stand on one
//! bounded server (`serve/`): connections, time for a request's head, idle time and shutdown.
//!
//! What a request means is decided by pure functions: where its path leads (`calls/path.rs`,
//! `calls/routes.rs`), what its headers ask for (`calls/head.rs`), and how an error is told
//! (`problem.rs`).
//!
//! **Invariant:** the gateway knows a [`Host`](tenure_actor::host::Host) and the actor types it
//! was given, never the runtime behind them. Time and tasks come from the host.

mod admin;
mod auth;
mod calls;
mod centrifuge;
mod config;
mod cors;
mod feeds;
mod gateway;
mod openapi;
mod pages;
mod problem;
mod serve;
mod session;
mod sse;
#[cfg(test)]
mod still;
mod websocket;

pub use admin::{Actors, Admin, Copy, Steering, StoredState, serve_admin};
pub use auth::{
    Access, Algorithm, ApiKeys, ApiKeysError, Authorise, Claims, Credentials, Identity, Refusal,
    TokenError, TokenKey, TokenKeyError, TokenRules, TokenVerifier,
};
pub use calls::{Calls, serve_calls};
pub use config::{AdminConfig, GatewayConfig, ServerLimits};
pub use cors::{Cors, CorsError};
pub use feeds::{FeedAnswer, FeedItem, FeedLine, FeedRefusal, FeedStart, FeedWanted, Feeds};
pub use gateway::{Gateway, OpenSessions, SessionShown};
pub use openapi::{OpenApi, SecurityScheme};
pub use pages::{PAGES_MAX, Page};
pub use serve::{Drained, ServeError, Server, Tls, TlsError};
pub use session::SessionConfig;
