//! The sessions of this node: bounded, found by user, told to leave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_actor::host::HostHandle;
use tenure_observe::{MetricError, Metrics, names};
use tenure_protocol::session::Allowance;

use super::client::{Client, Close};

/// In how many batches the sockets of a node that leaves are closed.
const DRAIN_BATCHES: u32 = 20;
/// How long that takes for each, unless the budget is short.
const DRAIN_PER_SESSION: Duration = Duration::from_millis(1);

pub(crate) struct Clients {
    clients_max: usize,
    open: Mutex<Open>,
    len: Arc<AtomicUsize>,
    is_draining: AtomicBool,
}

#[derive(Default)]
struct Open {
    by_id: BTreeMap<String, Arc<Client>>,
    by_user: BTreeMap<String, User>,
}

#[derive(Default)]
struct User {
    clients: Vec<Arc<Client>>,
    /// With a lock of its own: every command of every session asks.
    commands: Arc<Mutex<Allowance>>,
}

/// Takes a session out of the list when it is dropped.
pub(crate) struct Registered {
    clients: Arc<Clients>,
    pub(crate) client: Arc<Client>,
}

impl Clients {
    pub(crate) fn register(clients_max: usize, metrics: &Metrics) -> Result<Self, MetricError> {
        let len = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&len);
        metrics
            .register_gauge_fn(names::SESSIONS, &[], move || seen.load(Ordering::Relaxed) as f64)?;
        let is_draining = AtomicBool::new(false);
        Ok(Self { clients_max, open: Mutex::default(), len, is_draining })
    }

    /// Whether no session is let in any more.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// How many sessions are open.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Adds a session; `None` where there are too many, or the node leaves.
    pub(crate) fn add(self: &Arc<Self>, client: Client) -> Option<Registered> {
        let mut open = self.open.lock();
        if open.by_id.len() >= self.clients_max || self.is_draining() {
            return None;
        }
        let client = Arc::new(client);
        open.by_id.insert(client.id.clone(), Arc::clone(&client));
        self.len.store(open.by_id.len(), Ordering::Relaxed);
        drop(open);
        Some(Registered { clients: Arc::clone(self), client })
    }

    /// A session has said whose it is; `false` where its user has too many.
    pub(crate) fn identify(&self, client: &Arc<Client>, user: Option<&str>, max: usize) -> bool {
        if let Some(user) = user {
            let mut open = self.open.lock();
            let of_user = open.by_user.entry(user.to_owned()).or_default();
            if of_user.clients.len() >= max {
                return false;
            }
            of_user.clients.push(Arc::clone(client));
            client.share(Arc::clone(&of_user.commands));
        }
        client.set_user(user.map(str::to_owned));
        true
    }

    /// Open sessions, of one user if one is named, at most `max` of them after `after`, by id.
    pub(crate) fn list(&self, user: Option<&str>, after: &str, max: usize) -> Vec<Arc<Client>> {
        let open = self.open.lock();
        if let Some(user) = user {
            let clients = open.by_user.get(user).map_or(&[][..], |user| &user.clients);
            let mut clients: Vec<_> =
                clients.iter().filter(|it| *it.id > *after).cloned().collect();
            clients.sort_unstable_by(|a, b| a.id.cmp(&b.id));
            clients.truncate(max);
            return clients;
        }
        let later = open
            .by_id
            .range::<str, _>((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded));
        later.take(max).map(|(_, client)| Arc::clone(client)).collect()
    }

    /// Ends a user's sessions; says how many.
    pub(crate) fn kick_user(&self, user: &str) -> usize {
        let clients = self.list(Some(user), "", usize::MAX);
        clients.iter().for_each(|client| client.close(Close::FORCED));
        clients.len()
    }

    /// Ends one session; `false` if there is none with this id.
    pub(crate) fn kick(&self, id: &str) -> bool {
        let client = self.open.lock().by_id.get(id).cloned();
        client.is_some_and(|client| {
            client.close(Close::FORCED);
            true
        })
    }

    /// Lets no session in any more, and tells all to come back elsewhere: in batches over at most the
    /// first half of `budget`, in an order that has nothing to do with when they came, so that
    /// they do not come back all at once. Gives how many were still there at the end of `budget`.
    pub(crate) async fn drain(&self, host: &HostHandle, budget: Duration) -> usize {
        self.is_draining.store(true, Ordering::Release);
        let start = host.clock().now();
        // Ids are random: so is their order.
        let all = self.list(None, "", usize::MAX);
        let batch = all.len().div_ceil(DRAIN_BATCHES as usize).max(1);
        // So fast that those who come back find room, and no slower than need be.
        let spread = (budget / 2).min(DRAIN_PER_SESSION * all.len().try_into().unwrap_or(u32::MAX));
        for (index, clients) in all.chunks(batch).enumerate() {
            if index > 0 {
                let pause = spread / DRAIN_BATCHES;
                let jitter = host.call_id().0 % (pause.as_micros() as u64).max(1);
                let at = start + pause * index as u32 + Duration::from_micros(jitter);
                host.tasks().sleep_until(at).await;
            }
            clients.iter().for_each(|client| client.close(Close::SHUTDOWN));
        }
        // Whoever came in between.
        self.list(None, "", usize::MAX).iter().for_each(|it| it.close(Close::SHUTDOWN));
        let end = start + budget;
        while self.len.load(Ordering::Relaxed) > 0 && host.clock().now() < end {
            let look = host.clock().now() + Duration::from_millis(5);
            host.tasks().sleep_until(look.min(end)).await;
        }
        self.len.load(Ordering::Relaxed)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let client = &self.client;
        let mut open = self.clients.open.lock();
        let gone = open.by_id.remove(&client.id);
        self.clients.len.store(open.by_id.len(), Ordering::Relaxed);
        if let Some(name) = client.user()
            && let Some(user) = open.by_user.get_mut(name)
        {
            user.clients.retain(|it| !Arc::ptr_eq(it, client));
            if user.clients.is_empty() {
                open.by_user.remove(name);
            }
        }
        drop(open);
        drop(gone);
    }
}

#[cfg(test)]
mod tests;
