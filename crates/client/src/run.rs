//! Drives a client: connects, asks, passes on what comes, and begins again.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::Position;
use crate::backoff::Backoff;
use crate::told::{CallFailed, Happened, Refusal};
use crate::words::{self, Publication, Said, Subscribed};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that pings is believed to be gone after this much more than its period.
const PING_GRACE: Duration = Duration::from_secs(10);
/// How long to wait before a topic is asked for again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

type Socket = WebSocketStream<TcpStream>;

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
}

/// What the owner of a client wants.
pub(crate) enum Asked {
    Call { method: String, data: Value, reply: oneshot::Sender<Result<Value, CallFailed>> },
    Follow { topic: String, happened: mpsc::Sender<Happened> },
}

struct Followed {
    happened: mpsc::Sender<Happened>,
    at: Option<Position>,
}

/// What the reply to a command is for.
enum Waiting {
    Connect,
    Call(oneshot::Sender<Result<Value, CallFailed>>),
    Subscribe(String),
    Nothing,
}

/// Why a socket is no more.
enum End {
    /// Another one is made.
    Broken,
    /// The server wants this client to stay away.
    Final(String),
    /// Nobody needs the client any more.
    Unneeded,
}

struct Run {
    asks: mpsc::Receiver<Asked>,
    topics: BTreeMap<String, Followed>,
    waiting: BTreeMap<u32, Waiting>,
    next: u32,
}

