use std::time::Duration;

use tenure_cluster::Keeper;
use tenure_types::{ActorId, ActorTypeName, Key};

use super::local::LocalSeat;
use super::places::about;
use crate::config::{MembershipKind, Settings};
use crate::{Error, Node, NodeBuilder, Result};

/// The most bytes that a member says of itself.
pub const ABOUT_BYTES_MAX: usize = 128;

/// A place in a cluster for a service that has no actors of Tenure's: it says which member owns a key, so that
/// each member keeps its share of the keys in its own memory and passes on what came to the wrong one. How that
/// travels is the service's affair. Clones are the same member.
///
/// # What it promises
/// - Of all members at most one is told [`Owner::Here`] of a key at any moment: a member takes a key over when the one
///   before has given it up, or is known to be dead or to have lost its lease. This is so for as long as clocks *run* alike within 1 %
///   ([SEMANTICS.md](https://github.com/tenure-rs/tenure/blob/main/SEMANTICS.md)).
/// - The answer is about the moment of the question. Whoever works on it for a while asks again before it tells others
///   what came of it, and withholds it where the answer, its term included, is another one by then.
/// - Whatever a member keeps in memory is gone with it, and stays behind when a key changes hands: nothing is moved. A
///   key that comes back has another `term`; what was kept under an earlier one is out of date.
/// - [`Owner::At`] is a hint: by the newest view that this member knows. The other one may say otherwise.
/// - With `cluster.membership = static` members have no lease, and a key never changes hands: all that is needed is that one
///   process has each name. Two with one name may both own its keys until one hears of the other. With `gossip` two members may own
///   a key for as long as they do not reach each other: [`Member::join`] refuses it.
/// - A member whose lease has run out, because the database was not reached or the process stood still, is told
///   [`Owner::Unknown`] of every key, until it has renewed it.
///
/// All members of a cluster are of one kind: a service and a program with actors have clusters of their own, by
/// another `cluster.name` and another schema of the database.
///
/// # Costs
/// A question is a lock and a look-up in memory. A member is a node without actors: it holds the connections of one to
/// the database, renews its lease there, and has a sentinel.
///
/// # Examples
/// ```
/// use tenure::Key;
/// use tenure::cluster::{Member, Owner};
/// use tenure::config::Settings;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Without `cluster.listen` it is alone, and owns every key.
/// let member = Member::join(Settings::default(), "http://127.0.0.1:8080").await?;
/// assert!(matches!(member.owner_of(&Key::new("ann")?), Owner::Here { .. }));
/// member.leave(std::time::Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Member {
    node: Node,
}

/// Who owns a key, as one member knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This member, and no other at the moment of the question.
    Here {
        /// Grows whenever the key comes to this member anew, whoever had it meanwhile.
        term: u64,
    },
    /// Another member, as far as this one knows.
    At {
        /// Its name.
        node: String,
        /// What it says of itself: where it answers the service's requests, for example.
        about: String,
    },
    /// Nobody whom this member knows. Ask again a little later.
    Unknown,
}

impl Member {
    /// Joins the cluster that the settings name, as a node does (`cluster.listen`, `cluster.key_file`, `store.url`), and
    /// waits until it has its place. Where they name none it is alone. `about`, at most [`ABOUT_BYTES_MAX`] bytes without control
    /// characters, is what the others are told of it.
    ///
    /// Its death is proven by a sentinel, which is this program, started again:
    /// [`run_if_sentinel`](crate::run_if_sentinel) must be the first thing in `main`. What is proven is the death of the node's own threads; those of
    /// the service die by the same kill, some moments before or after.
    ///
    /// # Errors
    /// [`Error::Start`] says what is in the way, `cluster.membership = gossip` among others; nothing is left running then.
    pub async fn join(settings: Settings, about: &str) -> Result<Self> {
        if settings.cluster.membership == MembershipKind::Gossip {
            let what = "with gossip two members may own a key at one time: for a service without actors set \
                        cluster.membership = consensus or static";
            return Err(Error::Start(what.into()));
        }
        let is_alone = settings.cluster.listen.is_none();
        let builder = Node::builder().settings(settings);
        let builder = if is_alone { builder.store_in_memory() } else { builder };
        Self::begin(builder.sentinel(), about).await
    }

    /// Joins a cluster on this machine, for tests and development; without a sentinel.
    ///
    /// # Errors
    /// As [`Member::join`].
    pub async fn join_local(seat: LocalSeat, about: &str) -> Result<Self> {
        Self::begin(Node::builder().seat(seat), about).await
    }

    async fn begin(builder: NodeBuilder, about: &str) -> Result<Self> {
        if about.len() > ABOUT_BYTES_MAX || about.chars().any(char::is_control) {
            let what = format!(
                "what a member says of itself has at most {ABOUT_BYTES_MAX} bytes and no control \
                 characters; this has {} bytes",
                about.len()
            );
            return Err(Error::Start(what.into()));
        }
        Ok(Self { node: builder.about(about).start().await? })
    }

    /// Its name, `node.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.node.name()
    }

    /// Who owns a key at this moment. All members, and all runs of their programs, hash keys alike.
    #[must_use]
    pub fn owner_of(&self, key: &Key) -> Owner {
        let Some(seated) = self.node.seated() else { return Owner::Here { term: 0 } };
        let actor_type = ActorTypeName::new("member").expect("it follows the rule");
        match seated.keeper_of(&ActorId { actor_type, key: key.clone() }) {
            Keeper::Here(since) => Owner::Here { term: since.0 },
            Keeper::At(member) => Owner::At {
                node: member.node.to_string(),
                about: about(&member.address).to_owned(),
            },
            Keeper::Unknown => Owner::Unknown,
        }
    }

    /// The number of the newest list of members that this one knows; it grows with every change.
    #[must_use]
    pub fn view(&self) -> u64 {
        self.node.seated().map_or(0, |seated| seated.views().borrow().0)
    }

    /// Waits for a view after `seen`, and gives its number: keys may change hands with it, some moments later. Never ends where
    /// the member is alone.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn view_after(&self, seen: u64) -> u64 {
        let Some(mut views) = self.node.seated().map(|seated| seated.views()) else {
            return std::future::pending().await;
        };
        let newer = views.wait_for(|view| view.0 > seen).await.map(|view| view.0);
        match newer {
            Ok(newer) => newer,
            // The node is gone, and so is its place: there is no other view.
            Err(_) => std::future::pending().await,
        }
    }

    /// Ends when it has lost its place, or has left: it owns nothing any more. Start the process again.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn ended(&self) {
        self.node.ended().await;
    }

    /// Leaves in good order: others own its keys as soon as it has.
    ///
    /// # Errors
    /// [`Error::Stop`] where the store could not mark it.
    ///
    /// # Cancel safety
    /// May be called again.
    pub async fn leave(&self, budget: Duration) -> Result<()> {
        self.node.stop(budget).await.map(drop)
    }
}
