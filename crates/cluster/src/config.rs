use std::collections::BTreeMap;

use tenure_actor::ActorType;
use tenure_actor::wire::Types;
use tenure_protocol::balance::BalanceConfig;
use tenure_protocol::cluster::ClusterConfig;
use tenure_protocol::directory::Wish;
use tenure_protocol::placement::Strategy;
use tenure_protocol::view::membership::Config as MembershipConfig;

use crate::gossiping::WithoutTable;

/// How a node takes part in its cluster. Times and strategies are the same at every node.
#[derive(Debug)]
pub struct Config {
    /// The actor types that the node runs.
    pub types: Vec<ActorType>,
    /// The same, as calls of other nodes name them.
    wire: Types,
    /// How each type is placed, by its name; balanced where it is not listed.
    pub strategies: BTreeMap<&'static str, Strategy>,
    /// How it takes part in the member table.
    pub membership: MembershipConfig,
    /// How it is a member without the member table; `None`: by it.
    pub without_table: Option<WithoutTable>,
    /// Bounds and times of its directory.
    pub cluster: ClusterConfig,
    /// When actors move so that members are called alike; never without.
    pub level: Option<LevelConfig>,
}

/// When members are levelled. The same at every node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelConfig {
    /// How far members may differ, and how many actors move.
    pub balance: BalanceConfig,
    /// With fewer calls in a second for each member, on average, nothing moves. Default 100.
    pub calls_min: u64,
}

impl Default for LevelConfig {
    fn default() -> Self {
        Self { balance: BalanceConfig::default(), calls_min: 100 }
    }
}

impl Config {
    /// A node that runs these types, with defaults.
    #[must_use]
    pub fn new(types: Vec<ActorType>) -> Self {
        Self {
            wire: Types::new(&types),
            types,
            strategies: BTreeMap::new(),
            membership: MembershipConfig::default(),
            without_table: None,
            cluster: ClusterConfig::default(),
            level: Some(LevelConfig::default()),
        }
    }

    /// The types as calls of other nodes name them.
    #[must_use]
    pub fn wire(&self) -> &Types {
        &self.wire
    }

    /// Whether the members are a list that never changes: each actor lives where the ring says, or nowhere.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self.without_table, Some(WithoutTable::Fixed(_)))
    }

    /// How actors of a type want to be placed.
    pub(crate) fn wish(&self, type_name: &str) -> Wish {
        let strategy = match self.is_fixed() {
            true => Strategy::Ring,
            false => self.strategies.get(type_name).copied().unwrap_or_default(),
        };
        let durable =
            self.types.iter().any(|it| it.name.as_str() == type_name && it.persist.is_durable());
        Wish { strategy, durable }
    }
}
