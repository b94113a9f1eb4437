use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use crate::backoff::Backoff;
use crate::run::{Asked, Endpoint, run};
use crate::told::{CallFailed, Happened};

/// Calls and wishes that wait to be sent; who comes then waits.
const ASKED_MAX: usize = 256;
/// Events of one topic that wait to be taken. While they are not, nothing more is read: in the end
/// the server tells the client to come back for the rest.
const EVENTS_MAX: usize = 1_024;

/// How a client connects.
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    endpoint: Endpoint,
    backoff_min: Duration,
    backoff_max: Duration,
    call_timeout: Duration,
}

/// A connection to a node, made anew when it breaks, until every clone is dropped.
#[derive(Clone, Debug)]
pub struct Client {
    asked: mpsc::Sender<Asked>,
    call_timeout: Duration,
}

/// One followed topic. Dropped, it is followed no more.
#[derive(Debug)]
pub struct Follow {
    happened: mpsc::Receiver<Happened>,
}

impl Client {
    /// A client of the node at this address: `ws://host:port/connection/websocket`.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "a client is made by connecting")]
    pub fn new(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            endpoint: Endpoint { url: url.into(), token: None },
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
        }
    }

    /// Calls a method, named `type/key/method` with the key percent-encoded, and gives its reply.
    ///
    /// # Errors
    /// [`CallFailed`] says whether the call may have been executed.
    ///
    /// # Cancel safety
    /// Dropped, the call may be executed all the same.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<T, CallFailed> {
        let json = |error| CallFailed::Json(std::sync::Arc::new(error));
        let data = serde_json::to_value(arguments).map_err(json)?;
        let (reply, answered) = oneshot::channel();
        let asked = Asked::Call { method: method.to_owned(), data, reply };
        let ended = || CallFailed::Ended("the client has stopped".to_owned());
        self.asked.send(asked).await.map_err(|_| ended())?;
        match tokio::time::timeout(self.call_timeout, answered).await {
            Ok(Ok(answer)) => serde_json::from_value(answer?).map_err(json),
            Ok(Err(_)) => Err(ended()),
            Err(_) => Err(CallFailed::Unknown("the time for it has ended")),
        }
    }

    /// Follows a topic, `type:key` with the key percent-encoded, over every reconnection.
    ///
    /// # Errors
    /// [`CallFailed::Ended`] when the connection has ended for good.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn follow(&self, topic: &str) -> Result<Follow, CallFailed> {
        let (sender, happened) = mpsc::channel(EVENTS_MAX);
        let asked = Asked::Follow { topic: topic.to_owned(), happened: sender };
        let ended = |_| CallFailed::Ended("the client has stopped".to_owned());
        self.asked.send(asked).await.map_err(ended)?;
        Ok(Follow { happened })
    }
}

impl ClientBuilder {
    /// Says who the client is, with a JSON Web Token.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.endpoint.token = Some(token.into());
        self
    }

    /// How long to wait before another attempt to connect: from `min` to `max`; 100 ms and 10 s
    /// unless set.
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        (self.backoff_min, self.backoff_max) = (min, max.max(min));
        self
    }

    /// How long a call waits for its reply; 30 s unless set.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Connects in the background, again and again, as a task of the running tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn connect(self) -> Client {
        let (asked, asks) = mpsc::channel(ASKED_MAX);
        let call_timeout = self.call_timeout;
        let backoff = Backoff::new(self.backoff_min, self.backoff_max);
        tokio::spawn(run(self.endpoint, backoff, asks));
        Client { asked, call_timeout }
    }
}

impl Follow {
    /// What happens next; `None` when nothing more can come.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Happened> {
        self.happened.recv().await
    }
}
