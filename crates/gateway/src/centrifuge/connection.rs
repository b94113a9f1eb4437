//! One socket: who it is, what it follows, and what becomes of its commands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use parking_lot::Mutex;
use tenure_actor::Peer;
use tenure_actor::host::HostHandle;
use tenure_protocol::session::Allowance;
use tenure_types::{BoxFuture, Instant};

use super::command::{Command, parse};
use super::words::{Failure, failed};
use crate::auth::Identity;
use crate::calls::Front;
use crate::session::{Client, Close, Following, Item, Registered, SessionConfig, Sessions};

/// So many commands over the rate in a row end a socket.
const REFUSALS_MAX: u32 = 1_000;

/// What is known of a socket as it opens.
pub(crate) struct Opened {
    /// Who sent the upgrade, where it said so with a key or token of its own.
    pub(crate) identity: Option<Identity>,
    /// Its headers, where the node's hook wants them.
    pub(crate) headers: Box<HeaderMap>,
}

pub(crate) struct Connection {
    registered: Registered,
    pub(super) front: Arc<Front>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) host: HostHandle,
    pub(super) headers: Box<HeaderMap>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_connected: bool,
    identity: Option<Arc<Identity>>,
    expires_at: Option<Instant>,
    allowance: Allowance,
    refusals: u32,
    subscriptions: BTreeMap<String, Subscribed>,
    next: u64,
}

struct Subscribed {
    number: u64,
    /// `None` until the actor has let the client in.
    following: Option<Following>,
}

/// A command that is being carried out; it pushes its own reply.
pub(super) type Running = BoxFuture<'static, ()>;

impl Connection {
    pub(crate) fn new(
        registered: Registered,
        front: Arc<Front>,
        sessions: Arc<Sessions>,
        host: HostHandle,
        opened: Opened,
    ) -> Arc<Self> {
        let identity = opened.identity.map(Arc::new);
        let state = State { identity, ..State::default() };
        let headers = opened.headers;
        Arc::new(Self { registered, front, sessions, host, headers, state: Mutex::new(state) })
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.registered.client
    }

    pub(crate) fn host(&self) -> &HostHandle {
        &self.host
    }

    pub(crate) fn config(&self) -> &SessionConfig {
        &self.sessions.config
    }

    pub(super) fn registered(&self) -> &Registered {
        &self.registered
    }

    /// Whether the client has said who it is.
    pub(crate) fn is_connected(&self) -> bool {
        self.state.lock().is_connected
    }

    /// When the socket ends unless its token is refreshed.
    pub(crate) fn expires_at(&self) -> Option<Instant> {
        self.state.lock().expires_at
    }

    pub(super) fn identity(&self) -> Option<Arc<Identity>> {
        self.state.lock().identity.clone()
    }

    pub(super) fn connected(&self, identity: Option<Identity>, expires: Option<u64>) {
        let (clock, grace) = (self.host.clock(), self.sessions.config.expiry_grace);
        let expires_at = expires.map(|at| {
            let left = at.saturating_sub(clock.unix_ms() / 1_000);
            clock.now() + Duration::from_secs(left) + grace
        });
        let mut state = self.state.lock();
        state.is_connected = true;
        state.expires_at = expires_at;
        if let Some(identity) = identity {
            state.identity = Some(Arc::new(identity));
        }
    }

    pub(super) fn peer(&self, data: serde_json::Value) -> Peer {
        let claims = self.identity().map(|it| it.claims().clone()).unwrap_or_default();
        let client = self.client();
        let user = client.user().map(str::to_owned);
        Peer { connection: client.id.clone(), user, claims, data }
    }

    /// Notes the wish to follow a topic and numbers it.
    pub(super) fn subscribing(&self, channel: &str) -> Result<u64, Failure> {
        let mut state = self.state.lock();
        if state.subscriptions.contains_key(channel) {
            return Err(Failure::already_subscribed());
        }
        let max = self.sessions.config.topics_max;
        if state.subscriptions.len() >= max {
            return Err(Failure::limit_exceeded(format!("a socket follows {max} topics at most")));
        }
        state.next += 1;
        let number = state.next;
        let subscribed = Subscribed { number, following: None };
        state.subscriptions.insert(channel.to_owned(), subscribed);
        Ok(number)
    }

    /// The client follows the topic, unless it left meanwhile.
    pub(super) fn subscribed(&self, channel: &str, number: u64, following: Following) {
        let mut state = self.state.lock();
        let place = state.subscriptions.get_mut(channel).filter(|it| it.number == number);
        let late = match place {
            Some(place) => place.following.replace(following),
            None => Some(following),
        };
        // Its destructor takes other locks.
        drop(state);
        drop(late);
    }

    /// Follows the topic no more; says whether it did.
    pub(super) fn forget(&self, channel: &str, number: u64) -> bool {
        let mut state = self.state.lock();
        let is_it = state.subscriptions.get(channel).is_some_and(|it| it.number == number);
        let gone = if is_it { state.subscriptions.remove(channel) } else { None };
        drop(state);
        gone.is_some()
    }

    pub(super) fn unsubscribe(&self, channel: &str) -> bool {
        let gone = self.state.lock().subscriptions.remove(channel);
        gone.is_some()
    }

    pub(super) fn is_subscribed(&self, channel: &str) -> bool {
        let state = self.state.lock();
        state.subscriptions.get(channel).is_some_and(|it| it.following.is_some())
    }

    /// Ends whatever the socket follows.
    pub(crate) fn ended(&self) {
        let all = std::mem::take(&mut self.state.lock().subscriptions);
        drop(all);
    }

    /// Takes one message from the client. Gives what is to be driven to its end.
    ///
    /// # Errors
    /// Why the socket is to be closed.
    pub(crate) fn receive(self: &Arc<Self>, frame: &str) -> Result<Vec<Running>, Close> {
        let commands = parse(frame).ok_or(Close::BAD_REQUEST)?;
        if commands.is_empty() {
            return Err(Close::BAD_REQUEST);
        }
        let mut running = Vec::new();
        for command in commands {
            self.begin(command, &mut running)?;
        }
        Ok(running)
    }

    fn begin(
        self: &Arc<Self>,
        command: Command<'_>,
        running: &mut Vec<Running>,
    ) -> Result<(), Close> {
        if !self.may_go_on()? {
            self.client().push(Item::Text(failed(command.id, &Failure::too_many_requests())));
            return Ok(());
        }
        if command.connect.is_some() == self.is_connected() && !command.is_pong() {
            // The first command says who the client is, and no other does.
            return Err(Close::BAD_REQUEST);
        }
        running.extend(self.execute(command)?);
        Ok(())
    }

    /// Whether the client, and its user, have sent few enough commands of late.
    fn may_go_on(&self) -> Result<bool, Close> {
        let (config, now) = (&self.sessions.config, self.host.clock().coarse());
        let mut state = self.state.lock();
        let is_within = state.allowance.take(config.commands, now).is_ok()
            && self.client().take_of_user(config.commands_of_user, now).is_ok();
        state.refusals = if is_within { 0 } else { state.refusals + 1 };
        if state.refusals > REFUSALS_MAX {
            return Err(Close::TOO_MANY_REQUESTS);
        }
        Ok(is_within)
    }
}
