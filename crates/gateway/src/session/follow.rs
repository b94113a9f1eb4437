//! Beginning and ending to follow an actor's events.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tenure_actor::{Answered, AppProblem, Invocation, Method, Peer, Receipt};
use tenure_protocol::session::Position;
use tenure_types::{BoxFuture, CallError, Key};

use super::kinds::Kind;
use super::topic::{Followed, Follower};
use super::topics::Topics;

/// How often an actor's log may begin anew while one client is let in.
const ATTEMPTS_MAX: usize = 4;

/// A client follows a topic until this is dropped.
pub(crate) struct Following {
    topics: Arc<Topics>,
    followed: Arc<Followed>,
    id: u64,
    /// What `#[detach]` is told; `None` before `#[attach]` has answered, or where there is none.
    attached: Option<Vec<u8>>,
}

/// Whom a client wants to follow, and from where on.
pub(crate) struct Wish<'a> {
    pub(crate) topic: &'a str,
    pub(crate) kind: Kind,
    pub(crate) key: Key,
    pub(crate) peer: &'a Peer,
    pub(crate) resume: Option<Position>,
}

impl Topics {
    /// Lets a client follow an actor, if the actor's `#[attach]` does. `begin` is told what that has
    /// answered, then the follower is answered, then it gets what follows.
    ///
    /// # Errors
    /// What the `#[attach]` turn ended in.
    ///
    /// # Cancel safety
    /// Dropped, nothing is followed; `#[detach]` is told if `#[attach]` has let the client in, or does
    /// so later.
    pub(crate) async fn follow(
        self: &Arc<Self>,
        wish: Wish<'_>,
        follower: Arc<dyn Follower>,
        begin: impl Fn(Option<Vec<u8>>),
    ) -> Result<Following, CallError<AppProblem>> {
        let peer = serde_json::to_vec(wish.peer).map_err(|error| CallError::BadRequest {
            detail: format!("the client cannot be told to the actor: {error}").into(),
        })?;
        let mut last = None;
        for _ in 0..ATTEMPTS_MAX {
            let mut answered = None;
            let (id, followed) = self.join(
                wish.topic,
                wish.kind,
                || wish.kind.target(wish.key.clone()),
                |id, followed| answered = Some(followed.join(id, Arc::clone(&follower))),
            );
            let topics = Arc::clone(self);
            let mut following = Following { topics, followed, id, attached: None };
            let receipt = Arc::new(Receipt::following());
            let turn = self.attach(&wish, &peer, &receipt)?;
            let detach = wish.kind.detach.map(|method| (method, wish.key.clone(), peer.clone()));
            let topics = Arc::clone(self);
            let reply = Attaching { topics, detach, turn: Some(turn), has_begun: false }.await?;
            following.attached = wish.kind.detach.map(|_| peer.clone());
            let (epoch, offset) = receipt.log().unwrap_or_default();
            begin(wish.kind.has_attach.then_some(reply.json));
            following.followed.attached(id, Position { epoch, offset }, wish.resume);
            let Some(answered) = answered else { continue };
            match answered.wait().await {
                Ok(()) => return Ok(following),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or(
            CallError::Unavailable { detail: "it cannot be followed".into() },
            CallError::widen,
        ))
    }

    fn attach(
        &self,
        wish: &Wish<'_>,
        peer: &[u8],
        receipt: &Arc<Receipt>,
    ) -> Result<Turn, CallError<AppProblem>> {
        let invocation = Invocation {
            host: self.host(),
            key: wish.key.clone(),
            body: if wish.kind.has_attach { peer } else { b"" },
            query: None,
            deadline: None,
            one_way: false,
            idempotency_key: None,
            durable: false,
            after: None,
            receipt: Some(Arc::clone(receipt)),
        };
        (wish.kind.attach.invoke)(invocation).map_err(CallError::widen)
    }

    fn detach(&self, method: &'static Method, key: Key, peer: Vec<u8>) {
        let host = self.host().clone();
        let tasks = self.host().clone();
        let task = async move {
            let invocation = Invocation {
                host: &host,
                key,
                body: &peer,
                query: None,
                deadline: None,
                one_way: true,
                idempotency_key: None,
                durable: false,
                after: None,
                receipt: None,
            };
            let told = match (method.invoke)(invocation) {
                Ok(sent) => sent.await.map(drop),
                Err(error) => Err(error.widen()),
            };
            if let Err(error) = told {
                tracing::debug!(%error, "a #[detach] turn could not be asked for");
            }
        };
        tasks.tasks().spawn("detach", Box::pin(task));
    }
}

type Turn = BoxFuture<'static, Result<Answered, CallError<AppProblem>>>;

/// An `#[attach]` turn on its way. A turn that has begun runs to its end although its client is gone: then
/// `#[detach]` is told once it has ended, so that no actor keeps a client that left.
struct Attaching {
    topics: Arc<Topics>,
    detach: Option<(&'static Method, Key, Vec<u8>)>,
    /// `None` once it has ended.
    turn: Option<Turn>,
    has_begun: bool,
}

impl Future for Attaching {
    type Output = Result<Answered, CallError<AppProblem>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.has_begun = true;
        let turn = self.turn.as_mut().expect("it is polled until it has ended");
        let ended = turn.as_mut().poll(cx);
        if ended.is_ready() {
            self.turn = None;
        }
        ended
    }
}

impl Drop for Attaching {
    fn drop(&mut self) {
        let (Some(turn), Some((method, key, peer))) = (self.turn.take(), self.detach.take()) else {
            return;
        };
        if !self.has_begun {
            return;
        }
        let topics = Arc::clone(&self.topics);
        let task = async move {
            if turn.await.is_ok() {
                topics.detach(method, key, peer);
            }
        };
        self.topics.host().tasks().spawn("attach", Box::pin(task));
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.topics.leave(&self.followed, self.id);
        let kind = &self.followed.kind;
        if let (Some(method), Some(peer)) = (kind.detach, self.attached.take()) {
            self.topics.detach(method, self.followed.target.key.clone(), peer);
        }
    }
}
