//! What each command does.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use tenure_actor::Invocation;
use tenure_protocol::session::Position;
use tenure_types::Key;

use super::command::{Command, Connect, History, Rpc, Send, Subscribe};
use super::connection::{Connection, Running};
use super::subscription::Subscription;
use super::words::{Connected, Failure, Refreshed, failed, reply};
use crate::auth::{Access, Identity, Refusal, TokenError};
use crate::calls::{Matched, decode_key};
use crate::session::{Close, Item, Kind, Wish};

/// What `version` of the protocol's replies says.
const VERSION: &str = concat!("tenure/", env!("CARGO_PKG_VERSION"));

impl Command<'_> {
    /// The answer to a ping: a command without anything.
    pub(super) fn is_pong(&self) -> bool {
        let asks = self.connect.is_some()
            || self.subscribe.is_some()
            || self.unsubscribe.is_some()
            || self.publish.is_some()
            || self.presence.is_some()
            || self.presence_stats.is_some()
            || self.history.is_some()
            || self.ping.is_some()
            || self.send.is_some()
            || self.rpc.is_some()
            || self.refresh.is_some()
            || self.sub_refresh.is_some();
        self.id == 0 && !asks
    }
}

impl Connection {
    pub(super) fn execute(
        self: &Arc<Self>,
        command: Command<'_>,
    ) -> Result<Option<Running>, Close> {
        let id = command.id;
        if let Some(rpc) = command.rpc {
            return Ok(self.rpc(id, &rpc));
        }
        if let Some(subscribe) = command.subscribe {
            return Ok(self.subscribe(id, subscribe));
        }
        if let Some(connect) = command.connect {
            self.connect(id, &connect)?;
        } else if let Some(send) = command.send {
            return Ok(self.send(&send));
        } else if let Some(unsubscribe) = command.unsubscribe {
            self.unsubscribe(&unsubscribe.channel);
            self.answer(id, "unsubscribe", &json!({}));
        } else if let Some(history) = command.history {
            return Ok(self.history(id, history));
        } else if let Some(presence) = command.presence {
            self.presence(id, &presence.channel);
        } else if let Some(presence) = command.presence_stats {
            self.presence_stats(id, &presence.channel);
        } else if command.ping.is_some() {
            self.answer(id, "ping", &json!({}));
        } else if let Some(refresh) = command.refresh {
            self.refresh(id, &refresh.token)?;
        } else if command.publish.is_some() {
            self.fail(id, &Failure::not_available("actors publish; call a method with rpc"));
        } else if command.sub_refresh.is_some() {
            self.fail(id, &Failure::not_available("topics have no tokens of their own"));
        } else if !command.is_pong() {
            self.fail(id, &Failure::new(104, "there is no such command"));
        }
        Ok(None)
    }

    fn answer<T: Serialize>(&self, id: u32, name: &'static str, result: &T) {
        self.client().push(Item::Text(reply(id, name, result)));
    }

    fn fail(&self, id: u32, failure: &Failure) {
        self.client().push(Item::Text(failed(id, failure)));
    }

    fn unix_seconds(&self) -> u64 {
        self.host.clock().unix_ms() / 1_000
    }

    /// Who a token belongs to, and until when.
    fn verify(&self, token: &str) -> Result<(Identity, Option<u64>), Refused> {
        let credentials = self.front.credentials.as_ref().ok_or(Refused::Invalid)?;
        let identity = credentials.identify_word(token).map_err(|error| match error {
            TokenError::Expired => Refused::Expired,
            _ => Refused::Invalid,
        })?;
        let expires = identity.expires();
        Ok((identity, expires))
    }

    fn connect(&self, id: u32, connect: &Connect) -> Result<(), Close> {
        let has_credentials = self.front.credentials.is_some();
        let (identity, expires) = if connect.token.is_empty() || !has_credentials {
            let known = self.identity();
            if has_credentials && known.is_none() && !self.sessions.config.anonymous {
                return Err(Close::INVALID_TOKEN);
            }
            let expires = known.as_ref().and_then(|identity| identity.expires());
            (None, expires)
        } else {
            match self.verify(&connect.token) {
                Ok((identity, expires)) => (Some(identity), expires),
                Err(Refused::Expired) => {
                    self.fail(id, &Failure::token_expired());
                    return Ok(());
                }
                Err(Refused::Invalid) => return Err(Close::INVALID_TOKEN),
            }
        };
        self.connected(identity, expires);
        let known = self.identity();
        let user = known.as_ref().map(|it| it.name()).filter(|name| !name.is_empty());
        let config = &self.sessions.config;
        let clients = &self.sessions.clients;
        if !clients.identify(&self.registered().client, user, config.clients_of_user_max) {
            return Err(Close::CONNECTION_LIMIT);
        }
        let ttl = expires.map(|at| at.saturating_sub(self.unix_seconds()));
        let (ping, expires) = (config.ping_period.as_secs().max(1), ttl.is_some());
        let client = &self.client().id;
        self.answer(
            id,
            "connect",
            &Connected { client, version: VERSION, ping, pong: true, expires, ttl },
        );
        Ok(())
    }

