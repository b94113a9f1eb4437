use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tenure_cluster::{GossipConfig, WithoutTable};
use tenure_protocol::lease::{LEASE_EMBEDDED, LeaseTerms};
use tenure_protocol::split_brain::Policy;
use tenure_protocol::view::membership::FastPath;
use tenure_store_dev::{DevClient, DevClientConfig, bounds::PATIENCE};
use tenure_transport::{ClusterKey, ClusterName, Network, PeerIdentity, Security, TlsIdentity};
use tenure_types::{Entropy, Incarnation, NodeId};

use super::agreement::Agreement;
use super::local::{LocalSeat, cluster_name};
use crate::config::{ClusterSettings, MembershipKind, Seed, Settings, SplitBrainRule};
use crate::{Error, Result};

/// Where nodes of a local cluster listen for each other, and for the store's answers.
const LISTEN: &str = "127.0.0.1:0";

/// How a node takes its place in a cluster, whichever one that is.
pub(super) struct Berth {
    /// Its name, and the number of this run.
    pub(super) identity: PeerIdentity,
    pub(super) cluster: ClusterName,
    pub(super) security: Security,
    /// Where it listens for other nodes.
    pub(super) listen: String,
    /// What they are told, where that is another address.
    pub(super) advertise: Option<String>,
    pub(super) terms: LeaseTerms,
    pub(super) fast_path: FastPath,
    /// Whether members are levelled.
    pub(super) levels: bool,
    pub(super) agreement: Agreement,
    /// How it is a member without the member table; `None`: by it.
    pub(super) without_table: Option<WithoutBerth>,
}

/// What a member without a table needs besides.
pub(super) struct WithoutBerth {
    pub(super) config: WithoutTable,
    /// Where others may be.
    pub(super) seeds: Vec<Seed>,
    /// What seals its datagrams.
    pub(super) key: ClusterKey,
}

impl Berth {
    /// In a local cluster.
    pub(super) async fn local(seat: LocalSeat) -> Result<Self> {
        let failed = |error: &dyn std::error::Error| Error::Start(Error::chain(error));
        let LocalSeat { identity, server, key } = seat;
        let key = ClusterKey::from_text(&key).map_err(|error| failed(&error))?;
        let client = DevClient::start(DevClientConfig {
            cluster: cluster_name(),
            identity: identity.clone(),
            server,
            listen: LISTEN.to_owned(),
            advertise: None,
            network: Network::tcp(),
            key: key.clone(),
            patience: PATIENCE,
        });
        let client = client.await.map_err(|error| failed(&error))?;
        Ok(Self {
            identity,
            cluster: cluster_name(),
            security: Security::Key(key),
            listen: LISTEN.to_owned(),
            advertise: None,
            terms: LeaseTerms::new(LEASE_EMBEDDED),
            fast_path: FastPath::Proven,
            levels: true,
            agreement: Agreement::Local(client),
            without_table: None,
        })
    }

