//! What clients ask of actors, and how a node makes the call for them.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use tenure_actor::host::HostHandle;
use tenure_actor::{Actor, ActorRef, Call, Handler, Message, Receipt};
use tenure_sim::judge::Answer;
use tenure_types::CallError;

use crate::cast::{
    Board, BoardRef, Chronicle, ChronicleRef, Ledger, LedgerRef, Purse, PurseRef, Role, Seen, Who,
};

/// How long a subscriber's turn may take.
const ATTACH_MAX: Duration = Duration::from_secs(2);

/// What a client asks of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// To add to its number, which may take some milliseconds.
    Add {
        /// Names the effect.
        effect: u64,
        /// How much.
        by: u64,
        /// How long the turn takes.
        ms: u64,
    },
    /// To tell what it holds, which may take some milliseconds.
    Get {
        /// How long the turn takes.
        ms: u64,
    },
    /// To add to its number, and to call a board in the same turn. Only of ledgers.
    AddAndTell {
        /// Names the effect.
        effect: u64,
        /// How much.
        by: u64,
        /// The number of the board.
        to: u32,
    },
    /// To add to its number, and to set a reminder. Of stored actors only, as the two below.
    Remind {
        /// Names the effect.
        effect: u64,
        /// How much.
        by: u64,
        /// The number of the reminder.
        name: u32,
        /// When it is due, in Unix milliseconds.
        due_ms: u64,
    },
    /// To add to its number, and to take a reminder back.
    Cancel {
        /// Names the effect.
        effect: u64,
        /// How much.
        by: u64,
        /// The number of the reminder.
        name: u32,
        /// When it is due, in Unix milliseconds.
        due_ms: u64,
    },
    /// To add to its number, and to work beside later turns.
    Work {
        /// Names the effect.
        effect: u64,
        /// How much.
        by: u64,
        /// How long the work takes.
        ms: u64,
    },
    /// To leave memory.
    Leave,
}

impl Op {
    /// The effect that it names and how much it adds, if it changes something.
    #[must_use]
    pub const fn write(self) -> Option<(u64, u64)> {
        match self {
            Op::Add { effect, by, .. }
            | Op::AddAndTell { effect, by, .. }
            | Op::Remind { effect, by, .. }
            | Op::Cancel { effect, by, .. }
            | Op::Work { effect, by, .. } => Some((effect, by)),
            Op::Get { .. } | Op::Leave => None,
        }
    }

    /// The same with another effect, if it has one.
    #[must_use]
    pub fn with_effect(mut self, fresh: u64) -> Self {
        match &mut self {
            Op::Add { effect, .. }
            | Op::AddAndTell { effect, .. }
            | Op::Remind { effect, .. }
            | Op::Cancel { effect, .. }
            | Op::Work { effect, .. } => *effect = fresh,
            Op::Get { .. } | Op::Leave => {}
        }
        self
    }

    /// The reminder that it sets or takes back, and when that is due.
    #[must_use]
    pub const fn reminder(self) -> Option<(u32, u64)> {
        match self {
            Op::Remind { name, due_ms, .. } | Op::Cancel { name, due_ms, .. } => {
                Some((name, due_ms))
            }
            _ => None,
        }
    }
}

/// A client asks a node.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Names the question among those of the client.
    pub number: u64,
    /// Whom it is for.
    pub who: Who,
    /// What is asked.
    pub op: Op,
    /// The idempotency key.
    pub key: Option<u64>,
    /// Whether the reply waits until it is durable, where that is not so anyway.
    pub durable: bool,
    /// How long the client waits.
    pub budget: Duration,
}

/// A node answers a client.
#[derive(Clone, Debug)]
pub struct Said {
    /// Of which question.
    pub number: u64,
    /// What came of it; `Ok(None)` where nobody asked for an answer.
    pub result: Result<Option<Answer>, CallError>,
}

