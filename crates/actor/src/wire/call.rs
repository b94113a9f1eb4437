//! Calls on their way to their actor.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenure_types::{CallError, Instant, Key, Outcome, StateTag, Version};

use super::frame::{self, FrameError};
use super::types::Types;
use super::{arriving, names};
use crate::cause::check_name;
use crate::host::{CallHead, QueuedCall};
use crate::{
    CHAIN_LEN_MAX, CODEC_NAMED, CallKey, Cause, CodecError, Link, MethodInfo, Precondition,
    Receipt, ReminderId, Target,
};

/// What is to be known of a call before its message is read.
#[derive(Debug, Serialize, Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    actor_type: &'a str,
    key: &'a str,
    method: &'a str,
    budget_ns: u64,
    one_way: bool,
    durable: bool,
    #[serde(borrow)]
    cause: Option<WireCause<'a>>,
    receipt: Option<Asked>,
    /// Type and key of the actors that wait, the latest last.
    #[serde(borrow)]
    chain: Vec<(&'a str, &'a str)>,
}

#[derive(Debug, Serialize, Deserialize)]
enum WireCause<'a> {
    Key { key: &'a str, arguments: u128 },
    Reminder { name: &'a str, due_ms: u64 },
}

/// What the caller asks of the state, and wants to know.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    follows: bool,
    precondition: Option<WirePrecondition>,
}

#[derive(Debug, Serialize, Deserialize)]
enum WirePrecondition {
    Exists,
    /// Stamp and version.
    OneOf(Vec<(u32, u64)>),
}

/// A call that came from another node.
pub struct Decoded {
    /// Whom it is for.
    pub target: Target,
    /// The call; what ends it goes to the [`ReplyTo`](super::ReplyTo).
    pub call: Arc<dyn QueuedCall>,
}

/// What stops a call from being encoded.
enum Stop {
    TakenBack,
    Codec(CodecError),
    Frame(FrameError),
}

impl From<FrameError> for Stop {
    fn from(error: FrameError) -> Self {
        Stop::Frame(error)
    }
}

/// Encodes a call for another node and lets it leave: from now on it may be executed there. `now` is by the
/// clock of its deadline. `None` where its caller has taken it back.
///
/// # Errors
/// `TooLarge` and `BadRequest`; the call has not left then, and is to be settled with them.
pub fn encode_call(
    target: &Target,
    call: &dyn QueuedCall,
    now: Instant,
) -> Result<Option<Vec<u8>>, CallError> {
    let of = call.head();
    let head = Head {
        actor_type: target.type_name,
        key: &target.key,
        method: of.method.name,
        budget_ns: nanos(of.deadline.saturating_since(now)),
        one_way: of.one_way,
        durable: of.durable,
        cause: of.cause.as_deref().map(WireCause::of),
        receipt: of.receipt.as_deref().map(Asked::of),
        chain: of.chain.as_deref().map(chain_of).unwrap_or_default(),
    };
    let written = frame::write(CODEC_NAMED, &head, |out| match call.depart(CODEC_NAMED, out) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Stop::TakenBack),
        Err(error) => Err(Stop::Codec(error)),
    });
    let method = format_args!("{}::{}", target.type_name, of.method.name);
    match written {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Stop::TakenBack) => Ok(None),
        Err(Stop::Codec(error)) => Err(CallError::BadRequest {
            detail: format!("the arguments of {method} cannot be encoded: {error}").into(),
        }),
        Err(Stop::Frame(error)) => {
            call.come_back();
            let detail =
                format!("a call of {method} is too large for the way to another node: {error}");
            Err(CallError::TooLarge { detail: detail.into() })
        }
    }
}

impl<'a> WireCause<'a> {
    fn of(cause: &'a Cause) -> Self {
        match cause {
            Cause::Key(key) => WireCause::Key { key: &key.key, arguments: key.arguments },
            Cause::Reminder(id) => WireCause::Reminder { name: &id.name, due_ms: id.due_ms },
        }
    }

    fn to_cause(&self) -> Result<Cause, String> {
        match *self {
            WireCause::Key { key, arguments } => {
                check_name("an idempotency key", key)?;
                Ok(Cause::Key(CallKey { key: key.into(), arguments }))
            }
            WireCause::Reminder { name, due_ms } => {
                check_name("the name of a reminder", name)?;
                Ok(Cause::Reminder(ReminderId { name: name.into(), due_ms }))
            }
        }
    }
}