    /// In the cluster that the settings name, on the database that they name.
    pub(super) async fn of(
        settings: &Settings,
        listen: SocketAddr,
        entropy: &dyn Entropy,
    ) -> Result<Self> {
        let usage = |what: String| Error::Start(what.into());
        let cluster = &settings.cluster;
        let Some(database) = &settings.store_url else {
            return Err(usage(
                "a cluster needs a store that all its nodes reach: name a database (store.url, \
                 TENURE_STORE=postgres://..); on one machine use `dev --nodes N`"
                    .to_owned(),
            ));
        };
        if listen.ip().is_unspecified() && cluster.advertise.is_none() {
            return Err(usage(format!(
                "other nodes cannot reach this one at {listen}; say where they do (cluster.advertise), as \
                 node-1.example:{}",
                listen.port()
            )));
        }
        let node =
            NodeId::new(&settings.name).map_err(|error| usage(format!("node.name: {error}")))?;
        let name = ClusterName::new(&cluster.name)
            .map_err(|error| usage(format!("cluster.name: {error}")))?;
        let (security, mark) = security_of(cluster)?;
        let without_table = without_table_of(settings, &security)?;
        let agreement = match &without_table {
            Some(without) => {
                // Members of a table, if any live, have other terms: then this node is refused.
                let terms = format!("{}, {mark}", without.name());
                Agreement::without_table(database, (&cluster.name, &node), &terms).await?
            }
            None => {
                // Who counts on a shorter lease ends those that hold, and who has another key is heard by nobody.
                let terms = format!("leases of {} ms, {mark}", cluster.lease.as_millis());
                match &cluster.table {
                    None => Agreement::on(database, &cluster.name, &terms).await?,
                    Some(table) => {
                        let patience = LeaseTerms::new(cluster.lease).ask_time_max;
                        Agreement::beside((database, table), &cluster.name, &terms, patience)
                            .await?
                    }
                }
            }
        };
        // Any number that no other run has: incarnations come from the table.
        let run = Incarnation(entropy.next_u64() >> 1);
        Ok(Self {
            identity: PeerIdentity { node, incarnation: run },
            cluster: name,
            security,
            listen: listen.to_string(),
            advertise: cluster.advertise.clone(),
            terms: LeaseTerms::new(cluster.lease),
            fast_path: cluster.fast_path,
            levels: cluster.level,
            agreement,
            without_table,
        })
    }

    /// What other nodes are told of where it listens.
    pub(super) fn address<'a>(&'a self, listens: &'a str) -> &'a str {
        self.advertise.as_deref().unwrap_or(listens)
    }
}

/// How long a node that finds nobody looks for others before it begins a cluster.
const FOUND_AFTER: Duration = Duration::from_secs(2);
/// How long the members must have been the same for a majority to be counted of them; longer than it takes to notice that
/// the cluster fell apart.
const STABLE_FOR: Duration = Duration::from_secs(20);

impl WithoutBerth {
    /// What this membership is called.
    fn name(&self) -> &'static str {
        match self.config {
            WithoutTable::Gossip(_) => "gossip",
            WithoutTable::Fixed(_) => "a static list",
        }
    }
}

/// How the node is a member without the member table, where the settings say that it is.
fn without_table_of(settings: &Settings, security: &Security) -> Result<Option<WithoutBerth>> {
    let cluster = &settings.cluster;
    let kind = cluster.membership;
    let is_of_gossip = !cluster.seeds.is_empty() || cluster.split_brain != SplitBrainRule::None;
    if is_of_gossip && kind != MembershipKind::Gossip {
        return usage(
            "cluster.seeds and cluster.split_brain are for gossip: set cluster.membership = gossip, or \
             leave them out",
        );
    }
    if !cluster.nodes.is_empty() && kind != MembershipKind::Static {
        return usage(
            "cluster.nodes is for a fixed list: set cluster.membership = static, or leave it out",
        );
    }
    if cluster.table.is_some() && kind != MembershipKind::Consensus {
        return usage(
            "cluster.table is where nodes agree: set cluster.membership = consensus, or leave it out",
        );
    }
    let (config, seeds) = match kind {
        MembershipKind::Consensus => return Ok(None),
        MembershipKind::Gossip => gossip_of(cluster)?,
        MembershipKind::Static => list_of(settings)?,
    };
    let Security::Key(key) = security else {
        return usage(
            "gossip and static are sealed with the cluster's key, and certificates do not seal datagrams: give the \
             nodes a key (cluster.key_file) in place of cluster.tls_*, or set cluster.membership = consensus",
        );
    };
    Ok(Some(WithoutBerth { config, seeds, key: key.clone() }))
}

