//! How nodes know who is a member, and how they find each other.

use std::path::PathBuf;

use super::value::list;

/// The most nodes of a fixed list.
const NODES_MAX: usize = 256;

/// How nodes know who is a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum MembershipKind {
    /// By a table in the store, on which all agree.
    #[default]
    Consensus,
    /// By what they tell each other: they go on without agreement.
    Gossip,
    /// By a list that never changes: each actor lives at one of them, and nowhere while that is away.
    Static,
}

/// Where another node may be.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Seed {
    /// `host:port`; the host may have several addresses.
    At(String),
    /// A file with one of these on each line, read whenever others are looked for.
    File(PathBuf),
}

/// Which part of a cluster with gossip goes on when it falls apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum SplitBrainRule {
    /// Each part.
    #[default]
    None,
    /// One with so many members and more.
    StaticQuorum(u32),
    /// One with more than half of the members there were.
    KeepMajority,
}

pub(super) fn membership(text: &str) -> Result<MembershipKind, String> {
    match text {
        "consensus" => Ok(MembershipKind::Consensus),
        "gossip" => Ok(MembershipKind::Gossip),
        "static" => Ok(MembershipKind::Static),
        _ => Err("write consensus, gossip or static".to_owned()),
    }
}

/// Reads the nodes of a fixed list, each a name and an address.
pub(super) fn nodes(text: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || {
        "write the name and the address of each node, as n1=10.0.0.1:7072, n2=10.0.0.2:7072"
            .to_owned()
    };
    let mut nodes = Vec::<(String, String)>::new();
    for one in list(text)? {
        let (name, address) = one.split_once('=').ok_or_else(wrong)?;
        let (name, address) = (name.trim(), address.trim());
        let Ok(Seed::At(address)) = seed(address) else { return Err(wrong()) };
        tenure_types::NodeId::new(name).map_err(|error| format!("{name}: {error}"))?;
        if nodes.iter().any(|(known, _)| known == name) {
            return Err(format!("{name} is there twice"));
        }
        if let Some((other, _)) = nodes.iter().find(|(_, known)| *known == address) {
            return Err(format!("{other} and {name} are both at {address}"));
        }
        nodes.push((name.to_owned(), address));
    }
    if nodes.len() > NODES_MAX {
        return Err(format!("name at most {NODES_MAX} nodes"));
    }
    Ok(nodes)
}

pub(super) fn seeds(text: &str) -> Result<Vec<Seed>, String> {
    list(text)?.iter().map(|one| seed(one)).collect()
}

fn seed(text: &str) -> Result<Seed, String> {
    if let Some(path) = text.strip_prefix("file:").filter(|path| !path.is_empty()) {
        return Ok(Seed::File(path.into()));
    }
    let named = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let port = named.and_then(|(_, port)| port.parse::<u16>().ok()).filter(|port| *port > 0);
    port.map(|_| Seed::At(text.to_owned())).ok_or_else(|| {
        "write hosts and ports, as node-1.example:7072, or file: and the path of a file with one on each \
         line"
            .to_owned()
    })
}

pub(super) fn split_brain(text: &str) -> Result<SplitBrainRule, String> {
    let quorum = text.strip_prefix("static_quorum(").and_then(|rest| rest.strip_suffix(')'));
    match (text, quorum.map(|it| it.trim().parse())) {
        ("none", _) => Ok(SplitBrainRule::None),
        ("keep_majority", _) => Ok(SplitBrainRule::KeepMajority),
        (_, Some(Ok(quorum))) if quorum > 0 => Ok(SplitBrainRule::StaticQuorum(quorum)),
        _ => Err("write none, keep_majority, or static_quorum(N) with more than half of all nodes"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_or_refused() {
        assert_eq!(membership("gossip"), Ok(MembershipKind::Gossip));
        assert!(membership("raft").is_err());
        assert_eq!(
            seeds("a.example:7072, file:/etc/seeds"),
            Ok(vec![Seed::At("a.example:7072".to_owned()), Seed::File("/etc/seeds".into())])
        );
        assert_eq!(seeds(""), Ok(vec![]));
        let node = |name: &str, at: &str| (name.to_owned(), at.to_owned());
        assert_eq!(nodes("a=x:1, b = y:2"), Ok(vec![node("a", "x:1"), node("b", "y:2")]));
        for wrong in ["a", "a=x", "a=file:x", "A B=x:1", "a=x:1,a=y:2", "a=x:1,b=x:1"] {
            assert!(nodes(wrong).is_err(), "{wrong}");
        }
        for wrong in ["a.example", ":7072", "a:0", "a:70000", "file:"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
        for (text, expected) in [
            ("none", Some(SplitBrainRule::None)),
            ("static_quorum(2)", Some(SplitBrainRule::StaticQuorum(2))),
            ("keep_majority", Some(SplitBrainRule::KeepMajority)),
            ("static_quorum(0)", None),
            ("static_quorum", None),
            ("static_quorum(x)", None),
            ("all", None),
        ] {
            assert_eq!(split_brain(text).ok(), expected, "{text}");
        }
    }
}
