//! What the keys of the table are, and the JSON that they hold.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tenure_protocol::view::table::{JoinToken, Row};
use tenure_protocol::view::{Member, MemberState};
use tenure_types::{Incarnation, NodeId};

/// The form that this program writes and reads.
const FORMAT: u32 = 1;

/// The keys of one table.
pub(crate) struct Keys {
    view: String,
    members: String,
}

impl Keys {
    pub(crate) fn under(prefix: &str) -> Self {
        Self { view: format!("{prefix}/view"), members: format!("{prefix}/members/") }
    }

    /// The key of the view: its number, and whose table this is.
    pub(crate) fn view(&self) -> &str {
        &self.view
    }

    /// What the keys of rows begin with.
    pub(crate) fn members(&self) -> &str {
        &self.members
    }

    /// The key of a row. In the order of their incarnations.
    pub(crate) fn member(&self, incarnation: Incarnation) -> String {
        format!("{}{:020}", self.members, incarnation.0)
    }

    /// Whose row the key is of.
    pub(crate) fn incarnation(&self, key: &[u8]) -> Option<Incarnation> {
        let key = std::str::from_utf8(key).ok()?;
        let incarnation = Incarnation(key.strip_prefix(&self.members)?.parse().ok()?);
        (self.member(incarnation) == key).then_some(incarnation)
    }
}

/// The value of the key of the view.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredView {
    format: u32,
    /// Which cluster it is of.
    pub(crate) cluster: String,
    /// What all its members must have in common. Empty where nobody is one.
    pub(crate) terms: String,
    pub(crate) number: u64,
    /// The etcd cluster that it was written in, in hexadecimal digits: a restored copy is in another one.
    pub(crate) etcd: String,
}

impl StoredView {
    pub(crate) fn new(cluster: &str, terms: &str, number: u64, etcd: u64) -> Self {
        let (cluster, terms, etcd) = (cluster.to_owned(), terms.to_owned(), hexadecimal(etcd));
        Self { format: FORMAT, cluster, terms, number, etcd }
    }

    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(value: &[u8]) -> Result<Self, String> {
        let view: Self =
            serde_json::from_slice(value).map_err(|error| format!("the view: {error}"))?;
        match view.format {
            FORMAT => Ok(view),
            other => Err(format!("the view is of form {other}, and this Tenure knows {FORMAT}")),
        }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are JSON")
    }
}

/// The number of an etcd cluster as etcd itself shows it.
pub(crate) fn hexadecimal(etcd: u64) -> String {
    format!("{etcd:x}")
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRow {
    node: String,
    state: String,
    presumed: bool,
    weight: u8,
    address: String,
    beat: u64,
    token: String,
}

pub(crate) fn write_row(row: &Row) -> Vec<u8> {
    let Row { member, beat, token } = row;
    let stored = StoredRow {
        node: member.node.to_string(),
        state: member.state.to_string(),
        presumed: member.presumed,
        weight: member.weight,
        address: member.address.to_string(),
        beat: *beat,
        token: format!("{:032x}", token.0),
    };
    serde_json::to_vec(&stored).expect("texts and numbers are JSON")
}

/// # Errors
/// What is wrong with it.
pub(crate) fn read_row(incarnation: Incarnation, value: &[u8]) -> Result<Row, String> {
    let wrong = |what: &str| format!("the {what} of member {incarnation}");
    let stored: StoredRow =
        serde_json::from_slice(value).map_err(|error| format!("member {incarnation}: {error}"))?;
    let StoredRow { node, state, presumed, weight, address, beat, token } = stored;
    let node = NodeId::new(&node).map_err(|_| wrong("node"))?;
    let state = state_of(&state).ok_or_else(|| wrong("state"))?;
    let token = u128::from_str_radix(&token, 16).map_err(|_| wrong("token"))?;
    let address = Arc::from(address);
    let member = Member { incarnation, node, state, presumed, weight, address };
    Ok(Row { member, beat, token: JoinToken(token) })
}

fn state_of(name: &str) -> Option<MemberState> {
    use MemberState::{Alive, Condemned, Down, Joining, Leaving, Left};
    [Joining, Alive, Leaving, Condemned, Down, Left].into_iter().find(|it| it.to_string() == name)
}
