use std::io::Write;
use std::sync::Arc;

use tenure_types::{ActorId, BoxFuture, FeedName, Incarnation, Key, Tenure, Token, Version};

use crate::{
    Content, Due, Encoded, EventLog, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Row,
    StoreError, Trimmed, Unit, UnitOutcome,
};

/// The bytes of events after which [`Store::events`] answers with what it has.
pub const EVENTS_BYTES_MAX: usize = 8 << 20;

/// The bytes of states after which [`Store::heads`] answers with what it has.
pub const HEADS_BYTES_MAX: usize = 8 << 20;

/// The entries after which an engine ends a page of a walk.
pub const WALK_PAGE_MAX: usize = 1_024;
/// The bytes of states and rows after which it does.
pub const WALK_PAGE_BYTES_MAX: usize = 4 << 20;

/// An engine that keeps actors durable.
///
/// # What every engine keeps
/// - A unit is atomic and durable, or absent, whatever happens and whenever.
/// - A unit commits only if its `expected` version is stored and its incarnation is not fenced,
///   both checked in the transaction that writes it.
/// - When [`Store::open`] has returned incarnation `n`, no unit of an incarnation below `n` can
///   become visible any more.
/// - When [`Store::fence`] has returned, none of that one incarnation can. Where several are open at a
///   time ([`Store::join`]), that is all that keeps one of them from committing.
/// - A load sees every unit that was answered `Committed` before it began.
/// - Stored bytes that were damaged are named in an error and never returned. A unit that
///   would have to be compared with them is answered [`UnitOutcome::Corrupt`], and it alone.
///
/// # Feeds
/// - An entry is there if and only if its unit is.
/// - The engine gives an entry its position when its unit commits, in the order of commit, in the
///   stripe of the unit's incarnation. Positions of a stripe are consecutive, and never given out
///   twice; a stripe's number neither.
/// - Nobody reads a position before all lower ones of its stripe are resolved. Where one thread
///   commits, that follows. An engine that commits over several connections writes with each
///   batch, in its transaction, the stripe's `stable` position, up to which all are resolved, shows
///   nothing beyond it, and fills positions of units that did not commit.
/// - When `open` or `fence` has returned, the stripes of what it fenced are closed: they end with
///   the last entry that was committed.
/// - What one actor appended is read by version, then index, over stripes too. Where one
///   incarnation commits at a time, stripes are read one after the other, each to its closed end.
///   An engine with several at a time merges what it reads: of entries of one actor the one of the
///   lower version comes first, whichever stripes they are in.
/// - Nothing is ever skipped: a cursor behind which something was trimmed is refused.
pub trait Store: Send + Sync + 'static {
    /// The engine's name in logs and configuration.
    fn name(&self) -> &'static str;

    /// Hands out the next incarnation, counted durably, and fences every earlier one in the same
    /// transaction. Called again after [`UnitOutcome::Fenced`]: the engine then starts over from
    /// what is durable.
    ///
    /// # Errors
    /// [`StoreError`] says what stands in the way; nothing was handed out, and the call may be
    /// repeated. An engine that was open and was fenced by somebody who opened the store since does
    /// not take it back: [`StoreError::Unavailable`], until it was closed.
    fn open(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>>;

    /// Opens what is stored to be read, until [`Store::close`]: hands out no incarnation, fences none
    /// and changes nothing that is stored. Units are answered [`UnitOutcome::Fenced`]. `false` where
    /// no store was made yet; the engine is then not open.
    ///
    /// # Errors
    /// As [`Store::open`]: a store that is open in another process cannot be read beside it.
    fn open_to_read(&self) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Hands out the next incarnation for a run that will [`Store::join`] as it: counted durably, above
    /// all that were handed out, joined or fenced, and never the same twice. Fences nobody. For nodes
    /// that share a store and have no member table; the engine need not be open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the engine is for one node, or is not reached; a number may be
    /// lost, and the call may be repeated.
    fn next_incarnation(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        Box::pin(std::future::ready(Err(for_one_node(self.name()))))
    }

    /// Opens the engine for units of `incarnation`, a number that a member table has handed out,
    /// beside those of others: fences nobody. Called again while it is open as this incarnation it
    /// changes nothing. A store is either opened by one node or joined by several: an `open` fences
    /// all that have joined.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the incarnation was fenced, before it was ever seen or after,
    /// or is used by another run; and where the engine is for one node. Nothing was changed.
    fn join(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        let _ = incarnation;
        Box::pin(std::future::ready(Err(for_one_node(self.name()))))
    }

    /// Fences one incarnation, open or not, seen or not: when this returns, none of its units can
    /// become visible any more, its stripes are closed, and it never opens again. A second fence
    /// changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]; whether the fence stands is then not known, and the call may be repeated.
    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Ends, with the reason, when somebody else has fenced the incarnation that is open, also where
    /// no unit has met the fence yet: who serves reads from memory wants to know. `None` where nobody
    /// else can, or nothing is open.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    fn superseded(&self) -> Option<BoxFuture<'static, Box<str>>> {
        None
    }

    /// Reads what is stored of `actor`, `None` if nothing is: its head, and beside it outcomes and
    /// reminders and, where the content is [`Content::Journaled`], the snapshot it names and the
    /// journal after it, ordered by [`RowKey`](crate::RowKey). All of it is of one moment, between
    /// two units. Events that are only kept for clients are read by [`Store::events`]. An actor
    /// that was deleted, and whose time has passed, may or may not be there still.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the stored bytes were damaged, or the snapshot or an event of
    /// the journal is missing; others when they could not be read at all.
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    fn load(&self, actor: &ActorId) -> BoxFuture<'static, Result<Option<Stored>, StoreError>>;

    /// Reads as [`Store::load`] does, on the calling thread, for engines that mostly answer from
    /// memory: handing such a load to another thread and waiting for its answer takes several
    /// times as long as the load. `None` says that the engine has no such way, or that the caller
    /// would likely wait for a disk now: `load` is the way then. An engine bounds how many threads
    /// may be in here at a time, so that a disk which stalls cannot hold up all of a node's.
    ///
    /// # Errors
    /// As [`Store::load`].
    fn load_now(&self, actor: &ActorId) -> Option<Result<Option<Stored>, StoreError>> {
        let _ = actor;
        None
    }

    /// Reads the events of `actor` after offset `after`, in order: its journal where the content is
    /// [`Content::Journaled`], else the events kept for clients. Which of them are still kept is for
    /// the caller to see by their offsets. At most `limit`, and fewer once they pass
    /// [`EVENTS_BYTES_MAX`] together: only an empty answer says that there are no more.
    ///
    /// # Errors
    /// As [`Store::load`].
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(u64, Encoded)>, StoreError>>;

    /// Lists reminders that are due at `until_ms` or before, after the entry `after`, at most
    /// `limit` of them, in the order of [`Due`]. A reminder that is put with another due time, or
    /// deleted, alone or with its actor, is listed no more under the one before.
    ///
    /// # Errors
    /// As [`Store::load`].
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    fn due(
        &self,
        until_ms: u64,
        after: Option<Due>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Due>, StoreError>>;

    /// Lists the names of the types that something is stored of, in order.
    ///
    /// # Errors
    /// As [`Store::load`].
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    fn types(&self) -> BoxFuture<'static, Result<Vec<Box<str>>, StoreError>>;

    /// Lists what is stored of the actors of one type, after the key `after`, in the order of their
    /// keys. At most `limit`, and fewer once their states pass [`HEADS_BYTES_MAX`] together: only an
    /// empty answer says that there are no more. Deleted actors are among them while their time has
    /// not passed, as [`Content::Deleted`]. A damaged head is listed with its error and keeps no
    /// other from being listed.
    ///
    /// # Errors
    /// As [`Store::load`], but for damaged heads.
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredHead>, StoreError>>;

    /// Hands over a unit. Returns at once; `sink` hears the outcome exactly once, on a thread of
    /// the engine or, where the engine is closed or refuses at once, on the caller's.
    ///
    /// One actor has at most one unit in flight; the engine may commit units of different actors
    /// in any order and together.
    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>);

    /// Reads a page of a feed, at most `limit` entries and [`FEED_PAGE_BYTES_MAX`](crate::FEED_PAGE_BYTES_MAX)
    /// bytes, but at least one entry if there is one. All of it is of one moment. A feed that
    /// nothing was appended to yet is empty; its cursor goes on with its first entry.
    ///
    /// # Errors
    /// [`FeedError`]. Where the engine has no feeds: [`StoreError::Unavailable`].
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    fn read_feed(
        &self,
        feed: &FeedName,
        from: FeedFrom,
        limit: usize,
    ) -> BoxFuture<'static, Result<FeedPage, FeedError>> {
        let _ = (feed, from, limit);
        Box::pin(std::future::ready(Err(self.without_feeds().into())))
    }

    /// Lists what is kept of each feed, by name. A feed stays listed when all of it was trimmed. One
    /// that is damaged is listed with its error and keeps no other from being listed.
    ///
    /// # Errors
    /// As [`Store::load`].
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    fn feeds(&self) -> BoxFuture<'static, Result<Vec<FeedInfo>, StoreError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Gives for each of these feeds, in their order, a number that is another one after something was
    /// appended to it, by whomever: for who waits for entries of others. Cheap, so that it may be asked
    /// some times a second. Zero for a feed that has not begun, or whose stripes are damaged: who reads it
    /// is told.
    ///
    /// # Errors
    /// As [`Store::load`]. Where the engine has no feeds: [`StoreError::Unavailable`].
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    fn feed_ends(&self, feeds: &[FeedName]) -> BoxFuture<'static, Result<Vec<u64>, StoreError>> {
        let _ = feeds;
        Box::pin(std::future::ready(Err(self.without_feeds())))
    }

    /// Removes the oldest entries of a feed that are not to be kept, at most
    /// [`TRIM_ENTRIES_MAX`](crate::TRIM_ENTRIES_MAX) of them. Durable when it is answered. A damaged
    /// entry goes with the next one that goes.
    ///
    /// # Errors
    /// As [`Store::load`]. Whether something was removed is then not known, and the call may be
    /// repeated.
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    fn trim_feed(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> BoxFuture<'static, Result<Trimmed, StoreError>> {
        let _ = (feed, keep);
        Box::pin(std::future::ready(Err(self.without_feeds())))
    }

    /// The error of an engine that has no feeds.
    fn without_feeds(&self) -> StoreError {
        let detail = format!("the engine `{}` has no feeds", self.name()).into();
        StoreError::Unavailable { detail }
    }

    /// Writes a copy of everything that is stored at one moment to `out`, while the engine goes on, and
    /// gives its bytes. What was answered `Committed` before is in it. What the copy looks like is the
    /// engine's own affair.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the engine has ways of its own, which `detail` names, or ends
    /// meanwhile; [`StoreError::Io`] when `out` takes nothing any more.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the copy: an error of `out` does.
    fn back_up(&self, out: Box<dyn Write + Send>) -> BoxFuture<'_, Result<u64, StoreError>> {
        drop(out);
        let detail = format!("the engine `{}` has no backup of its own", self.name()).into();
        Box::pin(std::future::ready(Err(StoreError::Unavailable { detail })))
    }

    /// Begins to read everything that actors are, as it is now: what was answered `Committed` before is
    /// in it, and of what commits from now on nothing. The engine goes on meanwhile.
    ///
    /// # Errors
    /// As [`Store::load`]. Where the engine has no such way: [`StoreError::Unavailable`].
    ///
    /// # Cancel safety
    /// Dropping the future loses only the walk.
    fn walk(&self) -> BoxFuture<'_, Result<Box<dyn Walk>, StoreError>> {
        let detail = format!("the engine `{}` cannot be walked over", self.name()).into();
        Box::pin(std::future::ready(Err(StoreError::Unavailable { detail })))
    }

    /// Commits what was submitted, marks an orderly stop, and releases the engine's resources.
    /// Units submitted later are answered [`UnitOutcome::Fenced`].
    ///
    /// # Errors
    /// [`StoreError`] when the stop could not be marked. What was answered `Committed` is durable
    /// all the same.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

