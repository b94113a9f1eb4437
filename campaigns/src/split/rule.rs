//! What a side of a split is to do, as the nodes' membership says.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

/// How many hosts there are.
pub(super) const HOSTS: u8 = 5;
/// How many members a side needs under [`Rule::Quorum`].
const QUORUM: usize = 3;
/// How long a member of so few is suspected before it counts as dead.
const SUSPECTED_FOR: Duration = Duration::from_secs(4);

/// One way to fall into two.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) far: Vec<u8>,
    /// On which side the table is, if there is one.
    pub(super) table_is_far: bool,
}

/// How nodes are members, and which side goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Rule {
    /// By the member table: the side that reaches it
    Consensus,
    /// By gossip, with `static_quorum(3)`: the side of three and more
    Quorum,
    /// By gossip without a rule: both sides
    Gossip,
}

/// What a node is to do while the network is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Duty {
    /// Serve its clients.
    Serve,
    /// Serve nobody after this time.
    Stop(Duration),
}

impl Rule {
    /// The ways to fall apart that make a difference.
    pub(super) fn cuts(self) -> Vec<Cut> {
        // Each set of hosts that the first one is not in.
        let sets = 1_u32..1 << (HOSTS - 1);
        let far = sets.map(|set| (2..=HOSTS).filter(|host| set >> (host - 2) & 1 == 1).collect());
        let tables: &[bool] = if self == Self::Consensus { &[false, true] } else { &[false] };
        let cut = |far: Vec<u8>| {
            let at = |&table_is_far| Cut { far: far.clone(), table_is_far };
            tables.iter().map(at).collect::<Vec<_>>()
        };
        far.flat_map(cut).collect()
    }

    /// What a host is to do.
    pub(super) fn duty(self, cut: &Cut, host: u8, lease: Duration) -> Duty {
        let is_far = cut.far.contains(&host);
        let side = if is_far { cut.far.len() } else { usize::from(HOSTS) - cut.far.len() };
        match self {
            Self::Consensus if is_far == cut.table_is_far => Duty::Serve,
            Self::Consensus => Duty::Stop(lease),
            Self::Quorum if side < QUORUM => Duty::Stop(2 * SUSPECTED_FOR),
            Self::Quorum | Self::Gossip => Duty::Serve,
        }
    }

    /// What nodes are told, whose lanes are these.
    pub(super) fn settings(self, lease: Duration, lanes: &[String]) -> Vec<String> {
        let gossip = || {
            vec![
                "cluster.membership=gossip".to_owned(),
                format!("cluster.seeds={}", lanes.join(",")),
            ]
        };
        match self {
            Self::Consensus => vec![format!("cluster.lease={}s", lease.as_secs())],
            Self::Gossip => gossip(),
            Self::Quorum => {
                let rule = format!("cluster.split_brain=static_quorum({QUORUM})");
                gossip().into_iter().chain([rule]).collect()
            }
        }
    }

    /// Whether nodes reach the store by the network that falls apart.
    pub(super) fn cuts_store(self) -> bool {
        self == Self::Consensus
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let near: Vec<_> = (1..=HOSTS).filter(|host| !self.far.contains(host)).collect();
        let side = if self.table_is_far { "second" } else { "first" };
        write!(f, "{near:?} and {:?}, the table, if any, with the {side}", self.far)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_fall_into_two_in_fifteen_ways() {
        assert_eq!(Rule::Consensus.cuts().len(), 30, "with the table on either side");
        assert_eq!([Rule::Quorum, Rule::Gossip].map(|rule| rule.cuts().len()), [15, 15]);
        for cut in Rule::Consensus.cuts() {
            assert!(!cut.far.is_empty() && cut.far.len() < usize::from(HOSTS));
        }
    }

    #[test]
    fn some_of_them_stop() {
        let lease = Duration::from_secs(3);
        let cut = Cut { far: vec![2, 5], table_is_far: true };
        let stop = |rule: Rule| {
            let stops = |host: &u8| rule.duty(&cut, *host, lease) != Duty::Serve;
            (1..=HOSTS).filter(stops).collect::<Vec<_>>()
        };
        assert_eq!(stop(Rule::Consensus), [1, 3, 4]);
        assert_eq!(stop(Rule::Quorum), [2, 5]);
        assert_eq!(stop(Rule::Gossip), [0; 0]);
    }
}
