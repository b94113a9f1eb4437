//! Configuration: flag over environment over file over default, each value with its origin.

mod auth;
mod cluster;
mod membership;
mod read;
#[cfg(test)]
mod reference;
mod settings;
mod value;

pub use auth::{AuthSettings, Secret};
pub use cluster::ClusterSettings;
pub use membership::{MembershipKind, Seed, SplitBrainRule};
pub use read::{ConfigError, Configuration, Origin};
pub use settings::{LogFormat, Settings};
pub use tenure_protocol::view::membership::FastPath;
