use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tenure_table_etcd::EtcdConfig;

use super::FastPath;
use super::auth::Secret;
use super::membership::{MembershipKind, Seed, SplitBrainRule};
use super::value::{address, duration};

/// The shortest lease: renewals need some time in it.
const LEASE_MIN: Duration = Duration::from_secs(1);
/// The longest one.
const LEASE_MAX: Duration = Duration::from_secs(300);

/// `cluster.*`, by their keys: a node with `listen` is one of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterSettings {
    /// Where other nodes reach this one.
    pub listen: Option<SocketAddr>,
    /// What they are told, where that is another address: `host:port`.
    pub advertise: Option<String>,
    /// The cluster's name.
    pub name: String,
    /// The key that every node of it has.
    pub key: Secret,
    /// A file with that key.
    pub key_file: Option<PathBuf>,
    /// The PEM file with the authority whose certificates its nodes have, in place of a key.
    pub tls_authority: Option<PathBuf>,
    /// The PEM file with this node's certificate.
    pub tls_cert: Option<PathBuf>,
    /// The PEM file with its key.
    pub tls_key: Option<PathBuf>,
    /// How long a node may release what its actors produce after it last renewed that right.
    pub lease: Duration,
    /// What may be taken for the death of a node before its lease has run out.
    pub fast_path: FastPath,
    /// Whether actors that are called go to nodes that are called less.
    pub level: bool,
    /// How nodes know who is a member.
    pub membership: MembershipKind,
    /// With consensus: the etcd that has the member table; the store's own where there is none.
    pub table: Option<EtcdConfig>,
    /// With static: the name and the address of each node.
    pub nodes: Vec<(String, String)>,
    /// With gossip: where other nodes may be.
    pub seeds: Vec<Seed>,
    /// With gossip: which part goes on when the cluster falls apart.
    pub split_brain: SplitBrainRule,
}

impl ClusterSettings {
    /// Whether something says how nodes know each other, so that this is one of several.
    pub(crate) fn has_membership(&self) -> bool {
        self.membership != MembershipKind::Consensus
            || self.split_brain != SplitBrainRule::None
            || self.table.is_some()
            || !(self.nodes.is_empty() && self.seeds.is_empty())
    }
}

pub(super) fn optional_address(text: &str) -> Result<Option<SocketAddr>, String> {
    (!text.is_empty()).then(|| address(text)).transpose()
}

pub(super) fn host_and_port(text: &str) -> Result<Option<String>, String> {
    let is_one = |text: &str| {
        let (host, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        (!host.is_empty() && port > 0 && !host.contains('#')).then_some(())
    };
    match text {
        "" => Ok(None),
        text if is_one(text).is_some() => Ok(Some(text.to_owned())),
        _ => Err("write a host and a port, as node-1.example:7072 or 10.0.0.5:7072".to_owned()),
    }
}

pub(super) fn lease(text: &str) -> Result<Duration, String> {
    let lease = duration(text)?;
    match (LEASE_MIN..=LEASE_MAX).contains(&lease) {
        true => Ok(lease),
        false => Err("write a duration from 1s to 5m".to_owned()),
    }
}

/// Reads where the member table is; in the store where nothing is said.
pub(super) fn table(text: &str) -> Result<Option<EtcdConfig>, String> {
    match text {
        "" => Ok(None),
        url => {
            url.parse().map(Some).map_err(|error: tenure_table_etcd::ConfigError| error.to_string())
        }
    }
}

pub(super) fn fast_path(text: &str) -> Result<FastPath, String> {
    match text {
        "proven" => Ok(FastPath::Proven),
        "presumed" => Ok(FastPath::Presumed),
        "off" => Ok(FastPath::Off),
        _ => Err("write proven, presumed or off".to_owned()),
    }
}

pub(super) fn name(text: &str) -> Result<String, String> {
    tenure_transport::ClusterName::new(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_or_refused() {
        assert_eq!(optional_address(""), Ok(None));
        assert_eq!(optional_address(":7072"), Ok(Some(([127, 0, 0, 1], 7072).into())));
        assert!(optional_address("here").is_err());
        assert_eq!(host_and_port(""), Ok(None));
        for good in ["node-1.example:7072", "10.0.0.5:1", "[::1]:7072"] {
            assert_eq!(host_and_port(good), Ok(Some(good.to_owned())));
        }
        for wrong in ["node", ":7072", "node:0", "node:70000", "node:x", "a#1:7072"] {
            assert!(host_and_port(wrong).is_err(), "{wrong}");
        }
        assert_eq!(lease("10s"), Ok(Duration::from_secs(10)));
        for wrong in ["999ms", "6m", "x"] {
            assert!(lease(wrong).is_err(), "{wrong}");
        }
        assert_eq!(table(""), Ok(None));
        let named = table("etcd://u:secret@10.0.0.1:2379/shop").expect("a URL").expect("a table");
        assert_eq!(named.place(), "etcd://10.0.0.1:2379/shop");
        assert!(table("postgres://h/db").is_err());
        assert_eq!(fast_path("presumed"), Ok(FastPath::Presumed));
        assert!(fast_path("on").is_err());
        assert_eq!(name("shop"), Ok("shop".to_owned()));
        assert!(name("").is_err());
    }
}