pub(crate) async fn run(endpoint: Endpoint, mut backoff: Backoff, asks: mpsc::Receiver<Asked>) {
    let mut run = Run { asks, topics: BTreeMap::new(), waiting: BTreeMap::new(), next: 0 };
    loop {
        if let Ok(Ok(socket)) = timeout(CONNECT_TIMEOUT, open(&endpoint.url)).await {
            let end = run.converse(socket, &endpoint, &mut backoff).await;
            run.fail_all();
            match end {
                End::Broken => {}
                End::Unneeded => return,
                End::Final(why) => return run.refuse_all(&why).await,
            }
        }
        if run.asks.is_closed() && run.topics.values().all(|it| it.happened.is_closed()) {
            return;
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

async fn open(url: &str) -> Result<Socket, Error> {
    let host = url.strip_prefix("ws://").unwrap_or(url);
    let host = host.split('/').next().unwrap_or(host);
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    Ok(client_async(url, stream).await?.0)
}

impl Run {
    fn command(&mut self, waiting: Waiting) -> u32 {
        self.next = self.next.wrapping_add(1).max(1);
        self.waiting.insert(self.next, waiting);
        self.next
    }

    /// One socket, from its first command to its end.
    async fn converse(
        &mut self,
        mut socket: Socket,
        endpoint: &Endpoint,
        backoff: &mut Backoff,
    ) -> End {
        let id = self.command(Waiting::Connect);
        if send(&mut socket, words::connect(id, endpoint.token.as_deref())).await.is_err() {
            return End::Broken;
        }
        let (mut is_connected, mut patience) = (false, CONNECT_TIMEOUT);
        let mut silent_until = Instant::now() + patience;
        let mut again: Vec<(Instant, String)> = Vec::new();
        loop {
            let again_at = again.first().map_or(silent_until, |(at, _)| *at);
            let message = tokio::select! {
                biased;
                // Every branch is cancel safe.
                asked = self.asks.recv(), if is_connected => {
                    let Some(asked) = asked else { return self.unneeded(&mut socket).await };
                    if self.ask(&mut socket, asked).await.is_err() {
                        return End::Broken;
                    }
                    continue;
                }
                message = socket.next() => message,
                () = tokio::time::sleep_until(again_at), if !again.is_empty() => {
                    let (_, topic) = again.remove(0);
                    if self.subscribe(&mut socket, &topic).await.is_err() {
                        return End::Broken;
                    }
                    continue;
                }
                () = tokio::time::sleep_until(silent_until) => return End::Broken,
            };
            silent_until = Instant::now() + patience;
            let text = match message {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => return ended(frame),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return End::Broken,
            };
            for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
                let Ok(said) = serde_json::from_str::<Said>(line) else { return End::Broken };
                if let Some(connected) = &said.connect {
                    (is_connected, patience) = (true, patience_of(connected.ping));
                    backoff.reset();
                    let topics: Vec<_> = self.topics.keys().cloned().collect();
                    for topic in topics {
                        if self.subscribe(&mut socket, &topic).await.is_err() {
                            return End::Broken;
                        }
                    }
                }
                match self.hear(&mut socket, said).await {
                    Ok(None) => {}
                    Ok(Some(topic)) => again.push((Instant::now() + AGAIN_AFTER, topic)),
                    Err(()) => return End::Broken,
                }
            }
        }
    }

    async fn unneeded(&mut self, socket: &mut Socket) -> End {
        // Who follows goes on although nobody calls any more.
        while self.topics.values().any(|it| !it.happened.is_closed()) {
            let Some(Ok(message)) = socket.next().await else { return End::Broken };
            let Message::Text(text) = message else { continue };
            for line in text.split('\n') {
                let Ok(said) = serde_json::from_str::<Said>(line) else { continue };
                if self.hear(socket, said).await.is_err() {
                    return End::Broken;
                }
            }
        }
        let _ = socket.close(None).await;
        End::Unneeded
    }

    async fn ask(&mut self, socket: &mut Socket, asked: Asked) -> Result<(), ()> {
        match asked {
            Asked::Call { method, data, reply } => {
                let id = self.command(Waiting::Call(reply));
                send(socket, words::rpc(id, &method, &data)).await
            }
            Asked::Follow { topic, happened } => {
                self.topics.insert(topic.clone(), Followed { happened, at: None });
                self.subscribe(socket, &topic).await
            }
        }
    }

    async fn subscribe(&mut self, socket: &mut Socket, topic: &str) -> Result<(), ()> {
        let Some(followed) = self.topics.get(topic) else { return Ok(()) };
        let at = followed.at;
        if followed.happened.is_closed() {
            self.topics.remove(topic);
            return Ok(());
        }
        let id = self.command(Waiting::Subscribe(topic.to_owned()));
        send(socket, words::subscribe(id, topic, at)).await
    }

    /// Takes what the server says. Gives a topic that is to be asked for again in a while.
    async fn hear(&mut self, socket: &mut Socket, said: Said) -> Result<Option<String>, ()> {
        if let Some(push) = said.push {
            if let Some(publication) = push.publication {
                return self.publish(socket, &push.channel, publication).await.map(|()| None);
            }
            if let Some(unsubscribed) = push.unsubscribe {
                if unsubscribed.code >= 2500 {
                    return self.subscribe(socket, &push.channel).await.map(|()| None);
                }
                let (code, message) = (unsubscribed.code, unsubscribed.reason);
                self.refuse(&push.channel, Refusal { code, message }).await;
            }
            return Ok(None);
        }
        if said.id == 0 {
            // A ping.
            return send(socket, "{}".to_owned()).await.map(|()| None);
        }
        match self.waiting.remove(&said.id) {
            Some(Waiting::Call(reply)) => {
                let answer = match (said.error, said.rpc) {
                    (Some(failure), _) => Err(failure.into()),
                    (None, rpc) => Ok(rpc.map(|it| it.data).unwrap_or_default()),
                };
                // Who asked may have gone.
                let _ = reply.send(answer);
            }
            Some(Waiting::Subscribe(topic)) => match (said.error, said.subscribe) {
                (Some(failure), _) if failure.temporary => return Ok(Some(topic)),
                (Some(failure), _) => self.refuse(&topic, failure.into()).await,
                (None, Some(subscribed)) => self.begin(socket, &topic, subscribed).await?,
                (None, None) => {}
            },
            Some(Waiting::Connect) if said.error.is_some() => return Err(()),
            _ => {}
        }
        Ok(None)
    }

    async fn begin(
        &mut self,
        socket: &mut Socket,
        topic: &str,
        subscribed: Subscribed,
    ) -> Result<(), ()> {
        let Some(followed) = self.topics.get_mut(topic) else { return Ok(()) };
        let epoch = subscribed.epoch.parse().unwrap_or(0);
        if !subscribed.recovered {
            let missed = subscribed.publications.len() as u64;
            let at = Position { epoch, offset: subscribed.offset.saturating_sub(missed) };
            followed.at = Some(at);
            let began = Happened::Began { data: subscribed.data, at };
            let _ = followed.happened.send(began).await;
        }
        for publication in subscribed.publications {
            self.publish(socket, topic, publication).await?;
        }
        Ok(())
    }

    async fn publish(
        &mut self,
        socket: &mut Socket,
        topic: &str,
        publication: Publication,
    ) -> Result<(), ()> {
        let Some(followed) = self.topics.get_mut(topic) else { return Ok(()) };
        let Some(at) = &mut followed.at else { return Ok(()) };
        at.offset = publication.offset;
        let event = Happened::Event { data: publication.data, at: *at };
        if followed.happened.send(event).await.is_err() {
            self.topics.remove(topic);
            let id = self.command(Waiting::Nothing);
            return send(socket, words::unsubscribe(id, topic)).await;
        }
        Ok(())
    }

    async fn refuse(&mut self, topic: &str, refusal: Refusal) {
        if let Some(followed) = self.topics.remove(topic) {
            let _ = followed.happened.send(Happened::Refused(refusal)).await;
        }
    }

    /// What was asked on a socket that is no more has no reply.
    fn fail_all(&mut self) {
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            if let Waiting::Call(reply) = waiting {
                let _ = reply.send(Err(CallFailed::Unknown("the connection broke")));
            }
        }
    }

    async fn refuse_all(&mut self, why: &str) {
        for topic in self.topics.keys().cloned().collect::<Vec<_>>() {
            self.refuse(&topic, Refusal { code: 0, message: why.to_owned() }).await;
        }
        self.asks.close();
        while let Some(asked) = self.asks.recv().await {
            if let Asked::Call { reply, .. } = asked {
                let _ = reply.send(Err(CallFailed::Ended(why.to_owned())));
            }
        }
    }
}

async fn send(socket: &mut Socket, text: String) -> Result<(), ()> {
    socket.send(Message::text(text)).await.map_err(drop)
}

fn ended(frame: Option<CloseFrame>) -> End {
    match frame {
        Some(frame) if words::is_final(frame.code.into()) => End::Final(frame.reason.to_string()),
        _ => End::Broken,
    }
}

fn patience_of(ping_seconds: u64) -> Duration {
    match ping_seconds {
        0 => Duration::from_secs(3_600),
        seconds => Duration::from_secs(seconds) + PING_GRACE,
    }
}