fn for_one_node(engine: &str) -> StoreError {
    StoreError::Unavailable { detail: format!("the engine `{engine}` is for one node").into() }
}

/// One entry of [`Store::heads`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHead {
    /// Which actor of the type.
    pub key: Key,
    /// What a load reads of its head, without rows beside it; or why that cannot be read.
    pub stored: Result<Stored, StoreError>,
}

/// Hears what became of a unit.
pub trait UnitSink: Send + Sync {
    /// Takes the outcome of the unit named by `token`. Must not block: it runs on the engine's
    /// committing thread.
    fn settled(self: Arc<Self>, token: Token, outcome: UnitOutcome);
}

/// What is stored of one actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The version of the last unit.
    pub version: Version,
    /// The tenure of the last unit.
    pub tenure: Tenure,
    /// The token of the last unit.
    pub token: Token,
    /// Unix time in milliseconds at which the unit was made.
    pub written_at_ms: u64,
    /// Where the actor's events stand.
    pub log: EventLog,
    /// Its state.
    pub content: Content,
    /// What [`Store::load`] reads beside the head.
    pub rows: Vec<Row>,
}

/// One thing that a walk comes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walked {
    /// An actor, with what is stored of its head; what belongs to it beside follows. Deleted actors are
    /// left out.
    Actor {
        /// The name of its type. A text, because the program that reads it may not have the type.
        type_name: Box<str>,
        /// Which actor of that type.
        key: Key,
        /// Its head, without rows.
        stored: Stored,
    },
    /// A row beside the last actor, in the order of [`RowKey`](crate::RowKey): outcomes and reminders; events that are
    /// kept for clients where the content is a state; else the snapshot that it names and the whole journal
    /// that is there.
    Row(Row),
}

/// A walk over everything that actors are at one moment, in the order of type and key. It holds what the
/// engine needs for that, so it is dropped before the engine is closed.
pub trait Walk: Send {
    /// The next entries, at most [`WALK_PAGE_MAX`], and none after the one with which they pass
    /// [`WALK_PAGE_BYTES_MAX`]; none at the end.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names what is damaged or missing, where it comes by it. The walk is broken off
    /// then, and does not go on.
    ///
    /// # Cancel safety
    /// A walk whose future was dropped may be broken off.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Walked>, StoreError>>;
}