    /// A token that replaces the one before: of the same user.
    fn refresh(&self, id: u32, token: &str) -> Result<(), Close> {
        let (identity, expires) = match self.verify(token) {
            Ok(verified) => verified,
            Err(Refused::Expired) => {
                self.fail(id, &Failure::token_expired());
                return Ok(());
            }
            Err(Refused::Invalid) => return Err(Close::INVALID_TOKEN),
        };
        if Some(identity.name()).filter(|name| !name.is_empty()) != self.client().user() {
            return Err(Close::INVALID_TOKEN);
        }
        self.connected(Some(identity), expires);
        let ttl = expires.map(|at| at.saturating_sub(self.unix_seconds()));
        let client = &self.client().id;
        let expires = ttl.is_some();
        self.answer(id, "refresh", &Refreshed { client, version: VERSION, expires, ttl });
        Ok(())
    }

    /// The actor that a topic is of: `type:key`, the key percent-encoded.
    fn topic(&self, channel: &str) -> Result<(Kind, Key), Failure> {
        let (type_name, key) = channel
            .split_once(':')
            .ok_or_else(|| Failure::bad_request("a topic is type:key, as in counter:42"))?;
        let kind = self.sessions.kinds.find(type_name).ok_or_else(|| {
            Failure::new(
                102,
                format!("there is no actor type `{}`", crate::problem::echo(type_name)),
            )
        })?;
        let key = decode_key(key).map_err(|error| Failure::bad_request(error.to_string()))?;
        Ok((kind, key))
    }

    async fn authorise(&self, access: Asking<'_>) -> Result<(), Failure> {
        let identity = self.identity();
        let identity = identity.as_deref();
        if access.exclusive && identity.is_some_and(Identity::is_read_only) {
            return Err(Failure::permission_denied("this key may only call methods that read"));
        }
        let Some(hook) = &self.front.authorise else { return Ok(()) };
        let allowed = hook
            .authorise(Access {
                http_method: access.http_method,
                actor_type: access.actor_type,
                key: access.key,
                method: access.method,
                exclusive: access.exclusive,
                identity,
                headers: &self.headers,
                peer: self.client().remote,
            })
            .await;
        allowed.map_err(|refusal| match refusal {
            Refusal::Unauthenticated { detail, .. } => Failure::new(101, detail),
            Refusal::Forbidden { detail } => Failure::permission_denied(detail),
        })
    }

    fn subscribe(self: &Arc<Self>, id: u32, subscribe: Subscribe<'_>) -> Option<Running> {
        let resume = subscribe.resume();
        let data = subscribe.data.and_then(|data| serde_json::from_str(data.get()).ok());
        let channel = subscribe.channel;
        let begun = self.topic(&channel).and_then(|topic| Ok((topic, self.subscribing(&channel)?)));
        let ((kind, key), number) = match begun {
            Ok(begun) => begun,
            Err(failure) => {
                self.fail(id, &failure);
                return None;
            }
        };
        let connection = Arc::clone(self);
        Some(Box::pin(async move {
            let subscription = Arc::new(Subscription {
                connection: Arc::downgrade(&connection),
                channel: channel.clone(),
                number,
                command: id,
                was_recovering: resume.is_some(),
                initial: Mutex::new(None),
            });
            let peer = connection.peer(data.unwrap_or_default());
            let asking = Asking {
                http_method: &hyper::Method::GET,
                actor_type: kind.type_name,
                key: &key,
                method: "events",
                exclusive: false,
            };
            let mut failure = connection.authorise(asking).await.err();
            if failure.is_none() {
                let wish = Wish { topic: &channel, kind, key: key.clone(), peer: &peer, resume };
                let begin = |initial: Option<Vec<u8>>| {
                    let json = initial.and_then(|json| String::from_utf8(json).ok());
                    *subscription.initial.lock() =
                        json.and_then(|json| RawValue::from_string(json).ok());
                };
                let follower = Arc::clone(&subscription) as _;
                match connection.sessions.topics.follow(wish, follower, begin).await {
                    Ok(following) => connection.subscribed(&channel, number, following),
                    Err(error) => {
                        let show_panics = connection.front.config.show_panics;
                        failure = Some(Failure::of_follow(error, show_panics));
                    }
                }
            }
            if let Some(failure) = failure {
                connection.forget(&channel, number);
                connection.fail(id, &failure);
            }
        }))
    }

    /// A method to call: `type/key/method`, the key percent-encoded.
    fn route(&self, method: &str) -> Result<(String, Key, bool, crate::calls::Route), Failure> {
        let path = format!("/v1/{method}");
        let matched = self.front.routes.find(&hyper::Method::POST, &path, None);
        let Matched { route, key, one_way, .. } =
            matched.map_err(|problem| Failure::of_problem(&problem))?;
        let key = decode_key(key).map_err(|error| Failure::bad_request(error.to_string()))?;
        Ok((path, key, one_way, route))
    }

