//! What drives every subject: one connection that submits, waits for the answer and submits again.

mod http;
mod socket;

use std::net::SocketAddr;

use anyhow::bail;
use serde::Deserialize;

pub(crate) use http::{Http, get};
use socket::Socket;

use crate::subject::{Subject, Transport};

/// What a service says to a submission.
#[derive(Debug)]
pub(crate) enum Said<'a> {
    /// The JSON of the reply.
    Reply(&'a [u8]),
    Refused {
        code: u32,
        message: String,
    },
}

impl<'a> Said<'a> {
    /// The reply.
    ///
    /// # Errors
    /// It is a refusal, or not what was expected.
    pub(crate) fn read<T: Deserialize<'a>>(self) -> anyhow::Result<T> {
        match self {
            Self::Reply(json) => Ok(serde_json::from_slice(json)?),
            Self::Refused { code, message } => bail!("refused with {code}: {message}"),
        }
    }
}

/// One participant's connection.
pub(crate) struct Connection {
    link: Link,
    method: &'static str,
}

enum Link {
    Http(Http),
    Socket(Box<Socket>),
}

impl Connection {
    pub(crate) async fn open(at: SocketAddr, subject: Subject) -> anyhow::Result<Self> {
        let link = match subject.transport {
            Transport::Http => Link::Http(Http::open(at).await?),
            Transport::WebSocket => Link::Socket(Box::new(Socket::open(at).await?)),
        };
        Ok(Self { link, method: subject.method() })
    }

    /// Submits `body`, the JSON of what was made, for a participant. A key has letters, figures and dots.
    pub(crate) async fn submit(&mut self, key: &str, body: &str) -> anyhow::Result<Said<'_>> {
        let method = self.method;
        match &mut self.link {
            Link::Http(it) => it.post(&format_args!("/v1/participant/{key}/{method}"), body).await,
            Link::Socket(it) => it.call(&format_args!("participant/{key}/{method}"), body).await,
        }
    }
}
