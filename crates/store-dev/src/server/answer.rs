use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tenure_transport::{Class, Frame, Permit, SendError};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::outlet::Outlet;
use crate::bounds::{ANSWER_AGAIN, ANSWER_BYTES_MAX, ANSWER_WAIT_MAX};
use crate::codec::encode;
use crate::message::{Reply, parts};

/// A request that is under way, and the way back. Dropped without an answer it says that nobody knows what
/// became of it.
pub(super) struct Answering {
    way: Option<Way>,
}

struct Way {
    outlet: Arc<Outlet>,
    client: Arc<Client>,
    class: Class,
    number: u64,
    /// The request's share of its lane.
    _permit: Permit,
}

impl Answering {
    /// The caller has counted the request.
    pub(super) fn new(
        outlet: Arc<Outlet>,
        client: Arc<Client>,
        (class, number): (Class, u64),
        permit: Permit,
    ) -> Self {
        Self { way: Some(Way { outlet, client, class, number, _permit: permit }) }
    }

    /// Where to work on the request, and for whom; none once it is answered.
    pub(super) fn place(&self) -> Option<(&Handle, &Arc<Client>)> {
        self.way.as_ref().map(|way| (&way.outlet.tasks, &way.client))
    }

    /// Answers; never waits. What finds no room now is sent by a task.
    pub(super) fn answer(mut self, reply: &Reply) {
        if let Some(way) = self.way.take() {
            way.answer(reply);
        }
    }

    /// Answers, and waits until all of it has found room.
    pub(super) async fn deliver(mut self, reply: &Reply) {
        let Some(way) = self.way.take() else { return };
        if let Some(rest) = way.begin(reply) {
            rest.send().await;
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(way) = self.way.take() {
            way.answer(&Reply::Unknown("the server did not bring it to an end".into()));
        }
    }
}

impl Way {
    fn answer(self, reply: &Reply) {
        let tasks = self.outlet.tasks.clone();
        if let Some(rest) = self.begin(reply) {
            tasks.spawn(rest.send());
        }
    }

    /// Sends what there is room for, and gives the rest.
    fn begin(self, reply: &Reply) -> Option<Rest> {
        let mut bytes = encode(reply);
        if let Reply::Done(answer) = reply
            && answer.len() > ANSWER_BYTES_MAX
        {
            bytes = encode(&Reply::TooLarge(answer.len()));
        }
        let mut frames = parts(self.number, &bytes);
        while let Some((kind, body)) = frames.next() {
            match self.send(kind, body.clone()) {
                Ok(()) => {}
                Err(SendError::Full | SendError::Down) => {
                    let frames = std::iter::once((kind, body)).chain(frames).collect();
                    return Some(Rest { way: self, frames });
                }
                Err(error) => {
                    self.lose(error);
                    return None;
                }
            }
        }
        None
    }

    fn send(&self, kind: u8, body: Bytes) -> Result<(), SendError> {
        self.outlet.send(&self.client.identity, Frame { class: self.class, kind, body })
    }

    fn lose(&self, error: SendError) {
        tracing::debug!(client = %self.client.identity, %error, "an answer is lost");
    }
}

/// The frames of an answer for which there was no room.
struct Rest {
    way: Way,
    frames: Vec<(u8, Bytes)>,
}

impl Rest {
    /// Sends them when there is room. Where no lane leads to the client for so long, it has given up on the
    /// answer by itself: the lane was lost there too.
    async fn send(self) {
        let Self { way, frames } = self;
        let mut down_since = None;
        for (kind, body) in frames {
            loop {
                match way.send(kind, body.clone()) {
                    Ok(()) => break,
                    Err(SendError::Full) => down_since = None,
                    Err(SendError::Down)
                        if down_since.get_or_insert_with(Instant::now).elapsed()
                            < ANSWER_WAIT_MAX => {}
                    Err(error) => return way.lose(error),
                }
                sleep(ANSWER_AGAIN).await;
            }
        }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.client.requests(self.class).fetch_sub(1, Ordering::Relaxed);
    }
}
