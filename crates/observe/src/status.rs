use serde::Serialize;

use crate::Reason;

/// What a node says of itself: the one picture that the admin API, the command line and the
/// dashboard show.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NodeStatus {
    /// The node's name.
    pub node: String,
    /// The version of Tenure it runs.
    pub version: String,
    /// Which run of the node this is.
    pub incarnation: u64,
    /// How long it runs, in seconds.
    pub uptime_seconds: f64,
    /// Which store keeps its actors.
    pub store: String,
    /// Whether it may be given work.
    pub ready: bool,
    /// Why not; empty when it is ready.
    pub reasons: Vec<Reason>,
    /// The actor types that it runs.
    pub types: Vec<TypeStatus>,
    /// Those of its actors that were called the most lately, the busiest first: a sample of the calls tells them.
    pub busiest: Vec<BusyActor>,
    /// What was acknowledged and is not durable: turns that are written behind.
    pub unsaved: UnsavedStatus,
    /// Bytes that activations take, as far as they are known.
    pub memory_bytes: u64,
    /// Bytes that they may take; absent where nothing bounds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes_max: Option<u64>,
    /// Open sessions: WebSockets and event streams.
    pub sessions: usize,
    /// What it knows of its cluster; absent where it is alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterStatus>,
}

/// An actor that is called often.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BusyActor {
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its key.
    pub key: String,
    /// How many calls came in a second lately, about.
    pub calls_per_second: f64,
}

/// What of a node was acknowledged and is not durable.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UnsavedStatus {
    /// How many actors' commits are outstanding.
    pub actors: usize,
    /// Bytes of their states.
    pub bytes: usize,
    /// How old the oldest such turn is, in seconds.
    pub age_seconds: f64,
}

/// A cluster, as one of its nodes knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClusterStatus {
    /// The number of the newest view that the node knows.
    pub view: u64,
    /// The node's own incarnation; absent while it is no member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
    /// Where it stands in that view: `Joining`, `Alive`, .. Absent while the view does not list it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Whether it was told to leave.
    pub leaving: bool,
    /// Whether it was told to take no new activations.
    pub cordoned: bool,
    /// For how long it may still release what its actors produce, in seconds. Absent where its lease never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<f64>,
    /// The view's members by incarnation, those that are gone among them until they are forgotten.
    pub members: Vec<MemberStatus>,
    /// Slots that the node keeps.
    pub slots: usize,
    /// Those of them in which nobody is placed yet: reports of members are missing.
    pub slots_closed: usize,
    /// Entries of its part of the directory.
    pub directory_entries: usize,
    /// Places of actors that it remembers.
    pub locations: usize,
    /// Calls of this node that look for their actor, or for a way to it.
    pub calls_seeking: usize,
    /// Calls of this node that are at other nodes.
    pub calls_away: usize,
    /// Actors that are moving away.
    pub moves_out: usize,
    /// Actors that came and do not run yet.
    pub moves_in: usize,
}

/// One run of a node, as a view lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MemberStatus {
    /// The node's name.
    pub node: String,
    /// The number of this run.
    pub incarnation: u64,
    /// Where it stands: `Joining`, `Alive`, ..
    pub state: String,
    /// Where the other members reach it.
    pub address: String,
    /// Its share of the slots beside others'.
    pub weight: u8,
    /// How many slots the ring gives it.
    pub slots: usize,
}

/// One actor type of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TypeStatus {
    /// Its name.
    pub name: String,
    /// When its state is saved: `volatile`, `write_through`, ..
    pub persist: String,
    /// The version of its stored form.
    pub schema: u32,
    /// Activations in memory.
    pub activations: u64,
    /// Activations made since the node started.
    pub activations_started: u64,
    /// Calls since the node started.
    pub calls: u64,
    /// Calls that ended in an error since the node started.
    pub call_errors: u64,
}

/// One activation, as pages show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LiveActor {
    /// Its actor's key.
    pub key: String,
    /// Names its state, as in an `ETag`.
    pub tag: String,
    /// Bytes that it takes, as far as they are known.
    pub bytes: usize,
    /// How long ago a call came, in whole seconds.
    pub idle_seconds: u32,
    /// How many calls wait for their turns.
    pub waiting: usize,
    /// Whether a turn runs.
    pub running: bool,
    /// Whether something of it is not durable.
    pub unsaved: bool,
    /// Whether the outcome of a commit is not known, so that no turn starts.
    pub paused: bool,
}

/// A stored reminder, as pages show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoredReminder {
    /// Its name; `sent:` and its key, or a number, where it is a durable message.
    pub name: String,
    /// The method that it calls.
    pub method: String,
    /// When it is due, in Unix milliseconds.
    pub due_at_ms: u64,
    /// How often it comes, in milliseconds; absent if once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is stored of one actor, as pages show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StoredActor {
    /// The key.
    pub key: String,
    /// Names its state, as in an `ETag`; empty where the record cannot be read.
    pub tag: String,
    /// The version of the form of its state, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
    /// Bytes of the state, or of nothing where the state follows from events.
    pub bytes: usize,
    /// When it was written last, in Unix milliseconds.
    pub written_at_ms: u64,
    /// How many events it has published or follows from.
    pub events: u64,
    /// Whether it was deleted; its version is kept for a while.
    pub deleted: bool,
    /// Why the record cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many reminders and durable messages wait; absent in lists of actors, which do not read them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminders: Option<usize>,
    /// The first of them that are due.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next_reminders: Vec<StoredReminder>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Condition;

    #[test]
    fn the_picture_is_plain_json() {
        let status = NodeStatus {
            node: "n1".into(),
            reasons: vec![Reason { condition: Condition::Store, reason: "no answer".into() }],
            types: vec![TypeStatus { name: "cart".into(), ..TypeStatus::default() }],
            ..NodeStatus::default()
        };
        let mut json = serde_json::to_value(&status).unwrap();
        assert_eq!(json["node"], "n1");
        assert_eq!(json["reasons"][0]["condition"], "store");
        assert_eq!(json["types"][0]["name"], "cart");
        assert_eq!((json.get("cluster"), json.get("memory_bytes_max")), (None, None));
        let member = MemberStatus { node: "n1".into(), slots: 16_384, ..MemberStatus::default() };
        let cluster = ClusterStatus { view: 7, members: vec![member], ..ClusterStatus::default() };
        json = serde_json::to_value(NodeStatus { cluster: Some(cluster), ..status }).unwrap();
        assert_eq!((&json["cluster"]["view"], &json["cluster"]["state"]), (&7.into(), &().into()));
        assert_eq!(json["cluster"]["members"][0]["slots"], 16_384);
    }
}