    fn rpc(self: &Arc<Self>, id: u32, rpc: &Rpc<'_>) -> Option<Running> {
        let body = rpc.data.map_or(&b""[..], |data| data.get().as_bytes()).to_vec();
        self.call(id, &rpc.method, body, false)
    }

    /// A message without a reply: `{"method": "type/key/method", "data": ..}`.
    fn send(self: &Arc<Self>, send: &Send<'_>) -> Option<Running> {
        let rpc: Rpc<'_> = serde_json::from_str(send.data?.get()).ok()?;
        let body = rpc.data.map_or(&b""[..], |data| data.get().as_bytes()).to_vec();
        self.call(0, &rpc.method, body, true)
    }

    fn call(
        self: &Arc<Self>,
        id: u32,
        method: &str,
        body: Vec<u8>,
        is_sent: bool,
    ) -> Option<Running> {
        let (key, one_way, route) = match self.route(method) {
            Ok((_, key, one_way, route)) => (key, one_way || is_sent, route),
            Err(failure) => {
                if !is_sent {
                    self.fail(id, &failure);
                }
                return None;
            }
        };
        let connection = Arc::clone(self);
        Some(Box::pin(async move {
            let asking = Asking {
                http_method: &hyper::Method::POST,
                actor_type: route.type_name,
                key: &key,
                method: route.method.info.name,
                exclusive: route.method.info.exclusive,
            };
            let mut result = connection.authorise(asking).await.map(|()| Vec::new());
            if result.is_ok() {
                let invocation = Invocation {
                    host: &connection.host,
                    key: key.clone(),
                    body: &body,
                    query: None,
                    deadline: None,
                    one_way,
                    idempotency_key: None,
                    durable: false,
                    after: None,
                    receipt: None,
                };
                let answered = match (route.method.invoke)(invocation) {
                    Ok(future) => future.await,
                    Err(error) => Err(error.widen()),
                };
                let show_panics = connection.front.config.show_panics;
                result = answered
                    .map(|answered| answered.json)
                    .map_err(|error| Failure::of_call(error, show_panics));
            }
            if is_sent {
                return;
            }
            match result {
                Ok(json) => connection.client().push(Item::Text(super::words::called(id, &json))),
                Err(failure) => connection.fail(id, &failure),
            }
        }))
    }

    fn history(self: &Arc<Self>, id: u32, history: History) -> Option<Running> {
        if !self.is_subscribed(&history.channel) {
            self.fail(id, &Failure::permission_denied("subscribe to the topic first"));
            return None;
        }
        if history.reverse {
            self.fail(id, &Failure::not_available("history is read forwards"));
            return None;
        }
        let (kind, key) = self.topic(&history.channel).ok()?;
        let connection = Arc::clone(self);
        Some(Box::pin(async move {
            let target = kind.target(key);
            let asked = history.since.as_ref().map(|since| Position {
                epoch: since.epoch.parse().unwrap_or(0),
                offset: since.offset,
            });
            let topics = &connection.sessions.topics;
            match topics.history(&history.channel, kind, target, asked, history.limit).await {
                Ok(Some((end, events))) => {
                    let result = super::words::history(end, &events);
                    connection.answer(id, "history", &result);
                }
                Ok(None) => connection.fail(id, &Failure::new(112, "unrecoverable position")),
                Err(error) => {
                    let show_panics = connection.front.config.show_panics;
                    connection.fail(id, &Failure::of_follow(error.widen(), show_panics));
                }
            }
        }))
    }

    fn presence(&self, id: u32, channel: &str) {
        if !self.is_subscribed(channel) {
            self.fail(id, &Failure::permission_denied("subscribe to the topic first"));
            return;
        }
        let (who, _) = self.sessions.topics.present(channel, self.sessions.config.presence_max);
        let all: serde_json::Map<_, _> = who
            .into_iter()
            .map(|it| {
                let info = json!({ "client": it.connection, "user": it.user.unwrap_or_default() });
                (it.connection, info)
            })
            .collect();
        self.answer(id, "presence", &json!({ "presence": all }));
    }

    fn presence_stats(&self, id: u32, channel: &str) {
        if !self.is_subscribed(channel) {
            self.fail(id, &Failure::permission_denied("subscribe to the topic first"));
            return;
        }
        let max = self.sessions.config.presence_max;
        let (who, clients) = self.sessions.topics.present(channel, max);
        let mut users: Vec<_> = who.iter().filter_map(|it| it.user.as_deref()).collect();
        users.sort_unstable();
        users.dedup();
        let stats = json!({ "num_clients": clients, "num_users": users.len() });
        self.answer(id, "presence_stats", &stats);
    }
}

enum Refused {
    Expired,
    Invalid,
}

/// What a client asks to do.
struct Asking<'a> {
    http_method: &'a hyper::Method,
    actor_type: &'a str,
    key: &'a str,
    method: &'a str,
    exclusive: bool,
}
