use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tenure_store::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, Store, StoreError, Stored,
    StoredHead, Trimmed, Unit, UnitOutcome, UnitSink,
};
use tenure_types::{ActorId, ActorTypeName, BoxFuture, FeedName, Incarnation, Key};
use tokio::sync::oneshot;

use super::connection::Connection;
use crate::bounds::{ANSWER_BYTES_MAX, PAGE_MAX};
use crate::codec::{Coded, decode, encode};
use crate::message::{Reply, Request};

/// The store that a [`DevServer`](crate::DevServer) keeps for this process: **for development and tests only.**
///
/// A unit whose answer is lost on the way is answered [`UnitOutcome::Unknown`], a read
/// [`StoreError::Unavailable`]. Pages are of at most [`PAGE_MAX`] each, and
/// no answer is larger than [`ANSWER_BYTES_MAX`]. It has no backup: the server's
/// process has the folder.
pub struct DevStore {
    connection: Arc<Connection>,
}

impl DevStore {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    fn ask<T, E>(&self, request: &Request) -> BoxFuture<'static, Result<T, E>>
    where
        T: Coded + Send + 'static,
        E: Coded + From<StoreError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        // Who gave up on the answer does not hear it.
        let told_once = Box::new(move |reply| drop(tell.send(reply)));
        self.connection.ask_store(&encode(request), told_once);
        Box::pin(async move {
            match told.await {
                Ok(reply) => read(reply),
                Err(_) => Err(unavailable("the way to the server was closed").into()),
            }
        })
    }
}

impl Store for DevStore {
    fn name(&self) -> &'static str {
        "dev"
    }

    fn open(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        self.ask(&Request::Open)
    }

    fn open_to_read(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.ask(&Request::OpenToRead)
    }

    fn join(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(&Request::Join(incarnation))
    }

    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(&Request::Fence(incarnation))
    }

    fn load(&self, actor: &ActorId) -> BoxFuture<'static, Result<Option<Stored>, StoreError>> {
        self.ask(&Request::Load(actor.clone()))
    }

    fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(u64, Encoded)>, StoreError>> {
        self.ask(&Request::Events { actor: actor.clone(), after, limit: limit.min(PAGE_MAX) })
    }

    fn due(
        &self,
        until_ms: u64,
        after: Option<Due>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Due>, StoreError>> {
        self.ask(&Request::Due { until_ms, after, limit: limit.min(PAGE_MAX) })
    }

    fn types(&self) -> BoxFuture<'static, Result<Vec<Box<str>>, StoreError>> {
        self.ask(&Request::Types)
    }

    fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredHead>, StoreError>> {
        if ActorTypeName::check(type_name).is_err() {
            // Nothing is stored of what is no type.
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        let (type_name, after, limit) = (type_name.into(), after.cloned(), limit.min(PAGE_MAX));
        self.ask(&Request::Heads { type_name, after, limit })
    }

    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) {
        let token = unit.token;
        if let Err(refusal) = unit.check() {
            return sink.settled(token, refusal);
        }
        let request = encode(&Request::Submit(unit));
        let told = Box::new(move |reply| {
            let outcome = outcome(reply);
            // It may run on the task of a lane, which must not end for it.
            if catch_unwind(AssertUnwindSafe(|| sink.settled(token, outcome))).is_err() {
                tracing::error!(%token, "the sink of a unit panicked");
            }
        });
        self.connection.ask_store(&request, told);
    }

    fn read_feed(
        &self,
        feed: &FeedName,
        from: FeedFrom,
        limit: usize,
    ) -> BoxFuture<'static, Result<FeedPage, FeedError>> {
        self.ask(&Request::ReadFeed { feed: feed.clone(), from, limit: limit.min(PAGE_MAX) })
    }

    fn feeds(&self) -> BoxFuture<'static, Result<Vec<FeedInfo>, StoreError>> {
        self.ask(&Request::Feeds)
    }

    fn feed_ends(&self, feeds: &[FeedName]) -> BoxFuture<'static, Result<Vec<u64>, StoreError>> {
        self.ask(&Request::FeedEnds(feeds.to_vec()))
    }

    fn trim_feed(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> BoxFuture<'static, Result<Trimmed, StoreError>> {
        self.ask(&Request::TrimFeed { feed: feed.clone(), keep })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(&Request::Close)
    }
}

/// What was answered, if something was.
fn read<T: Coded, E: Coded + From<StoreError>>(reply: Reply) -> Result<T, E> {
    let detail = match reply {
        Reply::Done(answer) => match decode::<Result<T, E>>(&answer) {
            Ok(answer) => return answer,
            Err(error) => format!("the server's answer cannot be read: {error}").into(),
        },
        Reply::Refused(why) => format!("the server refused the request: {why}").into(),
        Reply::Unknown(why) => why,
        Reply::TooLarge(bytes) => {
            format!("the answer has {bytes} bytes, and {ANSWER_BYTES_MAX} is the most here").into()
        }
    };
    Err(unavailable(&detail).into())
}

/// What became of a unit.
fn outcome(reply: Reply) -> UnitOutcome {
    let reason = match reply {
        Reply::Done(answer) => match decode(&answer) {
            Ok(outcome) => return outcome,
            Err(error) => format!("the server's answer cannot be read: {error}").into(),
        },
        Reply::Refused(reason) => return UnitOutcome::Invalid { reason },
        Reply::Unknown(why) => why,
        Reply::TooLarge(_) => "the server's answer is too large".into(),
    };
    UnitOutcome::Unknown { reason }
}

fn unavailable(detail: &str) -> StoreError {
    StoreError::Unavailable { detail: detail.into() }
}