/// Makes the call that a client asks for.
///
/// # Cancel safety
/// As a caller that goes away: a turn that began runs to its end.
pub async fn perform(handle: HostHandle, ask: Ask) -> Said {
    if let Op::AddAndTell { effect, by, to } = ask.op {
        let ledger = LedgerRef::from(ActorRef::<Ledger>::new(&handle, ask.who.key()));
        let board = Who { role: Role::Board, number: to };
        let result = made(ledger.add_and_tell(effect, by, board.key()), &ask).await;
        return Said { number: ask.number, result };
    }
    macro_rules! later {
        (stored, $actor:ident) => {
            match ask.op {
                Op::Remind { effect, by, name, due_ms } => {
                    made($actor.remind(effect, by, name.into(), due_ms), &ask).await
                }
                Op::Cancel { effect, by, name, .. } => {
                    made($actor.cancel(effect, by, name.into()), &ask).await
                }
                Op::Work { effect, by, ms } => made($actor.work(effect, by, ms), &ask).await,
                _ => unreachable!("made below"),
            }
        };
        (volatile, $actor:ident) => {
            unreachable!("volatile actors have no reminders")
        };
    }
    macro_rules! of {
        ($actor:ty, $reference:ty, $kept:ident) => {{
            let actor = <$reference>::from(ActorRef::<$actor>::new(&handle, ask.who.key()));
            match ask.op {
                Op::Add { effect, by, ms: 0 } => made(actor.add(effect, by), &ask).await,
                Op::Add { effect, by, ms } => made(actor.add_slowly(effect, by, ms), &ask).await,
                Op::Get { ms: 0 } => made(actor.get(), &ask).await,
                Op::Get { ms } => made(actor.get_slowly(ms), &ask).await,
                Op::AddAndTell { .. } => unreachable!("made above"),
                Op::Remind { .. } | Op::Cancel { .. } | Op::Work { .. } => later!($kept, actor),
                Op::Leave => left(actor.leave(), &ask).await,
            }
        }};
    }
    let result = match ask.who.role {
        Role::Ledger => of!(Ledger, LedgerRef, stored),
        Role::Chronicle => of!(Chronicle, ChronicleRef, stored),
        Role::Purse => of!(Purse, PurseRef, stored),
        Role::Board => of!(Board, BoardRef, volatile),
    };
    Said { number: ask.number, result }
}

/// Reads an actor whose events are followed from then on: the receipt says where they stand.
///
/// # Cancel safety
/// As [`perform`].
pub async fn attach(handle: &HostHandle, who: Who, receipt: Arc<Receipt>) -> Result<(), CallError> {
    macro_rules! of {
        ($actor:ty, $reference:ty) => {{
            let actor = <$reference>::from(ActorRef::<$actor>::new(handle, who.key()));
            actor.get().deadline(ATTACH_MAX).receipt(receipt).into_future().await.map(drop)
        }};
    }
    match who.role {
        Role::Ledger => of!(Ledger, LedgerRef),
        Role::Chronicle => of!(Chronicle, ChronicleRef),
        Role::Purse => of!(Purse, PurseRef),
        Role::Board => of!(Board, BoardRef),
    }
}

/// Answers that nothing was done.
#[must_use]
pub fn refuse(ask: &Ask, error: CallError) -> Said {
    Said { number: ask.number, result: Err(error) }
}

async fn made<A, M>(call: Call<A, M>, ask: &Ask) -> Result<Option<Answer>, CallError>
where
    A: Actor + Handler<M, Reply = Seen, Error = std::convert::Infallible>,
    M: Message,
{
    let seen = asked(call, ask).into_future().await?;
    Ok(Some(seen.into()))
}

async fn left<A, M>(call: Call<A, M>, ask: &Ask) -> Result<Option<Answer>, CallError>
where
    A: Actor + Handler<M, Reply = (), Error = std::convert::Infallible>,
    M: Message,
{
    asked(call, ask).into_future().await?;
    Ok(None)
}

/// The call with what the client asks beside.
fn asked<A: Handler<M>, M: Message>(call: Call<A, M>, ask: &Ask) -> Call<A, M> {
    let mut call = call.deadline(ask.budget);
    if let Some(key) = ask.key {
        call = call.idempotency_key(format!("key-{key}"));
    }
    if ask.durable { call.durable() } else { call }
}
