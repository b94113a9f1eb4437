use tenure_sim::judge::{Ask, ClientNo, End, Kind};
use tenure_types::{ActorId, ActorTypeName, Instant, Key, Tenure, Version};

use super::role::Role;
use crate::stage;

/// Whoever hears of an actor and is no client.
const ACTORS: ClientNo = ClientNo(u32::MAX);

/// What a turn saw at its end.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Of the tenure under which it ran.
    pub view: u64,
    /// As above.
    pub sequence: u64,
    /// How many turns have changed the actor.
    pub version: u64,
    /// The number that it holds.
    pub value: u64,
    /// The random number of the copy in memory.
    pub memory: u64,
}

impl Seen {
    pub(super) fn new(tenure: Tenure, version: u64, value: u64, memory: u64) -> Self {
        Self { view: tenure.view, sequence: tenure.sequence, version, value, memory }
    }

    /// Tells the jury that somebody was told this of an actor now, by a turn that began at `sent_at`. What is
    /// said within a node has left nothing: a node without its lease may go on talking to itself.
    pub(super) fn heard(self, role: Role, key: &str, sent_at: Instant) {
        if !stage::is_from_elsewhere() {
            return;
        }
        let actor_type = ActorTypeName::new(role.name()).expect("a good name");
        let id = ActorId { actor_type, key: Key::new(key).expect("a good key") };
        stage::tell(|jury, now| {
            let actor = jury.cast.number(&id, role.mode());
            let call = jury.calls.begin(Ask {
                client: ACTORS,
                actor,
                mode: role.mode(),
                kind: Kind::Read,
                key: None,
                waits_durable: false,
                sent_at,
                deadline: Instant::NEVER,
            });
            jury.calls.end(call, now, End::Acked(self.into()));
        });
    }
}

impl From<Seen> for tenure_sim::judge::Answer {
    fn from(seen: Seen) -> Self {
        let Seen { view, sequence, version, value, memory } = seen;
        Self { tenure: Tenure { view, sequence }, version: Version(version), value, memory }
    }
}