impl Asked {
    fn of(receipt: &Receipt) -> Self {
        let precondition = receipt.precondition().map(|precondition| match precondition {
            Precondition::Exists => WirePrecondition::Exists,
            Precondition::OneOf(tags) => {
                WirePrecondition::OneOf(tags.iter().map(|it| (it.stamp, it.version.0)).collect())
            }
        });
        Self { follows: receipt.follows(), precondition }
    }

    fn into_receipt(self) -> Receipt {
        let tag = |(stamp, version)| StateTag { stamp, version: Version(version) };
        let precondition = self.precondition.map(|precondition| match precondition {
            WirePrecondition::Exists => Precondition::Exists,
            WirePrecondition::OneOf(tags) => {
                Precondition::OneOf(tags.into_iter().map(tag).collect())
            }
        });
        Receipt::asking(precondition, self.follows)
    }
}

fn chain_of(link: &Link) -> Vec<(&str, &str)> {
    let mut chain: Vec<_> = link.actors().map(|(name, key)| (name.as_str(), &**key)).collect();
    chain.reverse();
    chain
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Types {
    /// Makes a call of the bytes of another node's. `now` is by the clock of this node, which its deadline
    /// will be of.
    ///
    /// # Errors
    /// Everything that stops a call before its turn: `NotFound` where this program has no such type or
    /// method, `Incompatible` where the call cannot be read. Not executed; answer with
    /// [`Answer::failed`](super::Answer::failed).
    pub fn decode_call(
        &self,
        frame: &[u8],
        now: Instant,
        reply_to: impl super::ReplyTo,
    ) -> Result<Decoded, CallError> {
        let parts = frame::parse::<Head<'_>>(frame).map_err(|error| unreadable("a call", error))?;
        let Head { actor_type, key, method, .. } = parts.head;
        let known = self.find(actor_type)?;
        let key = Key::new(key).map_err(|error| unreadable("a call", error))?;
        let target = Target {
            slot: known.actor_type.slot,
            hash: tenure_types::actor_hash(actor_type, &key),
            type_name: known.actor_type.name.as_str(),
            key,
        };
        let cause = parts.head.cause.as_ref().map(WireCause::to_cause).transpose();
        let cause = cause.map_err(|error| unreadable("a call", error))?.map(Arc::new);
        let is_reminder = matches!(cause.as_deref(), Some(Cause::Reminder(_)));
        let found = if is_reminder { None } else { Some(known.method(method)?) };
        let chain = self.chain(&parts.head.chain).map_err(|error| unreadable("a call", error))?;
        let head = CallHead {
            method: found.map_or(const { &MethodInfo::REMINDER }, |method| method.info),
            deadline: now + Duration::from_nanos(parts.head.budget_ns),
            chain,
            one_way: parts.head.one_way,
            durable: parts.head.durable,
            cause,
            receipt: parts.head.receipt.map(|it| Arc::new(it.into_receipt())),
        };
        let inner: Arc<dyn QueuedCall> = match found {
            None => Arc::new(super::reminder::Reminder { head }),
            Some(found) => (found.deliver)(head, parts.codec, parts.body)
                .map_err(|error| unreadable(&format!("a call of {actor_type}::{method}"), error))?,
        };
        Ok(Decoded { target, call: arriving::new(inner, parts.codec, reply_to) })
    }

    /// The chain of a call.
    fn chain(&self, actors: &[(&str, &str)]) -> Result<Option<Arc<Link>>, String> {
        if actors.len() > CHAIN_LEN_MAX as usize {
            return Err(format!("its chain has {} actors", actors.len()));
        }
        let mut chain = None;
        for (name, key) in actors {
            let name = match self.find(name) {
                Ok(known) => known.actor_type.name,
                Err(_) => names::keep(name)?,
            };
            let key = Key::new(key).map_err(|error| error.to_string())?;
            chain = Some(Link::after(chain, name, key));
        }
        Ok(chain)
    }
}

fn unreadable(what: &str, why: impl std::fmt::Display) -> CallError {
    CallError::Incompatible {
        detail: format!("{what} that another node sent cannot be read: {why}").into(),
        outcome: Outcome::NotExecuted,
    }
}