fn gossip_of(cluster: &ClusterSettings) -> Result<(WithoutTable, Vec<Seed>)> {
    if cluster.seeds.is_empty() {
        return usage(
            "with gossip a node has to know where others may be: name some, itself among them if you like \
             (cluster.seeds = node-1.example:7072, node-2.example:7072)",
        );
    }
    let split_brain = match cluster.split_brain {
        SplitBrainRule::None => None,
        SplitBrainRule::StaticQuorum(quorum) => Some(Policy::StaticQuorum(quorum)),
        SplitBrainRule::KeepMajority => Some(Policy::KeepMajority { stable_for: STABLE_FOR }),
    };
    let config = GossipConfig { found_after: FOUND_AFTER, split_brain };
    Ok((WithoutTable::Gossip(config), cluster.seeds.clone()))
}

fn list_of(settings: &Settings) -> Result<(WithoutTable, Vec<Seed>)> {
    let nodes = &settings.cluster.nodes;
    if !nodes.iter().any(|(name, _)| *name == settings.name) {
        let what = format!(
            "with static all nodes are listed, and {} is not among them (cluster.nodes = {}=10.0.0.1:7072, ..)",
            settings.name, settings.name
        );
        return usage(&what);
    }
    let named = |(name, _): &(String, String)| NodeId::new(name);
    let names: std::result::Result<Vec<_>, _> = nodes.iter().map(named).collect();
    let names = names.map_err(|error| Error::Start(error.to_string().into()))?;
    let seeds = nodes.iter().map(|(_, address)| Seed::At(address.clone())).collect();
    Ok((WithoutTable::Fixed(names), seeds))
}

fn usage<T>(what: &str) -> Result<T> {
    Err(Error::Start(what.into()))
}

/// How the nodes of the cluster know each other, and by what people tell that apart.
fn security_of(cluster: &ClusterSettings) -> Result<(Security, String)> {
    let usage = |what: &str| Error::Start(what.into());
    let has_key = cluster.key.reveal().is_some() || cluster.key_file.is_some();
    match (&cluster.tls_authority, &cluster.tls_cert, &cluster.tls_key) {
        (None, None, None) => {
            let key = key_of(cluster)?;
            let mark = format!("key {}", key.mark());
            Ok((Security::Key(key), mark))
        }
        (Some(_), Some(_), Some(_)) if has_key => Err(usage(
            "a cluster has a key (cluster.key) or certificates (cluster.tls_*); keep one",
        )),
        (Some(authority), Some(cert), Some(key)) => {
            let authority = read("cluster.tls_authority", authority)?;
            let (cert, key) = (read("cluster.tls_cert", cert)?, read("cluster.tls_key", key)?);
            let identity = TlsIdentity::from_pem(&authority, &cert, &key)
                .map_err(|error| usage(&format!("cluster.tls_*: {}", Error::chain(&error))))?;
            Ok((Security::Tls(identity), "certificates".to_owned()))
        }
        _ => Err(usage(
            "cluster.tls_authority, cluster.tls_cert and cluster.tls_key belong together; set all three, or \
             a key (cluster.key) alone",
        )),
    }
}

fn read(setting: &str, file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .map_err(|error| Error::Start(format!("{setting}: {}: {error}", file.display()).into()))
}

fn key_of(cluster: &ClusterSettings) -> Result<ClusterKey> {
    let usage = |what: String| Error::Start(what.into());
    let text = match (cluster.key.reveal(), &cluster.key_file) {
        (Some(_), Some(_)) => {
            return Err(usage(
                "cluster.key and cluster.key_file are both set; keep one".to_owned(),
            ));
        }
        (Some(key), None) => key.to_owned(),
        (None, Some(file)) => read("cluster.key_file", file)?,
        (None, None) => {
            return Err(usage(
                "a cluster needs a key that every node of it has, and nobody else: make one with \
                 `openssl rand -hex 32` and give it to each (cluster.key_file, or TENURE_CLUSTER__KEY)"
                    .to_owned(),
            ));
        }
    };
    ClusterKey::from_text(&text).map_err(|error| usage(format!("cluster.key: {error}")))
}

/// How long a node may take to get its place and its store.
pub(super) const JOIN_MAX: Duration = Duration::from_secs(30);
